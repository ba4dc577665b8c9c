//! Every endpoint that the server tells of, by everybody, in every situation: what the policy allows
//! is done, and what it refuses leaves nothing but its entry in the audit.
//!
//! What a cell comes to is computed by the domain's policy on facts that were written past the server.
//! A new endpoint has no row here, and fails.

mod caller;
mod effects;
mod row;
mod rows;
mod shown;

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use entente_domain::{Actor, TermsFacts, Timestamp};
use entente_server::{Config, ManualClock, Running, Server};
use entente_tests::{
    Ground,
    contract::{self, Exchange},
    dump::Tables,
    on_both_engines,
    scene::{Facts, Scene, Situation, Told},
};
use entente_wire::ErrorCode;
use futures_util::{StreamExt as _, stream};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::media_type;
use caller::{Caller, Keys};
use row::{Expect, Row};

/// What has tests of its own: the document and signing in need no key, and webhooks are for Admins alone
/// (`sso`, `webhooks::admins_alone_have_webhooks_and_only_to_the_world`).
const ELSEWHERE: &[&str] = &[
    "GET /openapi.json",
    "POST /auth/sso",
    "POST /auth/token",
    "POST /auth/revoke",
    "GET /webhooks",
    "POST /webhooks",
    "GET /webhooks/{id}",
    "DELETE /webhooks/{id}",
    "POST /webhooks/{id}/test",
];

/// How an endpoint is asked on a scene, and the scope that a key needs for it.
pub struct Asked {
    pub method: &'static str,
    pub template: &'static str,
    /// Nothing is for every key.
    pub scope: &'static str,
    pub path: String,
    pub body: Value,
}

/// All endpoints of the table, each once, as somebody asks them.
pub fn all_asked(scene: &Scene, by: &Actor) -> Vec<Asked> {
    let mut known = BTreeSet::new();
    let rows = rows::all().into_iter().filter(|row| known.insert((row.method, row.template)));
    rows.map(|row| Asked {
        method: row.method,
        template: row.template,
        scope: row.scope,
        path: (row.path)(scene),
        body: (row.body)(scene, by),
    })
    .collect()
}

/// How many cells are tried at a time, where they leave nothing.
const AT_ONCE: usize = 8;

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Value,
}

/// What the cells came to.
#[derive(Debug, Default)]
struct Tried {
    done: usize,
    refused: usize,
    /// Those that came to something else than they should.
    wrong: Vec<String>,
}

/// The rows, and the server on which they are tried.
struct Table {
    server: Running,
    http: reqwest::Client,
    terms: TermsFacts,
    rows: Vec<Row>,
    /// How an id is answered that never was.
    not_found: Value,
    /// Scenes are built one at a time: on PostgreSQL two would be in each other's way.
    building: Mutex<()>,
}

on_both_engines![every_cell_is_as_the_policy_says];

async fn every_cell_is_as_the_policy_says(ground: Ground) -> Result<()> {
    let mut tried = Tried::default();
    for situation in Situation::ALL.iter().copied() {
        // Each on a database of its own, so that none is slower for those before it.
        let ground = ground.another()?;
        let table = Table::begin(ground.config()).await?;
        table.has_a_row_for_every_endpoint().await?;
        table.try_all(situation, &mut tried).await.context(situation.name)?;
        table.server.stop().await;
    }
    let Tried { done, refused, wrong } = tried;
    let cells = done + refused;
    let [rows, callers, situations] =
        [rows::all().len(), Caller::all().len(), Situation::ALL.len()];
    println!("{cells} cells: {rows} rows, {callers} callers, {situations} situations");
    println!("{done} done, {refused} refused, {} not as they should be", wrong.len());
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(cells, rows * callers * situations, "every cell was tried once");
    Ok(())
}

