//! The language of filters and of PATCH paths (RFC 7644, sections 3.4.2.2 and 3.5.2): text in, a tree
//! of bounded size out. What attributes there are is not known here.

use std::fmt;

use serde_json::Number;
use thiserror::Error;

/// The most bytes that a filter or a path has.
pub const MOST_BYTES: usize = 8_192;

/// The most comparisons that a filter has: databases bound how much one statement can hold.
pub const MOST_TESTS: usize = 200;

/// How deep parentheses and brackets can be nested.
pub const MOST_DEPTH: usize = 20;

/// A filter. A list of parts has at least two, and none of the same kind as the list.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// `title pr`: there is a value.
    Present(AttributePath),
    /// `userName eq "ana@example.com"`: the value stands so to another one.
    Compare(AttributePath, Operator, Value),
    /// `emails[type eq "work"]`: there is an element for which the filter holds.
    Values(AttributePath, Box<Self>),
    /// `not (...)`: it does not hold.
    Not(Box<Self>),
    /// `... and ...`: all hold.
    And(Vec<Self>),
    /// `... or ...`: at least one holds.
    Or(Vec<Self>),
}

/// The name of an attribute: `name.familyName`, perhaps after the URN of its schema and a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// The schema's URN.
    pub schema: Option<String>,
    /// The attribute.
    pub name: String,
    /// The attribute in it.
    pub sub: Option<String>,
}

/// How a value stands to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Is it.
    Eq,
    /// Is not it.
    Ne,
    /// Contains it.
    Co,
    /// Starts with it.
    Sw,
    /// Ends with it.
    Ew,
    /// Is greater.
    Gt,
    /// Is greater, or it.
    Ge,
    /// Is less.
    Lt,
    /// Is less, or it.
    Le,
}

impl Operator {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Eq, Self::Ne, Self::Co, Self::Sw, Self::Ew, Self::Gt, Self::Ge, Self::Lt, Self::Le];

    /// The word in filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A boolean.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text, without NUL.
    Text(String),
}

/// What a PATCH operation changes: `emails[type eq "work"].value`.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// The attribute.
    pub path: AttributePath,
    /// Which of its elements.
    pub filter: Option<Filter>,
}

/// Why a text is no filter or path; reads on from "The filter".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FilterError {
    /// There is too much of it.
    #[error(
        "is too large: {MOST_BYTES} bytes, {MOST_TESTS} comparisons and {MOST_DEPTH} levels at most"
    )]
    TooLarge,
    /// It does not follow the grammar.
    #[error("cannot be read at character {at}: {expected} is expected there")]
    Unexpected {
        /// Where, counted from 1.
        at: usize,
        /// What should be there.
        expected: &'static str,
    },
}

/// Reads a filter.
pub fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut reader = Reader::new(text)?;
    let filter = reader.filter()?;
    reader.end("the end, \"and\" or \"or\"")?;
    Ok(filter)
}

/// Reads the path of a PATCH operation.
pub fn parse_path(text: &str) -> Result<PatchPath, FilterError> {
    let mut reader = Reader::new(text)?;
    reader.space();
    let mut path = reader.attribute()?;
    let mut filter = None;
    if path.sub.is_none() && reader.next_is('[') {
        filter = Some(reader.nested('[', ']', true)?);
        if reader.skip('.') {
            let from = reader.at;
            let sub = Some(reader.word()).filter(|sub| is_name(sub));
            let sub = sub.ok_or_else(|| reader.expected(from, "the name of an attribute"))?;
            path.sub = Some(sub.to_owned());
        }
    }
    reader.end("the end of the path")?;
    Ok(PatchPath { path, filter })
}

struct Reader<'a> {
    text: &'a str,
    /// The byte that is read next.
    at: usize,
    depth: usize,
    tests: usize,
    /// Whether it is between brackets, which are not nested.
    in_values: bool,
}

