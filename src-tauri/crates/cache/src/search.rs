//! Turns what a person types into a full-text query that finds it as a part of a text.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Sqlite};

/// The index has each part of a text that is this many characters long.
const TRIGRAM: usize = 3;

/// The words of a search, in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// The FTS5 query for texts that have all parts of the words; none if all words are shorter than a
/// part. Every part is a quoted string, so that nothing in it is an operator. The index does not know
/// where in a text a part is, so [`push_words`] looks through what is found.
pub(crate) fn fts_query(words: &[String]) -> Option<String> {
    let parts: BTreeSet<String> = words.iter().flat_map(|word| parts(word)).collect();
    let quoted: Vec<String> =
        parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// As few parts as cover a word.
fn parts(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().collect();
    let Some(last) = letters.len().checked_sub(TRIGRAM) else { return Vec::new() };
    let begins = (0..last).step_by(TRIGRAM).chain([last]);
    begins.map(|begin| letters[begin..begin + TRIGRAM].iter().collect()).collect()
}

/// Narrows a query to rows whose `search_key` has all the words.
pub(crate) fn push_words(select: &mut QueryBuilder<Sqlite>, words: &[String]) {
    for word in words {
        select.push(" AND instr(search_key, ").push_bind(word.clone()).push(") > 0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_covered_by_its_parts() {
        for (word, parts_of_it) in [
            ("", &[][..]),
            ("no", &[]),
            ("nor", &["nor"]),
            ("nort", &["nor", "ort"]),
            ("north", &["nor", "rth"]),
            ("northf", &["nor", "thf"]),
            ("caf\u{e9}s\"x", &["caf", "\u{e9}s\"", "s\"x"]),
        ] {
            assert_eq!(parts(word), parts_of_it, "{word}");
        }
        let query = fts_query(&words("Northf  caf\u{e9}s\"x NOR"));
        let wanted = "\"caf\" AND \"nor\" AND \"s\"\"x\" AND \"thf\" AND \"\u{e9}s\"\"\"";
        assert_eq!(query.as_deref(), Some(wanted));
        assert_eq!(fts_query(&words("ab  c")), None);
    }
}
