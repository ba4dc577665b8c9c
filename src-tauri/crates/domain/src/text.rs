use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// Why a text from a person is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// More characters (Unicode scalar values) than fit.
    #[error("it has {length} characters, {limit} at most")]
    TooLong {
        /// How many it has.
        length: usize,
        /// How many fit.
        limit: usize,
    },
    /// A control character other than a line break or tab.
    #[error("it holds the control character U+{0:04X}")]
    ControlCharacter(u32),
    /// Not a mail address.
    #[error("it is not a mail address such as ana@example.com")]
    NotAnAddress,
}

/// Trims, folds CR LF and CR into LF, and bounds; what is left is stored as it is and never
/// interpreted.
fn plain(text: &str, limit: usize, lines: bool) -> Result<String, TextError> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if let Some(c) = text.chars().find(|c| c.is_control() && !(lines && matches!(c, '\n' | '\t'))) {
        return Err(TextError::ControlCharacter(u32::from(c)));
    }
    let length = text.chars().count();
    if length > limit {
        return Err(TextError::TooLong { length, limit });
    }
    Ok(text.to_owned())
}

macro_rules! text {
    ($(#[$doc:meta] $name:ident ($limit:literal, lines: $lines:literal)),+ $(,)?) => {$(
        #[$doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The most characters (Unicode scalar values) it can have.
            pub const LIMIT: usize = $limit;

            /// Trims and checks what a person wrote.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                plain(text, Self::LIMIT, $lines).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        // What a person wrote stays out of logs.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} characters)"), self.0.chars().count())
            }
        }
    )+};
}

text! {
    /// Why a host user asks for a partnership: 1 to 2,000 characters, told to the host side only.
    Reason(2_000, lines: true),
    /// What somebody adds to a decision: 1 to 500 characters.
    Note(500, lines: true),
    /// The name of a workspace: 1 to 200 characters on one line.
    WorkspaceName(200, lines: false),
    /// The name of a person: 1 to 200 characters on one line.
    PersonName(200, lines: false),
    /// What somebody adds to an access request: 1 to 500 characters.
    Message(500, lines: true),
    /// The name of an app: 1 to 100 characters on one line.
    ApplicationName(100, lines: false),
    /// What its owner calls an API key: 1 to 100 characters on one line.
    KeyName(100, lines: false),
    /// What tells an account from others of the same app: 1 to 200 characters on one line.
    AccountLabel(200, lines: false),
    /// What an operator calls an identity provider's token: 1 to 100 characters on one line.
    TokenName(100, lines: false),
    /// What an identity provider calls a member: 1 to 255 characters on one line.
    ExternalId(255, lines: false),
    /// What tells a mail address from others of the same person: 1 to 100 characters on one line.
    AddressLabel(100, lines: false),
}

/// A mail address as RFC 5321 allows it without quoting: at most 254 octets, the domain in lower
/// case. The local part keeps its case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Trims and checks what a person wrote.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(TextError::NotAnAddress)?;
        if text.len() > 254 || !is_local_part(local) || !is_domain(domain) {
            return Err(TextError::NotAnAddress);
        }
        Ok(Self(format!("{local}@{}", domain.to_lowercase())))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands after the at sign, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

fn is_local_part(local: &str) -> bool {
    let atom = |c: char| {
        c.is_ascii_alphanumeric()
            || "!#$%&'*+/=?^_`{|}~-".contains(c)
            || (!c.is_ascii() && !c.is_control() && !c.is_whitespace())
    };
    local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
}

fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    domain.contains('.') && domain.split('.').all(label)
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

// An address is personal: it stays out of logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_told_from_what_only_looks_like_one() {
        for good in ["a@b.co", "Ana.Lima+x@Agency.Example", "josé@exämple.com", "o'neil@x-y.io"] {
            EmailAddress::parse(good).expect(good);
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "a",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@b..co",
            ".a@b.co",
            "a.@b.co",
            "a@-b.co",
            "a@b.co\n",
            "a@b.c,o",
            "a\u{0}@b.co",
            "<a@b.co>",
            &long,
        ] {
            let parsed = EmailAddress::parse(bad);
            assert!(parsed.is_err() || bad.ends_with('\n'), "{bad:?}");
        }
        assert_eq!(EmailAddress::parse(" ").err(), Some(TextError::Empty));
        assert_eq!(
            EmailAddress::parse("Ana@EXAMPLE.com").expect("an address").as_str(),
            "Ana@example.com"
        );
    }

    #[test]
    fn a_reason_keeps_its_lines_and_loses_its_edges() {
        let reason = Reason::parse("  one\r\ntwo\u{202e}<b>\n").expect("a reason");
        assert_eq!(reason.as_str(), "one\ntwo\u{202e}<b>");
        assert_eq!(Reason::parse("a\u{0}b").err(), Some(TextError::ControlCharacter(0)));
        assert_eq!(Reason::parse("\n\t ").err(), Some(TextError::Empty));
        assert!(Reason::parse(&"é".repeat(2_000)).is_ok());
        assert_eq!(
            Reason::parse(&"é".repeat(2_001)).err(),
            Some(TextError::TooLong { length: 2_001, limit: 2_000 })
        );
        assert!(PersonName::parse("a\nb").is_err());
    }

    #[test]
    fn debug_output_holds_no_text() {
        let reason = Reason::parse("secret plan").expect("a reason");
        let address = EmailAddress::parse("ana@example.com").expect("an address");
        assert!(!format!("{reason:?}{address:?}").contains("secret"));
        assert!(!format!("{address:?}").contains("ana"));
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent_and_never_panics(text in any::<String>()) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
            if let Ok(reason) = Reason::parse(&text) {
                prop_assert_eq!(Reason::parse(reason.as_str()), Ok(reason));
            }
        }
    }
}
