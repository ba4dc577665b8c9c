//! What PATCH does to a resource (RFC 7644, section 3.5.2), in memory.

use serde_json::{Map, Value as Json, json};

use super::{
    USER,
    error::{ScimError, ScimResult, ScimType},
    filter::{Filter, Operator, PatchPath, Value, parse_path},
    matching::holds,
    resource::canonical_value,
    schema::{self, Attribute, COMMON, Kind, MEMBER, NOT_KEPT, NOT_KEPT_IN},
};

/// The most operations of one request.
const MOST_OPERATIONS: usize = 100;

type Object = Map<String, Json>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// Does all operations of a request to a resource, or none.
pub(crate) fn apply(resource: &mut Object, request: &Object) -> ScimResult<()> {
    let operations = member(request, "Operations").and_then(Json::as_array);
    let operations = operations.ok_or_else(|| syntax("The body needs a list named Operations."))?;
    if operations.len() > MOST_OPERATIONS {
        return Err(syntax(&format!("A request has at most {MOST_OPERATIONS} operations.")));
    }
    for operation in operations {
        let operation = operation.as_object();
        let operation = operation.ok_or_else(|| syntax("An operation is an object."))?;
        let verb = match member(operation, "op").and_then(Json::as_str) {
            Some(word) if word.eq_ignore_ascii_case("add") => Verb::Add,
            Some(word) if word.eq_ignore_ascii_case("replace") => Verb::Replace,
            Some(word) if word.eq_ignore_ascii_case("remove") => Verb::Remove,
            _ => return Err(syntax("The op of an operation is add, replace or remove.")),
        };
        let value = member(operation, "value").cloned();
        match member(operation, "path") {
            None | Some(Json::Null) => without_path(resource, verb, value)?,
            Some(Json::String(path)) => one(resource, verb, path, value)?,
            Some(_) => return Err(syntax("The path of an operation is a text.")),
        }
    }
    let is_gone =
        |attribute: &&Attribute| attribute.required && !resource.contains_key(attribute.name);
    match MEMBER.iter().find(is_gone) {
        None => Ok(()),
        Some(attribute) => Err(ScimError::new(
            ScimType::InvalidValue,
            format!("The attribute {} cannot be removed: it is required.", attribute.name),
        )),
    }
}

fn syntax(detail: &str) -> ScimError {
    ScimError::new(ScimType::InvalidSyntax, detail)
}

