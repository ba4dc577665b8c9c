//! One way to write: begin, replay if it was answered before, do it, keep the answer, commit.

use std::sync::{Arc, PoisonError};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entente_domain::UserId;
use entente_store::{StoredAnswer, Write, load_answer, save_answer};
use entente_wire::ErrorCode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    app::App,
    auth::{Caller, WRITE},
    error::{ApiError, ApiResult},
    keys::hex,
};

/// The parts of a request that tell whether it is the same one again.
pub(crate) struct WriteRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: String,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a Bytes,
}

/// What a write answers.
pub(crate) struct Reply {
    status: StatusCode,
    etag: Option<String>,
    body: String,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, version: i64, body: &impl Serialize) -> ApiResult<Self> {
        let body = serde_json::to_string(body).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        })?;
        Ok(Self { status, etag: Some(etag(version)), body })
    }
}

/// The `ETag` of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What an attempt to write came to. A refusal may leave an audit entry, so both are committed.
pub(crate) type Outcome = Result<Reply, ApiError>;

/// Runs `attempt` in a transaction. A fault of the server leaves nothing; an answer, refusals
/// included, is kept with what it did, so that the same request again gets the same answer.
pub(crate) async fn write<F>(
    app: &Arc<App>,
    caller: &Caller,
    request: WriteRequest<'_>,
    attempt: F,
) -> ApiResult<Response>
where
    F: AsyncFnOnce(&mut Write) -> ApiResult<Outcome>,
{
    caller.needs(WRITE)?;
    let key = idempotency_key(request.headers)?;
    let _claim = key.as_ref().map(|key| Claim::new(app, caller.user.id, key)).transpose()?;
    let request_hash = hash(&request);

    let mut transaction = app.store.write().await?;
    if let Some(key) = &key
        && let Some(answer) = load_answer(transaction.connection(), caller.user.id, key).await?
    {
        if answer.request_hash != request_hash {
            return Err(ApiError::at(
                ErrorCode::IdempotencyKeyReused,
                ["header", "Idempotency-Key"],
                "This idempotency key was used for another request. Use a new one.",
            ));
        }
        return Ok(respond(answer));
    }
    let outcome = attempt(&mut transaction).await?;
    let answer = match outcome {
        Ok(reply) => StoredAnswer {
            request_hash,
            status: reply.status.as_u16(),
            etag: reply.etag,
            body: reply.body,
        },
        Err(refusal) => {
            // What is a matter of time is asked again, not remembered.
            let passing = matches!(refusal.status(), 429 | 503);
            let body = serde_json::to_string(&refusal.document()).unwrap_or_default();
            let status = refusal.status();
            if passing || key.is_none() {
                transaction.commit().await?;
                app.committed();
                return Err(refusal);
            }
            StoredAnswer { request_hash, status, etag: None, body }
        }
    };
    if let Some(key) = &key {
        let connection = transaction.connection();
        save_answer(connection, caller.user.id, key, &answer, app.clock.now()).await?;
    }
    transaction.commit().await?;
    app.committed();
    Ok(respond(answer))
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

fn hash(request: &WriteRequest<'_>) -> String {
    let mut hasher = Sha256::new();
    for part in [request.method.as_bytes(), request.path.as_bytes(), request.body] {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

fn idempotency_key(headers: &HeaderMap) -> ApiResult<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=255).contains(&key.trim().len()) => Ok(Some(key.trim().to_owned())),
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
