//! SCIM's part of the document: its paths, and its schemas from the table of attributes.

use serde_json::{Map, Value, json};

use super::bodies::header;
use crate::scim;

const MEDIA_TYPE: &str = "application/scim+json";

/// A part of SCIM.
struct Endpoint {
    method: &'static str,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    takes: Option<&'static str>,
    answers: (u16, &'static str),
    /// The parameters that it has beside those of its path.
    parameters: &'static [&'static str],
    /// The statuses that it refuses with, beside those of all.
    refusals: &'static [u16],
}

const fn get(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    schema: &'static str,
) -> Endpoint {
    Endpoint {
        method: "get",
        path,
        id,
        summary,
        takes: None,
        answers: (200, schema),
        parameters: &[],
        refusals: &[],
    }
}

const PROJECTION: &[&str] = &["attributes", "excludedAttributes"];
const OF_VERSION: &[&str] = &["attributes", "excludedAttributes", "If-Match"];
const SEARCH: &[&str] =
    &["filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes"];

const ENDPOINTS: &[Endpoint] = &[
    get("/ServiceProviderConfig", "scimConfig", "What of SCIM is supported.", "ScimConfig"),
    Endpoint {
        refusals: &[403],
        parameters: &["filter"],
        ..get("/ResourceTypes", "scimResourceTypes", "The kinds of resources.", "ScimList")
    },
    get("/ResourceTypes/{id}", "scimResourceType", "One kind of resource.", "ScimResource"),
    Endpoint {
        refusals: &[403],
        parameters: &["filter"],
        ..get("/Schemas", "scimSchemas", "What attributes there are.", "ScimList")
    },
    get("/Schemas/{id}", "scimSchema", "The attributes of one kind.", "ScimResource"),
    Endpoint {
        parameters: SEARCH,
        refusals: &[400],
        ..get("/Users", "scimFindUsers", "The members that a query asks for.", "ScimUserList")
    },
    Endpoint {
        method: "post",
        takes: Some("NewScimUser"),
        answers: (201, "ScimUser"),
        parameters: PROJECTION,
        refusals: &[400, 403, 409, 413, 415],
        ..get("/Users", "scimCreateUser", "Adds a member, or takes one back.", "ScimUser")
    },
    Endpoint {
        method: "post",
        takes: Some("ScimSearch"),
        refusals: &[400, 413, 415],
        ..get(
            "/Users/.search",
            "scimSearchUsers",
            "The members that a body asks for.",
            "ScimUserList",
        )
    },
    Endpoint {
        method: "post",
        takes: Some("ScimSearch"),
        refusals: &[400, 413, 415],
        ..get("/.search", "scimSearch", "The same: members are all there is.", "ScimUserList")
    },
    Endpoint {
        parameters: &["attributes", "excludedAttributes", "If-None-Match"],
        refusals: &[400],
        ..get("/Users/{id}", "scimGetUser", "One member.", "ScimUser")
    },
    Endpoint {
        method: "put",
        takes: Some("NewScimUser"),
        parameters: OF_VERSION,
        refusals: &[400, 403, 409, 412, 413, 415],
        ..get("/Users/{id}", "scimReplaceUser", "Tells of a member anew.", "ScimUser")
    },
    Endpoint {
        method: "patch",
        takes: Some("ScimPatch"),
        parameters: OF_VERSION,
        refusals: &[400, 403, 409, 412, 413, 415],
        ..get("/Users/{id}", "scimChangeUser", "Changes some of a member.", "ScimUser")
    },
    Endpoint {
        method: "delete",
        answers: (204, ""),
        parameters: &["If-Match"],
        refusals: &[403, 412],
        ..get("/Users/{id}", "scimDeleteUser", "Ends all access of a member.", "")
    },
];

/// What every part of SCIM can be refused with.
const ALWAYS: [u16; 4] = [401, 429, 500, 503];

pub(super) fn add(document: &mut Value) {
    for endpoint in ENDPOINTS {
        let path = format!("{}{}", scim::PATH, endpoint.path);
        document["paths"][path][endpoint.method] = operation(endpoint);
    }
    for (name, schema) in schemas() {
        document["components"]["schemas"][name] = schema;
    }
    for (status, text) in REFUSALS {
        document["components"]["responses"][format!("scim{status}")] = refusal(*status, text);
    }
}

