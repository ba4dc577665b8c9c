//! The endpoints, one file each.

pub(crate) mod access_requests;
pub(crate) mod accounts;
pub(crate) mod activities;
pub(crate) mod api_keys;
pub(crate) mod auth;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod me;
pub(crate) mod partnerships;
pub(crate) mod terms;
pub(crate) mod users;
pub(crate) mod webhooks;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{delete, get, patch, post},
};
use entente_wire::{Document, ErrorCode};
use tower_http::catch_panic::CatchPanicLayer;

use crate::{app::App, error::ApiError, extract::NoQuery, idempotency::etag, rates::Anybody};

/// The most bytes that a body can have.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

pub(crate) fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/openapi.json", get(openapi_json))
        .route("/me", get(me::me))
        .route("/terms", get(terms::terms))
        .route("/partnerships", get(partnerships::list).post(partnerships::create))
        .route("/partnerships/{id}", get(partnerships::get).delete(partnerships::remove))
        .route("/partnerships/{id}/approve", post(partnerships::approve))
        .route("/partnerships/{id}/decline", post(partnerships::decline))
        .route("/partnerships/{id}/accept", post(partnerships::accept))
        .route("/partnerships/{id}/withdraw", post(partnerships::withdraw))
        .route("/partnerships/{id}/remind", post(partnerships::remind))
        .route("/partnerships/{id}/resend", post(partnerships::resend))
        .route("/partnerships/{id}/impact", get(partnerships::impact))
        .route("/partnerships/{id}/owners", post(partnerships::name_owner))
        .route("/partnerships/{id}/owners/{user}", delete(partnerships::dismiss_owner))
        .route("/partnerships/{id}/accounts", get(partnerships::accounts).post(partnerships::share))
        .route("/partnerships/{id}/accounts/{account}", delete(partnerships::unshare))
        .route("/partnerships/{id}/members", get(partnerships::members))
        .route("/partnerships/{id}/members/{user}", delete(partnerships::remove_member))
        .route("/accounts", get(accounts::list))
        .route("/accounts/{id}", get(accounts::get))
        .route("/accounts/{id}/users", get(accounts::users).post(accounts::add))
        .route("/accounts/{id}/users/{user}", patch(accounts::change).delete(accounts::remove))
        .route("/accounts/{id}/secrets", get(accounts::secrets))
        .route("/access-requests", get(access_requests::list).post(access_requests::ask))
        .route("/access-requests/{id}/accept", post(access_requests::accept_access))
        .route("/access-requests/{id}/decline", post(access_requests::decline_access))
        .route("/users", get(users::list))
        .route("/users/{id}", get(users::get).delete(users::remove))
        .route("/activities", get(activities::list))
        .route("/api-keys", get(api_keys::list).post(api_keys::create))
        .route("/api-keys/{id}", delete(api_keys::revoke))
        .route("/auth/sso", post(auth::find_provider))
        .route("/auth/token", post(auth::create_tokens))
        .route("/auth/revoke", post(auth::revoke_token))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/{id}", get(webhooks::get).delete(webhooks::remove))
        .route("/webhooks/{id}/test", post(webhooks::test))
        .route("/changes", get(feed::changes))
        .route("/events", get(events::events))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed);
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics_here))
        .nest("/api/v1", api)
        .nest(crate::scim::PATH, crate::scim::router())
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(app.clone(), crate::requests::each_request))
        .with_state(app)
}

/// This document.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "Operations", operation_id = "getDocument",
    security(()),
    responses((status = 200, body = Object, description = "OpenAPI 3.1")),
    extensions(("x-refusals" = json!(["rate_limited"])))
)]
async fn openapi_json(_: Anybody, _: NoQuery) -> Json<&'static serde_json::Value> {
    Json(crate::openapi::document())
}

/// For those who watch the server, at an address of their own.
pub(crate) fn observers(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

/// One resource, whose version is its `ETag`.
pub(crate) type One<R> = ([(HeaderName, String); 1], Json<Document<R>>);

pub(crate) fn one<R>(version: i64, data: R) -> One<R> {
    ([(header::ETAG, etag(version))], Json(Document { data }))
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "This path does not know this method.")
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    debug_assert_eq!(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), ErrorCode::Internal.status());
    ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        .into_response()
}
