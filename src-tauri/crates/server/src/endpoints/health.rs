use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, HeaderName, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use entente_store::{StoreError, deliveries_by_state, mails_by_state};

use crate::{
    app::App,
    error::ApiError,
    metrics::{MEDIA_TYPE, Queues},
};

/// How long the database may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(3);

/// The process answers.
#[utoipa::path(
    get, path = "/healthz", tag = "Operations", operation_id = "isAlive", security(()),
    responses((status = 200, body = String, content_type = "text/plain"))
)]
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The database answers; its migrations were done before the server listened.
#[utoipa::path(
    get, path = "/readyz", tag = "Operations", operation_id = "isReady", security(()),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 503, body = String, content_type = "text/plain", description = "The database does not answer"),
    )
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, &'static str) {
    match app.store.ping().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

/// Metrics in the format of Prometheus; to loopback only.
///
/// Not through a proxy either, because whoever asks need not say who they are.
#[utoipa::path(
    get, path = "/metrics", tag = "Operations", operation_id = "getMetrics", security(()),
    responses((status = 200, body = String, content_type = "text/plain")),
    extensions(("x-refusals" = json!(["not_found"])))
)]
pub(crate) async fn metrics_here(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    let forwarded = ["forwarded", "x-forwarded-for"].iter().any(|name| headers.contains_key(*name));
    if app.metrics_apart || forwarded || !peer.ip().to_canonical().is_loopback() {
        return ApiError::not_found().into_response();
    }
    metrics(State(app)).await.into_response()
}

/// Prometheus text; also when the database does not answer.
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
) -> ([(HeaderName, &'static str); 1], String) {
    let queues = tokio::time::timeout(PATIENCE, queues(&app)).await.ok().and_then(Result::ok);
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], app.metrics.render(&app.store, queues))
}

async fn queues(app: &App) -> Result<Queues, StoreError> {
    let mut connection = app.store.read().await?;
    let mails = mails_by_state(&mut connection).await?;
    Ok(Queues { mails, deliveries: deliveries_by_state(&mut connection).await? })
}
