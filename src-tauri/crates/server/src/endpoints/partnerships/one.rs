use std::sync::Arc;

use axum::extract::State;
use entente_store::get_partnership;
use entente_wire::{Document, PartnershipResource};

use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    endpoints::{One, one},
    error::{ApiError, ApiResult},
    extract::{Id, NoQuery, known},
    openapi::parameters::OfPartnership,
    scopes::PARTNERSHIPS_READ,
};

/// One partnership.
#[utoipa::path(
    get, path = "/api/v1/partnerships/{id}", tag = "Partnerships", operation_id = "getPartnership",
    security(("apiKey" = ["partnerships:read"])),
    params(OfPartnership),
    responses(
        (status = 200, body = Document<PartnershipResource>, headers(("ETag" = String))),
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
    Id(id): Id,
) -> ApiResult<One<PartnershipResource>> {
    caller.needs(PARTNERSHIPS_READ)?;
    let mut connection = app.store.snapshot().await?;
    let found = get_partnership(&mut connection, known(&id)?).await?;
    let partnership = found.ok_or_else(ApiError::not_found)?;
    let data = one_document(&mut connection, &caller.actor(), app.deadlines, &partnership)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(one(partnership.version, data))
}
