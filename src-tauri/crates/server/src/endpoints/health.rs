use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use entente_store::unsent_mails;

use crate::{app::App, error::ApiResult};

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers; its migrations were done before the server listened.
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

/// Prometheus text.
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> ApiResult<String> {
    let unsent = unsent_mails(&mut *app.store.read().await?).await?;
    Ok(app.metrics.render(unsent))
}
