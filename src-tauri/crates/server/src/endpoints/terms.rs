use axum::Json;
use entente_wire::{Document, Resource, ResourceMeta, ResourceType, TermsResource};

use crate::{auth::Caller, extract::NoQuery, terms::current};

/// The current Terms of Service.
#[utoipa::path(
    get, path = "/api/v1/terms", tag = "Identity", security(("apiKey" = [])),
    responses((status = 200, body = Document<TermsResource>))
)]
pub(crate) async fn terms(_: Caller, _: NoQuery) -> Json<Document<TermsResource>> {
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
