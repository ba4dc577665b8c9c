//! What is done around each request.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use entente_wire::{ErrorCode, ErrorDocument};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::{app::App, error::ApiError};

/// Stands for the route of what is not there.
const NO_ROUTE: &str = "none";

/// Gives each request an id, counts and logs its answer, and puts the id where the caller finds it.
///
/// The log has the route and not the path, which holds ids, nor the query, which holds what people
/// search for.
pub(crate) async fn each_request(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let id = request
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()))
        .map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned);
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let started = Instant::now();
    // At the level of errors, so that lines of every level carry it.
    let span = tracing::error_span!("request", id);
    let answer = next.run(request).instrument(span.clone());
    let response = match tokio::time::timeout(app.limits.request, answer).await {
        Ok(response) => response,
        Err(_) => too_slow().into_response(),
    };
    let status = response.status().as_u16();
    let took = started.elapsed();
    app.metrics.answered(method, route, status, took);
    let code = response.extensions().get::<ErrorCode>().map(|code| code.as_str());
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(method, route, status, code, micros, "answered"));
    let mut response = if status >= 500 { with_id(response, &id).await } else { response };
    if let Ok(value) = HeaderValue::try_from(&id) {
        response.headers_mut().insert("x-request-id", value);
    }
    protect(response.headers_mut(), app.is_tls);
    response
}

/// What a browser has to know, should one ever show an answer: nothing in it runs, is framed, is kept
/// or is taken for something else; and that a server with TLS is never asked without.
fn protect(headers: &mut HeaderMap, is_tls: bool) {
    const ALWAYS: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if is_tls {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

fn too_slow() -> ApiError {
    ApiError::new(ErrorCode::Unavailable, "The answer took too long. Try again in a moment.")
        .with(|meta| meta.retry_after = Some(5))
}

/// A caller can make up methods; those have no place in logs and metrics.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Adds the id to the body of a fault, so that a person can tell it to somebody.
async fn with_id(response: Response, id: &str) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 64 * 1024).await.unwrap_or_default();
    let Ok(mut document) = serde_json::from_slice::<ErrorDocument>(&bytes) else {
        return Response::from_parts(parts, bytes.into());
    };
    for error in &mut document.errors {
        error.meta.request_id = Some(id.to_owned());
    }
    let body = serde_json::to_vec(&document).unwrap_or_else(|_| bytes.to_vec());
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