const REFUSALS: &[(u16, &str)] = &[
    (400, "It cannot be read; `scimType` tells what of it"),
    (401, "The token is missing, wrong, revoked or has expired"),
    (403, "This token may not do that"),
    (404, "Not there, or not of this workspace: told alike"),
    (409, "`uniqueness`: another member is or was known by this `userName`"),
    (412, "The member has changed since that version"),
    (413, "The body is too large"),
    (415, "The body is not `application/scim+json`"),
    (429, "Too many requests"),
    (500, "A fault of the server"),
    (503, "Not available just now"),
];

fn operation(endpoint: &Endpoint) -> Value {
    let (status, schema) = endpoint.answers;
    let mut responses = Map::new();
    responses.insert(status.to_string(), answer(endpoint, status, schema));
    if endpoint.parameters.contains(&"If-None-Match") {
        responses.insert(
            "304".into(),
            json!({
                "description": "The member is as `If-None-Match` has them",
                "headers": {"X-Request-Id": header("X-Request-Id"), "ETag": header("ETag")},
            }),
        );
    }
    let not_found = endpoint.path.contains('{').then_some(404);
    for status in ALWAYS.into_iter().chain(endpoint.refusals.iter().copied()).chain(not_found) {
        let reference = format!("#/components/responses/scim{status}");
        responses.insert(status.to_string(), json!({"$ref": reference}));
    }
    let in_path = endpoint.path.contains('{').then(|| {
        json!({
            "name": "id",
            "in": "path",
            "required": true,
            "description": "Its id",
            "schema": {"type": "string", "minLength": 1},
        })
    });
    let parameters: Vec<Value> =
        in_path.into_iter().chain(endpoint.parameters.iter().map(|name| parameter(name))).collect();
    let mut operation = json!({
        "tags": ["SCIM"],
        "summary": endpoint.summary,
        "operationId": endpoint.id,
        "security": [{"scim": []}],
        "parameters": parameters,
        "responses": responses,
    });
    if let Some(schema) = endpoint.takes {
        let content = json!({"schema": reference(schema)});
        operation["requestBody"] = json!({
            "required": true,
            "description": "Under either media type",
            "content": {MEDIA_TYPE: content, "application/json": content},
        });
    }
    operation
}

fn answer(endpoint: &Endpoint, status: u16, schema: &str) -> Value {
    let mut answer = json!({
        "description": if status == 204 { "Done" } else { endpoint.summary },
        "headers": {"X-Request-Id": header("X-Request-Id")},
    });
    if !schema.is_empty() {
        answer["content"][MEDIA_TYPE]["schema"] = reference(schema);
    }
    if schema == "ScimUser" {
        answer["headers"]["ETag"] = header("ETag");
        answer["links"] = links();
    }
    if status == 201 {
        answer["headers"]["Location"] = header("Location");
    }
    answer
}

