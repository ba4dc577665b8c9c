//! Single sign-on with OpenID Connect: authorization code with PKCE for native apps (RFC 8252,
//! RFC 7636). The client sends a person to their provider and hands the code over; what the provider
//! says of them is checked here, and they get a session of this server's own.

mod id_token;
mod provider;
mod session;
mod set_up;
mod sign_in;
mod tokens;

use std::time::Duration;

pub use provider::ProviderError;
pub(crate) use provider::Providers;
pub(crate) use session::{Tokens, refresh, revoke};
pub use set_up::{NewProvider, SsoError, provider_of, remove_provider, set_provider, unbind};
pub(crate) use sign_in::{CodeGrant, not_configured, sign_in};

use entente_domain::{IdentityProviderId, SessionId};
use entente_store::IdentityProviderRow;
use entente_wire::ErrorCode;

use crate::{
    Vault, VaultError,
    app::App,
    error::{ApiError, ApiResult},
    vault::Sealed,
};
use provider::Registration;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    /// How long an access token is good.
    pub access: Duration,
    /// How long a refresh token is good; using it begins anew.
    pub refresh: Duration,
    /// How long a session goes on while its provider cannot be asked.
    pub silence: Duration,
}

impl Default for SessionTimes {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self { access: HOUR / 4, refresh: HOUR * 24 * 30, silence: HOUR * 24 }
    }
}

/// Where a client's secret is sealed for.
fn place_of_secret(provider: IdentityProviderId) -> String {
    format!("identity-provider/{provider}")
}

/// Where a provider's refresh token is sealed for.
fn place_of_token(session: SessionId) -> String {
    format!("session/{session}")
}

fn registration(vault: &Vault, row: &IdentityProviderRow) -> Result<Registration, VaultError> {
    let open = |text: &entente_store::SealedText| {
        vault.open(&place_of_secret(row.id), &Sealed::from(text.clone()))
    };
    Ok(Registration {
        issuer: row.issuer.clone(),
        client_id: row.client_id.clone(),
        client_secret: row.client_secret.as_ref().map(open).transpose()?,
    })
}

/// Where the browser of somebody who signs in goes.
pub(crate) async fn authorization_endpoint(
    app: &App,
    provider: &IdentityProviderRow,
) -> ApiResult<String> {
    match app.providers.discovery(&provider.issuer).await {
        Ok(discovery) => Ok(discovery.authorization_endpoint),
        Err(error) => {
            tracing::warn!(provider = %provider.id, %error, "a provider cannot be used");
            Err(refusal(&error))
        }
    }
}

/// What somebody who signs in is told of a provider that could not be used.
fn refusal(error: &ProviderError) -> ApiError {
    match error {
        ProviderError::Silent(_) | ProviderError::Strange(..) | ProviderError::Http(_) => silent(),
        ProviderError::Refused(code) if code == "invalid_grant" => ApiError::new(
            ErrorCode::SsoRefused,
            "The identity provider does not take this code: it is too old, was used, or is of another \
             sign-in. Sign in again.",
        ),
        ProviderError::Refused(_) | ProviderError::Issuer | ProviderError::Unusable(_) => {
            ApiError::new(
                ErrorCode::SsoRefused,
                "The identity provider does not know this server as it is configured. Tell an Admin \
                 of your workspace.",
            )
        }
        ProviderError::Token(why) => ApiError::new(
            ErrorCode::SsoRefused,
            format!("What the identity provider says is refused: {why}. Sign in again."),
        ),
    }
}

fn silent() -> ApiError {
    ApiError::new(
        ErrorCode::ProviderUnavailable,
        "Your identity provider does not answer just now. Try again in a moment.",
    )
    .with(|meta| meta.retry_after = Some(5))
}
