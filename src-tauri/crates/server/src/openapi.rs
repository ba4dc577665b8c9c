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
        e::me::me, e::terms::terms,
        e::auth::find_provider, e::auth::create_tokens, e::auth::revoke_token,
        e::api_keys::list, e::api_keys::create, e::api_keys::revoke,
        e::partnerships::list, e::partnerships::create, e::partnerships::get,
        e::partnerships::approve, e::partnerships::decline, e::partnerships::accept,
        e::partnerships::withdraw, e::partnerships::remind, e::partnerships::resend,
        e::partnerships::remove, e::partnerships::impact, e::partnerships::name_owner,
        e::partnerships::dismiss_owner, e::partnerships::accounts, e::partnerships::share,
        e::partnerships::unshare, e::partnerships::members, e::partnerships::remove_member,
        e::accounts::list, e::accounts::get, e::accounts::users, e::accounts::add,
        e::accounts::change, e::accounts::remove, e::accounts::secrets,
        e::access_requests::list, e::access_requests::ask, e::access_requests::accept_access,
        e::access_requests::decline_access,
        e::users::list, e::users::get, e::users::remove,
        e::activities::list,
        e::webhooks::list, e::webhooks::get, e::webhooks::create, e::webhooks::remove,
        e::webhooks::test,
        e::feed::changes, e::events::events,
    ),
    components(schemas(
        entente_wire::ErrorCode,
        entente_wire::Envelope<entente_wire::PartnershipResource>,
        entente_wire::Envelope<entente_wire::AccessRequestResource>,
    )),
    modifiers(&Security),
    tags(
        (name = "Identity", description = "Who asks, and what they agree to"),
        (name = "Single sign-on", description = "A session instead of a key, through an OpenID provider"),
        (name = "Partnerships", description = "Requests and what became of them"),
        (name = "Accounts", description = "Logins to third-party apps, and who has which role on them"),
        (name = "Access requests", description = "What Managers ask for, for other members"),
        (name = "Members", description = "The people of the caller's workspace"),
        (name = "Activities", description = "What happened"),
        (name = "Webhooks", description = "Telling other systems what happened.\n\n\
            Each event is a POST of an envelope: see the schemas `Envelope_...`. Its `data` is the \
            resource as an Admin of the workspace sees it, without their actions; of an access \
            request, without its message. A guest is told nothing of a request before the host has \
            approved it.\n\n\
            `Entente-Signature` is `t=<seconds since 1970>,v1=<hexadecimal>`: the HMAC-SHA256 of \
            `<t>.<body>` under the webhook's secret, as it was told. Compare in constant time, and \
            refuse what was signed more than five minutes ago. `Entente-Event-Id` and \
            `Entente-Event-Type` are those of the envelope.\n\n\
            An event comes at least once, and not always in order: the id tells a second one, the \
            resource's `version` an older one. Answer with a status of 200 to 299 within ten seconds; \
            else it comes again after 30 s, 2 min, 10 min, 1 h and 6 h, and then no more. Redirects \
            are not followed."),
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