/// What can be done next with a member.
fn links() -> Value {
    let one = ENDPOINTS.iter().filter(|endpoint| endpoint.path == "/Users/{id}");
    let link = |endpoint: &Endpoint| {
        let mut parameters = json!({"id": "$response.body#/id"});
        if endpoint.parameters.contains(&"If-Match") {
            parameters["If-Match"] = "$response.header.ETag".into();
        }
        let link = json!({"operationId": endpoint.id, "parameters": parameters});
        (endpoint.id.to_owned(), link)
    };
    one.map(link).collect::<Map<String, Value>>().into()
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn parameter(name: &str) -> Value {
    let (place, schema, description) = match name {
        "If-Match" => ("header", json!({"type": "string"}), "Versions that it may have"),
        "If-None-Match" => ("header", json!({"type": "string"}), "Versions that are known"),
        "startIndex" => {
            ("query", json!({"type": "integer", "default": 1}), "The first one, from 1")
        }
        "count" => {
            let schema = json!({"type": "integer", "default": scim::USUAL_RESULTS});
            ("query", schema, "How many at most; 200 is the most there are")
        }
        "sortOrder" => {
            let schema = json!({"type": "string", "enum": ["ascending", "descending"]});
            ("query", schema, "Which way")
        }
        "sortBy" => ("query", json!({"type": "string"}), "By which attribute"),
        "filter" => {
            ("query", json!({"type": "string"}), "A filter (RFC 7644, 3.4.2.2): `active eq true`")
        }
        "attributes" => {
            ("query", json!({"type": "string"}), "What alone to tell, parted by commas")
        }
        _ => ("query", json!({"type": "string"}), "What not to tell, parted by commas"),
    };
    json!({
        "name": name,
        "in": place,
        "required": false,
        "description": description,
        "schema": schema,
    })
}

fn refusal(status: u16, text: &str) -> Value {
    let mut headers = json!({"X-Request-Id": header("X-Request-Id")});
    match status {
        401 => headers["WWW-Authenticate"] = header("WWW-Authenticate"),
        429 | 503 => headers["Retry-After"] = header("Retry-After"),
        _ => {}
    }
    json!({
        "description": text,
        "headers": headers,
        "content": {MEDIA_TYPE: {"schema": {"allOf": [
            reference("ScimError"),
            {"properties": {"status": {"const": status.to_string()}}},
        ]}}},
    })
}

fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let list = |of: &str| {
        json!({
            "type": "object",
            "required": ["schemas", "totalResults", "startIndex", "itemsPerPage", "Resources"],
            "properties": {
                "schemas": {"type": "array", "items": text()},
                "totalResults": {"type": "integer"},
                "startIndex": {"type": "integer"},
                "itemsPerPage": {"type": "integer"},
                "Resources": {"type": "array", "items": reference(of)},
            },
        })
    };
    let supported = json!({
        "type": "object",
        "required": ["supported"],
        "properties": {"supported": {"type": "boolean"}},
    });
    vec![
        ("ScimUser", scim::member_schema()),
        ("NewScimUser", scim::new_member_schema()),
        ("ScimUserList", list("ScimUser")),
        ("ScimList", list("ScimResource")),
        (
            "ScimResource",
            json!({
                "type": "object",
                "required": ["schemas", "id", "name", "meta"],
                "properties": {
                    "schemas": {"type": "array", "items": text()},
                    "id": text(),
                    "name": text(),
                    "meta": {"type": "object"},
                },
            }),
        ),
        (
            "ScimConfig",
            json!({
                "type": "object",
                "required": [
                    "schemas", "patch", "bulk", "filter", "changePassword", "sort", "etag",
                    "authenticationSchemes",
                ],
                "properties": {
                    "schemas": {"type": "array", "items": text()},
                    "patch": supported,
                    "bulk": supported,
                    "filter": supported,
                    "changePassword": supported,
                    "sort": supported,
                    "etag": supported,
                    "authenticationSchemes": {"type": "array", "items": {"type": "object"}},
                },
            }),
        ),
        (
            "ScimSearch",
            json!({
                "type": "object",
                "properties": {
                    "schemas": {"type": "array", "items": {"const": scim::SEARCH_REQUEST}, "minItems": 1},
                    "filter": text(),
                    "sortBy": text(),
                    "sortOrder": {"type": "string", "enum": ["ascending", "descending"]},
                    "startIndex": {"type": "integer"},
                    "count": {"type": "integer"},
                    "attributes": {"type": "array", "items": text()},
                    "excludedAttributes": {"type": "array", "items": text()},
                },
            }),
        ),
        (
            "ScimPatch",
            json!({
                "type": "object",
                "required": ["schemas", "Operations"],
                "properties": {
                    "schemas": {"type": "array", "items": {"const": scim::PATCH_OP}, "minItems": 1},
                    "Operations": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["op"],
                            "properties": {
                                "op": {"type": "string", "enum": ["add", "remove", "replace"]},
                                "path": text(),
                                "value": {},
                            },
                        },
                    },
                },
            }),
        ),
        (
            "ScimError",
            json!({
                "type": "object",
                "required": ["schemas", "status", "detail"],
                "properties": {
                    "schemas": {"type": "array", "items": {"const": scim::ERROR}},
                    "status": text(),
                    "scimType": {"type": "string", "enum": scim::SCIM_TYPES},
                    "detail": text(),
                },
            }),
        ),
    ]
}
