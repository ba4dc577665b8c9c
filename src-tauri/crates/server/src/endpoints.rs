//! The endpoints, one file each.

mod events;
mod feed;
mod health;
mod me;
mod partnerships;
mod terms;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use entente_wire::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{app::App, error::ApiError};

pub(crate) use events::__path_events;
pub(crate) use feed::__path_changes;
pub(crate) use me::__path_me;
pub(crate) use partnerships::{
    __path_accept, __path_approve, __path_create, __path_decline, __path_get, __path_list,
    __path_remind, __path_remove, __path_resend, __path_withdraw,
};
pub(crate) use terms::__path_terms;

/// The most bytes that a body can have.
pub(crate) const BODY_LIMIT: usize = 64 * 1024;

pub(crate) fn router(app: Arc<App>) -> Router {
    let api = Router::new()
        .route("/openapi.json", get(async || Json(crate::openapi::document())))
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
        .route("/changes", get(feed::changes))
        .route("/events", get(events::events))
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed);
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .nest("/api/v1", api)
        .fallback(async || ApiError::not_found())
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn_with_state(app.clone(), crate::running::each_request))
        .with_state(app)
}

async fn method_not_allowed() -> ApiError {
    ApiError::new(ErrorCode::MethodNotAllowed, "This path does not know this method.")
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    debug_assert_eq!(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), ErrorCode::Internal.status());
    ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        .into_response()
}
