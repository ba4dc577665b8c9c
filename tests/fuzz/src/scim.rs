use entente_server::{scim_filter, scim_inputs};

/// A filter, and the path of a PATCH operation: refused, or printed so that it reads the same; and
/// made into a condition for the database.
pub fn filters(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(filter) = scim_filter::parse(text) {
        assert!(text.len() <= scim_filter::MOST_BYTES, "a long filter was taken");
        let printed = filter.to_string();
        // Escapes can make the printed form too long to be read again.
        if printed.len() <= scim_filter::MOST_BYTES {
            assert_eq!(scim_filter::parse(&printed), Ok(filter), "{printed}");
        }
    }
    if let Ok(path) = scim_filter::parse_path(text) {
        let printed = path.to_string();
        if printed.len() <= scim_filter::MOST_BYTES {
            assert_eq!(scim_filter::parse_path(&printed), Ok(path), "{printed}");
        }
    }
    scim_inputs::filter(text);
}

/// A member as an identity provider tells of them, and what a PATCH does to one.
pub fn bodies(data: &[u8]) {
    let Ok(serde_json::Value::Object(body)) = serde_json::from_slice(data) else { return };
    scim_inputs::member(body.clone());
    scim_inputs::patch(&body);
}
