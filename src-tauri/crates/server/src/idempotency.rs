//! One way to write: begin, replay if it was answered before, do it, keep the answer, commit.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use axum::{
    body::Bytes,
    extract::{FromRequest, OriginalUri, Request},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use entente_domain::UserId;
use entente_store::{Connection, StoreError, StoredAnswer, load_answer, save_answer};
use entente_wire::{Body, ErrorCode};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};

use crate::{
    Sealed,
    app::App,
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::Payload,
    keys::hex,
    query::Query,
};

/// A request that writes: what tells whether it is the same one again, and what it says.
#[derive(Debug)]
pub(crate) struct WriteRequest {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl FromRequest<Arc<App>> for WriteRequest {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> ApiResult<Self> {
        // No write takes parameters.
        Query::parse(request.uri().query(), &[])?;
        let method = request.method().clone();
        let path = match request.extensions().get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri.path().to_owned(),
            None => request.uri().path().to_owned(),
        };
        let headers = request.headers().clone();
        let Payload(body) = Payload::from_request(request, app).await?;
        Ok(Self { method, path, headers, body })
    }
}

impl WriteRequest {
    /// The attributes in the body; no body at all counts as no attributes.
    pub(crate) fn attributes<A: DeserializeOwned>(&self) -> ApiResult<A> {
        let bytes: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        let media_type = self.headers.get(header::CONTENT_TYPE).and_then(|name| name.to_str().ok());
        let essence = media_type.and_then(|name| name.split(';').next()).map(str::trim);
        let is_json = essence.is_some_and(|essence| {
            essence.eq_ignore_ascii_case("application/json")
                || essence.eq_ignore_ascii_case("application/vnd.api+json")
        });
        if !self.body.is_empty() && !is_json {
            return Err(ApiError::at(
                ErrorCode::UnsupportedMediaType,
                ["header", "Content-Type"],
                "Send the body as application/json.",
            ));
        }
        match serde_json::from_slice::<Body<A>>(bytes) {
            Ok(Body(attributes)) => Ok(attributes),
            Err(error) => Err(ApiError::new(
                ErrorCode::MalformedBody,
                format!("The body is not what this endpoint takes: {error}."),
            )),
        }
    }

    /// Whether `If-Match` names the current version, or need not name one and does not.
    pub(crate) fn is_of_version(&self, current: i64, needed: bool) -> ApiResult<()> {
        let Some(wanted) = self.headers.get(header::IF_MATCH) else {
            if !needed {
                return Ok(());
            }
            return Err(ApiError::at(
                ErrorCode::VersionRequired,
                ["header", "If-Match"],
                "Send the ETag of the version that you decide on in If-Match.",
            ));
        };
        let current = current.to_string();
        let matches = wanted.to_str().is_ok_and(|wanted| {
            wanted.split(',').map(str::trim).any(|tag| {
                let tag = tag.strip_prefix("W/").unwrap_or(tag);
                tag == "*" || tag.trim_matches('"') == current
            })
        });
        if matches {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::StaleVersion,
            "It has changed since you read it. Look at it as it is now and decide again.",
        ))
    }

    /// What tells that a request is the same one again.
    pub(crate) fn idempotency_key(&self) -> ApiResult<Option<String>> {
        idempotency_key(&self.headers)
    }

    fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [self.method.as_str().as_bytes(), self.path.as_bytes(), &self.body] {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        hex(&hasher.finalize())
    }
}

/// What a write answers.
pub(crate) struct Reply {
    status: StatusCode,
    etag: Option<String>,
    body: String,
    sealed: bool,
}

impl Reply {
    /// An answer about one resource, whose version is its `ETag`.
    pub(crate) fn new(status: StatusCode, version: i64, body: &impl Serialize) -> ApiResult<Self> {
        Ok(Self { etag: Some(etag(version)), ..Self::without_version(status, body)? })
    }

    /// An answer about several resources, or none.
    pub(crate) fn without_version(status: StatusCode, body: &impl Serialize) -> ApiResult<Self> {
        let body = serde_json::to_string(body).map_err(ApiError::unwritable)?;
        Ok(Self { status, etag: None, body, sealed: false })
    }

    /// The same answer, kept for the next request of the same key only as the vault seals it: it holds
    /// a secret that is shown once.
    pub(crate) fn sealed(self) -> Self {
        Self { sealed: true, ..self }
    }
}

/// The `ETag` of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// Why an attempt to write came to no reply.
pub(crate) enum Stop {
    /// It was refused; what was recorded of that is committed.
    Refused(ApiError),
    /// A fault, or another transaction in the way: nothing of the attempt stays.
    Failed(ApiError),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        if error.is_conflict() || error.status() >= 500 {
            Self::Failed(error)
        } else {
            Self::Refused(error)
        }
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// What an attempt to write came to.
pub(crate) type Outcome = Result<Reply, Stop>;

/// Something to do in a transaction, perhaps more than once: what it is done with is read before.
pub(crate) trait Attempt: Sync {
    /// Whether it must be done as if nothing else happened meanwhile. Not where the rows that it
    /// changes guard themselves (see [`entente_store::Store::write_rows`]).
    fn is_alone(&self) -> bool {
        true
    }

