use axum::Json;
use entente_wire::{Document, Resource, ResourceMeta, ResourceType, TermsAttributes};

use crate::{auth::Caller, refusals::ReadRefusals, terms::current};

/// The current Terms of Service.
#[utoipa::path(
    get, path = "/api/v1/terms", tag = "Identity", security(("apiKey" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Document<Resource<TermsAttributes>>),
        ReadRefusals,
    )
)]
pub(crate) async fn terms(_: Caller) -> Json<Document<Resource<TermsAttributes>>> {
    let terms = current();
    Json(Document {
        data: Resource {
            id: terms.version.clone(),
            r#type: ResourceType::Terms,
            attributes: terms.clone(),
            meta: ResourceMeta::default(),
        },
    })
}
