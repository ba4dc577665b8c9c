//! Holds what a server answers against the document in which it says what it answers.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// An answer, and what was asked.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// `GET`, ...
    pub method: &'a str,
    /// The path with its query.
    pub path: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// Its media type.
    pub media_type: &'a str,
    /// Its body; null if it is none or no JSON.
    pub body: &'a Value,
}

/// An operation as the document has it.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its path with the names of parameters in it.
    pub template: &'static str,
    /// All that is said of it.
    pub told: &'static Value,
}

/// Compiled schemas by their text.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

fn document() -> &'static Value {
    entente_server::openapi_document()
}

/// What is referred to, if it is a reference.
pub fn resolved(value: &'static Value) -> &'static Value {
    let place = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.and_then(|place| document().pointer(place)).unwrap_or(value)
}

/// Every operation that the server tells of, with its method.
pub fn operations() -> impl Iterator<Item = (String, Operation)> {
    let paths = document()["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(template, methods)| {
        methods
            .as_object()
            .into_iter()
            .flatten()
            .map(move |(method, told)| (method.to_uppercase(), Operation { template, told }))
    })
}

/// The operation that answers a request, if there is one.
pub fn operation(method: &str, path: &str) -> Option<Operation> {
    let path = path.split('?').next().unwrap_or(path);
    let fits = |template: &str| {
        let (one, other) = (template.split('/'), path.split('/'));
        one.clone().count() == other.clone().count()
            && one.zip(other).all(|(name, given)| name.starts_with('{') || name == given)
    };
    let mut found: Vec<Operation> = operations()
        .filter(|(told, operation)| told == method && fits(operation.template))
        .map(|(_, operation)| operation)
        .collect();
    found.sort_by_key(|operation| operation.template.matches('{').count());
    found.into_iter().next()
}

/// Refuses an answer that the document does not tell of: its status, its code, what is in it.
pub fn check(exchange: Exchange<'_>) -> Result<()> {
    let Exchange { method, path, status, media_type, body } = exchange;
    let Some(operation) = operation(method, path) else {
        // What there is not: a path, a method, a part of SCIM.
        ensure!(matches!(status, 404 | 405 | 501), "{method} {path} is not told of: {status}");
        return Ok(());
    };
    let answer = resolved(&operation.told["responses"][status.to_string()]);
    ensure!(answer.is_object(), "{method} {path}: {status} is not told of: {body}");
    let media_type = media_type.split(';').next().unwrap_or_default();
    let Some(content) = answer["content"].as_object() else {
        ensure!(media_type.is_empty(), "{method} {path}: a body of {media_type} for {status}");
        return Ok(());
    };
    let content = content
        .get(media_type)
        .with_context(|| format!("{method} {path}: {media_type} is not told of for {status}"))?;
    if !media_type.ends_with("json") {
        return Ok(());
    }
    let place = format!("{method} {} {status} {media_type}", operation.template);
    is_valid(&place, &content["schema"], body)
}

/// Refuses a value that is not what a schema of the document says; `place` is where that is.
pub fn is_valid(place: &str, schema: &Value, value: &Value) -> Result<()> {
    let validator = validator(schema).with_context(|| format!("the schema of {place}"))?;
    let wrong: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    ensure!(wrong.is_empty(), "{place} is not as told: {}\n{value}", wrong.join("\n"));
    Ok(())
}

fn validator(schema: &Value) -> Result<Arc<Validator>> {
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let text = schema.to_string();
    if let Some(known) = validators.get(&text) {
        return Ok(known.clone());
    }
    let mut whole = schema.clone();
    let mut named = Map::new();
    needed(schema, &document()["components"]["schemas"], &mut named);
    whole["components"] = json!({"schemas": named});
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let made = Arc::new(options.build(&whole)?);
    validators.insert(text, made.clone());
    Ok(made)
}

/// The schemas that one refers to, and those that they refer to.
fn needed(schema: &Value, all: &Value, named: &mut Map<String, Value>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str);
            let name = name.and_then(|name| name.strip_prefix("#/components/schemas/"));
            if let Some(name) = name.filter(|name| !named.contains_key(*name)) {
                named.insert(name.to_owned(), all[name].clone());
                needed(&all[name], all, named);
            }
            members.values().for_each(|member| needed(member, all, named));
        }
        Value::Array(items) => items.iter().for_each(|item| needed(item, all, named)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
