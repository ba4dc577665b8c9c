use entente_store::Mail;

/// A text in which people's own words stand: each keeps its direction to itself, and what looks like
/// markup in it is text.
#[derive(Debug, Clone, Default)]
pub(super) struct Words(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Ours(String),
    Theirs(String),
}

/// A sentence of ours with people's words where `{}` stands.
pub(super) fn say(sentence: &str, theirs: &[&str]) -> Words {
    let mut theirs = theirs.iter();
    let mut pieces = Vec::new();
    for (at, ours) in sentence.split("{}").enumerate() {
        if at > 0 {
            let word = theirs.next().copied().unwrap_or_default();
            pieces.push(Piece::Theirs(calm(word)));
        }
        pieces.push(Piece::Ours(ours.to_owned()));
    }
    debug_assert!(theirs.next().is_none(), "{sentence:?} has no place for all of them");
    Words(pieces)
}

/// One line, without the characters that would turn what stands around it.
fn calm(word: &str) -> String {
    let turns = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let calm = word.chars().filter(|c| !turns(c));
    calm.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Whether a text reads from right to left in part: Hebrew, Arabic and their kin.
fn is_right_to_left(text: &str) -> bool {
    text.chars().any(|c| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    })
}

/// In plain text, first-strong isolates (Unicode Standard Annex 9) do what `bdi` does in HTML.
fn isolated(word: &str) -> String {
    if is_right_to_left(word) { format!("\u{2068}{word}\u{2069}") } else { word.to_owned() }
}

/// The most characters of a person's words in a subject.
const IN_SUBJECT: usize = 60;

impl Words {
    fn text(&self) -> String {
        let text = self.0.iter().map(|piece| match piece {
            Piece::Ours(ours) => ours.clone(),
            Piece::Theirs(theirs) => isolated(theirs),
        });
        text.collect()
    }

    fn html(&self) -> String {
        let html = self.0.iter().map(|piece| match piece {
            Piece::Ours(ours) => escape(ours),
            Piece::Theirs(theirs) => format!("<bdi>{}</bdi>", escape(theirs)),
        });
        html.collect()
    }

    fn subject(&self) -> String {
        let short = |word: &str| match word.char_indices().nth(IN_SUBJECT) {
            Some((end, _)) => format!("{}…", word.get(..end).unwrap_or(word).trim_end()),
            None => word.to_owned(),
        };
        let text = self.0.iter().map(|piece| match piece {
            Piece::Ours(ours) => ours.clone(),
            Piece::Theirs(theirs) => isolated(&short(theirs)),
        });
        text.collect()
    }
}

/// A mail before it is text and HTML.
#[derive(Debug, Clone, Default)]
pub(super) struct Letter {
    subject: Words,
    blocks: Vec<Block>,
    link: Option<String>,
}

#[derive(Debug, Clone)]
enum Block {
    Paragraph(Words),
    Quote(&'static str, String),
    List(Vec<(Words, Option<String>)>),
}

/// How many lines a list shows.
const LINES: usize = 100;

impl Letter {
    pub(super) fn about(subject: Words) -> Self {
        Self { subject, ..Self::default() }
    }

    pub(super) fn paragraph(mut self, words: Words) -> Self {
        self.blocks.push(Block::Paragraph(words));
        self
    }

    /// What somebody wrote, line by line, under a heading; nothing if they wrote nothing.
    pub(super) fn quote(mut self, heading: &'static str, text: Option<&str>) -> Self {
        self.blocks.extend(text.map(|text| Block::Quote(heading, text.to_owned())));
        self
    }

    /// Things in a list, each with the link that opens it, if the reader can.
    pub(super) fn list(
        mut self,
        things: impl IntoIterator<Item = (Words, Option<String>)>,
    ) -> Self {
        let mut things: Vec<_> = things.into_iter().collect();
        let more = things.len().saturating_sub(LINES);
        if more > 0 {
            things.truncate(LINES);
            things.push((say(&format!("and {more} more"), &[]), None));
        }
        self.blocks.push(Block::List(things));
        self
    }

    /// The link that opens what it is about in the desktop client.
    pub(super) fn link(mut self, link: impl Into<Option<String>>) -> Self {
        self.link = link.into();
        self
    }

    pub(super) fn to(&self, recipient: String) -> Mail {
        Mail {
            recipient,
            subject: self.subject.subject(),
            text_body: self.text(),
            html_body: self.html(),
        }
    }

