use std::time::Duration;

use entente_domain::{Action, PartnershipId};
use entente_wire::{
    Changes, Document, ErrorCode, MeResource, PartnershipResource, Resource, TermsAttributes,
};
use reqwest::{
    ClientBuilder, Method, RequestBuilder, Response,
    header::{ACCEPT, IF_MATCH},
};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{
    ApiError, Credentials, EventStream, ExtraCertificates, ServerAddress,
    transport::{Transport, is_media_type, read},
};

/// How patient a client is, and whom it trusts.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The most time to make a connection, and until an event stream says its first word.
    pub connect: Duration,
    /// The most time for a whole answer.
    pub answer: Duration,
    /// The most silence on an event stream; the server says something at once and every 15 s.
    pub silence: Duration,
    /// Who vouches for servers, beside those whom the system trusts.
    pub certificates: ExtraCertificates,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(20),
            silence: Duration::from_secs(40),
            certificates: ExtraCertificates::default(),
        }
    }
}

impl ClientOptions {
    /// How every connection of the program's is made, whatever it asks for.
    pub fn prepare(&self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder
            .user_agent(concat!("Entente/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.connect)
            .tcp_nodelay(true);
        self.certificates.add_to(builder)
    }
}

/// One user's client of one server.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    credentials: Credentials,
    /// The most time until an event stream says something.
    first_word: Duration,
}

impl Client {
    /// A client that asks with a key or a session; nothing is sent yet.
    pub fn new(
        server: ServerAddress,
        credentials: impl Into<Credentials>,
        options: ClientOptions,
    ) -> Result<Self, ApiError> {
        let transport = Transport::new(server, &options)?;
        Ok(Self { transport, credentials: credentials.into(), first_word: options.connect })
    }

    /// The server it talks to.
    #[must_use]
    pub fn server(&self) -> &ServerAddress {
        self.transport.server()
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

    /// `GET /events` from a cursor on, once something came of it: what is accepted and then kept back
    /// on the way is no stream.
    pub async fn events(&self, since: &str) -> Result<EventStream, ApiError> {
        let request = self
            .transport
            .stream("/api/v1/events")?
            .header(ACCEPT, "text/event-stream")
            .header("Last-Event-ID", since);
        let response = self.send(request).await?;
        if !is_media_type(response.headers(), "text/event-stream") {
            return Err(ApiError::NotEntente);
        }
        EventStream::open(response, self.first_word).await
    }

    /// `POST /partnerships` with the attributes in `body`.
    pub async fn create(
        &self,
        body: &Value,
        idempotency_key: &str,
    ) -> Result<PartnershipResource, ApiError> {
        let request = self
            .transport
            .request(Method::POST, "/api/v1/partnerships")?
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
            self.transport.request(Method::DELETE, &base)?
        } else {
            self.transport.request(Method::POST, &format!("{base}/{action}"))?.json(body)
        };
        let request = request
            .header(IF_MATCH, format!("\"{version}\""))
            .header("Idempotency-Key", idempotency_key);
        self.answer(request).await
    }

    async fn answer(&self, request: RequestBuilder) -> Result<PartnershipResource, ApiError> {
        let document: Document<PartnershipResource> = read(self.send(request).await?).await?;
        Ok(document.data)
    }

    pub(crate) fn request_to(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ApiError> {
        self.transport.request(method, path)
    }

    /// A request whose answer may take as long as it comes.
    pub(crate) fn stream_from(&self, path: &str) -> Result<RequestBuilder, ApiError> {
        self.transport.stream(path)
    }

    pub(crate) async fn read_answer<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ApiError> {
        read(self.send(request).await?).await
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        read(self.send(self.transport.request(Method::GET, path)?).await?).await
    }

    /// Sends a request with the credentials; with newer ones where they had expired and can be
    /// refreshed. What a refresh gives can have expired too, if it was asked for before and the answer
    /// lost.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let mut token = self.credentials.token();
        for _ in 0..2 {
            let Some(first) = request.try_clone() else { break };
            let sent = self.transport.send(first.bearer_auth(token.expose_secret())).await;
            let Err(ApiError::Unauthorized(error)) = sent else { return sent };
            if error.code == ErrorCode::ExpiredCredentials {
                self.credentials.refresh(&self.transport, &token).await?;
            }
            // Somebody else may have refreshed them while this was on its way.
            let newest = self.credentials.token();
            if newest.expose_secret() == token.expose_secret() {
                return Err(ApiError::Unauthorized(error));
            }
            token = newest;
        }
        self.transport.send(request.bearer_auth(token.expose_secret())).await
    }
}
