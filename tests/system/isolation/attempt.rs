//! Random attempts on what is another tenant's, each beside its twin on what never was.

use anyhow::{Context as _, Result, ensure};
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};
use uuid::Uuid;

use super::tenants::{Answer, Foreign, MARK, Tenants, answer};

/// An endpoint that the server tells of.
struct Endpoint {
    method: String,
    /// Its path, with the names of what is asked for in braces.
    template: String,
    /// What its query can say.
    parameters: Vec<String>,
}

/// Makes attempts.
pub struct Attempts<'a> {
    endpoints: Vec<Endpoint>,
    keys: Vec<String>,
    foreign: &'a Foreign,
    own: Own,
}

/// What is one's own, beside what is not.
struct Own {
    partnership: String,
    account: String,
    terms: Value,
}

/// One attempt.
#[derive(Debug)]
pub struct Attempt {
    method: String,
    path: String,
    body: Option<Value>,
    /// Whose key; none is the identity provider's.
    key: Option<String>,
    csv: bool,
    /// What is foreign in it, each with what never was.
    twins: Vec<(String, String)>,
    /// Whether what never was can stand for all of it.
    has_twin: bool,
}

/// What came of one.
pub struct Seen {
    pub was_compared: bool,
    pub status: u16,
}

impl<'a> Attempts<'a> {
    pub async fn new(tenants: &Tenants, foreign: &'a Foreign) -> Result<Self> {
        let keys: Vec<String> = tenants.own_keys().map(str::to_owned).collect();
        let document = tenants.get(&keys[0], "/openapi.json").await?;
        let document: Value = serde_json::from_str(&document.text)?;
        let mut endpoints = Vec::new();
        for (path, operations) in document["paths"].as_object().context("paths")? {
            let Some(template) = path.strip_prefix("/api/v1") else { continue };
            for (method, operation) in operations.as_object().context("operations")? {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let parameters = parameters.filter(|one| one["in"] == "query");
                let names = parameters.filter_map(|one| one["name"].as_str().map(str::to_owned));
                endpoints.push(Endpoint {
                    method: method.to_uppercase(),
                    template: template.to_owned(),
                    parameters: names.collect(),
                });
            }
        }
        endpoints.retain(Endpoint::takes_what_is_anothers);
        ensure!(endpoints.len() > 30, "there are more endpoints than {}", endpoints.len());
        let terms = tenants.get(&keys[0], "/terms").await?;
        let terms: Value = serde_json::from_str(&terms.text)?;
        let own = Own {
            partnership: tenants.own.partnership.to_string(),
            account: tenants.own.account.to_string(),
            terms: terms["data"]["attributes"]["version"].clone(),
        };
        Ok(Self { endpoints, keys, foreign, own })
    }

    pub fn choose(&self, rng: &mut StdRng) -> Attempt {
        let mut choosing = Choosing {
            rng,
            foreign: self.foreign,
            own: &self.own,
            twins: Vec::new(),
            unlike: false,
        };
        if choosing.one_in(6) {
            return choosing.scim();
        }
        let endpoint = &self.endpoints[choosing.rng.random_range(0..self.endpoints.len())];
        let key = self.keys.choose(choosing.rng).cloned();
        choosing.attempt(endpoint, key)
    }
}

impl Endpoint {
    /// Streams have tests of their own, and what takes neither an id nor a filter is nobody's.
    fn takes_what_is_anothers(&self) -> bool {
        let is_stream = self.template == "/events";
        let is_sign_in = self.template.starts_with("/auth/");
        let in_body = ["/partnerships", "/access-requests"].contains(&self.template.as_str());
        let taken = self.template.contains('{') || in_body || !self.parameters.is_empty();
        !is_stream && !is_sign_in && taken
    }
}

/// What goes into one attempt.
struct Choosing<'a> {
    rng: &'a mut StdRng,
    foreign: &'a Foreign,
    own: &'a Own,
    twins: Vec<(String, String)>,
    /// Whether something is in it that what never was cannot stand for.
    unlike: bool,
}

