//! Examples: what a test asked a server, and what it answered.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::operations;

/// Written by the system test `openapi`: per operation a request and its answer, and per code a
/// refusal. Ids, secrets and times are replaced by such that are the same each time.
static RECORDED: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("examples.json")).unwrap_or_default());

pub(super) fn add(document: &mut Value) {
    for (code, refusal) in RECORDED["refusals"].as_object().into_iter().flatten() {
        document["components"]["examples"][code] = json!({"value": refusal});
    }
    for (_, _, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap_or_default();
        let Some(recorded) = RECORDED["operations"].get(id) else { continue };
        if let Some(request) = recorded.get("request") {
            let content = &mut operation["requestBody"]["content"];
            for (media_type, content) in content.as_object_mut().into_iter().flatten() {
                content["example"] = if media_type == super::bodies::ENVELOPED {
                    json!({"data": {"attributes": request}})
                } else {
                    request.clone()
                };
            }
        }
        let status = recorded["status"].to_string();
        if let (Some(answer), Some(content)) =
            (recorded.get("answer"), operation["responses"][status].get_mut("content"))
        {
            for (media_type, content) in content.as_object_mut().into_iter().flatten() {
                if media_type.ends_with("json") {
                    content["example"] = answer.clone();
                }
            }
        }
    }
}
