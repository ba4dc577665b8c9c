//! Keeps what was asked and answered, with ids, secrets and addresses that are the same each time.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use entente_tests::{
    World,
    contract::{self, Exchange},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Answer, media_type};

/// What is told of as a whole is no example.
const WHOLE: [&str; 2] = ["getDocument", "scimSchemas"];

/// A request, named by its operation.
#[derive(Clone)]
pub struct Ask {
    operation: &'static str,
    method: Option<&'static str>,
    /// Whose key, or the key itself.
    by: Option<&'static str>,
    key: Option<String>,
    path: Vec<(&'static str, String)>,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    text: Option<String>,
}

impl Ask {
    pub fn of(operation: &'static str) -> Self {
        Self {
            operation,
            method: None,
            by: None,
            key: None,
            path: Vec::new(),
            query: String::new(),
            headers: Vec::new(),
            body: None,
            text: None,
        }
    }

    pub fn by(self, first: &'static str) -> Self {
        Self { by: Some(first), ..self }
    }

    pub fn key(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    /// Another method than the operation's.
    pub fn method(self, method: &'static str) -> Self {
        Self { method: Some(method), ..self }
    }

    pub fn id(self, id: &str) -> Self {
        self.with("{id}", id)
    }

    pub fn user(self, id: &str) -> Self {
        self.with("{userId}", id)
    }

    pub fn account(self, id: &str) -> Self {
        self.with("{accountId}", id)
    }

    fn with(mut self, name: &'static str, id: &str) -> Self {
        self.path.push((name, id.to_owned()));
        self
    }

    pub fn query(self, query: &str) -> Self {
        Self { query: format!("?{query}"), ..self }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub fn version(self, version: u32) -> Self {
        self.header("If-Match", &format!("\"{version}\""))
    }

    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// A body that is none of what there should be.
    pub fn text(self, text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..self }
    }
}

/// What was asked and answered so far.
pub struct Tape<'a> {
    world: &'a World,
    operations: Map<String, Value>,
    refusals: Map<String, Value>,
    names: Names,
}

impl<'a> Tape<'a> {
    pub fn new(world: &'a World) -> Self {
        Self { world, operations: Map::new(), refusals: Map::new(), names: Names::default() }
    }

    /// Asks, and keeps the first answer of each operation.
    pub async fn ask(&mut self, ask: Ask) -> Result<Answer> {
        let answer = self.send(ask.clone()).await?;
        ensure!(answer.status < 300, "{}: {answer:?}", ask.operation);
        if !self.operations.contains_key(ask.operation) {
            let mut kept = json!({"status": answer.status});
            if let Some(body) = &ask.body {
                kept["request"] = self.names.same_each_time(body);
            }
            if !answer.body.is_null() && !WHOLE.contains(&ask.operation) {
                kept["answer"] = self.names.same_each_time(&answer.body);
            }
            self.operations.insert(ask.operation.to_owned(), kept);
        }
        Ok(answer)
    }

    /// Asks for something that is refused with a code, and keeps that.
    pub async fn refused(&mut self, ask: Ask, code: &str) -> Result<()> {
        let answer = self.send(ask.clone()).await?;
        self.keep(ask, &answer, code)
    }

    pub fn keep(&mut self, ask: Ask, answer: &Answer, code: &str) -> Result<()> {
        ensure!(answer.code() == code, "{}: not {code} but {answer:?}", ask.operation);
        let refusal = self.names.same_each_time(&answer.body);
        self.refusals.entry(code).or_insert(refusal);
        Ok(())
    }

    /// Asks; whatever the answer is, it is kept if it is a refusal that was not kept before.
    pub async fn try_ask(&mut self, ask: Ask) -> Result<Answer> {
        let answer = self.send(ask.clone()).await?;
        let code = answer.code().to_owned();
        self.keep(ask, &answer, &code)?;
        Ok(answer)
    }

