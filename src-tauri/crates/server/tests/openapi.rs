//! The committed API document is the one that the code gives.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

#[test]
fn the_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let mut now = serde_json::to_string_pretty(&entente_server::openapi_document()).expect("JSON");
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
    let document = serde_json::to_value(entente_server::openapi_document()).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let id = operation["operationId"].as_str().expect("an id").to_owned();
            operations.push(format!("{id}: {} {path}", method.to_uppercase()));
            let answers = operation["responses"].as_object().expect("responses");
            assert!(answers.contains_key("401"), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            for status in ["413", "415"] {
                assert_eq!(answers.contains_key(status), method != "get", "{method} {path}");
            }
        }
    }
    let ids: BTreeSet<&str> = operations.iter().filter_map(|id| id.split(':').next()).collect();
    assert_eq!(ids.len(), operations.len(), "every operation has an id of its own");
    operations.sort();
    insta::assert_snapshot!(operations.join("\n"));
}
