//! What each operation can be refused with: what follows from what it takes, and its own.

use std::collections::BTreeMap;

use entente_wire::ErrorCode::{self, *};
use serde_json::{Map, Value, json};

use super::{
    bodies::{JSON, header},
    has_parameter, operations,
};

/// Where an operation tells the codes that it alone refuses with.
const OWN: &str = "x-refusals";

/// What everything can come to.
const ALWAYS: &[ErrorCode] = &[Internal, Unavailable];
/// What whoever asks can come to.
const OF_CALLERS: &[ErrorCode] =
    &[MissingCredentials, InvalidCredentials, ExpiredCredentials, UserDisabled, RateLimited];
/// What a write can come to, of which the whole body is read.
const OF_WRITES: &[ErrorCode] = &[MalformedBody, PayloadTooLarge];
/// What a write that can be repeated can come to.
const OF_REPEATS: &[ErrorCode] = &[InvalidParameter, RequestInProgress, IdempotencyKeyReused];

pub(super) fn add(document: &mut Value) {
    let mut shared = Map::new();
    for (path, method, operation) in operations(document) {
        let mut by_status: BTreeMap<u16, Vec<ErrorCode>> = BTreeMap::new();
        for code in codes(path, method, operation) {
            let codes = by_status.entry(code.status()).or_default();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        for (status, mut codes) in by_status {
            codes.sort_by_key(|code| code.as_str());
            let told = &mut operation["responses"][status.to_string()];
            // Beside what is told already, or as others that refuse alike.
            if let Some(content) = told.get_mut("content") {
                content[JSON] = refusal(status, &codes)["content"][JSON].clone();
                continue;
            }
            let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
            let name = format!("{status}.{}", words.join("."));
            *told = json!({"$ref": format!("#/components/responses/{name}")});
            shared.entry(name).or_insert_with(|| refusal(status, &codes));
        }
    }
    document["components"]["responses"] = shared.into();
}

fn codes(path: &str, method: &str, operation: &mut Value) -> Vec<ErrorCode> {
    let own = operation.as_object_mut().and_then(|operation| operation.remove(OWN));
    let mut codes: Vec<ErrorCode> =
        own.and_then(|own| serde_json::from_value(own).ok()).unwrap_or_default();
    codes.extend(ALWAYS);
    let needed = operation["security"].as_array().cloned().unwrap_or_default();
    if let Some(scopes) = needed.iter().find_map(|one| one["apiKey"].as_array()) {
        codes.extend(OF_CALLERS);
        codes.extend((!scopes.is_empty()).then_some(InsufficientScope));
    }
    if path.contains('{') {
        codes.push(NotFound);
    }
    if method != "get" {
        codes.extend(OF_WRITES);
    }
    if operation["requestBody"].is_object() {
        codes.push(UnsupportedMediaType);
    }
    // What watches the server adds what it likes to its questions.
    if path.starts_with("/api/") {
        codes.push(UnknownParameter);
    }
    if has_parameter(operation, |one| one["in"] == "query") {
        codes.push(InvalidParameter);
    }
    if has_parameter(operation, |one| one["name"] == "Idempotency-Key") {
        codes.extend(OF_REPEATS);
    }
    if has_parameter(operation, |one| one["name"] == "If-Match") {
        codes.push(StaleVersion);
    }
    if has_parameter(operation, |one| one["name"] == "If-Match" && one["required"] == true) {
        codes.push(VersionRequired);
    }
    codes
}

/// The answer with a status, of which the codes are known.
fn refusal(status: u16, codes: &[ErrorCode]) -> Value {
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let told: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}", code.as_str(), code.title())).collect();
    let mut headers = json!({"X-Request-Id": header("X-Request-Id")});
    match status {
        401 => headers["WWW-Authenticate"] = header("WWW-Authenticate"),
        429 | 503 => headers["Retry-After"] = header("Retry-After"),
        _ => {}
    }
    let examples: Map<String, Value> = words
        .iter()
        .map(|word| {
            let reference = format!("#/components/examples/{word}");
            ((*word).to_owned(), json!({"$ref": reference}))
        })
        .collect();
    json!({
        "description": told.join(". "),
        "headers": headers,
        "content": {JSON: {
            "schema": {"allOf": [
                {"$ref": "#/components/schemas/ErrorDocument"},
                {"properties": {"errors": {"items": {"properties": {
                    "code": {"enum": words},
                    "status": {"const": status},
                }}}}},
            ]},
            "examples": examples,
        }},
    })
}
