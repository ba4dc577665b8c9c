//! Who may ask: the security schemes, and the scopes that each operation needs.

use serde_json::{Value, json};

use super::operations;
use crate::scopes::SCOPES;

/// Every operation that takes a key takes a token of a session with the same scopes alike.
pub(super) fn add(document: &mut Value) {
    let scopes = SCOPES.join("`, `");
    document["components"]["securitySchemes"] = json!({
        "apiKey": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": format!(
                "A key of one user. It acts with that user's role and with the scopes that it was \
                 given, some of `{scopes}`. Each operation names the one that it needs."
            ),
        },
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description":
                "The same key, or the access token of a session, which has every scope.",
        },
        "scim": {
            "type": "http",
            "scheme": "bearer",
            "description":
                "The token of an identity provider: `entente-server scim create-token` makes one.",
        },
    });
    for (_, _, operation) in operations(document) {
        let Some(needed) = operation.get_mut("security").and_then(Value::as_array_mut) else {
            continue;
        };
        if let Some(scopes) = needed.iter().find_map(|one| one.get("apiKey")).cloned() {
            needed.push(json!({"bearer": scopes}));
        }
    }
}