    fn text(&self) -> String {
        let mut parts: Vec<String> = self.blocks.iter().map(Block::text).collect();
        parts.extend(self.link.as_ref().map(|link| format!("Open it in Entente: {link}")));
        parts.join("\n\n") + "\n"
    }

    fn html(&self) -> String {
        let body: String = self.blocks.iter().map(Block::html).collect();
        let link = self.link.as_ref().map_or_else(String::new, |link| {
            format!("<p><a href=\"{}\">Open it in Entente</a></p>\n", escape(link))
        });
        format!(
            "<!doctype html>\n<html lang=\"en\" dir=\"ltr\">\n<head><meta charset=\"utf-8\"></head>\n\
             <body>\n{body}{link}</body>\n</html>\n"
        )
    }
}

impl Block {
    fn text(&self) -> String {
        match self {
            Self::Paragraph(words) => words.text(),
            Self::Quote(heading, text) => {
                let quoted: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
                format!("{heading}\n{}", quoted.join("\n"))
            }
            Self::List(things) => {
                let lines = things.iter().map(|(words, link)| match link {
                    Some(link) => format!("- {}\n  {link}", words.text()),
                    None => format!("- {}", words.text()),
                });
                lines.collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn html(&self) -> String {
        match self {
            Self::Paragraph(words) => format!("<p>{}</p>\n", words.html()),
            Self::Quote(heading, text) => format!(
                "<p>{}</p>\n<blockquote dir=\"auto\">{}</blockquote>\n",
                escape(heading),
                escape(text).replace('\n', "<br>\n")
            ),
            Self::List(things) => {
                let lines: String = things
                    .iter()
                    .map(|(words, link)| match link {
                        Some(link) => {
                            format!(
                                "<li>{} (<a href=\"{}\">open</a>)</li>\n",
                                words.html(),
                                escape(link)
                            )
                        }
                        None => format!("<li>{}</li>\n", words.html()),
                    })
                    .collect();
                format!("<ul>\n{lines}</ul>\n")
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(name: &str) -> Mail {
        let letter = Letter::about(say("{} asks", &[name]))
            .paragraph(say("{} asks you", &[name]))
            .quote("Reason:", Some(name));
        letter.to("pat@initech.example".into())
    }

    #[test]
    fn a_name_can_neither_break_a_line_nor_become_markup() {
        let mail = mail("Globex\r\nBcc: all@example.com <b>\"x\"</b> & 'y'");
        assert_eq!(mail.subject, "Globex  Bcc: all@example.com <b>\"x\"</b> & 'y' asks");
        assert!(mail.html_body.contains("&lt;b&gt;&quot;x&quot;&lt;/b&gt; &amp; &#39;y&#39;"));
        assert!(!mail.html_body.contains("<b>"));
    }

    #[test]
    fn a_name_from_right_to_left_turns_nothing_around_it() {
        let mail = mail("\u{202e}שלום\u{202c}");
        assert_eq!(mail.subject, "\u{2068}שלום\u{2069} asks");
        assert!(mail.text_body.starts_with("\u{2068}שלום\u{2069} asks you"));
        assert!(mail.html_body.contains("<p><bdi>שלום</bdi> asks you</p>"));
        assert!(mail.html_body.contains("<blockquote dir=\"auto\">"));
        // What nothing turns is left alone.
        assert_eq!(isolated("Fjord Ståle"), "Fjord Ståle");
    }

    #[test]
    fn a_long_name_is_cut_in_the_subject_only() {
        let long = "é".repeat(200);
        let mail = mail(&long);
        assert_eq!(mail.subject, format!("{}… asks", "é".repeat(60)));
        assert!(mail.text_body.contains(&long));
    }

    #[test]
    fn what_somebody_wrote_is_quoted_on_every_line() {
        let letter = Letter::about(say("x", &[])).quote("Note:", Some("one\n\nOpen it: x:y"));
        assert_eq!(letter.text(), "Note:\n> one\n> \n> Open it: x:y\n");
    }

    #[test]
    fn a_long_list_says_how_much_more_there_is() {
        let things = (0..103).map(|n| (say(&n.to_string(), &[]), None));
        let text = Letter::about(say("x", &[])).list(things).text();
        assert!(text.ends_with("- 99\n- and 3 more\n"), "{text}");
    }
}
