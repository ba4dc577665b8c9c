//! Schemas that cannot be derived: generic resources, and the domain's closed lists of words, because
//! `domain` knows nothing of OpenAPI.

use std::borrow::Cow;

use entente_domain as domain;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{Object, ObjectBuilder, Ref, RefOr, Schema, Type},
};

use crate::{ErrorCode, Resource, ResourceMeta};

/// What the attributes are of: `AccountUser` for `AccountUserAttributes`.
fn kind<A: ToSchema>() -> String {
    A::name().trim_end_matches("Attributes").to_owned()
}

/// The word for it in `type`.
fn word(kind: &str) -> String {
    if kind == "Me" {
        return "user".into();
    }
    let mut word = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}

impl<A: ToSchema> PartialSchema for Resource<A> {
    fn schema() -> RefOr<Schema> {
        let id = "A UUID; of terms the version, of a credential the account and the type.";
        ObjectBuilder::new()
            .property("id", text().description(Some(id)))
            .required("id")
            .property("type", text().enum_values(Some([word(&kind::<A>())])))
            .required("type")
            .property("attributes", Ref::from_schema_name(A::name()))
            .required("attributes")
            .property("meta", Ref::from_schema_name(ResourceMeta::name()))
            .required("meta")
            .into()
    }
}

impl<A: ToSchema> ToSchema for Resource<A> {
    fn name() -> Cow<'static, str> {
        format!("{}Resource", kind::<A>()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((A::name().into_owned(), A::schema()));
        A::schemas(schemas);
        schemas.push((ResourceMeta::name().into_owned(), ResourceMeta::schema()));
        ResourceMeta::schemas(schemas);
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::from(Object::with_type(Type::String))
}

macro_rules! words {
    ($($(#[$doc:meta])+ $name:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = domain::$name::ALL.iter().map(|word| word.as_str());
                text().enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let codes = Self::ALL.iter().map(|code| code.as_str());
        let description = "Why a request was refused: a closed list";
        text().enum_values(Some(codes)).description(Some(description)).into()
    }
}

impl ToSchema for ErrorCode {}

/// What a webhook can be told of.
#[derive(Debug)]
pub struct SubscribedEvent;

impl PartialSchema for SubscribedEvent {
    fn schema() -> RefOr<Schema> {
        let events =
            domain::WebhookEvent::ALL.iter().filter(|event| **event != domain::WebhookEvent::Test);
        text().enum_values(Some(events.map(|event| event.as_str()))).into()
    }
}

impl ToSchema for SubscribedEvent {}

words! {
    /// A role on an account.
    AccountRole;
    /// A role that a guest can have.
    GuestRole;
    /// Where an access request stands.
    RequestState;
    /// An end of a partnership.
    Side;
    /// Where a partnership stands.
    StateName;
    /// Whether a user can act.
    UserStatus;
    /// What other systems are told of.
    WebhookEvent;
    /// A role in a workspace.
    WorkspaceRole;
}