type Read<T> = Result<T, FilterError>;

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Read<Self> {
        if text.len() > MOST_BYTES {
            return Err(FilterError::TooLarge);
        }
        Ok(Self { text, at: 0, depth: 0, tests: 0, in_values: false })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, at: usize, expected: &'static str) -> FilterError {
        let before = self.text.get(..at).unwrap_or(self.text);
        FilterError::Unexpected { at: before.chars().count() + 1, expected }
    }

    fn next_is(&self, wanted: char) -> bool {
        self.rest().starts_with(wanted)
    }

    fn skip(&mut self, wanted: char) -> bool {
        let is_next = self.next_is(wanted);
        if is_next {
            self.at += wanted.len_utf8();
        }
        is_next
    }

    /// Takes the characters that belong to something.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes white space; gives whether there was some.
    fn space(&mut self) -> bool {
        !self.take(|c| c.is_ascii_whitespace()).is_empty()
    }

    fn word(&mut self) -> &'a str {
        self.take(|c| c.is_ascii_alphanumeric() || "_-.:$".contains(c))
    }

    fn end(&mut self, expected: &'static str) -> Read<()> {
        self.space();
        if self.rest().is_empty() { Ok(()) } else { Err(self.expected(self.at, expected)) }
    }

    fn filter(&mut self) -> Read<Filter> {
        let mut parts = vec![self.conjunction()?];
        while self.joined_by("or") {
            parts.push(self.conjunction()?);
        }
        Ok(join(parts, Filter::Or, |part| match part {
            Filter::Or(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    fn conjunction(&mut self) -> Read<Filter> {
        let mut parts = vec![self.part()?];
        while self.joined_by("and") {
            parts.push(self.part()?);
        }
        Ok(join(parts, Filter::And, |part| match part {
            Filter::And(parts) => Ok(parts),
            other => Err(other),
        }))
    }

    /// Takes a word that joins two parts, if it is next.
    fn joined_by(&mut self, joint: &str) -> bool {
        let before = self.at;
        self.space();
        if self.word().eq_ignore_ascii_case(joint) {
            return true;
        }
        self.at = before;
        false
    }

    fn part(&mut self) -> Read<Filter> {
        self.space();
        if self.next_is('(') {
            return self.nested('(', ')', self.in_values);
        }
        let before = self.at;
        if self.word().eq_ignore_ascii_case("not") {
            self.space();
            if self.next_is('(') {
                return Ok(Filter::Not(Box::new(self.nested('(', ')', self.in_values)?)));
            }
        }
        self.at = before;
        let path = self.attribute()?;
        if !self.in_values && path.sub.is_none() && self.next_is('[') {
            return Ok(Filter::Values(path, Box::new(self.nested('[', ']', true)?)));
        }
        self.test(path)
    }

    /// What stands between two characters.
    fn nested(&mut self, open: char, close: char, in_values: bool) -> Read<Filter> {
        self.skip(open);
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(FilterError::TooLarge);
        }
        let outside = std::mem::replace(&mut self.in_values, in_values);
        let inner = self.filter()?;
        self.in_values = outside;
        self.depth -= 1;
        self.space();
        if self.skip(close) {
            return Ok(inner);
        }
        let expected =
            if close == ')' { "\")\", \"and\" or \"or\"" } else { "\"]\", \"and\" or \"or\"" };
        Err(self.expected(self.at, expected))
    }

    fn attribute(&mut self) -> Read<AttributePath> {
        let from = self.at;
        let word = self.word();
        let (schema, rest) = match word.rsplit_once(':') {
            Some((schema, rest)) => (Some(schema), rest),
            None => (None, word),
        };
        let (name, sub) = match rest.split_once('.') {
            Some((name, sub)) => (name, Some(sub)),
            None => (rest, None),
        };
        let names = is_name(name) && sub.is_none_or(is_name);
        if !names || schema.is_some_and(str::is_empty) {
            return Err(self.expected(from, "the name of an attribute"));
        }
        Ok(AttributePath {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            sub: sub.map(str::to_owned),
        })
    }

    fn test(&mut self, path: AttributePath) -> Read<Filter> {
        self.tests += 1;
        if self.tests > MOST_TESTS {
            return Err(FilterError::TooLarge);
        }
        let spaced = self.space();
        let from = self.at;
        let word = self.word();
        if spaced && word.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(path));
        }
        let found = Operator::ALL.iter().find(|known| word.eq_ignore_ascii_case(known.as_str()));
        let Some(operator) = found.filter(|_| spaced) else {
            return Err(self.expected(from, "pr, eq, ne, co, sw, ew, gt, ge, lt or le"));
        };
        if !self.space() {
            return Err(self.expected(self.at, "a space and a value"));
        }
        Ok(Filter::Compare(path, *operator, self.value()?))
    }

    fn value(&mut self) -> Read<Value> {
        const EXPECTED: &str = "a text in double quotes, a number, true, false or null";
        let from = self.at;
        if self.next_is('"') {
            let literal = self.literal();
            let text = serde_json::from_str::<String>(literal).ok();
            // No text that is kept holds NUL, and PostgreSQL takes none that does.
            let text = text.filter(|text| !text.contains('\0'));
            return text.map(Value::Text).ok_or_else(|| self.expected(from, EXPECTED));
        }
        let word = self.take(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let value = match word.to_ascii_lowercase().as_str() {
            "null" => Some(Value::Null),
            "true" => Some(Value::Flag(true)),
            "false" => Some(Value::Flag(false)),
            _ => number(word).map(Value::Number),
        };
        value.ok_or_else(|| self.expected(from, EXPECTED))
    }

    /// A text with its quotes, or what there is of one.
    fn literal(&mut self) -> &'a str {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        let length = end.map_or(rest.len(), |(end, _)| end + 1);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

/// A number as JSON has them; serde_json alone is off by a last digit where there are many.
fn number(word: &str) -> Option<Number> {
    let read: Number = serde_json::from_str(word).ok()?;
    if read.is_f64() { word.parse().ok().and_then(Number::from_f64) } else { Some(read) }
}

/// One part as it is, several as a list without lists of its own kind.
fn join(
    parts: Vec<Filter>,
    list: fn(Vec<Filter>) -> Filter,
    of_same_kind: fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match of_same_kind(part) {
            Ok(inner) => flat.extend(inner),
            Err(other) => flat.push(other),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            list(flat)
        }
    }
}

fn is_name(text: &str) -> bool {
    let name = text.strip_prefix('$').unwrap_or(text);
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        f.write_str(&self.name)?;
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => serde_json::Value::from(text.as_str()).fmt(f),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, operator, value) => {
                write!(f, "{path} {} {value}", operator.as_str())
            }
            Self::Values(path, filter) => write!(f, "{path}[{filter}]"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::And(parts) => {
                for (position, part) in parts.iter().enumerate() {
                    let between = if position > 0 { " and " } else { "" };
                    match part {
                        Self::Or(_) => write!(f, "{between}({part})")?,
                        _ => write!(f, "{between}{part}")?,
                    }
                }
                Ok(())
            }
            Self::Or(parts) => {
                for (position, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if position > 0 { " or " } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(filter) = &self.filter else { return self.path.fmt(f) };
        let whole = AttributePath { sub: None, ..self.path.clone() };
        write!(f, "{whole}[{filter}]")?;
        self.path.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path() -> impl Strategy<Value = AttributePath> {
        let name = || "[A-Za-z][A-Za-z0-9_-]{0,6}";
        let schema = "urn(:[a-z0-9.]{1,5}){1,3}";
        (prop::option::of(schema), name(), prop::option::of(name()))
            .prop_map(|(schema, name, sub)| AttributePath { schema, name, sub })
    }

    fn test() -> impl Strategy<Value = Filter> {
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Flag),
            any::<i64>().prop_map(|number| Value::Number(number.into())),
            "[^\0]{0,8}".prop_map(Value::Text),
        ];
        prop_oneof![
            path().prop_map(Filter::Present),
            (path(), prop::sample::select(Operator::ALL), value)
                .prop_map(|(path, operator, value)| Filter::Compare(path, operator, value)),
        ]
    }

    fn joined(part: impl Strategy<Value = Filter> + Clone) -> impl Strategy<Value = Filter> {
        let parts = prop::collection::vec(part.clone(), 2..4);
        prop_oneof![
            part.prop_map(|inner| Filter::Not(Box::new(inner))),
            parts.clone().prop_map(Filter::And),
            parts.prop_map(Filter::Or),
        ]
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let inner = test().prop_recursive(2, 8, 3, joined);
        let whole = AttributePath { schema: None, name: "emails".into(), sub: None };
        let values = inner.prop_map(move |inner| Filter::Values(whole.clone(), Box::new(inner)));
        prop_oneof![3 => test(), 1 => values].prop_recursive(3, 16, 3, joined)
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_or_a_sentence(text in any::<String>()) {
            if let Ok(filter) = parse(&text) {
                prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
            }
            if let Ok(path) = parse_path(&text) {
                prop_assert_eq!(parse_path(&path.to_string()), Ok(path));
            }
        }

        #[test]
        fn words_of_filters_in_any_order_do_no_harm(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "userName", "emails", "[", "]", "(", ")", "not", "and", "or", "pr", "eq", "co",
                    "\"a\"", "\"", "\\", "1", "true", "null", ".", ":", " ", " ", "é",
                ]),
                0..30,
            )
        ) {
            let text = words.concat();
            if let Ok(filter) = parse(&text) {
                prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
            }
            let _ = parse_path(&text);
        }

        #[test]
        fn what_is_printed_reads_the_same(filter in filter()) {
            // Lists in lists of their own kind are printed without parentheses, and read as one.
            let printed = filter.to_string();
            let read = parse(&printed);
            prop_assert_eq!(read.as_ref().map(ToString::to_string), Ok(printed));
            prop_assert_eq!(read.clone().and_then(|filter| parse(&filter.to_string())), read);
        }
    }

    #[test]
    fn filters_of_the_specification_are_read() {
        for (text, printed) in [
            (r#"userName eq "bjensen""#, None),
            (r#"name.familyName co "O'Malley""#, None),
            (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#, None),
            ("title pr", None),
            (r#"meta.lastModified ge "2011-05-13T04:42:34Z""#, None),
            (r#"title pr and userType eq "Employee""#, None),
            (
                r#"userType eq "Employee" and (emails co "example.com" or emails.value co "x")"#,
                None,
            ),
            (r#"userType ne "Employee" and not (emails co "example.com")"#, None),
            (r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp"]"#, None),
            // As the grammar has it, without a space; and in other cases.
            (r#"NOT(userName EQ "a")"#, Some(r#"not (userName eq "a")"#)),
            (r#"(active eq True)"#, Some("active eq true")),
            (r#"a pr or b pr and c pr"#, None),
            (r#"(a pr or b pr) and ((c pr))"#, Some("(a pr or b pr) and c pr")),
            (r#"a eq "\u00e9\"\\""#, Some(r#"a eq "é\"\\""#)),
            ("not pr", None),
        ] {
            let filter = parse(text).expect(text);
            assert_eq!(filter.to_string(), printed.unwrap_or(text));
        }
    }

    #[test]
    fn what_is_no_filter_is_told_with_its_place() {
        for (text, at) in [
            ("", 1),
            ("userName", 9),
            ("userName eq", 12),
            ("userName eq ", 13),
            ("userName eq bjensen", 13),
            (r#"userName eq "a"#, 13),
            (r#"userName eq "\0""#, 13),
            (r#"userName eq "\u0000""#, 13),
            (r#"userName eq "a" userName pr"#, 17),
            (r#"é eq "a""#, 1),
            (r#"a.b.c eq "a""#, 1),
            (r#":a eq "a""#, 1),
            ("(a pr", 6),
            ("a pr)", 5),
            ("emails[type pr", 15),
            ("emails[a[b pr]]", 9),
            ("not a pr", 5),
            ("a pr and", 9),
            ("a lk 1", 3),
        ] {
            match parse(text) {
                Err(FilterError::Unexpected { at: found, .. }) => assert_eq!(found, at, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_filter_has_bounds() {
        let nested = |depth: usize| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(MOST_DEPTH)).is_ok());
        assert_eq!(parse(&nested(MOST_DEPTH + 1)), Err(FilterError::TooLarge));
        assert_eq!(parse(&"(".repeat(5_000)), Err(FilterError::TooLarge));
        let long = |tests: usize| vec!["a pr"; tests].join(" or ");
        assert!(parse(&long(MOST_TESTS)).is_ok());
        assert_eq!(parse(&long(MOST_TESTS + 1)), Err(FilterError::TooLarge));
        assert_eq!(parse(&" ".repeat(MOST_BYTES + 1)), Err(FilterError::TooLarge));
    }

    #[test]
    fn paths_of_patch_are_read() {
        for text in [
            "active",
            "name.givenName",
            r#"emails[type eq "work"]"#,
            r#"emails[type eq "work" and not (value pr)].value"#,
            "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
        ] {
            assert_eq!(parse_path(text).expect(text).to_string(), text);
        }
        for text in ["", "a b", "a[", "a[b pr]c", "a[b pr].", "a.b[c pr]", "a[b pr].c.d", "1a"] {
            assert!(parse_path(text).is_err(), "{text}");
        }
    }
}
