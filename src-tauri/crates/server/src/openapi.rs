use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::endpoints as e;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Entente partnership API",
        description = "Host-guest partnerships: request, approve, accept, and follow what changes.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        e::me, e::terms, e::list, e::create, e::get, e::approve, e::decline, e::accept,
        e::withdraw, e::remind, e::resend, e::remove, e::changes, e::events,
    ),
    components(schemas(entente_wire::ErrorCode)),
    modifiers(&Security),
    tags(
        (name = "Identity", description = "Who asks, and what they agree to"),
        (name = "Partnerships", description = "Requests and what became of them"),
        (name = "Changes", description = "Keeping a copy in step"),
    )
)]
struct Api;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("apiKey", key);
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

/// The OpenAPI 3.1 document of this API.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}
