use super::{
    Attribute,
    Kind::{Complex, Flag, Moment, Number, Reference, Role, Text},
    attribute,
};

/// What every resource has.
pub(crate) const COMMON: &[Attribute] = &[
    attribute("schemas", Reference("uri"), "The URNs of its schemas").many().exact().always(),
    attribute("id", Text, "Its id here").exact().read_only().always().unique(),
    attribute("externalId", Text, "What the identity provider calls it").exact(),
    attribute("meta", Complex(META), "Facts that the server keeps").read_only(),
];

const META: &[Attribute] = &[
    attribute("resourceType", Text, "The kind of resource").exact().read_only(),
    attribute("created", Moment, "When it was added").read_only(),
    attribute("lastModified", Moment, "When it last changed").read_only(),
    attribute("location", Reference("uri"), "Where it is").exact().read_only(),
    attribute("version", Text, "Its version, as in ETag").exact().read_only(),
];

/// What a member has beside what every resource has.
pub(crate) const MEMBER: &[Attribute] = &[
    attribute("userName", Text, "The mail address that the person is known by and gets mails at")
        .required()
        .unique(),
    attribute("name", Complex(NAME), "The parts of the name"),
    attribute("displayName", Text, "The name that others see"),
    attribute("emails", Complex(EMAIL), "Mail addresses; mails go to userName").many(),
    attribute("active", Flag, "Whether the person can act; if not, all of their access ends")
        .required(),
    attribute("roles", Complex(ROLE), "The role in the workspace: one, or none for the usual one")
        .many(),
];

const NAME: &[Attribute] = &[
    attribute("formatted", Text, "The full name"),
    attribute("familyName", Text, "The family name"),
    attribute("givenName", Text, "The given name"),
];

const EMAIL: &[Attribute] = &[
    attribute("value", Text, "The address").required(),
    attribute("display", Text, "Its label"),
    attribute("type", Text, "What it is for").usual(&["work", "home", "other"]),
    attribute("primary", Flag, "Whether it is the first one to use"),
];

const ROLE: &[Attribute] = &[
    attribute("value", Role, "The role").required(),
    // Entra ID names the one role so.
    attribute("primary", Flag, "").hidden(),
];

/// Attributes of RFC 7643 that are taken and not kept, so that an identity provider need not be told
/// to leave them out.
pub(crate) const NOT_KEPT: &[&str] = &[
    "addresses",
    "entitlements",
    "groups",
    "ims",
    "locale",
    "nickName",
    "password",
    "phoneNumbers",
    "photos",
    "preferredLanguage",
    "profileUrl",
    "timezone",
    "title",
    "userType",
    "x509Certificates",
];

/// The same in `name`, `emails` and `roles`.
pub(crate) const NOT_KEPT_IN: &[(&str, &[&str])] = &[
    ("name", &["middleName", "honorificPrefix", "honorificSuffix"]),
    ("emails", &["$ref"]),
    ("roles", &["display", "type", "$ref"]),
];

pub(super) const SERVICE_PROVIDER: &[Attribute] = &[
    attribute("documentationUri", Reference("external"), "Where it is documented").read_only(),
    attribute("patch", Complex(SUPPORTED), "PATCH").required().read_only(),
    attribute("bulk", Complex(BULK), "Several requests in one").required().read_only(),
    attribute("filter", Complex(FILTER), "Filters").required().read_only(),
    attribute("changePassword", Complex(SUPPORTED), "Passwords").required().read_only(),
    attribute("sort", Complex(SUPPORTED), "Sorting").required().read_only(),
    attribute("etag", Complex(SUPPORTED), "Versions").required().read_only(),
    attribute("authenticationSchemes", Complex(SCHEME), "How a client tells who it is")
        .many()
        .required()
        .read_only(),
];

const IS_SUPPORTED: Attribute =
    attribute("supported", Flag, "Whether it is there").required().read_only();

const SUPPORTED: &[Attribute] = &[IS_SUPPORTED];

const BULK: &[Attribute] = &[
    IS_SUPPORTED,
    attribute("maxOperations", Number, "The most operations").required().read_only(),
    attribute("maxPayloadSize", Number, "The most bytes").required().read_only(),
];

const FILTER: &[Attribute] = &[
    IS_SUPPORTED,
    attribute("maxResults", Number, "The most resources in one answer").required().read_only(),
];

const SCHEME: &[Attribute] = &[
    attribute("type", Text, "The scheme").required().read_only().usual(&[
        "oauth",
        "oauth2",
        "oauthbearertoken",
        "httpbasic",
        "httpdigest",
    ]),
    attribute("name", Text, "Its name").required().read_only(),
    attribute("description", Text, "What it is").required().read_only(),
    attribute("specUri", Reference("external"), "Where it is specified").read_only(),
    attribute("documentationUri", Reference("external"), "How it is used").read_only(),
    attribute("primary", Flag, "Whether it is the first one to use").read_only(),
];

pub(super) const KIND_OF_RESOURCE: &[Attribute] = &[
    attribute("id", Text, "Its id").read_only(),
    attribute("name", Text, "Its name").required().read_only(),
    attribute("description", Text, "What it is").read_only(),
    attribute("endpoint", Reference("uri"), "Where its resources are").required().read_only(),
    attribute("schema", Reference("uri"), "The URN of its schema").exact().required().read_only(),
    attribute("schemaExtensions", Complex(EXTENSION), "What extends its schema").many().read_only(),
];

const EXTENSION: &[Attribute] = &[
    attribute("schema", Reference("uri"), "The URN of the schema").exact().required().read_only(),
    attribute("required", Flag, "Whether every resource has it").required().read_only(),
];

pub(super) const SCHEMA_DOCUMENT: &[Attribute] = &[
    attribute("id", Text, "Its URN").required().read_only(),
    attribute("name", Text, "Its name").read_only(),
    attribute("description", Text, "What it is").read_only(),
    attribute("attributes", Complex(DESCRIBED), "The attributes").many().required().read_only(),
];

/// What is told of an attribute; of those in it, the same without going deeper.
const DESCRIBED: &[Attribute] = &[
    DESCRIPTION[0],
    DESCRIPTION[1],
    DESCRIPTION[2],
    DESCRIPTION[3],
    DESCRIPTION[4],
    DESCRIPTION[5],
    DESCRIPTION[6],
    DESCRIPTION[7],
    DESCRIPTION[8],
    DESCRIPTION[9],
    DESCRIPTION[10],
    attribute("subAttributes", Complex(DESCRIPTION), "The attributes in it").many().read_only(),
];

const DESCRIPTION: &[Attribute] = &[
    attribute("name", Text, "Its name").exact().required().read_only(),
    attribute("type", Text, "What its values are").required().read_only().usual(&[
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "complex",
    ]),
    attribute("multiValued", Flag, "Whether it has several values").required().read_only(),
    attribute("description", Text, "What it is").read_only(),
    attribute("required", Flag, "Whether it must be told").read_only(),
    attribute("canonicalValues", Text, "The values that it usually has").many().exact().read_only(),
    attribute("caseExact", Flag, "Whether case counts").read_only(),
    attribute("mutability", Text, "Whether it can be changed").exact().read_only().usual(&[
        "readOnly",
        "readWrite",
        "immutable",
        "writeOnly",
    ]),
    attribute("returned", Text, "When it is told")
        .exact()
        .read_only()
        .usual(&["always", "never", "default", "request"]),
    attribute("uniqueness", Text, "Whether two can have the same value")
        .exact()
        .read_only()
        .usual(&["none", "server", "global"]),
    attribute("referenceTypes", Text, "What it refers to").many().exact().read_only(),
];
