//! Talking to OpenID providers: what they tell of themselves, their keys, and their tokens.

mod discovery;
mod http;

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jsonwebtoken::jwk::Jwk;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use tokio::sync::Mutex as AsyncMutex;

use super::id_token::{Expected, Identity, TokenError, verify};
use discovery::{Discovery, check_issuer};
pub(crate) use http::Registration;
use http::{ask, authenticated};

/// The most time for one answer of a provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what a provider told of itself is taken as it is.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How long a provider that did not answer is left alone.
const RESPITE: Duration = Duration::from_secs(2);
/// How often a minute tokens with unknown keys make the keys be read again.
const REREADS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);

/// Why a provider could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProviderError {
    /// This machine cannot make requests: it trusts no certificates, for example.
    #[error("requests to the provider cannot be made: {0}")]
    Http(String),
    /// The issuer is not an address that can be used.
    #[error("the issuer must be an https:// address without query (http:// for this computer)")]
    Issuer,
    /// It does not answer, or not in time.
    #[error("{0} does not answer")]
    Silent(String),
    /// It answers with something else than it should.
    #[error("{0} answers with something else: {1}")]
    Strange(String, String),
    /// What it tells of itself cannot be used.
    #[error("the provider cannot be used: {0}")]
    Unusable(&'static str),
    /// It refused a request to its token endpoint, with a code of RFC 6749, 5.2.
    #[error("the provider refused it: {0}")]
    Refused(String),
    /// Its ID token is not to be believed.
    #[error("the provider's ID token is refused: {0}")]
    Token(&'static str),
}

/// What a provider's token endpoint gave.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) access_token: Option<SecretString>,
    pub(crate) refresh_token: Option<SecretString>,
    /// Who signed in; a refresh need not say it again.
    pub(crate) identity: Option<Identity>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    id_token: Option<String>,
}

impl From<TokenAnswer> for Granted {
    fn from(answer: TokenAnswer) -> Self {
        Self {
            access_token: answer.access_token.map(SecretString::from),
            refresh_token: answer.refresh_token.map(SecretString::from),
            identity: None,
        }
    }
}

#[derive(Debug)]
struct Known {
    discovery: Discovery,
    keys: Vec<Jwk>,
    at: Instant,
}

/// What is known of one provider.
#[derive(Debug)]
struct Place {
    known: AsyncMutex<Result<Arc<Known>, Failed>>,
    rereads: DefaultDirectRateLimiter,
}

/// When it last could not be asked, and why; nothing before the first time.
type Failed = Option<(Instant, ProviderError)>;

/// The providers that this server has talked to.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    /// Made when it is first needed: most servers need none.
    http: OnceLock<reqwest::Client>,
    places: Mutex<HashMap<String, Arc<Place>>>,
}

impl Providers {
    fn http(&self) -> Result<&reqwest::Client, ProviderError> {
        if let Some(http) = self.http.get() {
            return Ok(http);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(5))
            .timeout(PATIENCE)
            // Codes, secrets and tokens go where the provider said and nowhere else.
            .redirect(Policy::none())
            .build()
            .map_err(|error| ProviderError::Http(error.to_string()))?;
        Ok(self.http.get_or_init(|| http))
    }

    /// What a provider tells of itself.
    pub(crate) async fn discovery(&self, issuer: &str) -> Result<Discovery, ProviderError> {
        Ok(self.known(issuer).await?.discovery.clone())
    }