impl Table {
    async fn begin(config: Config) -> Result<Self> {
        // Everything happens at one moment, so that what is written can be told beforehand.
        let clock = ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?);
        let server = Server::start(Config { clock: Arc::new(clock), ..config }).await?;
        let terms = TermsFacts { version: String::new(), hash: String::new() };
        let (http, rows) = (reqwest::Client::new(), rows::all());
        let (not_found, building) = (Value::Null, Mutex::default());
        let mut table = Self { server, http, terms, rows, not_found, building };
        let scene = Scene::build(&table.server, &table.terms, Situation::ALL[0]).await?;
        let key = Some(&scene.people[0].key);
        let nowhere = format!("/partnerships/{}", Uuid::now_v7());
        table.not_found = table.ask("GET", &nowhere, key, Value::Null).await?.body;
        let terms = table.ask("GET", "/terms", key, Value::Null).await?;
        let text = |name: &str| {
            let text = terms.body["data"]["attributes"][name].as_str().map(str::to_owned);
            text.with_context(|| format!("the terms have a {name}"))
        };
        table.terms = TermsFacts { version: text("version")?, hash: text("hash")? };
        Ok(table)
    }

    async fn has_a_row_for_every_endpoint(&self) -> Result<()> {
        let document = self.ask("GET", "/openapi.json", None, Value::Null).await?.body;
        let mut served = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().context("paths")? {
            // SCIM knows no such callers, and whoever watches is none.
            let Some(path) = path.strip_prefix("/api/v1") else { continue };
            for (method, operation) in operations.as_object().context("operations")? {
                let endpoint = format!("{} {path}", method.to_uppercase());
                let scope = operation["security"][0]["apiKey"][0].as_str().unwrap_or_default();
                let row = self
                    .rows
                    .iter()
                    .find(|row| row.method == method.to_uppercase() && row.template == path);
                assert!(row.is_none_or(|row| row.scope == scope), "{endpoint} needs {scope}");
                served.insert(endpoint);
            }
        }
        let rows = self.rows.iter().map(|row| format!("{} {}", row.method, row.template));
        let elsewhere = ELSEWHERE.iter().map(|endpoint| (*endpoint).to_owned());
        let tried: BTreeSet<String> = rows.chain(elsewhere).collect();
        assert_eq!(tried, served, "the table has a row for each endpoint");
        Ok(())
    }

    /// Tries every row and caller in a situation.
    async fn try_all(&self, situation: Situation, tried: &mut Tried) -> Result<()> {
        let mut scene = Scene::build(&self.server, &self.terms, situation).await?;
        let keys = Keys::make(&self.server, &mut scene).await?;
        let tables = Tables::of(self.server.store()).await?;
        let mut before = tables.of_scene(&scene).await?;
        let mut writes = Vec::new();
        for row in &self.rows {
            let mut cells = Vec::new();
            for caller in Caller::all() {
                match row.expected(&scene, caller) {
                    Expect::Done if row.effect.is_some() => writes.push((row, caller)),
                    expect => cells.push((caller, expect)),
                }
            }
            let told: Vec<Told> =
                cells.iter().filter_map(|cell| row.refusal_told(&scene, *cell)).collect();
            let refused = cells.iter().filter(|(_, expect)| *expect != Expect::Done).count();
            tried.refused += refused;
            tried.done += cells.len() - refused;
            let came = stream::iter(cells)
                .map(|(caller, expect)| self.try_idle(&scene, &keys, row, caller, expect))
                .buffer_unordered(AT_ONCE);
            for came in came.collect::<Vec<_>>().await {
                tried.note(situation, row, came);
            }
            // What only reads is looked at with the next one that does not.
            if row.effect.is_some() {
                let after = tables.of_scene(&scene).await?;
                tried.note(situation, row, leaves_nothing_but(told.len(), &before, &after));
                before = after;
            }
            scene.facts.told.extend(told);
        }
        tried.done += writes.len();
        let (keeping, others): (Vec<_>, Vec<_>) =
            writes.into_iter().partition(|(row, _)| row.keeps);
        for (row, caller) in keeping {
            match self.try_write(&scene, row, caller).await {
                Ok(after) => scene.facts = after,
                came => tried.note(situation, row, came),
            }
        }
        let came = stream::iter(others)
            .map(async |(row, caller)| (row, self.try_fresh(situation, row, caller).await))
            .buffer_unordered(AT_ONCE);
        for (row, came) in came.collect::<Vec<_>>().await {
            tried.note(situation, row, came);
        }
        Ok(())
    }

    /// A cell that changes the situation, on one of its own.
    async fn try_fresh(&self, situation: Situation, row: &Row, caller: Caller) -> Result<Facts> {
        let building = self.building.lock().await;
        let office = caller.office();
        let scene = Scene::build_for(&self.server, &self.terms, situation, office).await?;
        drop(building);
        self.try_write(&scene, row, caller).await
    }

    /// A cell that is refused, or only reads.
    async fn try_idle(
        &self,
        scene: &Scene,
        keys: &Keys,
        row: &Row,
        caller: Caller,
        expect: Expect,
    ) -> Result<()> {
        let by = scene.someone(caller.office()).user.actor();
        let key = keys.of(caller, scene, row.scope);
        let answer = self.cell(scene, row, &by, key.as_ref()).await?;
        ensure!(
            self.is_as(expect, row, &answer),
            "{caller:?}: expected {expect:?}, came to {answer:?}"
        );
        // What the key lacks is no matter of who it is.
        if let (Expect::Done, Some(shows), Caller::Office(_)) = (expect, &row.shows, caller) {
            let shown = shows(scene, &scene.facts, &by);
            let found = shown.read(scene, &answer.body);
            ensure!(found == shown, "{caller:?}: shows {found:?}, not {shown:?}");
            ensure!(shown.has_total_of(&answer.body), "{caller:?}: counts what it does not show");
        }
        Ok(())
    }

    /// A cell that is done and leaves something: exactly that.
    async fn try_write(&self, scene: &Scene, row: &Row, caller: Caller) -> Result<Facts> {
        let one = scene.someone(caller.office());
        let by = one.user.actor();
        let answer = self.cell(scene, row, &by, Some(&one.key)).await?;
        ensure!(
            self.is_as(Expect::Done, row, &answer),
            "expected it to be done, came to {answer:?}"
        );
        let mut expected = scene.facts.clone();
        if let Some(effect) = &row.effect {
            effect(scene, &by, &mut expected);
        }
        let mut connection = self.server.store().read().await?;
        let found = Facts::read(&mut connection, scene).await?;
        let (wanted, is) = (expected.lines(scene), found.lines(scene));
        let only_in = |some: &[String], others: &[String]| {
            let only = some.iter().filter(|line| !others.contains(line));
            only.cloned().collect::<Vec<_>>().join("\n")
        };
        ensure!(
            wanted == is,
            "{caller:?}: expected afterwards:\n{}\nbut there is:\n{}",
            only_in(&wanted, &is),
            only_in(&is, &wanted)
        );
        if let Some(shows) = &row.shows {
            let shown = shows(scene, &expected, &by);
            let found = shown.read(scene, &answer.body);
            ensure!(found == shown, "{caller:?}: shows {found:?}, not {shown:?}");
        }
        Ok(Facts { told: scene.facts.told.clone(), ..found })
    }

    async fn cell(
        &self,
        scene: &Scene,
        row: &Row,
        by: &Actor,
        key: Option<&SecretString>,
    ) -> Result<Answer> {
        self.ask(row.method, &(row.path)(scene), key, (row.body)(scene, by)).await
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        key: Option<&SecretString>,
        body: Value,
    ) -> Result<Answer> {
        let path = format!("/api/v1{path}");
        let url = format!("{}{path}", self.server.url());
        let mut request = self.http.request(method.parse()?, url).header("If-Match", "*");
        if let Some(key) = key {
            request = request.bearer_auth(key.expose_secret());
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let media_type = media_type(&response);
        // A stream has no end to wait for.
        let is_stream = media_type.starts_with("text/event-stream");
        let body = if is_stream { Value::Null } else { response.json().await? };
        let media_type = media_type.as_str();
        contract::check(Exchange { method, path: &path, status, media_type, body: &body })?;
        Ok(Answer { status, body })
    }

    fn is_as(&self, expect: Expect, row: &Row, answer: &Answer) -> bool {
        let code = |code: ErrorCode| {
            answer.status == code.status() && answer.body["errors"][0]["code"] == code.as_str()
        };
        match expect {
            Expect::Done => answer.status == if row.creates { 201 } else { 200 },
            // Told alike, whatever it is.
            Expect::NotFound => code(ErrorCode::NotFound) && answer.body == self.not_found,
            Expect::Forbidden => code(ErrorCode::Forbidden),
            Expect::Unknown(why) | Expect::WrongState(why) | Expect::Unauthorized(why) => code(why),
        }
    }
}

impl Tried {
    fn note<T>(&mut self, situation: Situation, row: &Row, came: Result<T>) {
        if let Err(error) = came {
            let Row { method, template, about, .. } = row;
            self.wrong.push(format!("{}: {method} {template} {about}: {error:#}", situation.name));
        }
    }
}

/// Of two dumps the later one has so many entries about refused decisions more, and that is all.
fn leaves_nothing_but(entries: usize, before: &[String], after: &[String]) -> Result<()> {
    let (had, has): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
    let gone: Vec<_> = had.difference(&has).collect();
    let mut other: Vec<_> = has.difference(&had).collect();
    let refused = |line: &str| line.starts_with("activities ") && line.contains("decision_refused");
    let refusals = other.extract_if(.., |line| refused(line)).count();
    ensure!(gone.is_empty() && other.is_empty(), "refused, and yet {gone:?} became {other:?}");
    ensure!(refusals == entries, "{refusals} entries in the audit, not {entries}");
    Ok(())
}
