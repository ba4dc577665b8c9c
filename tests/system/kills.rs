//! R2: servers that are killed at any moment, under load, again and again. What they acknowledged is
//! there, once; who follows the change feed misses nothing; nobody is written to twice.

mod follower;
mod site;
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use entente_store::{Engine, MailState, OutboxRow, Store, list_mails};
use entente_tests::{invariants, size, tell};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use follower::Follower;
use site::Site;
use writer::{Lived, Writer};

/// How many write, each to a guest of their own.
const WRITERS: usize = 8;
/// After so many kills of the server, PostgreSQL itself is killed.
const CRASHES: u64 = 10;
/// How long the rest may take on a busy machine once nobody is killed any more; of mails, each.
const PATIENCE: Duration = Duration::from_secs(150);

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_and_double_nothing_on_sqlite() -> Result<()> {
    kills_lose_and_double_nothing(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_lose_and_double_nothing_on_postgresql() -> Result<()> {
    kills_lose_and_double_nothing(Engine::Postgres).await
}

async fn kills_lose_and_double_nothing(engine: Engine) -> Result<()> {
    let kills = size("ENTENTE_KILLS", 6)?;
    let mut rng = StdRng::seed_from_u64(size("ENTENTE_SEED", 1)?);
    let begun = Instant::now();
    let mut site = Site::make(engine, WRITERS).await?;
    let writing: Vec<_> = (0..WRITERS)
        .map(|number| tokio::spawn(Writer::new(site.view(), number, rng.random()).write()))
        .collect();
    let guest = site.view().guests[0].key.clone();
    let following: Vec<_> = [site.view().admin.key.clone(), site.view().user.key.clone(), guest]
        .into_iter()
        .map(|key| Follower::start(site.view(), key))
        .collect();

    let (mut crashes, mut cut_off) = (0, 0);
    for process in 0..site.processes.len() {
        site.until_it_answers(process).await?;
    }
    for number in 0..kills {
        // Some are killed before they listen, the others while they answer.
        let victim = rng.random_range(0..site.processes.len());
        if rng.random_bool(0.9) {
            site.until_it_answers(victim).await?;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..150))).await;
        cut_off += u64::from(site.kill(victim)?);
        if engine == Engine::Postgres && number % CRASHES == CRASHES / 2 {
            // One that starts without its database says so and ends, for whoever runs it to start again.
            for other in (0..site.processes.len()).filter(|other| *other != victim) {
                site.until_it_answers(other).await?;
            }
            site.crash_database(Duration::from_millis(rng.random_range(0..300))).await?;
            crashes += 1;
        }
        site.start(victim)?;
    }
    for process in 0..site.processes.len() {
        site.until_it_answers(process).await?;
    }
    site.view().stopping.send_replace(true);
    let mut lived = Lived::default();
    for writer in writing {
        lived.add(writer.await??);
    }

    let view = site.view();
    happened_once(&view, &lived).await?;
    let followed = followed(&view, following).await?;
    let store = site.store().await?;
    let mails = mailed(&store, &site, &lived, kills + crashes).await?;
    invariants::never(&store).await?;
    store.close().await;
    ensure!(lived.unknown > 0 && cut_off > 0, "nobody was cut off: {lived:?}");
    tell(&json!({
        "check": "R2",
        "engine": format!("{engine:?}").to_lowercase(),
        "kills": kills,
        "kills of the database": crashes,
        "requests cut off": cut_off,
        "writes": lived.writes,
        "tries that were not answered": lived.unknown,
        "answers asked for again": lived.again,
        "changes followed": followed.changes,
        "feed resumed": followed.resumed,
        "mails": mails,
        "seconds": begun.elapsed().as_secs_f64().round(),
    }))
}

