//! Signing in through the system's browser (RFC 8252): what it is sent with, and the one answer that
//! comes back to this computer.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use entente_wire::{IdentityProviderResource, TokenRequest};
use rand::RngExt as _;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::net::TcpListener;
use url::{Host, Url};

use crate::loopback::{Awaited, Redirect, first_redirect};

/// Where the browser comes back to.
const PATH: &str = "/callback";

/// Why a sign-in through the browser came to nothing. Its text is a whole sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignInError {
    /// Nothing can listen on this computer.
    #[error("This computer does not let Entente wait for your browser: {0}.")]
    Listen(String),
    /// The server names something that a browser must not be sent to.
    #[error("The server names an identity provider that cannot be used. Tell your Admin.")]
    Provider,
    /// The browser did not come back in time.
    #[error("The sign-in was not finished in time. Try again.")]
    TimedOut,
    /// The person or the provider broke it off, with a code of RFC 6749, 4.1.2.1.
    #[error("The identity provider did not sign you in ({0}). Try again.")]
    Refused(String),
    /// The answer came from another provider than the one that was asked (RFC 9207).
    #[error("Another identity provider answered than the one that was asked. Try again.")]
    Mixed,
}

impl SignInError {
    /// A word from a closed list.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen(_) => "sign_in_impossible",
            Self::Provider => "sign_in_provider",
            Self::TimedOut => "sign_in_timed_out",
            Self::Refused(_) => "sign_in_refused",
            Self::Mixed => "sign_in_mixed",
        }
    }

    /// The one thing that its sentence names: the provider's reason.
    #[must_use]
    pub fn fact(&self) -> Option<&str> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::Listen(_) | Self::Provider | Self::TimedOut | Self::Mixed => None,
        }
    }
}

/// What the browser shows at the end, in the person's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastPage {
    /// The language's tag: `en`.
    pub language: String,
    /// For who was signed in.
    pub signed_in: String,
    /// For who was not.
    pub not_signed_in: String,
}

/// A sign-in that is under way. Open [`Self::url`] in the system's browser, then await
/// [`Self::answer`].
pub struct SignIn {
    listener: TcpListener,
    url: Url,
    provider_id: String,
    issuer: String,
    redirect_uri: String,
    state: String,
    nonce: String,
    verifier: String,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

impl SignIn {
    /// Listens on a free port of loopback and makes what the browser is sent with.
    pub async fn begin(provider: &IdentityProviderResource) -> Result<Self, SignInError> {
        let about = &provider.attributes;
        let mut url =
            Url::parse(&about.authorization_endpoint).map_err(|_| SignInError::Provider)?;
        if !may_be_opened(&url) {
            return Err(SignInError::Provider);
        }
        let failed = |error: std::io::Error| SignInError::Listen(error.to_string());
        // The address itself, because a name can be made to mean another one (RFC 8252, 8.3).
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let redirect_uri = format!("http://{}{PATH}", listener.local_addr().map_err(failed)?);
        let (state, nonce, verifier) = (random(), random(), random());
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &about.client_id)
            .append_pair("redirect_uri", &redirect_uri)
            .append_pair("scope", &about.scope)
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge(&verifier))
            .append_pair("code_challenge_method", "S256");
        if about.scope.split(' ').any(|scope| scope == "offline_access") {
            // Without it, that scope is passed over (OpenID Connect Core 1.0, 11).
            query.append_pair("prompt", "consent");
        }
        drop(query);
        Ok(Self {
            listener,
            url,
            provider_id: provider.id.clone(),
            issuer: about.issuer.clone(),
            redirect_uri,
            state,
            nonce,
            verifier,
        })
    }

    /// Where the browser goes.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Waits until the browser comes back, and shows it the last page; what to hand to
    /// [`crate::Sessions::begin`].
    pub async fn answer(
        self,
        patience: Duration,
        page: LastPage,
    ) -> Result<TokenRequest, SignInError> {
        let awaited = Awaited { path: PATH, state: self.state, issuer: self.issuer, page };
        let redirect = first_redirect(self.listener, awaited);
        let redirect = tokio::time::timeout(patience, redirect).await;
        match redirect.map_err(|_| SignInError::TimedOut)? {
            Redirect::Code(code) => Ok(TokenRequest::AuthorizationCode {
                provider_id: self.provider_id,
                code,
                code_verifier: self.verifier,
                redirect_uri: self.redirect_uri,
                nonce: self.nonce,
            }),
            Redirect::Refused(code) => Err(SignInError::Refused(code)),
            Redirect::Mixed => Err(SignInError::Mixed),
        }
    }
}

/// A browser is sent to a web page of a provider and to nothing else that an address can name.
fn may_be_opened(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

/// 256 bits, as text of 43 characters: what RFC 7636, 4.1 recommends.
fn random() -> String {
    let bits: [u8; 32] = rand::rng().random();
    BASE64.encode(bits)
}

/// RFC 7636, 4.2.
fn challenge(verifier: &str) -> String {
    BASE64.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_the_one_of_the_rfc() {
        let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(random().len(), 43);
        assert_ne!(random(), random());
    }

    #[test]
    fn a_browser_is_sent_to_web_pages_of_providers_only() {
        for (address, opened) in [
            ("https://login.example/authorize", true),
            ("http://127.0.0.1:9/authorize", true),
            ("http://localhost/authorize", true),
            ("http://[::1]/authorize", true),
            ("http://login.example/authorize", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            ("mailto:a@b.example", false),
        ] {
            let url = Url::parse(address).expect("an address");
            assert_eq!(may_be_opened(&url), opened, "{address}");
        }
    }
}
