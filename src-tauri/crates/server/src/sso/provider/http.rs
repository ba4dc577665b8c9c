use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::{
    RequestBuilder,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use url::form_urlencoded;

use super::{Discovery, ProviderError};

/// The most bytes of an answer.
pub(super) const MOST: usize = 256 * 1024;

/// This server as a provider knows it.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<SecretString>,
}

#[derive(Deserialize)]
struct TokenRefusal {
    error: String,
}

/// Says who asks (RFC 6749, 2.3.1), in the way that the provider knows.
pub(super) fn authenticated(
    request: RequestBuilder,
    with: &Registration,
    discovery: &Discovery,
    form: &[(&str, &str)],
) -> RequestBuilder {
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let id = ("client_id", with.client_id.as_str());
    let Some(secret) = &with.client_secret else {
        return request.body(encoded(&[form, &[id]].concat()));
    };
    if !discovery.takes_secret_in_header() {
        let secret = ("client_secret", secret.expose_secret());
        return request.body(encoded(&[form, &[id, secret]].concat()));
    }
    let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", part(&with.client_id), part(secret.expose_secret()));
    request.header(AUTHORIZATION, format!("Basic {}", BASE64.encode(pair))).body(encoded(form))
}

fn encoded(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

/// Sends a request and reads the JSON that comes back.
pub(super) async fn ask<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ProviderError> {
    let (client, request) = request.build_split();
    let request =
        request.map_err(|_| ProviderError::Unusable("an address of its cannot be used"))?;
    let whom = request.url().origin().ascii_serialization();
    let silent = |error: reqwest::Error| {
        tracing::debug!(error = %error.without_url(), "a provider does not answer");
        ProviderError::Silent(whom.clone())
    };
    let strange = |why: &str| ProviderError::Strange(whom.clone(), why.to_owned());
    let mut answer = client.execute(request).await.map_err(silent)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(silent)? {
        if body.len() + part.len() > MOST {
            return Err(strange("more than fits"));
        }
        body.extend_from_slice(&part);
    }
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|_| strange("not what it should hold"));
    }
    if status.is_client_error()
        && let Ok(refusal) = serde_json::from_slice::<TokenRefusal>(&body)
    {
        return Err(ProviderError::Refused(code(&refusal.error)));
    }
    Err(strange(status.as_str()))
}

/// A code that can be told and logged as it is.
fn code(text: &str) -> String {
    let is_code = (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if is_code { text.to_owned() } else { "an unknown code".to_owned() }
}