/// Every partnership went through exactly what was acknowledged, and there are no others.
async fn happened_once(view: &Arc<site::View>, lived: &Lived) -> Result<()> {
    for (id, expected) in &lived.histories {
        let found = view.get(&view.admin.key, &format!("/partnerships/{id}")).await?;
        let history = found["data"]["attributes"]["history"].as_array().context("a history")?;
        let history: Vec<&Value> = history.iter().map(|one| &one["to"]).collect();
        ensure!(history == expected.iter().collect::<Vec<_>>(), "{id}: {history:?}, {expected:?}");
        ensure!(found["data"]["attributes"]["remindersSent"] == 1, "one reminder: {found}");
    }
    let all = view.get(&view.admin.key, "/partnerships?page[size]=1").await?;
    let total = &all["meta"]["page"]["total"];
    ensure!(*total == lived.histories.len(), "{total} of {}", lived.histories.len());
    for guest in &view.guests {
        let keys = view.get(&guest.key, "/api-keys").await?;
        ensure!(keys["meta"]["page"]["total"] == 1, "each key that was made was revoked: {keys}");
    }
    Ok(())
}

#[derive(Default)]
struct Followed {
    changes: u64,
    resumed: u64,
}

/// Everybody holds what a full read gives, and never had to begin again.
async fn followed(view: &Arc<site::View>, following: Vec<Follower>) -> Result<Followed> {
    let mut all = Followed::default();
    for follower in following {
        let key = follower.key().to_owned();
        let full = follower::full(view, &key).await?;
        let told = follower.until_it_holds(&full, PATIENCE).await?;
        ensure!(told.anew == 1, "everything was read {} times", told.anew);
        ensure!(told.changes > 0 && told.resumed > 0, "nothing was followed");
        all.changes += told.changes;
        all.resumed += told.resumed;
    }
    Ok(all)
}

/// One mail for each cause and recipient, none of them sent twice. Of a kill, at most the one that was
/// under way is left unconfirmed.
async fn mailed(store: &Store, site: &Site, lived: &Lived, kills: u64) -> Result<Value> {
    let mut last = (Instant::now(), usize::MAX);
    let rows = loop {
        let rows = list_mails(&mut *store.read().await?, MailState::ALL).await?;
        let left = |row: &&OutboxRow| matches!(row.state, MailState::Waiting | MailState::Sending);
        let Some(waits) = rows.iter().find(left) else { break rows };
        let many = rows.iter().filter(left).count();
        if many < last.1 {
            last = (Instant::now(), many);
        }
        ensure!(last.0.elapsed() < PATIENCE, "{many} mails are not sent, the first: {waits:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut kept: BTreeMap<String, u64> = BTreeMap::new();
    for mail in site.sink.kept() {
        let id = mail["id"].as_str().context("an id")?.trim_matches(['<', '>']);
        *kept.entry(id.split('@').next().unwrap_or(id).to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = kept.iter().filter(|(_, times)| **times > 1).collect();
    ensure!(twice.is_empty(), "sent twice: {twice:?}");
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for row in &rows {
        *states.entry(row.state.to_string()).or_default() += 1;
        let was_sent = kept.contains_key(&row.id);
        match row.state {
            MailState::Sent => ensure!(was_sent, "it never came: {row:?}"),
            MailState::Unconfirmed => {}
            _ => ensure!(!was_sent, "it came: {row:?}"),
        }
    }
    ensure!(kept.keys().all(|id| rows.iter().any(|row| row.id == *id)), "a mail of no cause");
    let unconfirmed = states.get("unconfirmed").copied().unwrap_or_default();
    ensure!(unconfirmed <= kills, "{unconfirmed} mails are unconfirmed after {kills} kills");
    ensure!(!states.contains_key("failed"), "{states:?}");
    let causes: BTreeSet<&str> = rows.iter().map(|row| row.cause.as_str()).collect();
    for (id, history) in &lived.histories {
        // Its request, approval, reminder, acceptance, and its end: each was somebody's to know.
        for version in 1..=history.len() {
            let cause = format!("{id}/{version}");
            ensure!(causes.contains(cause.as_str()), "nobody was told of {cause}");
        }
    }
    Ok(json!(states))
}