    /// Does it, and says what to answer.
    fn run(
        &self,
        app: &App,
        caller: &Caller,
        connection: &mut Connection,
    ) -> impl Future<Output = Outcome> + Send;
}

/// How often a write that met another one is tried.
pub(crate) const TRIES: u32 = 12;

/// Waits a random while after so many tries, the longer the more there were.
pub(crate) async fn pause_after(app: &App, tries: u32) {
    app.metrics.retries.inc();
    let most = 2_u64 << tries.min(6);
    let wait = rand::rng().random_range(0..=most);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}

/// Runs `attempt` in a transaction, again where another one was in the way. A fault of the server
/// leaves nothing; an answer, refusals included, is kept with what it did, so that the same request
/// again gets the same answer.
pub(crate) async fn write(
    app: &App,
    caller: &Caller,
    scope: &str,
    request: &WriteRequest,
    attempt: &impl Attempt,
) -> ApiResult<Response> {
    caller.needs(scope)?;
    let key = idempotency_key(&request.headers)?;
    let _claim = key.as_ref().map(|key| Claim::new(app, caller.user.id, key)).transpose()?;
    repeat(app, caller, key.as_deref(), &request.hash(), attempt).await
}

/// Runs `attempt` as [`write`] does, for a request that only reads but leaves a trace.
pub(crate) async fn trace(
    app: &App,
    caller: &Caller,
    scope: &str,
    attempt: &impl Attempt,
) -> ApiResult<Response> {
    caller.needs(scope)?;
    repeat(app, caller, None, "", attempt).await
}

async fn repeat(
    app: &App,
    caller: &Caller,
    key: Option<&str>,
    request_hash: &str,
    attempt: &impl Attempt,
) -> ApiResult<Response> {
    let mut tries = 1;
    loop {
        match once(app, caller, key, request_hash, attempt).await {
            Err(error) if error.is_conflict() && tries < TRIES => {
                pause_after(app, tries).await;
                tries += 1;
            }
            done => {
                if done.as_ref().is_err_and(ApiError::is_conflict) {
                    app.metrics.given_up.inc();
                }
                return done;
            }
        }
    }
}

async fn once(
    app: &App,
    caller: &Caller,
    key: Option<&str>,
    request_hash: &str,
    attempt: &impl Attempt,
) -> ApiResult<Response> {
    let mut transaction =
        if attempt.is_alone() { app.store.write().await? } else { app.store.write_rows().await? };
    // Who the caller is and may be, as of this transaction.
    let caller = &caller.again_on(app, transaction.connection()).await?;
    if let Some(key) = key
        && let Some(answer) = load_answer(transaction.connection(), caller.user.id, key).await?
    {
        if answer.request_hash != request_hash {
            return Err(ApiError::at(
                ErrorCode::IdempotencyKeyReused,
                ["header", "Idempotency-Key"],
                "This idempotency key was used for another request. Use a new one.",
            ));
        }
        return Ok(respond(opened(app, caller.user.id, key, answer)?));
    }
    let request_hash = request_hash.to_owned();
    let mut sealed = false;
    let answer = match attempt.run(app, caller, transaction.connection()).await {
        Ok(reply) => {
            sealed = reply.sealed;
            StoredAnswer {
                request_hash,
                status: reply.status.as_u16(),
                etag: reply.etag,
                body: reply.body,
                key_id: None,
            }
        }
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Refused(refusal)) => {
            // What is a matter of time is asked again, not remembered.
            let passing = refusal.status() == 429;
            let body = serde_json::to_string(&refusal.document()).unwrap_or_default();
            let status = refusal.status();
            if passing || key.is_none() {
                transaction.commit().await?;
                app.committed();
                return Err(refusal);
            }
            StoredAnswer { request_hash, status, etag: None, body, key_id: None }
        }
    };
    if let Some(key) = key {
        let kept = if sealed { seal(app, caller.user.id, key, &answer)? } else { answer.clone() };
        let connection = transaction.connection();
        save_answer(connection, caller.user.id, key, &kept, app.clock.now()).await?;
    }
    transaction.commit().await?;
    app.committed();
    Ok(respond(answer))
}

/// Where the answer to a key is sealed.
fn place_of_answer(user: UserId, key: &str) -> String {
    format!("answer/{user}/{key}")
}

fn seal(app: &App, user: UserId, key: &str, answer: &StoredAnswer) -> ApiResult<StoredAnswer> {
    let body = SecretString::from(answer.body.clone());
    let Sealed { key_id, text } = app.vault.seal(&place_of_answer(user, key), &body)?;
    Ok(StoredAnswer { body: text, key_id: Some(key_id), ..answer.clone() })
}

fn opened(app: &App, user: UserId, key: &str, answer: StoredAnswer) -> ApiResult<StoredAnswer> {
    let Some(key_id) = answer.key_id else { return Ok(answer) };
    let sealed = Sealed { key_id, text: answer.body };
    let body = app.vault.open(&place_of_answer(user, key), &sealed)?.expose_secret().to_owned();
    Ok(StoredAnswer { body, key_id: None, ..answer })
}

fn respond(answer: StoredAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let json = HeaderValue::from_static("application/json");
    let mut response = (status, [(header::CONTENT_TYPE, json)], answer.body).into_response();
    if let Some(etag) = answer.etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}

fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim);
    match key.filter(|key| key.bytes().all(|byte| matches!(byte, b' '..=b'~'))) {
        Some(key) if (1..=255).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::at(
            ErrorCode::InvalidParameter,
            ["header", "Idempotency-Key"],
            "An idempotency key has 1 to 255 visible ASCII characters.",
        )),
    }
}

/// Holds a key while its request is being answered.
struct Claim<'a> {
    app: &'a App,
    key: (UserId, String),
}

impl<'a> Claim<'a> {
    fn new(app: &'a App, user: UserId, key: &str) -> ApiResult<Self> {
        let key = (user, key.to_owned());
        let mut in_flight = app.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if !in_flight.insert(key.clone()) {
            return Err(ApiError::new(
                ErrorCode::RequestInProgress,
                "A request with this idempotency key is still being answered. Try again in a moment.",
            ));
        }
        Ok(Self { app, key })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.app.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.remove(&self.key);
    }
}
