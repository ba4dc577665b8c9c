//! Whether a filter holds of a resource in memory: for the elements that a PATCH path chooses.

use serde_json::{Map, Value as Json};

use super::{
    USER,
    comparison::Comparison,
    error::{ScimError, ScimResult, ScimType},
    filter::{AttributePath, Filter},
    schema::{self, Attribute, Kind},
};

/// An attribute that a path names, and the one in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named {
    pub(crate) attribute: &'static Attribute,
    pub(crate) sub: Option<&'static Attribute>,
}

impl Named {
    /// Finds what a path in a filter names among some attributes.
    pub(crate) fn find(
        attributes: &[&'static [Attribute]],
        path: &AttributePath,
    ) -> ScimResult<Self> {
        let unknown = || {
            let detail = format!("There is no attribute {path} to filter by.");
            ScimError::new(ScimType::InvalidFilter, detail)
        };
        if path.schema.as_ref().is_some_and(|schema| !schema.eq_ignore_ascii_case(USER)) {
            return Err(unknown());
        }
        let mut found = attributes.iter().filter_map(|some| schema::find(some, &path.name));
        let attribute = found.next().ok_or_else(unknown)?;
        let sub = match &path.sub {
            Some(sub) => Some(schema::find(attribute.subs(), sub).ok_or_else(unknown)?),
            None => None,
        };
        Ok(Self { attribute, sub })
    }

    /// What is compared: of an attribute with several elements without more, their `value`.
    pub(crate) fn compared(self) -> &'static Attribute {
        let value = || schema::find(self.attribute.subs(), "value");
        let usual = if self.attribute.many { value() } else { None };
        self.sub.or(usual).unwrap_or(self.attribute)
    }
}

/// Whether a filter holds of an object with some attributes, whose names have the case of the schema.
pub(crate) fn holds(
    filter: &Filter,
    attributes: &[&'static [Attribute]],
    object: &Map<String, Json>,
) -> ScimResult<bool> {
    match filter {
        Filter::Present(path) => {
            let named = Named::find(attributes, path)?;
            Ok(test(named, &Comparison::PRESENT, object))
        }
        Filter::Compare(path, operator, value) => {
            let named = Named::find(attributes, path)?;
            let comparison = Comparison::of(named.compared(), *operator, value)?;
            Ok(test(named, &comparison, object))
        }
        Filter::Values(path, inner) => {
            let Named { attribute, .. } = Named::find(attributes, path)?;
            let mut any = false;
            // Every element, so that what is wrong with the filter is told whatever there is.
            for element in elements(attribute, object) {
                any |= holds(inner, &[attribute.subs()], element)?;
            }
            Ok(any)
        }
        Filter::Not(inner) => Ok(!holds(inner, attributes, object)?),
        Filter::And(parts) => {
            parts.iter().try_fold(true, |all, part| Ok(holds(part, attributes, object)? && all))
        }
        Filter::Or(parts) => {
            parts.iter().try_fold(false, |any, part| Ok(holds(part, attributes, object)? || any))
        }
    }
}

/// The objects in an attribute. One with a single value has one, which may be empty.
fn elements<'a>(
    attribute: &Attribute,
    object: &'a Map<String, Json>,
) -> Vec<&'a Map<String, Json>> {
    static EMPTY: std::sync::LazyLock<Map<String, Json>> = std::sync::LazyLock::new(Map::new);
    match object.get(attribute.name) {
        Some(Json::Array(elements)) => elements.iter().filter_map(Json::as_object).collect(),
        Some(Json::Object(one)) => vec![one],
        _ if attribute.many => Vec::new(),
        _ => vec![&EMPTY],
    }
}

fn test(named: Named, comparison: &Comparison, object: &Map<String, Json>) -> bool {
    let Named { attribute, sub } = named;
    let compared = named.compared();
    match attribute.kind {
        Kind::Complex(_) if sub.is_none() && !attribute.many => {
            comparison.holds(compared, object.get(attribute.name))
        }
        Kind::Complex(_) => elements(attribute, object)
            .into_iter()
            .any(|element| comparison.holds(compared, element.get(compared.name))),
        _ if attribute.many => match object.get(attribute.name) {
            Some(Json::Array(values)) => {
                values.iter().any(|value| comparison.holds(compared, Some(value)))
            }
            _ => false,
        },
        _ => comparison.holds(compared, object.get(attribute.name)),
    }
}
