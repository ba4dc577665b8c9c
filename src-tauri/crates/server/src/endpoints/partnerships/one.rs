use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, header},
};
use entente_store::get_partnership;
use entente_wire::{Document, PartnershipResource};

use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    error::{ApiError, ApiResult},
    extract::Id,
    idempotency::etag,
    refusals::ReadRefusals,
    scopes::PARTNERSHIPS_READ,
};

/// One partnership.
#[utoipa::path(
    get, path = "/api/v1/partnerships/{id}", tag = "Partnerships",
    security(("apiKey" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The partnership's id", format = Uuid)),
    responses(
        (status = 200, body = Document<PartnershipResource>, headers(("ETag" = String))),
        ReadRefusals,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<([(HeaderName, String); 1], Json<Document<PartnershipResource>>)> {
    caller.needs(PARTNERSHIPS_READ)?;
    // What is no id is answered like an id that is not there.
    let id = id.parse().map_err(|_| ApiError::not_found())?;
    let mut connection = app.store.read().await?;
    let partnership =
        get_partnership(&mut connection, id).await?.ok_or_else(ApiError::not_found)?;
    let data = one_document(&mut connection, &caller.actor(), app.deadlines, &partnership)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(([(header::ETAG, etag(partnership.version))], Json(Document { data })))
}
