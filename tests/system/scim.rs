use anyhow::Result;
use entente_domain::{WorkspaceId, WorkspaceRole};
use entente_server::{NewScimToken, add_scim_token};
use entente_tests::{
    World,
    contract::{self, Exchange},
};
use reqwest::{Method, header::HeaderMap};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

mod members;
mod messages;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// An identity provider of a workspace.
struct Provider {
    url: String,
    token: SecretString,
}

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }

    /// The addresses of the members in a list.
    fn names(&self) -> Vec<&str> {
        let found = self.body["Resources"].as_array().expect("a list");
        found.iter().filter_map(|found| found["userName"].as_str()).collect()
    }

    fn refusal(&self) -> (u16, &str) {
        assert_eq!(
            self.body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"]),
            "{self:?}"
        );
        assert_eq!(self.body["status"], self.status.to_string());
        assert!(
            self.body["detail"].as_str().is_some_and(|detail| detail.ends_with('.')),
            "{self:?}"
        );
        (self.status, self.body["scimType"].as_str().unwrap_or_default())
    }
}

impl Provider {
    /// That of somebody's workspace, which gives roles up to the highest one.
    async fn of(world: &World, first: &str, highest_role: WorkspaceRole) -> Result<Self> {
        let server = world.server.as_ref().expect("it runs");
        let workspace: WorkspaceId = world.person(first).workspace.parse()?;
        let new = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
        let (_, token) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
        Ok(Self { url: format!("{}/scim/v2", world.url()), token })
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Answer> {
        let told = method.clone();
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.url));
        let mut request = request.bearer_auth(self.token.expose_secret());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request =
                request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        assert!(headers.contains_key("x-request-id"));
        let text = response.text().await?;
        if !text.is_empty() {
            assert_eq!(headers["content-type"], "application/scim+json", "{text}");
        }
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        let media_type = if text.is_empty() { "" } else { "application/scim+json" };
        let (method, path) = (told.as_str(), format!("/scim/v2{path}"));
        contract::check(Exchange { method, path: &path, status, media_type, body: &body })?;
        Ok(Answer { status, headers, body })
    }

    async fn get(&self, path: &str) -> Result<Answer> {
        self.ask(Method::GET, path, &[], None).await
    }

    async fn create(&self, body: Value) -> Result<Answer> {
        self.ask(Method::POST, "/Users", &[], Some(body)).await
    }

    async fn put(&self, id: &str, body: Value) -> Result<Answer> {
        self.ask(Method::PUT, &format!("/Users/{id}"), &[], Some(body)).await
    }

    async fn patch(&self, id: &str, operations: Value) -> Result<Answer> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": operations,
        });
        self.ask(Method::PATCH, &format!("/Users/{id}"), &[], Some(body)).await
    }

    async fn delete(&self, id: &str) -> Result<Answer> {
        self.ask(Method::DELETE, &format!("/Users/{id}"), &[], None).await
    }

    async fn find(&self, parameters: &[(&str, &str)]) -> Result<Answer> {
        let url = reqwest::Url::parse_with_params(&format!("{}/Users", self.url), parameters)?;
        self.get(&format!("/Users?{}", url.query().unwrap_or_default())).await
    }
}

pub fn ana() -> Value {
    json!({
        "schemas": [USER],
        "externalId": "00u1",
        "userName": "Ana.Lima@globex.example",
        "name": {"formatted": "Ana Maria Lima", "givenName": "Ana", "familyName": "Lima"},
        "displayName": "Ana Lima",
        "emails": [{"value": "ana@globex.example", "type": "work", "primary": true}],
        "active": true,
    })
}
