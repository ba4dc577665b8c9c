//! Opaque cursors: from where a list goes on.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub(crate) fn encode(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// The text in a cursor; none if it was not made here.
pub(crate) fn decode(cursor: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    // PostgreSQL knows no such text.
    (!text.contains('\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_taken() {
        assert_eq!(decode(&encode("0198 Fjörd")).as_deref(), Some("0198 Fjörd"));
        for other in ["?", "a", "_w", &encode("a\0b")] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
