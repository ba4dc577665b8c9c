//! The refusals of the API as OpenAPI responses.

use std::collections::BTreeMap;

use entente_wire::ErrorDocument;
use utoipa::{
    IntoResponses, ToSchema as _,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

fn refused(statuses: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    let one = |text: &str| {
        let schema = Ref::from_schema_name(ErrorDocument::name());
        ResponseBuilder::new()
            .description(text)
            .content("application/json", Content::new(Some(schema)))
            .build()
            .into()
    };
    statuses.iter().map(|(status, text)| ((*status).to_owned(), one(text))).collect()
}

const READ: &[(&str, &str)] = &[
    ("400", "A parameter is unknown or cannot be read"),
    ("401", "The credentials are missing, wrong, expired, or lack the scope"),
    ("403", "Not allowed"),
    ("404", "Not there, or not yours to see: told alike"),
    ("429", "Too many requests; `Retry-After` tells when to come back"),
    ("500", "A fault of the server; `meta.requestId` finds it in its log"),
    ("503", "Not available just now"),
];

const WRITE: &[(&str, &str)] = &[
    ("409", "Its state does not allow this; `meta.current` has it as it is"),
    ("412", "It has changed meanwhile; `meta` has it as it is, by whom and when"),
    ("413", "The body is too large"),
    ("415", "The body is not JSON"),
    ("422", "A value that cannot be; `meta.loc` names it"),
    ("428", "`If-Match` is required"),
];

/// What reading can be refused with.
pub(crate) struct ReadRefusals;

impl IntoResponses for ReadRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refused(READ)
    }
}

/// What writing can be refused with.
pub(crate) struct WriteRefusals;

impl IntoResponses for WriteRefusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut all = refused(READ);
        all.extend(refused(WRITE));
        all
    }
}
