use std::{fmt, str::FromStr};

use crate::Text;

/// The languages that the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// Its tag: `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The first language of a system's list, such as `de-AT`, that the program speaks; English where
    /// there is none.
    #[must_use]
    pub fn of_system<S: AsRef<str>>(tags: impl IntoIterator<Item = S>) -> Self {
        let base = |tag: S| {
            let base = tag.as_ref().split(['-', '_', '.']).next()?.to_ascii_lowercase();
            base.parse().ok()
        };
        tags.into_iter().find_map(base).unwrap_or_default()
    }

    /// A text in this language.
    #[must_use]
    pub fn say(self, text: &Text<'_>) -> String {
        match self {
            Self::English => crate::texts::english(text),
            Self::German => crate::texts::german(text),
        }
    }

    /// A refusal in this language: by its code, with the fact that it names, or as the sentence that
    /// came where there is nothing better. That sentence is English, and says more than a code can.
    #[must_use]
    pub fn refusal(self, code: &str, fact: Option<&str>, sentence: &str) -> String {
        let said = match self {
            Self::English => None,
            Self::German => crate::texts::german_refusal(code, fact),
        };
        said.unwrap_or_else(|| sentence.to_owned())
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(tag: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|language| language.tag() == tag).ok_or(())
    }
}
