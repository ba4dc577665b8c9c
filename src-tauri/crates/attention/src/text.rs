//! Makes untrusted text fit for a banner or a menu.

/// One line without anything that does not show or changes the direction of what follows, at most
/// `most` characters. What is written from right to left keeps to its place in the sentence.
pub(crate) fn line(text: &str, most: usize) -> String {
    let line = bounded(&text.split_whitespace().collect::<Vec<_>>().join(" "), most);
    if line.chars().any(right_to_left) { format!("\u{2068}{line}\u{2069}") } else { line }
}

/// The same with its line breaks kept, at most four lines.
pub(crate) fn lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let (first, rest) = lines.split_at(lines.len().min(3));
    let mut kept = first.join("\n");
    if !rest.is_empty() {
        kept.push('\n');
        kept.push_str(&rest.join(" "));
    }
    bounded(&kept, most)
}

fn bounded(text: &str, most: usize) -> String {
    let mut clean = text.chars().filter(|c| *c == '\n' || !(c.is_control() || unseen(*c)));
    let mut kept: String = clean.by_ref().take(most).collect();
    if clean.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// What does not show: explicit directional embeddings, overrides, isolates and marks (UAX #9), line
/// and paragraph separators, spaces of no width, tags.
fn unseen(c: char) -> bool {
    matches!(
        c,
        '\u{00ad}'
            | '\u{061c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The scripts that are written from right to left.
fn right_to_left(c: char) -> bool {
    matches!(
        c,
        '\u{0590}'..='\u{08ff}'
            | '\u{fb1d}'..='\u{fdff}'
            | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{10fff}'
            | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_a_bounded_line() {
        assert_eq!(line("Ana\r\n\u{202e}Lima\u{0}", 40), "Ana Lima");
        assert_eq!(line("A\u{200b}n\u{e0041}a\u{2029}", 40), "Ana");
        assert_eq!(line(&"x".repeat(50), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(line("exactly", 7), "exactly");
    }

    #[test]
    fn what_is_written_from_right_to_left_is_set_apart() {
        assert_eq!(line("سلمى", 40), "\u{2068}سلمى\u{2069}");
        assert_eq!(line("Łódź", 40), "Łódź");
    }

    #[test]
    fn a_long_text_is_four_lines_at_the_most() {
        assert_eq!(lines("one\ntwo\u{2066}", 40), "one\ntwo");
        assert_eq!(lines("1\n\n\n2\r\n3\n4\n5\n6", 40), "1\n2\n3\n4 5 6");
        assert_eq!(lines("abc\ndef", 5), "abc\n…");
    }
}