    /// Takes a code for tokens (RFC 6749, 4.1.3; RFC 7636, 4.5).
    pub(crate) async fn exchange(
        &self,
        with: &Registration,
        (code, verifier, redirect_uri): (&str, &str, &str),
        expected: Expected<'_>,
    ) -> Result<Granted, ProviderError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri),
        ];
        let answer = self.tokens(with, &form).await?;
        let token = answer.id_token.as_deref().ok_or(ProviderError::Token("there is none"))?;
        let identity = Some(self.verify(token, expected).await?);
        Ok(Granted { identity, ..Granted::from(answer) })
    }

    /// Takes a refresh token for new tokens (RFC 6749, 6).
    pub(crate) async fn refresh(
        &self,
        with: &Registration,
        token: &SecretString,
        expected: Expected<'_>,
    ) -> Result<Granted, ProviderError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
        let answer = self.tokens(with, &form).await?;
        let identity = match &answer.id_token {
            Some(token) => match self.verify(token, expected).await {
                // The token came from the provider itself; only its new keys cannot be had. The
                // refresh token was taken, so the new one must not be lost over that.
                Err(ProviderError::Silent(_) | ProviderError::Strange(..)) => None,
                verified => Some(verified?),
            },
            None => None,
        };
        Ok(Granted { identity, ..Granted::from(answer) })
    }

    async fn tokens(
        &self,
        with: &Registration,
        form: &[(&str, &str)],
    ) -> Result<TokenAnswer, ProviderError> {
        let discovery = self.discovery(&with.issuer).await?;
        let request = self.http()?.post(&discovery.token_endpoint);
        ask(authenticated(request, with, &discovery, form)).await
    }

    /// Checks an ID token, with newer keys where its own is not known.
    async fn verify(&self, token: &str, expected: Expected<'_>) -> Result<Identity, ProviderError> {
        let known = self.known(expected.issuer).await?;
        let checked = match verify(token, &known.keys, expected) {
            Err(TokenError::UnknownKey) => {
                let newer = self.newer(expected.issuer, &known).await?;
                verify(token, &newer.keys, expected)
            }
            checked => checked,
        };
        checked.map_err(|why| match why {
            TokenError::UnknownKey => ProviderError::Token("it is signed by an unknown key"),
            TokenError::Refused(why) => ProviderError::Token(why),
        })
    }

    /// More claims about a subject (OpenID Connect Core 1.0, 5.3).
    pub(crate) async fn user_info(
        &self,
        issuer: &str,
        access_token: &SecretString,
        subject: &str,
    ) -> Result<Map<String, Value>, ProviderError> {
        let Some(endpoint) = self.discovery(issuer).await?.userinfo_endpoint else {
            return Ok(Map::new());
        };
        let request = self.http()?.get(endpoint).bearer_auth(access_token.expose_secret());
        let claims: Map<String, Value> = ask(request).await?;
        if claims.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(ProviderError::Token("the provider told of somebody else"));
        }
        Ok(claims)
    }

    fn place(&self, issuer: &str) -> Arc<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = places.entry(issuer.to_owned()).or_insert_with(|| {
            let rereads = RateLimiter::direct(Quota::per_minute(REREADS));
            Arc::new(Place { known: AsyncMutex::new(Err(None)), rereads })
        });
        place.clone()
    }

    async fn known(&self, issuer: &str) -> Result<Arc<Known>, ProviderError> {
        let place = self.place(issuer);
        // Who comes while it is being read waits for what comes of that.
        let mut known = place.known.lock().await;
        match &*known {
            Ok(known) if known.at.elapsed() < FRESH => return Ok(known.clone()),
            Err(Some((at, error))) if at.elapsed() < RESPITE => return Err(error.clone()),
            Ok(_) | Err(_) => {}
        }
        let read = self.read(issuer).await.map(Arc::new);
        *known = read.clone().map_err(|error| Some((Instant::now(), error)));
        read
    }

    /// The provider's keys as they are now, unless they were read again since, or too often.
    async fn newer(&self, issuer: &str, seen: &Arc<Known>) -> Result<Arc<Known>, ProviderError> {
        let place = self.place(issuer);
        let mut known = place.known.lock().await;
        if let Ok(known) = &*known
            && (!Arc::ptr_eq(known, seen) || place.rereads.check().is_err())
        {
            return Ok(known.clone());
        }
        let read = Arc::new(self.read(issuer).await?);
        *known = Ok(read.clone());
        Ok(read)
    }

    async fn read(&self, issuer: &str) -> Result<Known, ProviderError> {
        let discovery = self.discover(issuer).await?;
        let keys: Keys = ask(self.http()?.get(&discovery.jwks_uri)).await?;
        // Keys of kinds that are not known here are none of this server's business.
        let keys = keys.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        Ok(Known { discovery, keys: keys.collect(), at: Instant::now() })
    }

    /// Reads what a provider tells of itself, and checks it.
    pub(crate) async fn discover(&self, issuer: &str) -> Result<Discovery, ProviderError> {
        let is_loopback = check_issuer(issuer)?;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let discovery: Discovery = ask(self.http()?.get(address)).await?;
        discovery.check(issuer, is_loopback)?;
        Ok(discovery)
    }
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::{Json, Router, http::StatusCode, response::Redirect, routing::get};
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::{http::MOST, *};

    const CONFIGURATION: &str = "/.well-known/openid-configuration";

    /// Serves what `router` makes of its own address; that address.
    async fn serve(router: impl FnOnce(&str) -> Router) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let router = router(&issuer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn configuration(issuer: &str) -> Value {
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/auth"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        })
    }

    /// A provider whose configuration is the usual one but for something.
    async fn discover(changed: Value) -> Result<Discovery, ProviderError> {
        let issuer = serve(|issuer| {
            let mut all = configuration(issuer);
            for (name, value) in changed.as_object().expect("an object") {
                all[name] = value.clone();
            }
            Router::new().route(CONFIGURATION, get(async move || Json(all)))
        });
        Providers::default().discover(&issuer.await).await
    }

    #[tokio::test]
    async fn what_a_provider_tells_of_itself_is_checked() {
        discover(json!({})).await.expect("a provider");
        discover(json!({"code_challenge_methods_supported": ["plain", "S256"]}))
            .await
            .expect("one");
        for (changed, why) in [
            (json!({"issuer": "http://127.0.0.1:1"}), "another issuer"),
            (json!({"token_endpoint": "http://login.example/token"}), "not https"),
            (json!({"jwks_uri": "file:///etc/passwd"}), "not https"),
            (json!({"userinfo_endpoint": "nonsense"}), "not https"),
            (json!({"code_challenge_methods_supported": ["plain"]}), "PKCE"),
            (json!({"jwks_uri": 7}), "not what it should hold"),
        ] {
            let told = discover(changed.clone()).await.expect_err("refused").to_string();
            assert!(told.contains(why), "{changed}: {told}");
        }
    }

    #[tokio::test]
    async fn neither_floods_nor_redirects_are_followed() {
        let flood = "x".repeat(MOST + 1);
        let issuer = serve(|_| Router::new().route(CONFIGURATION, get(async move || flood))).await;
        let told = Providers::default().discover(&issuer).await.expect_err("too much");
        assert!(told.to_string().contains("more than fits"), "{told}");
        let elsewhere = serve(|issuer| {
            let all = configuration(issuer);
            Router::new().route("/", get(async move || Json(all)))
        });
        let to = elsewhere.await;
        let redirecting = serve(|_| {
            Router::new().route(CONFIGURATION, get(async move || Redirect::temporary(&to)))
        });
        let told = Providers::default().discover(&redirecting.await).await;
        assert!(told.expect_err("not followed").to_string().contains("307"));
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_code_and_never_by_its_text() {
        for (status, body, told) in [
            (400, json!({"error": "invalid_grant", "error_description": "Ana"}), "invalid_grant"),
            (401, json!({"error": "invalid_client"}), "invalid_client"),
            (400, json!({"error": "ana@globex.example"}), "an unknown code"),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            let answer = get(async move || (status, Json(body)));
            let issuer = serve(|_| Router::new().route(CONFIGURATION, answer)).await;
            let found = Providers::default().discover(&issuer).await;
            assert_eq!(found, Err(ProviderError::Refused(told.into())));
        }
        let fault = get(async || (StatusCode::BAD_GATEWAY, Json(json!({"error": "odd"}))));
        let issuer = serve(|_| Router::new().route(CONFIGURATION, fault)).await;
        let found = Providers::default().discover(&issuer).await;
        assert!(matches!(found, Err(ProviderError::Strange(..))), "{found:?}");
    }

    #[tokio::test]
    async fn keys_are_read_again_for_unknown_ones_but_not_without_end() {
        let reads = Arc::new(AtomicUsize::new(0));
        let count = reads.clone();
        let issuer = serve(|issuer| {
            let all = configuration(issuer);
            let keys = get(async move || {
                count.fetch_add(1, Ordering::SeqCst);
                Json(json!({"keys": [{"kty": "oct", "k": 7}, {"kty": "new"}, "nonsense"]}))
            });
            Router::new().route(CONFIGURATION, get(async move || Json(all))).route("/keys", keys)
        })
        .await;
        let providers = Providers::default();
        let expected = Expected {
            issuer: &issuer,
            client_id: "entente",
            nonce: None,
            now: entente_domain::Timestamp::from_unix_millis(0).expect("a time"),
        };
        let header = json!({"alg": "RS256", "kid": "new"}).to_string();
        let token = format!("{}.e30.AAAA", BASE64.encode(header));
        for _ in 0..50 {
            let told = providers.verify(&token, expected).await;
            assert_eq!(told, Err(ProviderError::Token("it is signed by an unknown key")));
        }
        let most = 1 + REREADS.get() as usize;
        assert_eq!(reads.load(Ordering::SeqCst), most, "once, and as often as is allowed");
    }

    #[tokio::test]
    async fn a_provider_that_does_not_answer_is_left_alone_for_a_moment() {
        let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = gone.local_addr().expect("an address");
        drop(gone);
        let issuer = format!("http://{address}");
        let providers = Providers::default();
        assert!(matches!(providers.discovery(&issuer).await, Err(ProviderError::Silent(_))));
        let listener = TcpListener::bind(address).await.expect("the same port");
        let all = configuration(&issuer);
        let router = Router::new()
            .route(CONFIGURATION, get(async move || Json(all)))
            .route("/keys", get(async || Json(json!({"keys": []}))));
        tokio::spawn(async move { axum::serve(listener, router).await });
        assert!(matches!(providers.discovery(&issuer).await, Err(ProviderError::Silent(_))));
        tokio::time::sleep(RESPITE).await;
        providers.discovery(&issuer).await.expect("it answers");
    }
}
