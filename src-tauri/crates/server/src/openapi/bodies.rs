//! What goes in and out, beside what the types say.

use serde_json::{Value, json};

use super::operations;
use crate::scopes::SCOPES;

pub(super) const JSON: &str = "application/json";
/// The other type under which a body is taken.
pub(super) const ENVELOPED: &str = "application/vnd.api+json";

pub(super) fn add(document: &mut Value) {
    closed_lists(&mut document["components"]["schemas"]);
    headers(&mut document["components"]["headers"]);
    let optional: Vec<String> = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, schema)| schema["type"] == "object" && schema.get("required").is_none())
        .map(|(name, _)| format!("#/components/schemas/{name}"))
        .collect();
    for (_, _, operation) in operations(document) {
        if let Some(body) = operation.get_mut("requestBody") {
            // Where nothing must be said, no body says it.
            let schema = body["content"][JSON]["schema"]["$ref"].as_str().unwrap_or_default();
            body["required"] = (!optional.iter().any(|name| name == schema)).into();
            envelope(body);
        }
        let summary = operation["summary"].clone();
        for (_, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            if answer.get("description").is_none() {
                answer["description"] = summary.clone();
            }
            let headers = &mut answer["headers"];
            headers["X-Request-Id"] = header("X-Request-Id");
            if headers.get("ETag").is_some() {
                headers["ETag"] = header("ETag");
            }
        }
    }
}

/// A header that every answer of a kind has.
pub(super) fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

fn headers(headers: &mut Value) {
    for (name, description) in [
        ("ETag", "The version, for `If-Match`"),
        ("Location", "Where it is"),
        ("Retry-After", "Seconds to wait"),
        ("WWW-Authenticate", "`Bearer`"),
        ("X-Request-Id", "Finds the request in the server's log"),
    ] {
        headers[name] = json!({
            "description": description,
            "required": true,
            "schema": {"type": "string"},
        });
    }
}

/// The attributes are taken alone, or as a resource has them, under either media type.
fn envelope(body: &mut Value) {
    let schema = body["content"][JSON]["schema"].clone();
    body["description"] = "The attributes; under either media type alone, or as \
                           `{\"data\": {\"attributes\": {...}}}`"
        .into();
    body["content"][ENVELOPED]["schema"] = json!({
        "type": "object",
        "required": ["data"],
        "properties": {"data": {
            "type": "object",
            "required": ["attributes"],
            "properties": {"attributes": schema},
        }},
    });
}

/// What the types cannot say of lists that are closed.
fn closed_lists(schemas: &mut Value) {
    // What a reader has for what is newer than itself is never sent.
    if let Some(words) = schemas["ResourceType"]["enum"].as_array_mut() {
        words.retain(|word| word != "unrecognized");
    }
    if let Some(kinds) = schemas["ChangedResource"]["oneOf"].as_array_mut() {
        kinds.retain(|kind| kind["$ref"] != "#/components/schemas/NewerResource");
    }
    if let Some(schemas) = schemas.as_object_mut() {
        schemas.remove("NewerResource");
    }
    for name in ["ApiKeyAttributes", "MeAttributes", "NewApiKey"] {
        schemas[name]["properties"]["scopes"]["items"]["enum"] = json!(SCOPES);
    }
}
