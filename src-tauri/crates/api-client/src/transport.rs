use std::time::Duration;

use entente_wire::{ErrorCode, ErrorDocument, ErrorObject};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use serde::de::DeserializeOwned;

use crate::{ApiError, ClientOptions, ServerAddress};

/// The most bytes of an answer that are read into memory; the largest page of anything is far smaller.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Requests to one server, and what its answers mean.
#[derive(Debug, Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    streams: reqwest::Client,
    server: ServerAddress,
}

impl Transport {
    pub(crate) fn new(server: ServerAddress, options: &ClientOptions) -> Result<Self, ApiError> {
        let builder = || {
            let builder = options.prepare(reqwest::Client::builder());
            // The key goes to the server that it was given for, and to no other.
            builder.redirect(Policy::none())
        };
        Ok(Self {
            http: builder().timeout(options.answer).build()?,
            streams: builder().read_timeout(options.silence).build()?,
            server,
        })
    }

    pub(crate) fn server(&self) -> &ServerAddress {
        &self.server
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ApiError> {
        self.with(&self.http, method, path)
    }

    /// A request whose answer goes on and on.
    pub(crate) fn stream(&self, path: &str) -> Result<RequestBuilder, ApiError> {
        self.with(&self.streams, Method::GET, path)
    }

    fn with(
        &self,
        http: &reqwest::Client,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ApiError> {
        let url = self.server.join(path).map_err(|_| ApiError::NotEntente)?;
        // `path` may be a link of the server's: the key must not follow it elsewhere.
        if !self.server.is_origin_of(&url) {
            return Err(ApiError::NotEntente);
        }
        Ok(http.request(method, url))
    }

    /// Sends a request; an answer that is a refusal is turned into one.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request.send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let to = to.and_then(|to| self.server.join(to).ok());
            let to = to.map_or_else(String::new, |url| url.origin().ascii_serialization());
            return Err(ApiError::Redirected(to));
        }
        let request_id = header(response.headers(), "x-request-id").unwrap_or_default();
        let retry_after = header(response.headers(), RETRY_AFTER.as_str());
        let wait = retry_after.and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let wait = wait.map(|wait| wait.min(LONGEST_WAIT));
        let error = match read::<ErrorDocument>(response).await {
            Ok(mut document) if !document.errors.is_empty() => document.errors.swap_remove(0),
            Ok(_) | Err(ApiError::NotEntente) if is_busy(status) => {
                return Err(ApiError::Busy(wait));
            }
            Ok(_) | Err(ApiError::NotEntente) if !status.is_server_error() => {
                return Err(ApiError::NotEntente);
            }
            Ok(_) | Err(ApiError::NotEntente) => return Err(ApiError::Fault(request_id)),
            Err(error) => return Err(error),
        };
        Err(refusal(status, error, request_id, wait))
    }
}

/// The longest that a server can ask to be left alone: what it says may be wrong.
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
/// When it does not say for how long.
const USUAL_WAIT: Duration = Duration::from_secs(5);

fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

fn refusal(
    status: StatusCode,
    error: ErrorObject,
    request_id: String,
    wait: Option<Duration>,
) -> ApiError {
    let error = Box::new(error);
    let is_passing = match status {
        StatusCode::TOO_MANY_REQUESTS => error.code != ErrorCode::ReminderTooSoon,
        // Not the server's fault, and it says whose it is.
        _ => error.code == ErrorCode::ProviderUnavailable,
    };
    if is_passing {
        return ApiError::RateLimited(error, wait.unwrap_or(USUAL_WAIT));
    }
    match status {
        StatusCode::UNAUTHORIZED => ApiError::Unauthorized(error),
        StatusCode::SERVICE_UNAVAILABLE => ApiError::Busy(wait),
        status if status.is_server_error() => ApiError::Fault(request_id),
        _ => ApiError::Refused(error),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

pub(crate) fn is_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    header(headers, CONTENT_TYPE.as_str())
        .and_then(|value| value.split(';').next().map(|essence| essence.trim() == wanted))
        .unwrap_or(false)
}

pub(crate) async fn read<T: DeserializeOwned>(mut response: Response) -> Result<T, ApiError> {
    if !is_media_type(response.headers(), "application/json") {
        return Err(ApiError::NotEntente);
    }
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MOST_BYTES {
            tracing::warn!("an answer has no end");
            return Err(ApiError::NotEntente);
        }
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        tracing::warn!(%error, "an answer could not be read");
        ApiError::NotEntente
    })
}
