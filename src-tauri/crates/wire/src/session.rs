use std::fmt;

use entente_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Resource;

/// What `POST /auth/sso` takes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FindProvider {
    /// A mail address, or the ID of a workspace.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, example = "ana@globex.example"))]
    pub address: String,
}

// An address is personal: it stays out of logs.
impl fmt::Debug for FindProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FindProvider").finish_non_exhaustive()
    }
}

/// The OpenID provider that serves an address; `id` is what `POST /auth/token` takes.
pub type IdentityProviderResource = Resource<IdentityProviderAttributes>;

/// What a native app needs to send a person to their provider (RFC 8252).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdentityProviderAttributes {
    /// The provider's issuer identifier.
    #[cfg_attr(feature = "openapi", schema(example = "https://login.globex.example"))]
    pub issuer: String,
    /// Where the system's browser goes.
    #[cfg_attr(
        feature = "openapi",
        schema(example = "https://login.globex.example/oauth2/authorize")
    )]
    pub authorization_endpoint: String,
    /// What the provider calls this server.
    #[cfg_attr(feature = "openapi", schema(example = "entente"))]
    pub client_id: String,
    /// What to ask for; with `offline_access`, add `prompt=consent`.
    #[cfg_attr(feature = "openapi", schema(example = "openid email profile offline_access"))]
    pub scope: String,
}

/// What `POST /auth/token` takes. It is not for logs: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "grantType", rename_all = "snake_case")]
pub enum TokenRequest {
    /// Signs in with what the provider gave to the loopback address.
    #[serde(rename_all = "camelCase")]
    AuthorizationCode {
        /// The provider's id, as `POST /auth/sso` told it.
        #[cfg_attr(feature = "openapi", schema(format = Uuid))]
        provider_id: String,
        /// The provider's code.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
        code: String,
        /// The text whose SHA-256 was the `code_challenge` (RFC 7636).
        #[cfg_attr(
            feature = "openapi",
            schema(min_length = 43, max_length = 128, pattern = "^[A-Za-z0-9._~-]+$")
        )]
        code_verifier: String,
        /// Where the code came to, exactly as the provider was told.
        #[cfg_attr(
            feature = "openapi",
            schema(min_length = 1, max_length = 255, example = "http://127.0.0.1:43211/callback")
        )]
        redirect_uri: String,
        /// The `nonce` that the provider was told.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 255))]
        nonce: String,
    },
    /// Takes a refresh token for new tokens. It is good once.
    #[serde(rename_all = "camelCase")]
    RefreshToken {
        /// The newest refresh token of the session.
        #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
        refresh_token: String,
    },
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AuthorizationCode { .. } => "AuthorizationCode",
            Self::RefreshToken { .. } => "RefreshToken",
        })
    }
}

/// A session and its newest tokens; `id` is the session's.
pub type SessionResource = Resource<SessionAttributes>;

/// The tokens of a session. They are not for logs: `Debug` leaves them out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionAttributes {
    /// What to send as `Authorization: Bearer`.
    pub access_token: String,
    /// When that ends.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub access_token_expires_at: Timestamp,
    /// What to take for new tokens, once.
    pub refresh_token: String,
    /// When that ends, and the session with it, unless it was used.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub refresh_token_expires_at: Timestamp,
}

impl fmt::Debug for SessionAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAttributes")
            .field("access_token_expires_at", &self.access_token_expires_at)
            .field("refresh_token_expires_at", &self.refresh_token_expires_at)
            .finish_non_exhaustive()
    }
}

/// What `POST /auth/revoke` takes. It is not for logs: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RevokeToken {
    /// A refresh token or an access token of the session to end.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 4096))]
    pub token: String,
}

impl fmt::Debug for RevokeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevokeToken").finish_non_exhaustive()
    }
}
