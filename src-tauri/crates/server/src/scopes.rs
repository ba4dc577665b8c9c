//! What an API key may be given: it acts with its user's role and these, and never more.

pub(crate) const PARTNERSHIPS_READ: &str = "partnerships:read";
pub(crate) const PARTNERSHIPS_WRITE: &str = "partnerships:write";
pub(crate) const ACCOUNTS_READ: &str = "accounts:read";
pub(crate) const ACCOUNTS_WRITE: &str = "accounts:write";
pub(crate) const SECRETS_READ: &str = "secrets:read";
pub(crate) const USERS_READ: &str = "users:read";
pub(crate) const USERS_WRITE: &str = "users:write";
pub(crate) const ACTIVITIES_READ: &str = "activities:read";
pub(crate) const API_KEYS_READ: &str = "api_keys:read";
pub(crate) const API_KEYS_WRITE: &str = "api_keys:write";
pub(crate) const WEBHOOKS_READ: &str = "webhooks:read";
pub(crate) const WEBHOOKS_WRITE: &str = "webhooks:write";

/// All of them.
pub const SCOPES: &[&str] = &[
    PARTNERSHIPS_READ,
    PARTNERSHIPS_WRITE,
    ACCOUNTS_READ,
    ACCOUNTS_WRITE,
    SECRETS_READ,
    USERS_READ,
    USERS_WRITE,
    ACTIVITIES_READ,
    API_KEYS_READ,
    API_KEYS_WRITE,
    WEBHOOKS_READ,
    WEBHOOKS_WRITE,
];