    pub async fn send(&self, ask: Ask) -> Result<Answer> {
        let found = contract::operations()
            .find(|(_, operation)| operation.told["operationId"] == ask.operation);
        let (method, operation) = found.with_context(|| format!("no {}", ask.operation))?;
        let mut path = operation.template.to_owned();
        for (name, id) in &ask.path {
            path = path.replace(name, id);
        }
        path.push_str(&ask.query);
        let method = ask.method.unwrap_or(&method);
        let url = format!("{}{path}", self.world.url());
        let mut request = reqwest::Client::new().request(method.parse()?, url);
        if let Some(key) = ask.key.or_else(|| ask.by.map(|first| self.world.key(first))) {
            request = request.bearer_auth(key);
        }
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        if let Some(text) = ask.text.or_else(|| ask.body.map(|body| body.to_string())) {
            if !ask.headers.iter().any(|(name, _)| *name == "Content-Type") {
                request = request.header("Content-Type", "application/json");
            }
            request = request.body(text);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let etag = etag.unwrap_or_default().to_owned();
        let media_type = media_type(&response);
        let is_json = media_type.ends_with("json") && ask.operation != "getDocument";
        let body = if is_json { response.json().await? } else { Value::Null };
        if ask.operation != "getDocument" {
            let media_type = media_type.as_str();
            contract::check(Exchange { method, path: &path, status, media_type, body: &body })?;
        }
        Ok(Answer { status, etag, body })
    }

    /// Takes the refusals of another tape.
    pub fn merge(&mut self, other: BTreeMap<String, Value>) {
        self.refusals.extend(other);
    }

    pub fn refusals(self) -> BTreeMap<String, Value> {
        self.refusals.into_iter().collect()
    }

    pub fn end(self) -> Value {
        let sorted = |map: Map<String, Value>| map.into_iter().collect::<BTreeMap<_, _>>();
        json!({"operations": sorted(self.operations), "refusals": sorted(self.refusals)})
    }
}

/// Ids by the order in which they came, and what stands for secrets.
#[derive(Default)]
struct Names(BTreeMap<Uuid, usize>);

impl Names {
    fn same_each_time(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| {
                    let kept = match (name.as_str(), value) {
                        ("secret", Value::String(text)) => json!(shortened(text)),
                        ("cursor" | "next" | "self", Value::String(text)) => {
                            json!(self.without_cursor(text))
                        }
                        ("slug", Value::String(text)) => {
                            json!(text.rsplit_once('-').map_or(text.as_str(), |(name, _)| name))
                        }
                        ("requestId", Value::String(_)) => {
                            json!("0198c5a27f3e7c419d520f6a1b2c3d4e")
                        }
                        _ => self.same_each_time(value),
                    };
                    (name.clone(), kept)
                })
                .collect::<Map<String, Value>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| self.same_each_time(item)).collect(),
            Value::String(text) => json!(self.text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut kept = String::new();
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let id = rest.get(..36).and_then(|id| id.parse::<Uuid>().ok());
            if let Some(id) = id {
                let next = self.0.len() + 1;
                let number = *self.0.entry(id).or_insert(next);
                kept.push_str(&format!("0198c5a2-7f3e-7c41-9d52-{number:012x}"));
                rest = &rest[36..];
            } else {
                kept.push(letter);
                rest = &rest[letter.len_utf8()..];
            }
        }
        // Where the tests' servers are is anew each time.
        match kept.split_once("http://127.0.0.1:") {
            Some((before, after)) if !after.contains("callback") => {
                let rest = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
                format!("{before}https://entente.globex.example{rest}")
            }
            _ => kept,
        }
    }

    fn without_cursor(&mut self, text: &str) -> String {
        const CURSOR: &str = "MDE5OGM1YTI";
        match text.split_once('=') {
            None if !text.contains('/') => CURSOR.into(),
            _ => match text.rsplit_once("after%5D=") {
                Some((before, _)) => format!("{}after%5D={CURSOR}", self.text(before)),
                None => self.text(text),
            },
        }
    }
}

/// A secret is told as what it looks like.
fn shortened(secret: &str) -> String {
    let prefix = secret.split('_').next().unwrap_or_default();
    format!("{prefix}_5Cw1bG9uZ2VyLg")
}
