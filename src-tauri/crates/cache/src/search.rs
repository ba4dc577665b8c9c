//! Turns what a person types into a full-text query that finds it as a part of a text.

/// A trigram index finds parts of three characters or more; shorter ones are looked for directly.
const TRIGRAM: usize = 3;

/// The words of a search, in lower case.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.to_lowercase().split_whitespace().map(str::to_owned).collect()
}

/// The FTS5 query that all the words long enough must match; none if there is no such word. Every
/// word is a quoted string, so that nothing in it is an operator.
pub(crate) fn fts_query(words: &[String]) -> Option<String> {
    let quoted: Vec<String> = words
        .iter()
        .filter(|word| word.chars().count() >= TRIGRAM)
        .map(|word| format!("\"{}\"", word.replace('"', "\"\"")))
        .collect();
    (!quoted.is_empty()).then(|| quoted.join(" AND "))
}

/// The words that are too short for the index.
pub(crate) fn short_words(words: &[String]) -> impl Iterator<Item = &String> {
    words.iter().filter(|word| word.chars().count() < TRIGRAM)
}
