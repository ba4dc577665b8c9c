use std::time::Duration;

use entente_domain::{Action, PartnershipId};
use entente_wire::{
    Changes, Document, ErrorCode, ErrorDocument, ErrorObject, MeResource, PartnershipResource,
    Resource, TermsAttributes,
};
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, IF_MATCH, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{ApiError, EventStream, ServerAddress};

/// How patient a client is.
#[derive(Debug, Clone, Copy)]
pub struct ClientOptions {
    /// The most time to make a connection.
    pub connect: Duration,
    /// The most time for a whole answer.
    pub answer: Duration,
    /// The most silence on an event stream; the server says something every 15 s.
    pub silence: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            silence: Duration::from_secs(40),
        }
    }
}

/// One user's client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    streams: reqwest::Client,
    server: ServerAddress,
    key: SecretString,
}

impl Client {
    /// A client; nothing is sent yet.
    pub fn new(
        server: ServerAddress,
        key: SecretString,
        options: ClientOptions,
    ) -> Result<Self, ApiError> {
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(options.connect)
                .tcp_nodelay(true)
                // The key goes to the server that it was given for, and to no other.
                .redirect(Policy::none())
        };
        Ok(Self {
            http: builder().timeout(options.answer).build()?,
            streams: builder().read_timeout(options.silence).build()?,
            server,
            key,
        })
    }

    /// The server it talks to.
    #[must_use]
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    /// `GET /me`: the caller's user and workspace.
    pub async fn me(&self) -> Result<MeResource, ApiError> {
        let document: Document<MeResource> = self.get("/api/v1/me").await?;
        Ok(document.data)
    }

    /// `GET /terms`: the current Terms of Service.
    pub async fn terms(&self) -> Result<TermsAttributes, ApiError> {
        let document: Document<Resource<TermsAttributes>> = self.get("/api/v1/terms").await?;
        Ok(document.data.attributes)
    }

    /// `GET /partnerships/{id}`.
    pub async fn partnership(&self, id: PartnershipId) -> Result<PartnershipResource, ApiError> {
        let path = format!("/api/v1/partnerships/{id}");
        let document: Document<PartnershipResource> = self.get(&path).await?;
        Ok(document.data)
    }

    /// `GET /changes` without a cursor, or the next page of that, as `links.next` said.
    pub async fn snapshot(&self, next: Option<&str>) -> Result<Changes, ApiError> {
        self.get(next.unwrap_or("/api/v1/changes")).await
    }

    /// `GET /changes?since=`.
    pub async fn changes(&self, since: &str) -> Result<Changes, ApiError> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("since", since)
            .finish();
        self.get(&format!("/api/v1/changes?{query}")).await
    }

    /// `GET /events` from a cursor on.
    pub async fn events(&self, since: &str) -> Result<EventStream, ApiError> {
        let request = self
            .request(&self.streams, Method::GET, "/api/v1/events")?
            .header(ACCEPT, "text/event-stream")
            .header("Last-Event-ID", since);
        let response = self.check(request.send().await?).await?;
        if !is_media_type(response.headers(), "text/event-stream") {
            return Err(ApiError::NotEntente);
        }
        Ok(EventStream::new(response))
    }

    /// `POST /partnerships` with the attributes in `body`.
    pub async fn create(
        &self,
        body: &Value,
        idempotency_key: &str,
    ) -> Result<PartnershipResource, ApiError> {
        let request = self
            .request(&self.http, Method::POST, "/api/v1/partnerships")?
            .header("Idempotency-Key", idempotency_key)
            .json(body);
        self.answer(request).await
    }

    /// A transition of one version of a partnership, with the attributes in `body`.
    pub async fn act(
        &self,
        action: Action,
        id: PartnershipId,
        version: i64,
        body: &Value,
        idempotency_key: &str,
    ) -> Result<PartnershipResource, ApiError> {
        let base = format!("/api/v1/partnerships/{id}");
        let request = if action == Action::Remove {
            self.request(&self.http, Method::DELETE, &base)?
        } else {
            self.request(&self.http, Method::POST, &format!("{base}/{action}"))?.json(body)
        };
        let request = request
            .header(IF_MATCH, format!("\"{version}\""))
            .header("Idempotency-Key", idempotency_key);
        self.answer(request).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<PartnershipResource, ApiError> {
        let response = self.check(request.send().await?).await?;
        let document: Document<PartnershipResource> = read(response).await?;
        Ok(document.data)
    }

    pub(crate) fn request_to(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ApiError> {
        self.request(&self.http, method, path)
    }

    /// A request whose answer may take as long as it comes.
    pub(crate) fn stream_from(&self, path: &str) -> Result<RequestBuilder, ApiError> {
        self.request(&self.streams, Method::GET, path)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        self.check(request.send().await?).await
    }

    pub(crate) async fn read_answer<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ApiError> {
        read(self.send(request).await?).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let request = self.request(&self.http, Method::GET, path)?;
        read(self.check(request.send().await?).await?).await
    }

    fn request(
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
        Ok(http.request(method, url).bearer_auth(self.key.expose_secret()))
    }

    /// Turns an answer that is a refusal into one.
    async fn check(&self, response: Response) -> Result<Response, ApiError> {
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
        let error = match read::<ErrorDocument>(response).await {
            Ok(mut document) if !document.errors.is_empty() => document.errors.swap_remove(0),
            Ok(_) | Err(ApiError::NotEntente) if !status.is_server_error() => {
                return Err(ApiError::NotEntente);
            }
            Ok(_) | Err(ApiError::NotEntente) => return Err(ApiError::Fault(request_id)),
            Err(error) => return Err(error),
        };
        Err(refusal(status, error, request_id, retry_after))
    }
}

fn refusal(
    status: StatusCode,
    error: ErrorObject,
    request_id: String,
    retry_after: Option<String>,
) -> ApiError {
    let error = Box::new(error);
    match status {
        StatusCode::UNAUTHORIZED => ApiError::Unauthorized(error),
        StatusCode::TOO_MANY_REQUESTS if error.code == ErrorCode::ReminderTooSoon => {
            ApiError::Refused(error)
        }
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = retry_after.and_then(|text| text.parse().ok()).unwrap_or(5);
            ApiError::RateLimited(error, Duration::from_secs(seconds))
        }
        status if status.is_server_error() => ApiError::Fault(request_id),
        _ => ApiError::Refused(error),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn is_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    header(headers, CONTENT_TYPE.as_str())
        .and_then(|value| value.split(';').next().map(|essence| essence.trim() == wanted))
        .unwrap_or(false)
}

async fn read<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    if !is_media_type(response.headers(), "application/json") {
        return Err(ApiError::NotEntente);
    }
    let bytes = response.bytes().await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        tracing::warn!(%error, "an answer could not be read");
        ApiError::NotEntente
    })
}
