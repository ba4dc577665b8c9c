//! What an identity provider sends, read as the endpoints read it but with no database at hand. For
//! fuzzing: whatever comes is read or refused.

use serde_json::{Map, Value as Json, json};

use super::{
    USER,
    condition::condition,
    filter::parse,
    patch::apply,
    resource::{Told, canonical},
    schema::{COMMON, MEMBER},
};

/// A filter, up to the condition that the database gets.
pub fn filter(text: &str) {
    if let Ok(filter) = parse(text) {
        let _ = condition(&filter);
    }
}

/// The body that creates or replaces a member.
pub fn member(body: Map<String, Json>) {
    let _ = Told::read(&canonical(body, &[COMMON, MEMBER]));
}

/// The body of a PATCH.
pub fn patch(body: &Map<String, Json>) {
    let Json::Object(mut member) = json!({
        "schemas": [USER],
        "id": "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e",
        "userName": "ana@globex.example",
        "name": {"formatted": "Ana Lima", "givenName": "Ana", "familyName": "Lima"},
        "displayName": "Ana Lima",
        "emails": [{"value": "ana@globex.example", "type": "work", "primary": true}],
        "active": true,
        "roles": [{"value": "user", "primary": true}],
    }) else {
        return;
    };
    if apply(&mut member, body).is_ok() {
        let _ = Told::read(&member);
    }
}