/// A member of an object, whatever the case of its name.
fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Json> {
    object.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Each member of the value is a path of its own, as Entra ID has it: `{"name.givenName": "Ana"}`.
fn without_path(resource: &mut Object, verb: Verb, value: Option<Json>) -> ScimResult<()> {
    match value {
        Some(Json::Object(members)) if verb != Verb::Remove => {
            for (path, value) in members {
                one(resource, verb, &path, Some(value))?;
            }
            Ok(())
        }
        _ if verb == Verb::Remove => {
            Err(ScimError::new(ScimType::NoTarget, "To remove something, name it in path."))
        }
        _ => Err(ScimError::new(
            ScimType::InvalidValue,
            "An operation without a path has an object as its value.",
        )),
    }
}

/// What a path leads to.
enum Target {
    /// An attribute, perhaps some of its elements, perhaps one attribute in it.
    Attribute(&'static Attribute, Option<Filter>, Option<&'static Attribute>),
    /// Something that is not kept.
    NotKept,
}

fn target(text: &str) -> ScimResult<Target> {
    let invalid = |detail: String| ScimError::new(ScimType::InvalidPath, detail);
    let unknown = || invalid(format!("There is no attribute {text:?}."));
    let PatchPath { path, filter } =
        parse_path(text).map_err(|why| invalid(format!("The path {why}.")))?;
    if let Some(schema) = &path.schema
        && !schema.eq_ignore_ascii_case(USER)
    {
        // Whole extensions, such as the one for enterprises, are not kept.
        let is_urn = schema.to_ascii_lowercase().starts_with("urn:");
        return if is_urn { Ok(Target::NotKept) } else { Err(unknown()) };
    }
    let is_in = |names: &[&str], name: &str| names.iter().any(|not| not.eq_ignore_ascii_case(name));
    let found = [COMMON, MEMBER].into_iter().find_map(|some| schema::find(some, &path.name));
    let Some(attribute) = found else {
        return if is_in(NOT_KEPT, &path.name) { Ok(Target::NotKept) } else { Err(unknown()) };
    };
    let sub = match &path.sub {
        None => None,
        Some(sub) => match schema::find(attribute.subs(), sub) {
            Some(found) => Some(found),
            None => {
                let mut not_kept = NOT_KEPT_IN.iter().filter(|(name, _)| *name == attribute.name);
                return match not_kept.any(|(_, names)| is_in(names, sub)) {
                    true => Ok(Target::NotKept),
                    false => Err(unknown()),
                };
            }
        },
    };
    if attribute.read_only {
        let detail = format!("The attribute {} is kept by the server.", attribute.name);
        return Err(ScimError::new(ScimType::Mutability, detail));
    }
    if filter.is_some() && !attribute.many {
        return Err(invalid(format!("The attribute {} has only one value.", attribute.name)));
    }
    Ok(Target::Attribute(attribute, filter, sub))
}

fn one(resource: &mut Object, verb: Verb, path: &str, value: Option<Json>) -> ScimResult<()> {
    let Target::Attribute(attribute, filter, sub) = target(path)? else { return Ok(()) };
    let value = match (verb, value) {
        (Verb::Remove, value) => value.unwrap_or(Json::Null),
        (Verb::Add | Verb::Replace, Some(value)) => value,
        (Verb::Add | Verb::Replace, None) => {
            return Err(ScimError::new(
                ScimType::InvalidValue,
                format!("To change {path}, say to what in value."),
            ));
        }
    };
    if attribute.name == "schemas" {
        return Ok(());
    }
    if attribute.many {
        let elements = match resource.remove(attribute.name) {
            Some(Json::Array(elements)) => elements,
            _ => Vec::new(),
        };
        // There is one role at most: another one takes its place.
        let is_whole = filter.is_none() && sub.is_none();
        let verb = match verb {
            Verb::Add if attribute.name == "roles" && is_whole => Verb::Replace,
            verb => verb,
        };
        let change = Change { attribute, filter, sub, verb };
        let elements = change.elements(elements, value)?;
        if !elements.is_empty() || verb != Verb::Add {
            resource.insert(attribute.name.into(), elements.into());
        }
        return Ok(());
    }
    match sub {
        Some(sub) => {
            let whole = resource.entry(attribute.name).or_insert_with(|| json!({}));
            if let Some(whole) = whole.as_object_mut() {
                set(whole, sub, verb, value);
            }
        }
        None => set(resource, attribute, verb, value),
    }
    Ok(())
}

/// Sets or takes away an attribute with a single value. What is in a complex one and not told stays.
fn set(object: &mut Object, attribute: &'static Attribute, verb: Verb, value: Json) {
    if verb == Verb::Remove || value.is_null() {
        object.remove(attribute.name);
        return;
    }
    let value = canonical_value(value, attribute);
    if let (Kind::Complex(_), Some(Json::Object(before)), Json::Object(told)) =
        (attribute.kind, object.get_mut(attribute.name), &value)
    {
        before.extend(told.clone());
        return;
    }
    object.insert(attribute.name.into(), value);
}

/// A change of an attribute with several elements.
struct Change {
    attribute: &'static Attribute,
    filter: Option<Filter>,
    sub: Option<&'static Attribute>,
    verb: Verb,
}

impl Change {
    fn elements(&self, before: Vec<Json>, value: Json) -> ScimResult<Vec<Json>> {
        match (&self.filter, self.sub) {
            (None, None) => Ok(self.whole(before, value)),
            _ => self.some(before, &value),
        }
    }

    fn whole(&self, mut elements: Vec<Json>, value: Json) -> Vec<Json> {
        let is_null = value.is_null();
        let told = match canonical_value(value, self.attribute) {
            Json::Array(told) => told,
            _ => Vec::new(),
        };
        match self.verb {
            // Some clients name what they remove in the value.
            Verb::Remove if !is_null => elements.retain(|element| {
                !told.iter().any(|gone| element.get("value") == gone.get("value"))
            }),
            Verb::Remove => elements.clear(),
            Verb::Replace => elements = told,
            Verb::Add => {
                for new in told {
                    if elements.contains(&new) {
                        continue;
                    }
                    if is_primary(&new) {
                        elements.iter_mut().for_each(not_primary);
                    }
                    elements.push(new);
                }
            }
        }
        elements
    }

    /// Changes the elements that the filter chooses, or all.
    fn some(&self, before: Vec<Json>, value: &Json) -> ScimResult<Vec<Json>> {
        let mut elements = Vec::new();
        let mut any = false;
        for element in before {
            let is_chosen = match (&self.filter, element.as_object()) {
                (Some(filter), Some(object)) => holds(filter, &[self.attribute.subs()], object)?,
                _ => true,
            };
            any |= is_chosen;
            if !is_chosen {
                elements.push((false, element));
            } else if let Some(element) = self.changed(element, value) {
                elements.push((true, element));
            }
        }
        if !any && self.verb != Verb::Remove {
            elements.push((true, self.new_element(value)?));
        }
        // Where a changed element is the first one to use, the others are not any more.
        let first = elements.iter().any(|(is_chosen, element)| *is_chosen && is_primary(element));
        for (_, other) in elements.iter_mut().filter(|(is_chosen, _)| first && !is_chosen) {
            not_primary(other);
        }
        Ok(elements.into_iter().map(|(_, element)| element).collect())
    }

    fn changed(&self, mut element: Json, value: &Json) -> Option<Json> {
        let object = element.as_object_mut()?;
        match (self.sub, self.verb) {
            (None, Verb::Remove) => return None,
            (Some(sub), verb) => set(object, sub, verb, value.clone()),
            (None, Verb::Add | Verb::Replace) => {
                let told = canonical_value(value.clone(), self.attribute);
                if let Some(told) = told.get(0).and_then(Json::as_object) {
                    object.extend(told.clone());
                }
            }
        }
        (!object.is_empty()).then_some(element)
    }

    /// An element that the filter would choose, where there was none: `add` makes one, `replace` has
    /// nothing to replace unless it names no element in particular.
    fn new_element(&self, value: &Json) -> ScimResult<Json> {
        let none = || {
            let detail =
                format!("No element of {} is what the path asks for.", self.attribute.name);
            ScimError::new(ScimType::NoTarget, detail)
        };
        if self.verb == Verb::Replace && self.filter.is_some() {
            return Err(none());
        }
        let mut new = Object::new();
        if let Some(filter) = &self.filter {
            describe(filter, self.attribute, &mut new).ok_or_else(none)?;
        }
        self.changed(new.into(), value).ok_or_else(none)
    }
}

/// What an element has for which a filter holds, if the filter says so outright.
fn describe(filter: &Filter, attribute: &'static Attribute, element: &mut Object) -> Option<()> {
    match filter {
        Filter::Compare(path, Operator::Eq, value) => {
            let sub = schema::find(attribute.subs(), &path.name)?;
            let value = match value {
                Value::Text(text) => json!(text),
                Value::Flag(flag) => json!(flag),
                Value::Null | Value::Number(_) => return None,
            };
            element.insert(sub.name.into(), value);
            Some(())
        }
        Filter::And(parts) => parts.iter().try_for_each(|part| describe(part, attribute, element)),
        Filter::Compare(..)
        | Filter::Present(_)
        | Filter::Values(..)
        | Filter::Not(_)
        | Filter::Or(_) => None,
    }
}

fn is_primary(element: &Json) -> bool {
    element.get("primary") == Some(&Json::Bool(true))
}

fn not_primary(element: &mut Json) {
    if let Some(primary) = element.get_mut("primary") {
        *primary = false.into();
    }
}
