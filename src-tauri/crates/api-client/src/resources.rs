//! What is asked for beside partnerships and the change feed.

use entente_domain::{AccountId, PartnershipId};
use entente_wire::{
    ActivityResource, ChangedResource, Document, ImpactAttributes, ImpactResource, List,
    SecretResource,
};
use reqwest::{
    Method, Response,
    header::{ACCEPT, IF_MATCH},
};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::{ApiError, Client};

/// A request that changes something, as it is recorded before it is sent.
#[derive(Debug, Clone, Copy)]
pub struct WriteCall<'a> {
    /// `POST`, `PATCH` or `DELETE`.
    pub method: &'a str,
    /// The path below the server's origin.
    pub path: &'a str,
    /// The version that the person saw, where the API asks for one.
    pub version: Option<i64>,
    /// The attributes.
    pub body: &'a Value,
    /// The same key gives the same answer.
    pub idempotency_key: &'a str,
}

/// What the device tells of itself with a login.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The operating system.
    pub os: String,
    /// The device's name.
    pub name: String,
}

/// One resource or several, of whatever type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Data {
    Many(Vec<Value>),
    One(Value),
}

impl Client {
    /// Sends a write; gives the resources that the answer told, without those of unknown types.
    pub async fn write(&self, call: WriteCall<'_>) -> Result<Vec<ChangedResource>, ApiError> {
        let method = call.method.parse::<Method>().map_err(|_| ApiError::NotEntente)?;
        let mut request = self.request_to(method.clone(), call.path)?;
        if method != Method::DELETE {
            request = request.json(call.body);
        }
        if let Some(version) = call.version {
            request = request.header(IF_MATCH, format!("\"{version}\""));
        }
        let request = request.header("Idempotency-Key", call.idempotency_key);
        let document: Document<Data> = self.read_answer(request).await?;
        let many = match document.data {
            Data::Many(many) => many,
            Data::One(one) => vec![one],
        };
        // What is no resource of the change feed, such as a member of a partnership, is left to it.
        Ok(many.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
    }

    /// `GET /partnerships/{id}/impact`: what removing it would take away.
    pub async fn impact(&self, id: PartnershipId) -> Result<ImpactAttributes, ApiError> {
        let path = format!("/api/v1/partnerships/{id}/impact");
        let document: Document<ImpactResource> = self.get(&path).await?;
        Ok(document.data.attributes)
    }

    /// `GET /accounts/{id}/secrets`: the credential, which the server notes as a login.
    pub async fn log_in(
        &self,
        account: AccountId,
        device: &Device,
    ) -> Result<Vec<(String, SecretString)>, ApiError> {
        let path = format!("/api/v1/accounts/{account}/secrets");
        let request = self
            .request_to(Method::GET, &path)?
            .header("X-Entente-OS", printable(&device.os))
            .header("X-Entente-Device", printable(&device.name));
        let document: Document<Vec<SecretResource>> = self.read_answer(request).await?;
        let secrets = document.data.into_iter().map(|secret| {
            (secret.attributes.secret_type, SecretString::from(secret.attributes.value))
        });
        Ok(secrets.collect())
    }

    /// A page of `GET /activities`: the first under a query (`filter[from]=...`), or the next one, as
    /// `links.next` said.
    pub async fn activities(
        &self,
        query: &[(&str, String)],
        next: Option<&str>,
    ) -> Result<List<ActivityResource>, ApiError> {
        match next {
            Some(next) => self.get(next).await,
            None => self.get(&activities_path(query)).await,
        }
    }

    /// The Activity Log under a query as `text/csv`, to be read as it comes.
    pub async fn activities_csv(&self, query: &[(&str, String)]) -> Result<Response, ApiError> {
        let request = self.stream_from(&activities_path(query))?.header(ACCEPT, "text/csv");
        self.send(request).await
    }
}

fn activities_path(query: &[(&str, String)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        text.append_pair(name, value);
    }
    format!("/api/v1/activities?{}", text.finish())
}

/// A header holds visible ASCII.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