impl Choosing<'_> {
    fn one_in(&mut self, many: u32) -> bool {
        self.rng.random_range(0..many) == 0
    }

    fn pick(&mut self, from: &[String]) -> String {
        from.choose(self.rng).cloned().unwrap_or_default()
    }

    /// Something foreign, which its twin is put beside.
    fn noted(&mut self, value: String) -> String {
        if self.twins.iter().all(|(known, _)| *known != value) {
            let twin = self.twin(&value);
            self.twins.push((value.clone(), twin));
        }
        value
    }

    /// What never was, of the same shape: an id for an id, letters for letters.
    fn twin(&mut self, value: &str) -> String {
        if Uuid::try_parse(value).is_ok() {
            return Uuid::now_v7().to_string();
        }
        let letters = value.chars().map(|c| match c {
            '0'..='9' => char::from(self.rng.random_range(b'0'..=b'9')),
            // Letters that none of one's own texts has in a row.
            'a'..='z' => char::from(*b"jqxz".choose(self.rng).unwrap_or(&b'x')),
            other => other,
        });
        letters.collect()
    }

    /// The id of something of theirs: mostly of the right kind.
    fn id(&mut self, kind: &str) -> String {
        let foreign = self.foreign;
        let right = match kind {
            "partnership" => vec![foreign.partnership.clone()],
            "account" => foreign.accounts.clone(),
            "user" => foreign.users.clone(),
            "request" => vec![foreign.request.clone()],
            "key" => vec![foreign.key.clone()],
            _ => vec![foreign.webhook.clone()],
        };
        let from = match self.rng.random_range(0..10) {
            0 => vec![foreign.partnership.clone(), foreign.request.clone(), foreign.key.clone()],
            1 => foreign.users.clone(),
            2 => foreign.workspaces.clone(),
            _ => right,
        };
        let id = self.pick(&from);
        self.noted(id)
    }

    /// A text of theirs.
    fn word(&mut self) -> String {
        let foreign = self.foreign;
        let word = match self.rng.random_range(0..4) {
            0 => self.pick(&foreign.emails),
            1 => self.pick(&foreign.users),
            2 => MARK.to_owned(),
            _ => MARK[..self.rng.random_range(3..MARK.len())].to_owned(),
        };
        self.noted(word)
    }

    fn attempt(mut self, endpoint: &Endpoint, key: Option<String>) -> Attempt {
        let Endpoint { method, template, parameters } = endpoint;
        let reads = method == "GET";
        let places = template.matches('{').count();
        let body = body_kinds(method, template);
        // What is one's own is only in it beside something that is not.
        let mut own_first = (places == 2 || places == 1 && !body.is_empty()) && self.one_in(3);
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            path.push('/');
            let kind = match part {
                "{user}" | "{userId}" => "user",
                "{account}" | "{accountId}" => "account",
                _ if !part.starts_with('{') => {
                    path.push_str(part);
                    continue;
                }
                _ if template.starts_with("/partnerships") => "partnership",
                _ if template.starts_with("/accounts") => "account",
                _ if template.starts_with("/access-requests") => "request",
                _ if template.starts_with("/users") => "user",
                _ if template.starts_with("/api-keys") => "key",
                _ => "webhook",
            };
            let id = if std::mem::take(&mut own_first) {
                if kind == "partnership" { &self.own.partnership } else { &self.own.account }
                    .clone()
            } else {
                self.id(kind)
            };
            path.push_str(&id);
        }
        let body = (!reads && method != "DELETE").then(|| self.body(template, &body));
        if reads {
            path.push_str(&self.query(parameters));
        }
        let csv = template == "/activities" && self.one_in(3);
        self.done(method.clone(), path, body, key, csv)
    }

    fn done(
        self,
        method: String,
        path: String,
        body: Option<Value>,
        key: Option<String>,
        csv: bool,
    ) -> Attempt {
        let has_twin = !self.unlike && !self.twins.is_empty();
        Attempt { method, path, body, key, csv, twins: self.twins, has_twin }
    }

    fn query(&mut self, parameters: &[String]) -> String {
        let mut query = url_query();
        let mut says = false;
        for name in parameters {
            let is_place = ["since", "page[after]"].contains(&name.as_str());
            let often = if name == "search" || name.contains("account") { 2 } else { 5 };
            if !self.one_in(if is_place { 12 } else { often }) {
                continue;
            }
            let value = match name.as_str() {
                "page[size]" => self.rng.random_range(1..=100).to_string(),
                "page[number]" => self.rng.random_range(1..=3).to_string(),
                "since" | "page[after]" => {
                    self.unlike = true;
                    let cursor = self.pick(&self.foreign.cursors);
                    self.noted(cursor)
                }
                "search" => self.word(),
                name if name.contains("account") => self.id("account"),
                name if name.contains("user") => self.id("user"),
                _ => self.word(),
            };
            says = true;
            query.append_pair(name, &value);
        }
        let text = query.finish();
        if says { format!("?{text}") } else { String::new() }
    }

    fn body(&mut self, template: &str, kinds: &[&str]) -> Value {
        let mut body = json!({});
        for kind in kinds {
            let (name, value) = match *kind {
                "users" => ("userIds", json!([self.id("user"), self.id("user")])),
                "accounts" => ("accountIds", json!([self.id("account")])),
                "account" => {
                    let own = self.one_in(2).then(|| self.own.account.clone());
                    ("accountId", json!(own.unwrap_or_else(|| self.id("account"))))
                }
                // Every workspace can be asked by who has its ID: another id of theirs is no such.
                "workspace" => {
                    let user = self.pick(&self.foreign.users);
                    ("guestWorkspaceId", json!(self.noted(user)))
                }
                _ => ("userId", json!(self.id("user"))),
            };
            body[name] = value;
        }
        if template.ends_with("/accept") && template.starts_with("/partnerships") {
            body["termsVersion"] = self.own.terms.clone();
            body["agreed"] = true.into();
        }
        if template == "/partnerships" {
            body["partnerEmail"] = "pat@guest.example".into();
            body["reason"] = "They film our launch".into();
        }
        if template.ends_with("/accounts") {
            body["role"] = "account_manager".into();
        }
        if template.contains("/users") || template == "/access-requests" {
            body["role"] = "account_collaborator".into();
        }
        body
    }

    /// What an identity provider asks.
    fn scim(mut self) -> Attempt {
        let id = self.id("user");
        let one = format!("/Users/{id}");
        let (method, path, body) = match self.rng.random_range(0..6) {
            0 => ("GET", one, None),
            1 => ("DELETE", one, None),
            2 => {
                let user = "urn:ietf:params:scim:schemas:core:2.0:User";
                let body =
                    json!({"schemas": [user], "userName": "pat@guest.example", "active": true});
                ("PUT", one, Some(body))
            }
            3 => {
                let operations = json!([{"op": "replace", "path": "active", "value": false}]);
                let message = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
                ("PATCH", one, Some(json!({"schemas": [message], "Operations": operations})))
            }
            4 => {
                let message = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
                let body = json!({"schemas": [message], "filter": self.filter()});
                ("POST", "/Users/.search".to_owned(), Some(body))
            }
            _ => {
                let mut query = url_query();
                query.append_pair("filter", &self.filter());
                ("GET", format!("/Users?{}", query.finish()), None)
            }
        };
        self.done(method.to_owned(), path, body, None, false)
    }

    fn filter(&mut self) -> String {
        let word = self.word();
        match self.rng.random_range(0..6) {
            0 => format!("userName eq \"{word}\""),
            1 => format!("id eq \"{}\"", self.id("user")),
            2 => format!("emails.value co \"{word}\""),
            3 => format!("displayName sw \"{word}\" or externalId eq \"{word}\""),
            4 => format!("not (userName co \"{word}\")"),
            _ => {
                // What comes after it in the order is another matter for another word.
                self.unlike = true;
                format!("userName ge \"{word}\"")
            }
        }
    }
}

