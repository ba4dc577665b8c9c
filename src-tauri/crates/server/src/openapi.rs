//! The OpenAPI 3.1 document of this API.
//!
//! Each endpoint says above its handler what only it knows: what it takes and answers, the scope that
//! a key needs, the parameters, and in `x-refusals` the codes that it alone refuses with. What follows
//! from that is added here, for all alike.

mod bodies;
mod examples;
mod links;
pub(crate) mod parameters;
mod refusals;
mod scim;
mod security;

use std::sync::LazyLock;

use serde_json::Value;
use utoipa::OpenApi as _;

use crate::endpoints as e;

#[derive(utoipa::OpenApi)]
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
        e::health::live, e::health::ready, e::health::metrics_here, e::openapi_json,
    ),
    components(schemas(
        entente_wire::ErrorDocument,
        entente_wire::Envelope<entente_wire::PartnershipResource>,
        entente_wire::Envelope<entente_wire::AccessRequestResource>,
    )),
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
        (name = "SCIM", description = "SCIM 2.0 (RFC 7643, 7644) for identity providers, each with a token \
            of its own"),
        (name = "Operations", description = "For who watches the server, and who writes a client"),
    )
)]
struct Api;

/// The document as it is served.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(Api::openapi()).unwrap_or_default();
    security::add(&mut document);
    bodies::add(&mut document);
    refusals::add(&mut document);
    links::add(&mut document);
    scim::add(&mut document);
    examples::add(&mut document);
    document
});

/// The OpenAPI 3.1 document of this API.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The methods that a path can have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every operation with its path and method, to change it.
fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, operations)| {
        let operations = operations.as_object_mut().into_iter().flatten();
        let operations = operations.filter(|(method, _)| METHODS.contains(&method.as_str()));
        operations.map(|(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// Whether an operation has a parameter that is something.
fn has_parameter(operation: &Value, is: impl Fn(&Value) -> bool) -> bool {
    operation["parameters"].as_array().is_some_and(|parameters| parameters.iter().any(is))
}
