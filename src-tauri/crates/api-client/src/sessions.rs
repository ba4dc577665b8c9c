use entente_wire::{
    Body, Document, FindProvider, IdentityProviderResource, RevokeToken, SessionResource,
    TokenRequest,
};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    ApiError, ClientOptions, ServerAddress, SessionTokens,
    transport::{Transport, read},
};

/// Begins and ends sessions at one server, for somebody who has no key yet.
#[derive(Debug, Clone)]
pub struct Sessions {
    transport: Transport,
}

impl Sessions {
    /// Nothing is sent yet.
    pub fn new(server: ServerAddress, options: ClientOptions) -> Result<Self, ApiError> {
        Ok(Self { transport: Transport::new(server, &options)? })
    }

    /// `POST /auth/sso`: the provider that serves a mail address or a workspace.
    pub async fn provider(&self, address: &str) -> Result<IdentityProviderResource, ApiError> {
        let body = Body(FindProvider { address: address.to_owned() });
        let request = self.transport.request(Method::POST, "/api/v1/auth/sso")?.json(&body);
        let found: Document<IdentityProviderResource> =
            read(self.transport.send(request).await?).await?;
        Ok(found.data)
    }

    /// `POST /auth/token` with what the provider gave, see [`crate::SignIn`].
    pub async fn begin(&self, grant: &TokenRequest) -> Result<SessionTokens, ApiError> {
        tokens(&self.transport, grant, None).await
    }

    /// `POST /auth/revoke`: ends a session.
    pub async fn end(&self, tokens: &SessionTokens) -> Result<(), ApiError> {
        let body = Body(RevokeToken { token: tokens.refresh.expose_secret().to_owned() });
        let request = self.transport.request(Method::POST, "/api/v1/auth/revoke")?.json(&body);
        self.transport.send(request).await.map(drop)
    }
}

/// `POST /auth/token` with a refresh token. With the same key, it is the same request again.
pub(crate) async fn refresh(
    transport: &Transport,
    token: &SecretString,
    key: &str,
) -> Result<SessionTokens, ApiError> {
    let refresh_token = token.expose_secret().to_owned();
    tokens(transport, &TokenRequest::RefreshToken { refresh_token }, Some(key)).await
}

async fn tokens(
    transport: &Transport,
    grant: &TokenRequest,
    key: Option<&str>,
) -> Result<SessionTokens, ApiError> {
    let mut request = transport.request(Method::POST, "/api/v1/auth/token")?.json(&Body(grant));
    if let Some(key) = key {
        request = request.header("Idempotency-Key", key);
    }
    let begun: Document<SessionResource> = read(transport.send(request).await?).await?;
    Ok(begun.data.attributes.into())
}
