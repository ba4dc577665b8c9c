//! What attributes there are: one table from which the schemas are served, names in filters and paths
//! are found, and resources are read.

mod attributes;

use entente_domain::WorkspaceRole;
use serde_json::{Map, Value, json};

pub(crate) use attributes::{COMMON, MEMBER, NOT_KEPT, NOT_KEPT_IN};
use attributes::{KIND_OF_RESOURCE, SCHEMA_DOCUMENT, SERVICE_PROVIDER};

use super::{RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG, USER, resource::role_word};

/// An attribute of a resource (RFC 7643, section 7).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Whether it has several values.
    pub(crate) many: bool,
    /// Whether the case of its text counts.
    pub(crate) exact: bool,
    pub(crate) required: bool,
    pub(crate) read_only: bool,
    /// Whether it is told whatever is asked for.
    pub(crate) always: bool,
    /// Whether no two have the same value.
    unique: bool,
    description: &'static str,
    /// The values that it usually has.
    usual: &'static [&'static str],
    /// Whether it is understood in filters and paths, and not told.
    hidden: bool,
}

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Flag,
    Number,
    Moment,
    Reference(&'static str),
    /// A role that the caller can give.
    Role,
    Complex(&'static [Attribute]),
}

const fn attribute(name: &'static str, kind: Kind, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind,
        many: false,
        exact: false,
        required: false,
        read_only: false,
        always: false,
        unique: false,
        description,
        usual: &[],
        hidden: false,
    }
}

impl Attribute {
    const fn many(self) -> Self {
        Self { many: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { exact: true, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn read_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    const fn usual(self, usual: &'static [&'static str]) -> Self {
        Self { usual, ..self }
    }

    /// The attributes in this one.
    pub(crate) fn subs(&self) -> &'static [Self] {
        match self.kind {
            Kind::Complex(subs) => subs,
            Kind::Text
            | Kind::Flag
            | Kind::Number
            | Kind::Moment
            | Kind::Reference(_)
            | Kind::Role => &[],
        }
    }

    /// The attribute as a schema describes it; `roles` are those that the caller can give.
    fn document(&self, roles: &[&str]) -> Value {
        let kind = match self.kind {
            Kind::Text | Kind::Role => "string",
            Kind::Flag => "boolean",
            Kind::Number => "integer",
            Kind::Moment => "dateTime",
            Kind::Reference(_) => "reference",
            Kind::Complex(_) => "complex",
        };
        let mut document = json!({
            "name": self.name,
            "type": kind,
            "multiValued": self.many,
            "description": self.description,
            "required": self.required,
            "caseExact": self.exact,
            "mutability": if self.read_only { "readOnly" } else { "readWrite" },
            "returned": if self.always { "always" } else { "default" },
            "uniqueness": if self.unique { "server" } else { "none" },
        });
        let mut add = |name: &str, value: Value| {
            if let Some(document) = document.as_object_mut() {
                document.insert(name.into(), value);
            }
        };
        if let Kind::Reference(to) = self.kind {
            add("referenceTypes", json!([to]));
        }
        let usual = if matches!(self.kind, Kind::Role) { roles } else { self.usual };
        if !usual.is_empty() {
            add("canonicalValues", json!(usual));
        }
        let told = self.subs().iter().filter(|sub| !sub.hidden);
        let subs: Vec<Value> = told.map(|sub| sub.document(roles)).collect();
        if !subs.is_empty() {
            add("subAttributes", json!(subs));
        }
        document
    }
}

/// The JSON schema of an attribute.
fn json_schema(attribute: &Attribute) -> Value {
    let mut schema = match attribute.kind {
        Kind::Text | Kind::Reference(_) => json!({"type": "string"}),
        Kind::Role => {
            let roles: Vec<&str> = WorkspaceRole::ALL.iter().map(|role| role_word(*role)).collect();
            json!({"type": "string", "enum": roles})
        }
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Moment => json!({"type": "string", "format": "date-time"}),
        Kind::Complex(subs) => object_schema(subs.iter().filter(|sub| !sub.hidden), &[]),
    };
    if attribute.many {
        schema = json!({"type": "array", "items": schema});
    }
    schema["description"] = attribute.description.into();
    schema
}

fn object_schema<'a>(attributes: impl Iterator<Item = &'a Attribute>, required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        attributes.map(|one| (one.name.to_owned(), json_schema(one))).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

/// The JSON schema of a member as it is told; what was not asked for is not there.
pub(crate) fn member_schema() -> Value {
    let always: Vec<&str> =
        COMMON.iter().chain(MEMBER).filter(|one| one.always).map(|one| one.name).collect();
    object_schema(COMMON.iter().chain(MEMBER), &always)
}

/// The JSON schema of what is told of a member.
pub(crate) fn new_member_schema() -> Value {
    let told = COMMON.iter().chain(MEMBER).filter(|one| !one.read_only);
    object_schema(told, &["userName"])
}

/// The attribute with a name, whatever its case.
pub(crate) fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// The schemas that there are: URN, name, what it is of, attributes.
const SCHEMAS: &[(&str, &str, &str, &[Attribute])] = &[
    (USER, "User", "A member of the workspace", MEMBER),
    (
        SERVICE_PROVIDER_CONFIG,
        "ServiceProviderConfig",
        "What of SCIM is supported here",
        SERVICE_PROVIDER,
    ),
    (RESOURCE_TYPE, "ResourceType", "A kind of resource", KIND_OF_RESOURCE),
    (SCHEMA, "Schema", "What attributes a kind of resource has", SCHEMA_DOCUMENT),
];

/// All schemas; `roles` are those that the caller can give.
pub(crate) fn documents(base: &str, roles: &[&str]) -> Vec<Value> {
    SCHEMAS
        .iter()
        .map(|(urn, name, description, attributes)| {
            let attributes: Vec<Value> =
                attributes.iter().map(|attribute| attribute.document(roles)).collect();
            json!({
                "schemas": [SCHEMA],
                "id": urn,
                "name": name,
                "description": description,
                "attributes": attributes,
                "meta": {"resourceType": "Schema", "location": format!("{base}/Schemas/{urn}")},
            })
        })
        .collect()
}