fn url_query() -> url::form_urlencoded::Serializer<'static, String> {
    url::form_urlencoded::Serializer::new(String::new())
}

/// Which ids are in the body of a request.
fn body_kinds(method: &str, template: &str) -> Vec<&'static str> {
    match (method, template) {
        ("POST", "/partnerships") => vec!["workspace"],
        ("POST", "/access-requests") => vec!["account", "users"],
        ("POST", path) if path.ends_with("/owners") || path.ends_with("/users") => vec!["user"],
        ("POST", path) if path.ends_with("/accounts") => vec!["accounts"],
        _ => Vec::new(),
    }
}

impl Attempt {
    pub fn describe(&self) -> String {
        format!("{self:?}")
    }

    /// Makes it and its twin: both are answered alike, and nothing of theirs is told.
    pub async fn make(&self, tenants: &Tenants, foreign: &Foreign) -> Result<Seen> {
        let first = self.ask(tenants, &[]).await?;
        let status = first.status;
        ensure!(status < 500, "a fault: {first:?}");
        ensure!(self.only_reads() || status >= 400, "it was done: {first:?}");
        // What was asked for may be said again, as it is of what never was.
        let first = Answer { text: put(&first.text, &self.twins), ..first };
        foreign.is_not_in(&first.text)?;
        foreign.is_not_in(&first.etag)?;
        let mut was_compared = false;
        if self.has_twin {
            let twin = self.ask(tenants, &self.twins).await?;
            // How often workspace IDs can be tried is limited, and the limit may lie between the two.
            if ![status, twin.status].contains(&429) {
                ensure!(first == twin, "told apart from what never was: {first:?}, {twin:?}");
                was_compared = true;
            }
        }
        Ok(Seen { was_compared, status })
    }

    fn only_reads(&self) -> bool {
        self.method == "GET" || self.path.ends_with("/.search")
    }

    async fn ask(&self, tenants: &Tenants, put_for: &[(String, String)]) -> Result<Answer> {
        let path = put(&self.path, put_for);
        let body = match &self.body {
            Some(body) => Some(serde_json::from_str(&put(&body.to_string(), put_for))?),
            None => None,
        };
        let Some(key) = &self.key else {
            return tenants.scim(&self.method, &path, &tenants.own_scim, body.as_ref()).await;
        };
        if self.csv {
            let url = format!("{}/api/v1{path}", tenants.server.url());
            return answer(tenants.http.get(url).bearer_auth(key).header("Accept", "text/csv"))
                .await;
        }
        tenants.send(&self.method, &path, key, body.as_ref()).await
    }
}

/// A text with some parts put for others. Longer ones first: a part may be in another.
fn put(text: &str, parts: &[(String, String)]) -> String {
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort_by_key(|(part, _)| std::cmp::Reverse(part.len()));
    let encoded =
        |part: &str| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    parts.into_iter().fold(text.to_owned(), |text, (part, other)| {
        text.replace(part, other).replace(&encoded(part), &encoded(other))
    })
}
