//! How many requests are sent, approved and accepted in a second on PostgreSQL, beside pgbench with the
//! statements that the server runs for it.

mod pgbench;
mod statements;

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use entente_domain::{WorkspaceId, WorkspaceRole};
use reqwest::Response;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    line::{Line, median},
    setting::Setting,
    site::{Served, Site, Somebody},
};
use pgbench::{Pgbench, Script};

/// How many write at once.
const WRITERS: usize = 16;
/// How many transactions a story has: it is sent, approved and accepted.
const STEPS: f64 = 3.0;

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(measure(setting))
}

/// By turns, so that both have the same of what else the machine does.
async fn measure(setting: &Setting) -> Result<Vec<Line>> {
    let (times, turns) = (setting.size(150, 5), setting.size(3, 1));
    let site = Site::on_postgres().await?;
    let server = Arc::new(site.serve(setting)?);
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(Writer::new(&site, &server, number).await?);
    }
    let script = record(&site, &server, &writers[0]).await?;
    let pgbench = Pgbench::new(&site, script, WRITERS, times * (turns + 1)).await?;

    let (mut rates, mut peers, mut attempts) = (Vec::new(), Vec::new(), 0.0);
    // The first turn makes both warm.
    for turn in 0..=turns {
        let mut guests = Vec::new();
        for _ in 0..WRITERS {
            guests.push(site.partners(times).await?);
        }
        site.tidy()?;
        let before = server.retries().await?;
        let begun = Instant::now();
        let writing = writers
            .iter()
            .zip(guests)
            .map(|(writer, guests)| tokio::spawn(writer.clone().write(server.clone(), guests)));
        for done in writing.collect::<Vec<_>>() {
            done.await??;
        }
        let stories = (WRITERS * times) as f64;
        let rate = stories * STEPS / begun.elapsed().as_secs_f64();
        let peer = pgbench.run(times)? * STEPS;
        if turn > 0 {
            rates.push(rate);
            peers.push(peer);
            attempts += server.retries().await? - before;
        }
    }
    let repeated = attempts / (WRITERS * times * turns) as f64 / STEPS;
    let line = Line::new("Sent, approved and accepted", "a second", median(&rates));
    let line = line.against("pgbench", median(&peers)).at_least(0.6);
    let note =
        format!("{WRITERS} writers; {:.2} % of attempts had to begin again", repeated * 100.0);
    Ok(vec![line.note(note)])
}

/// A host's user and Admin, who have it to themselves.
#[derive(Clone)]
struct Writer {
    workspace: WorkspaceId,
    user: Arc<Somebody>,
    admin: Arc<Somebody>,
    terms: String,
}

impl Writer {
    async fn new(site: &Site, server: &Served, number: usize) -> Result<Self> {
        let workspace = site.workspace(&format!("Host {number}")).await?;
        let one = async |role| {
            let mut users = site.users(workspace, role, 1).await?;
            Ok::<_, anyhow::Error>(Arc::new(users.pop().context("somebody")?))
        };
        let (user, admin) = (one(WorkspaceRole::User).await?, one(WorkspaceRole::Admin).await?);
        let terms = server.terms(user.key.expose_secret()).await?;
        Ok(Self { workspace, user, admin, terms })
    }

    async fn write(self, server: Arc<Served>, guests: Vec<Somebody>) -> Result<()> {
        for guest in guests {
            self.story(&server, &guest, &Uuid::now_v7().to_string()).await?;
        }
        Ok(())
    }

    /// Sends, approves and accepts; gives the partnership's id.
    async fn story(&self, server: &Served, guest: &Somebody, key: &str) -> Result<String> {
        let request = json!({
            "guestWorkspaceId": guest.user.workspace,
            "partnerEmail": guest.user.email,
            "reason": "They film our product launch",
        });
        let post = async |path: &str, by: &Somebody, body: &Value| {
            let by = by.key.expose_secret();
            server.post(path, by).header("Idempotency-Key", key).json(body).send().await
        };
        let sent = post("/partnerships", &self.user, &request).await?;
        let sent: Value = is_well(sent)?.json().await?;
        let id = sent["data"]["id"].as_str().context("an id")?.to_owned();
        let path = format!("/partnerships/{id}");
        is_well(post(&format!("{path}/approve"), &self.admin, &json!({})).await?)?;
        let accept = json!({"termsVersion": self.terms, "agreed": true});
        is_well(post(&format!("{path}/accept"), guest, &accept).await?)?;
        Ok(id)
    }
}

fn is_well(answer: Response) -> Result<Response> {
    ensure!(answer.status().is_success(), "{answer:?}");
    Ok(answer)
}

/// The statements of one story, as PostgreSQL logs them.
async fn record(site: &Site, server: &Arc<Served>, writer: &Writer) -> Result<Script> {
    let guests = site.partners(2).await?;
    let key = Uuid::now_v7().to_string();
    // Whatever is done only once was done with the first.
    writer.story(server, &guests[0], &Uuid::now_v7().to_string()).await?;
    site.log_statements(true)?;
    let partnership = writer.story(server, &guests[1], &key).await?;
    site.log_statements(false)?;
    let logged = statements::read(&site.log()?)?;
    let secret = &site.opened().secret;
    let Somebody { user: guest, key: guest_key } = &guests[1];
    let script = Script::new(statements::of_story(logged)?)
        .each_writer(&writer.workspace.to_string())
        .each_writer(&writer.user.user.id.to_string())
        .each_writer(&writer.admin.user.id.to_string())
        .each_writer(&secret.hash(&writer.user.key))
        .each_writer(&secret.hash(&writer.admin.key))
        .each_story(&guest.workspace.to_string())
        .each_story(&guest.id.to_string())
        .each_story(&secret.hash(guest_key))
        .each_story(&partnership)
        .each_story(&key);
    Ok(script)
}
