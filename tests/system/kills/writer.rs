//! Who writes while servers are killed: each write under a key of its own, until there is an answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::site::{Answer, View};

/// How long a write may take, kills included.
const PATIENCE: Duration = Duration::from_secs(150);

/// What a writer came to.
#[derive(Debug, Default)]
pub struct Lived {
    /// What each partnership went through, as it was acknowledged.
    pub histories: BTreeMap<String, Vec<Value>>,
    pub writes: u64,
    /// Tries of which it is not known what they did.
    pub unknown: u64,
    /// Answers that were asked for again, and were the same.
    pub again: u64,
}

impl Lived {
    pub fn add(&mut self, other: Self) {
        self.histories.extend(other.histories);
        self.writes += other.writes;
        self.unknown += other.unknown;
        self.again += other.again;
    }
}

/// A write, to be sent as often as it takes.
#[derive(Debug, Clone)]
struct Write {
    method: Method,
    path: String,
    key: String,
    version: Option<i64>,
    body: Value,
    idempotency_key: String,
}

impl Write {
    fn new(method: Method, path: impl Into<String>, key: &str, body: Value) -> Self {
        let idempotency_key = Uuid::now_v7().to_string();
        Self { method, path: path.into(), key: key.into(), version: None, body, idempotency_key }
    }

    fn of_version(self, version: i64) -> Self {
        Self { version: Some(version), ..self }
    }

    fn request(&self, http: &reqwest::Client, base: &str) -> reqwest::RequestBuilder {
        let mut request = http
            .request(self.method.clone(), format!("{base}{}", self.path))
            .bearer_auth(&self.key)
            .header("Idempotency-Key", &self.idempotency_key);
        if let Some(version) = self.version {
            request = request.header("If-Match", format!("\"{version}\""));
        }
        if self.method == Method::POST { request.json(&self.body) } else { request }
    }
}

pub struct Writer {
    view: Arc<View>,
    number: usize,
    rng: StdRng,
    lived: Lived,
    /// What was acknowledged, and how.
    acknowledged: Vec<(Write, Answer)>,
}

impl Writer {
    pub fn new(view: Arc<View>, number: usize, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { view, number, rng, lived: Lived::default(), acknowledged: Vec::new() }
    }

    /// Makes partnerships and ends them, one after the other, until it is enough.
    pub async fn write(mut self) -> Result<Lived> {
        let terms = self.view.get(&self.view.user.key, "/terms").await?;
        let terms = terms["data"]["attributes"]["version"].clone();
        while !*self.view.stopping.borrow() {
            self.live(&terms).await.with_context(|| format!("writer {}", self.number))?;
        }
        // Also what was acknowledged long ago, and by others than those that answer now.
        for _ in 0..20 {
            self.ask_again().await?;
        }
        Ok(self.lived)
    }

    async fn live(&mut self, terms: &Value) -> Result<()> {
        let view = self.view.clone();
        let guest = &view.guests[self.number];
        let (user, admin) = (view.user.key.as_str(), view.admin.key.as_str());
        let sent = self
            .done(Write::new(
                Method::POST,
                "/partnerships",
                user,
                json!({
                    "guestWorkspaceId": guest.workspace,
                    "partnerEmail": guest.email,
                    "reason": "They film our launch",
                }),
            ))
            .await?;
        let id = sent["data"]["id"].as_str().context("an id")?.to_owned();
        let path = format!("/partnerships/{id}");
        let post = |word: &str, key: &str, body: Value| {
            Write::new(Method::POST, format!("{path}/{word}"), key, body)
        };
        // Two Admins at once: one of them decides.
        let (one, other) = (
            post("approve", admin, json!({})).of_version(1),
            post("approve", &view.other_admin.key, json!({})).of_version(1),
        );
        let (one, other) = tokio::try_join!(answered(&view, &one), answered(&view, &other))?;
        for (_, tries) in [&one, &other] {
            self.lived.writes += 1;
            self.lived.unknown += tries;
        }
        let statuses = [one.0.status, other.0.status];
        ensure!(
            statuses.contains(&200) && (statuses.contains(&412) || statuses.contains(&409)),
            "one approves, and the other learns of it: {one:?}, {other:?}"
        );
        self.done(post("remind", user, json!({}))).await?;
        let consent = json!({"termsVersion": terms, "agreed": true});
        self.done(post("accept", &guest.key, consent).of_version(3)).await?;
        let share = json!({
            "accountIds": [view.accounts[self.number]], "role": "account_manager",
        });
        self.done(post("accounts", user, share)).await?;
        let made = json!({"name": "Passing"});
        let made = self.done(Write::new(Method::POST, "/api-keys", &guest.key, made)).await?;
        let key = made["data"]["id"].as_str().context("a key")?;
        let revoke = Write::new(Method::DELETE, format!("/api-keys/{key}"), &guest.key, json!({}));
        self.done(revoke).await?;
        let remove = Write::new(Method::DELETE, path, admin, json!({})).of_version(4);
        self.done(remove).await?;
        // The reminder is in it, too.
        let asked = ["awaiting_acceptance"; 2];
        let history = [&["awaiting_approval"][..], &asked, &["active", "removed"]].concat();
        self.lived.histories.insert(id, history.into_iter().map(Value::from).collect());
        Ok(())
    }

    /// Does a write; gives what was answered.
    async fn done(&mut self, write: Write) -> Result<Value> {
        let (answer, unknown) = answered(&self.view, &write).await?;
        ensure!(answer.status < 300, "{write:?}: {answer:?}");
        self.lived.writes += 1;
        self.lived.unknown += unknown;
        self.acknowledged.push((write, answer.clone()));
        if self.rng.random_bool(0.2) {
            self.ask_again().await?;
        }
        Ok(answer.body)
    }

    /// The same request as some time before gets the same answer.
    async fn ask_again(&mut self) -> Result<()> {
        if self.acknowledged.is_empty() {
            return Ok(());
        }
        let number = self.rng.random_range(0..self.acknowledged.len());
        let (write, before) = self.acknowledged[number].clone();
        let (answer, _) = answered(&self.view, &write).await?;
        ensure!(answer == before, "{write:?}: {before:?}, and then {answer:?}");
        self.lived.again += 1;
        Ok(())
    }
}

/// Sends a write until there is an answer; tells how many tries were cut off.
async fn answered(view: &View, write: &Write) -> Result<(Answer, u64)> {
    let begun = Instant::now();
    let mut unknown = 0;
    while begun.elapsed() < PATIENCE {
        let was_sent = AtomicBool::new(false);
        let made = |http: &reqwest::Client, base: &str| write.request(http, base);
        if let Some(answer) = view.try_once(made, &was_sent).await? {
            return Ok((answer, unknown));
        }
        unknown += u64::from(was_sent.load(Ordering::Relaxed));
    }
    bail!("nobody answers {write:?}")
}
