//! The committed API document is the one that the code gives.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use entente_server::openapi_document;
use entente_wire::ErrorCode;
use serde_json::Value;

#[test]
fn the_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let mut now = serde_json::to_string_pretty(openapi_document()).expect("JSON");
    now.push('\n');
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &now).expect("written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        now == committed,
        "the API changed: set UPDATE_OPENAPI=1, run this again, and read the diff"
    );
}

#[test]
fn every_operation_tells_its_refusals() {
    let document = openapi_document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            let answers = operation["responses"].as_object().expect("responses");
            assert!(operation["summary"].is_string(), "{id}");
            assert!(operation.get("x-refusals").is_none(), "{id}");
            let needs_key = operation["security"] != serde_json::json!([{}]);
            // A token that is sent in the body can be refused too.
            let told = needs_key || id == "createTokens";
            assert_eq!(answers.contains_key("401"), told, "{id}");
            assert_eq!(answers.contains_key("415"), operation["requestBody"].is_object(), "{id}");
            let codes: Vec<&str> = answers.values().flat_map(codes).collect();
            assert!(answers.values().all(|one| resolved(one)["description"].is_string()), "{id}");
            for code in &codes {
                assert!(ErrorCode::ALL.iter().any(|known| known.as_str() == *code), "{code}");
            }
            operations.push(format!("{id}: {} {path}: {}", method.to_uppercase(), codes.join(" ")));
        }
    }
    let ids: BTreeSet<&str> = operations.iter().filter_map(|id| id.split(':').next()).collect();
    assert_eq!(ids.len(), operations.len(), "every operation has an id of its own");
    operations.sort();
    insta::assert_snapshot!(operations.join("\n"));
}

/// What is referred to, if it is a reference.
fn resolved(value: &Value) -> &Value {
    let place = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.and_then(|place| openapi_document().pointer(place)).unwrap_or(value)
}

/// The codes of a refusal.
fn codes(answer: &Value) -> Vec<&str> {
    let place =
        "/content/application~1json/schema/allOf/1/properties/errors/items/properties/code/enum";
    let codes = resolved(answer).pointer(place).and_then(Value::as_array).into_iter().flatten();
    codes.filter_map(Value::as_str).collect()
}

#[test]
fn everything_that_is_referred_to_is_there() {
    fn look(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let place = reference.strip_prefix('#').expect("of this document");
                    assert!(document.pointer(place).is_some(), "{reference}");
                }
                if let Some(Value::String(id)) = members.get("operationId") {
                    let all = document["paths"].as_object().expect("paths").values();
                    let all = all.flat_map(|path| path.as_object().expect("methods").values());
                    assert_eq!(all.filter(|one| one["operationId"] == *id).count(), 1, "{id}");
                }
                members.values().for_each(|member| look(member, document));
            }
            Value::Array(items) => items.iter().for_each(|item| look(item, document)),
            _ => {}
        }
    }
    look(openapi_document(), openapi_document());
}
