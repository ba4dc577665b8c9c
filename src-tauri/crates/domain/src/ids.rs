use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// A text that is not an id: ids are UUIDs (RFC 9562), written with hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an id: expected a UUID such as 0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e")]
pub struct IdError;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID; new ids are version 7, made where the clock and the randomness are.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                // Only the hyphenated form, so that an id has one spelling.
                if text.len() != 36 {
                    return Err(IdError);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    )+};
}

id! {
    /// A workspace; it is also the workspace ID that an Admin hands to others.
    WorkspaceId,
    /// A member of exactly one workspace.
    UserId,
    /// A partnership, in whatever state.
    PartnershipId,
    /// An API key; not its secret.
    ApiKeyId,
    /// A token of an identity provider; not its secret.
    ScimTokenId,
    /// An account: a login to a third-party app.
    AccountId,
    /// One user's role on one account.
    GrantId,
    /// An account shared through a partnership.
    SharedAccountId,
    /// A Manager's request for access for one member.
    AccessRequestId,
    /// An entry of the audit.
    ActivityId,
    /// A session that single sign-on began.
    SessionId,
    /// A workspace's OpenID provider.
    IdentityProviderId,
    /// Where a workspace has its events sent.
    WebhookId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        let id: UserId = "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e".parse().expect("a UUID");
        assert_eq!(id.to_string(), "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e");
        for other in
            ["", "0198c5a27f3e7c419d520f6a1b2c3d4e", "{0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e}", "x"]
        {
            assert_eq!(other.parse::<UserId>(), Err(IdError), "{other}");
        }
    }
}
