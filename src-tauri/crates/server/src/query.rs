use entente_domain::Timestamp;
use entente_wire::ErrorCode;

use crate::error::{ApiError, ApiResult};

/// The most bytes of one parameter: lists of ids are the longest.
const LONGEST: usize = 8_000;

/// The parameters of a query, checked against those that the endpoint knows.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes `application/x-www-form-urlencoded`; an unknown or repeated parameter is refused.
    pub(crate) fn parse(raw: Option<&str>, known: &[&str]) -> ApiResult<Self> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let detail = match known {
                    [] => format!("Nothing takes the parameter {name:?} here."),
                    _ => format!("The parameter {name:?} is not one of: {}.", known.join(", ")),
                };
                return Err(ApiError::at(ErrorCode::UnknownParameter, ["query", &name], detail));
            }
            if pairs.iter().any(|(seen, _)| *seen == name) {
                return Err(Self::bad(&name, "it is given twice"));
            }
            if value.len() > LONGEST {
                return Err(Self::bad(&name, &format!("it is longer than {LONGEST} bytes")));
            }
            // PostgreSQL knows no such text.
            if value.contains('\0') {
                return Err(Self::bad(&name, "it holds a NUL"));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }

    /// A text without white space around it; none where it is empty.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::trim).filter(|text| !text.is_empty()).map(Into::into)
    }

    /// A moment.
    pub(crate) fn moment(&self, name: &str) -> ApiResult<Option<Timestamp>> {
        let parse = |text: &str| text.parse().map_err(|why| Self::bad(name, &format!("{why}")));
        self.get(name).map(parse).transpose()
    }

    /// A number within bounds, or what stands for its absence.
    pub(crate) fn number(&self, name: &str, least: u64, most: u64, absent: u64) -> ApiResult<u64> {
        let Some(text) = self.get(name) else { return Ok(absent) };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(Self::bad(name, &format!("it must be a number from {least} to {most}"))),
        }
    }

    /// A list of words, parted by commas.
    pub(crate) fn words<T: std::str::FromStr>(&self, name: &str) -> ApiResult<Vec<T>> {
        let Some(text) = self.get(name) else { return Ok(Vec::new()) };
        text.split(',')
            .map(|word| {
                word.trim().parse().map_err(|_| Self::bad(name, &format!("{word:?} is not known")))
            })
            .collect()
    }

    /// Whether only what awaits the caller is wanted.
    pub(crate) fn awaiting_me(&self) -> ApiResult<bool> {
        match self.get("filter[awaiting]") {
            None => Ok(false),
            Some("me") => Ok(true),
            Some(_) => Err(Self::bad("filter[awaiting]", "it can only be me")),
        }
    }

    /// The same query with one parameter set or taken away, percent-encoded.
    pub(crate) fn with(&self, path: &str, set: &[(&str, Option<String>)]) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if !set.iter().any(|(other, _)| other == name) {
                query.append_pair(name, value);
            }
        }
        for (name, value) in set {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    pub(crate) fn bad(name: &str, why: &str) -> ApiError {
        ApiError::at(
            ErrorCode::InvalidParameter,
            ["query", name],
            format!("The parameter {name} cannot be read: {why}."),
        )
    }
}
