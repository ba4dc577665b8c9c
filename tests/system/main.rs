//! The client and the API against a real server over HTTP.

mod access;
mod api;
mod client_kills;
mod clients;
mod demo;
mod faults;
mod feed;
mod isolation;
mod keys;
mod kills;
mod mail;
mod openapi;
mod outage;
mod processes;
mod released;
mod schemathesis;
mod scim;
mod sealed;
mod security_page;
mod smtp;
mod sso;
mod streams;
mod table;
mod webhooks;

use std::time::Duration;

use anyhow::{Result, bail};
use entente_tests::{
    World,
    contract::{self, Exchange},
};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A request as anybody could send it with curl.
pub struct Call<'a> {
    world: &'a World,
    who: &'a str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub etag: String,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> &str {
        self.body["errors"][0]["code"].as_str().unwrap_or_default()
    }

    pub fn state(&self) -> &str {
        self.body["data"]["attributes"]["state"].as_str().unwrap_or_default()
    }

    pub fn id(&self) -> String {
        self.body["data"]["id"].as_str().unwrap_or_default().to_owned()
    }
}

pub fn call<'a>(world: &'a World, who: &'a str, method: &str, path: &str) -> Call<'a> {
    let method = method.parse().expect("a method");
    Call { world, who, method, path: path.into(), headers: Vec::new(), body: None }
}

impl Call<'_> {
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn version(self, version: u32) -> Self {
        self.header("If-Match", format!("\"{version}\""))
    }

    pub fn json(self, body: Value) -> Self {
        self.text(&body.to_string())
    }

    pub fn text(mut self, body: &str) -> Self {
        self.body = Some(body.into());
        self
    }

    pub async fn send(self) -> Result<Answer> {
        let path = format!("/api/v1{}", self.path);
        let url = format!("{}{path}", self.world.url());
        let method = self.method.clone();
        let key = self.world.key(self.who);
        let mut request = reqwest::Client::new().request(self.method, url).bearer_auth(key);
        if let Some(body) = self.body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let response = request.send().await?;
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let etag = etag.unwrap_or_default().to_owned();
        assert!(response.headers().contains_key("x-request-id"));
        let status = response.status().as_u16();
        let media_type = media_type(&response);
        let body = response.json().await?;
        let (method, media_type) = (method.as_str(), media_type.as_str());
        contract::check(Exchange { method, path: &path, status, media_type, body: &body })?;
        Ok(Answer { status, etag, body })
    }
}

/// The media type of an answer.
pub fn media_type(response: &reqwest::Response) -> String {
    let told = response.headers().get("content-type").and_then(|told| told.to_str().ok());
    told.unwrap_or_default().to_owned()
}

/// Uma asks somebody's workspace.
pub async fn request(world: &World, to: &str) -> Result<String> {
    let body = serde_json::to_value(world.request_to(to))?;
    let sent = call(world, "uma", "POST", "/partnerships").json(body).send().await?;
    assert_eq!(sent.status, StatusCode::CREATED.as_u16(), "{sent:?}");
    Ok(sent.id())
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> Result<T> {
    for _ in 0..1_000 {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("waited too long for {what}")
}
