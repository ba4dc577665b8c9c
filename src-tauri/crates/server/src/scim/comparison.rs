//! What a filter's comparison means for an attribute, and whether it holds of a value.

use entente_domain::Timestamp;
use entente_store::{Order, TextTest, fold};
use serde_json::Value as Json;

use super::{
    error::{ScimError, ScimResult, ScimType},
    filter::{Operator, Value},
    schema::{Attribute, Kind},
};

/// A comparison with an attribute of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    /// Whether it holds where `test` does not.
    pub(crate) negated: bool,
    pub(crate) test: Test,
}

/// How a value is tested.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Present,
    Text(TextTest),
    Flag(bool),
    Moment(Order, Timestamp),
}

impl Comparison {
    pub(crate) const PRESENT: Self = Self { negated: false, test: Test::Present };

    /// Reads a comparison; an error if values of the attribute are not compared like that.
    pub(crate) fn of(attribute: &Attribute, operator: Operator, value: &Value) -> ScimResult<Self> {
        let is = |test| Ok(Self { negated: false, test });
        let bad = |why: &str| {
            let detail = format!("The attribute {} {why}.", attribute.name);
            Err(ScimError::new(ScimType::InvalidFilter, detail))
        };
        let equal = match operator {
            Operator::Eq => Some(false),
            Operator::Ne => Some(true),
            Operator::Co
            | Operator::Sw
            | Operator::Ew
            | Operator::Gt
            | Operator::Ge
            | Operator::Lt
            | Operator::Le => None,
        };
        match (attribute.kind, value) {
            (_, Value::Null) => match equal {
                Some(negated) => Ok(Self { negated: !negated, test: Test::Present }),
                None => bad("is compared with null by eq and ne only"),
            },
            (Kind::Text | Kind::Reference(_) | Kind::Role, Value::Text(text)) => {
                let text = text.clone();
                is(Test::Text(match operator {
                    Operator::Eq => TextTest::Equal(text),
                    Operator::Ne => {
                        let test = Test::Text(TextTest::Equal(text));
                        return Ok(Self { negated: true, test });
                    }
                    Operator::Co => TextTest::Contains(text),
                    Operator::Sw => TextTest::StartsWith(text),
                    Operator::Ew => TextTest::EndsWith(text),
                    Operator::Gt => TextTest::Compared(Order::Above, text),
                    Operator::Ge => TextTest::Compared(Order::AtLeast, text),
                    Operator::Lt => TextTest::Compared(Order::Below, text),
                    Operator::Le => TextTest::Compared(Order::AtMost, text),
                }))
            }
            (Kind::Flag, value) => match (flag(value), equal) {
                (Some(flag), Some(negated)) => Ok(Self { negated, test: Test::Flag(flag) }),
                _ => bad("is compared with true or false by eq and ne only"),
            },
            (Kind::Moment, Value::Text(text)) => {
                let Ok(at) = text.parse::<Timestamp>() else {
                    return bad("is compared with a time such as \"2026-11-24T14:05:00Z\"");
                };
                is(Test::Moment(
                    match operator {
                        Operator::Eq => Order::Equal,
                        Operator::Ne => {
                            let test = Test::Moment(Order::Equal, at);
                            return Ok(Self { negated: true, test });
                        }
                        Operator::Gt => Order::Above,
                        Operator::Ge => Order::AtLeast,
                        Operator::Lt => Order::Below,
                        Operator::Le => Order::AtMost,
                        Operator::Co | Operator::Sw | Operator::Ew => {
                            return bad("is compared by eq, ne, gt, ge, lt and le only");
                        }
                    },
                    at,
                ))
            }
            (Kind::Text | Kind::Reference(_) | Kind::Role | Kind::Moment, _) => {
                bad("is compared with a text in double quotes")
            }
            (Kind::Number | Kind::Complex(_), _) => bad("cannot be compared: name one in it"),
        }
    }

    /// Whether it holds of a value, or of none.
    pub(crate) fn holds(&self, attribute: &Attribute, value: Option<&Json>) -> bool {
        self.negated != self.test.holds(attribute, value)
    }
}

impl Test {
    fn holds(&self, attribute: &Attribute, value: Option<&Json>) -> bool {
        let value = value.filter(|value| !value.is_null());
        match self {
            Self::Present => value.is_some(),
            Self::Text(test) => {
                value.and_then(Json::as_str).is_some_and(|text| text_holds(test, attribute, text))
            }
            // A flag that was not told is not set.
            Self::Flag(flag) => value.is_some_and(|value| value == &Json::Bool(true)) == *flag,
            Self::Moment(order, other) => value
                .and_then(Json::as_str)
                .and_then(|text| text.parse::<Timestamp>().ok())
                .is_some_and(|at| compares(*order, &at, other)),
        }
    }
}

/// Whether a test holds of a text of an attribute.
pub(crate) fn text_holds(test: &TextTest, attribute: &Attribute, text: &str) -> bool {
    let folded = |text: &str| if attribute.exact { text.to_owned() } else { fold(text) };
    let text = folded(text);
    match test {
        TextTest::Present => true,
        TextTest::Equal(other) => text == folded(other),
        TextTest::Contains(part) => text.contains(&folded(part)),
        TextTest::StartsWith(part) => text.starts_with(&folded(part)),
        TextTest::EndsWith(part) => text.ends_with(&folded(part)),
        TextTest::Compared(order, other) => compares(*order, &text, &folded(other)),
    }
}

fn compares<T: Ord>(order: Order, one: &T, other: &T) -> bool {
    match order {
        Order::Equal => one == other,
        Order::Below => one < other,
        Order::AtMost => one <= other,
        Order::Above => one > other,
        Order::AtLeast => one >= other,
    }
}

/// A boolean, also as the text that Entra ID sends.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Flag(flag) => Some(*flag),
        Value::Text(text) => flag_in(text),
        Value::Null | Value::Number(_) => None,
    }
}

/// The boolean that a text says.
pub(crate) fn flag_in(text: &str) -> Option<bool> {
    match fold(text).as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
