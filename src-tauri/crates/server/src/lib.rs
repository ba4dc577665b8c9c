//! The partnership API: the reference server, as a library that the desktop program embeds and as
//! the program `entente-server`.
//!
//! May import `domain`, `wire`, `store`, axum and its middleware. Rules are in `domain`, statements in
//! `store`; what is here reads a request, loads, asks the domain, saves, and replies.

mod access;
mod app;
mod auth;
mod changes;
mod clock;
mod config;
mod cursor;
mod demo;
mod document;
mod endpoints;
mod error;
mod expiry;
mod extract;
mod following;
mod hub;
mod idempotency;
mod keys;
mod mail;
mod metrics;
mod news;
mod openapi;
mod origin;
mod paging;
mod query;
mod rates;
mod requests;
mod retry;
mod rotation;
mod running;
mod scim;
mod scopes;
mod serving;
mod set_up;
mod sso;
mod terms;
mod tls;
mod vault;
mod webhooks;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{
    Config, KeyRate, Limits, MailTransport, SmtpConfig, SmtpTls, TlsFiles, WebhookConfig,
};
pub use demo::{DemoError, DemoFacts, DemoOptions, DemoUser, DemoWorkspace, open_demo, seed};

pub use keys::{ServerSecret, new_key};
pub use openapi::document as openapi_document;
pub use origin::{ForwardedHeader, Proxies};
pub use rotation::{RotationError, reseal, sealed_texts};
pub use running::{Opened, Running, Server, StartError};
#[doc(hidden)]
pub use scim::inputs as scim_inputs;
pub use scim::{
    NewScimToken, RevokedScimToken, add_scim_token, end_scim_token, filter as scim_filter,
    scim_tokens,
};
pub use scopes::SCOPES;
pub use set_up::{
    NewAccount, SetUpError, add_account, add_key, add_user, add_workspace, disable_user, revoke,
    set_role, set_secret, set_send_policy,
};
pub use sso::{
    NewProvider, ProviderError, SessionTimes, SsoError, provider_of, remove_provider, set_provider,
    unbind,
};
pub use tls::TlsError;
pub use vault::{Sealed, Vault, VaultError};
