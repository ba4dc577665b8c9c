//! The parameters that many endpoints have.

use entente_store::Event;
use serde_json::json;
use utoipa::{
    IntoParams,
    openapi::{
        ArrayBuilder, KnownFormat, ObjectBuilder, Required, SchemaFormat, Type,
        path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
    },
};

use crate::endpoints::{accounts::TYPES, partnerships::SORTS};
use crate::paging::{MAX_NUMBER, MAX_SIZE, USUAL_SIZE};

fn parameter(
    name: &str,
    place: ParameterIn,
    schema: ObjectBuilder,
    description: &str,
) -> ParameterBuilder {
    let required = place == ParameterIn::Path;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(description))
        .required(if required { Required::True } else { Required::False })
        .schema(Some(schema))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn id() -> ObjectBuilder {
    text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
}

fn number(most: u64) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_u64)).maximum(Some(most))
}

/// Some of a closed list of words, parted by commas.
fn words<'a>(
    name: &str,
    words: impl IntoIterator<Item = &'a str>,
    description: &str,
) -> ParameterBuilder {
    let word = text().enum_values(Some(words));
    let schema = ArrayBuilder::new().items(word).min_items(Some(1));
    parameter(name, ParameterIn::Query, text(), description)
        .schema(Some(schema))
        .style(Some(ParameterStyle::Form))
        .explode(Some(false))
}

fn if_match(description: &str) -> ParameterBuilder {
    parameter("If-Match", ParameterIn::Header, text(), description)
}

macro_rules! parameters {
    ($($(#[$doc:meta])+ $name:ident: $($parameter:expr),+;)+) => {$(
        $(#[$doc])+
        pub(crate) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$($parameter.build()),+]
            }
        }
    )+};
}

parameters! {
    /// What only awaits the caller.
    Awaiting: parameter(
        "filter[awaiting]",
        ParameterIn::Query,
        text().enum_values(Some(["me"])),
        "Those that the caller can decide",
    );
    /// The order of partnerships.
    SortPartnerships: parameter(
        "sort",
        ParameterIn::Query,
        text().enum_values(Some(SORTS)).default(Some(json!(SORTS[0]))),
        "By what; with `-` before it, descending",
    );
    /// What kinds of activity.
    Events: words(
        "filter[event]",
        Event::ALL.iter().map(|event| event.as_str()),
        "What happened",
    );
    /// What of a credential.
    SecretTypes: words("filter[secretType]", TYPES, "What to tell; all without it");
    /// Which page of a list.
    Page:
        parameter(
            "page[size]",
            ParameterIn::Query,
            number(MAX_SIZE.into()).default(Some(USUAL_SIZE.into())),
            "How many resources a page has at most",
        ),
        parameter(
            "page[number]",
            ParameterIn::Query,
            number(MAX_NUMBER).default(Some(1.into())),
            "Which page, from 1; does not go with `page[after]`",
        ),
        parameter("page[after]", ParameterIn::Query, text(), "The cursor in `links.next`");
    /// Of a write that gives the same answer to the same request again.
    Idempotent: parameter(
        "Idempotency-Key",
        ParameterIn::Header,
        text().min_length(Some(1)).max_length(Some(255)).pattern(Some("^[!-~]([ -~]*[!-~])?$")),
        "The same key and body give the same answer for 24 hours",
    );
    /// Of a write to what is as the caller has seen it.
    IfMatch: if_match("The `ETag` of the version decided on").required(Required::True);
    /// The same where the caller need not say so.
    IfMatchOptional: if_match("The `ETag` of the version decided on; not required");
    /// The id of a partnership in the path.
    OfPartnership: parameter("id", ParameterIn::Path, id(), "The partnership's id");
    /// The id of an account in the path.
    OfAccount: parameter("id", ParameterIn::Path, id(), "The account's id");
    /// The id of an access request in the path.
    OfRequest: parameter("id", ParameterIn::Path, id(), "The access request's id");
    /// The id of an API key in the path.
    OfKey: parameter("id", ParameterIn::Path, id(), "The key's id");
    /// The id of a webhook in the path.
    OfWebhook: parameter("id", ParameterIn::Path, id(), "The webhook's id");
    /// The id of a user in the path.
    OfUser: parameter("id", ParameterIn::Path, id(), "The user's id");
    /// The id of an account that is shared through a partnership in the path.
    AccountIn: parameter("accountId", ParameterIn::Path, id(), "The account's id");
    /// The id of a user who is something to a partnership or an account in the path.
    UserIn: parameter("userId", ParameterIn::Path, id(), "The user's id");
}
