//! Makes untrusted text fit for a banner or a menu.

/// One line without control characters and without marks that change the direction of what follows,
/// at most `most` characters.
pub(crate) fn line(text: &str, most: usize) -> String {
    bounded(&text.split_whitespace().collect::<Vec<_>>().join(" "), most)
}

/// The same with its line breaks kept.
pub(crate) fn lines(text: &str, most: usize) -> String {
    bounded(text.trim(), most)
}

fn bounded(text: &str, most: usize) -> String {
    let mut clean = text.chars().filter(|c| *c == '\n' || !(c.is_control() || turns(*c)));
    let mut kept: String = clean.by_ref().take(most).collect();
    if clean.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// Explicit directional embeddings, overrides, isolates and marks (UAX #9).
fn turns(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_a_bounded_line() {
        assert_eq!(line("Ana\r\n\u{202e}Lima\u{0}", 40), "Ana Lima");
        assert_eq!(line(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(lines("one\ntwo\u{2066}", 40), "one\ntwo");
        assert_eq!(line("exactly", 7), "exactly");
    }
}
