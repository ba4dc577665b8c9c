//! S2: two tenants on one server. Whatever one of them asks for of the other's, it is told as it is told
//! of what never was: in bodies, counts, the change feed, event streams, CSV, mails, webhooks, SCIM,
//! and in how long the answer takes.

mod attempt;
mod tenants;
mod timing;

use std::{sync::Arc, time::Instant};

use anyhow::{Context as _, Result, ensure};
use entente_store::Store;
use entente_tests::{Ground, dump::Tables, on_both_engines, size, tell};
use futures_util::StreamExt as _;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use sqlx::Row as _;
use tokio::{sync::Mutex, task::JoinHandle};

use attempt::{Attempts, Seen};
use tenants::{Foreign, Tenants};

on_both_engines![what_is_anothers_is_as_if_it_never_were];

/// So many attempts come between two things that the other tenant does, once it does things.
const PAUSE: u64 = 10;

async fn what_is_anothers_is_as_if_it_never_were(ground: Ground) -> Result<()> {
    let attempts = size("ENTENTE_FOREIGN", 800)?;
    let rounds = size("ENTENTE_TIMINGS", 0)?;
    let mut rng = StdRng::seed_from_u64(size("ENTENTE_SEED", 1)?);
    let begun = Instant::now();
    let tenants = Tenants::make(&ground).await?;
    let store = tenants.server.store();
    let tables = Tables::of(store).await?;
    // Whoever may see it does: what is looked for can be found.
    let foreign = Foreign::of(&tenants, &tables).await?;
    tenants.theirs_show_themselves(&foreign).await?;
    let before = rows(&tables, &tenants).await?;

    let mut streams = Vec::new();
    for key in tenants.own_keys() {
        streams.push(Listening::start(&tenants, key).await?);
    }
    let cursors = tenants.own_cursors().await?;
    let making = Attempts::new(&tenants, &foreign).await?;
    let (mut compared, mut refused, mut acted) = (0, 0, 0);
    for number in 0..attempts {
        // In the first half nothing of theirs may change; in the second, they go on.
        if number == attempts / 2 {
            let after = rows(&tables, &tenants).await?;
            let added: Vec<_> = after.iter().filter(|line| !before.contains(line)).collect();
            ensure!(
                after.len() == before.len() && added.is_empty(),
                "changed from afar: {added:?}"
            );
        }
        if number >= attempts / 2 && number % PAUSE == 0 {
            tenants.they_go_on(acted).await?;
            acted += 1;
        }
        let attempt = making.choose(&mut rng);
        let told = attempt.describe();
        let Seen { was_compared, status } =
            attempt.make(&tenants, &foreign).await.with_context(|| told)?;
        compared += u64::from(was_compared);
        refused += u64::from(status >= 400);
    }
    for stream in streams {
        stream.told_nothing_of(&foreign).await?;
    }
    for (key, cursor) in cursors {
        let path = format!("/changes?page[size]=100&since={cursor}");
        let told = tenants.get(&key, &path).await?;
        ensure!(told.status == 200, "{told:?}");
        foreign.is_not_in(&told.text)?;
    }
    let mails = mails_tell_nothing(store, &tenants, &foreign).await?;
    let deliveries = webhooks_tell_nothing(store, &tenants, &foreign).await?;
    let timings = timing::compare(&tenants, &foreign, rounds).await?;
    let engine = format!("{:?}", store.engine()).to_lowercase();
    tenants.server.stop().await;
    ensure!(compared * 10 >= attempts * 7, "only {compared} of {attempts} had a twin");
    tell(&json!({
        "check": "S2",
        "engine": engine,
        "attempts": attempts,
        "compared with what never was": compared,
        "refused": refused,
        "done meanwhile by the other": acted,
        "mails": mails,
        "deliveries": deliveries,
        "timing": timings,
        "seconds": begun.elapsed().as_secs_f64().round(),
    }))
}

/// Everything of the other tenant's, past the server. Of its mails, which go out meanwhile, only what
/// they are about.
async fn rows(tables: &Tables<'_>, tenants: &Tenants) -> Result<Vec<String>> {
    let mut rows = tables.of_scene(&tenants.theirs).await?;
    for row in rows.iter_mut().filter(|row| row.starts_with("outbox ")) {
        row.truncate(row.char_indices().nth(90).map_or(row.len(), |(at, _)| at));
    }
    Ok(rows)
}

/// An event stream that is read for as long as this is there.
struct Listening {
    heard: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Listening {
    async fn start(tenants: &Tenants, key: &str) -> Result<Self> {
        let url = format!("{}/api/v1/events", tenants.server.url());
        let response = tenants.http.get(url).bearer_auth(key).send().await?;
        ensure!(response.status() == 200, "a stream");
        let (heard, mut chunks) = (Arc::<Mutex<String>>::default(), response.bytes_stream());
        let into = heard.clone();
        let task = tokio::spawn(async move {
            while let Some(Ok(chunk)) = chunks.next().await {
                into.lock().await.push_str(&String::from_utf8_lossy(&chunk));
            }
        });
        Ok(Self { heard, task })
    }

    async fn told_nothing_of(self, foreign: &Foreign) -> Result<()> {
        ensure!(!self.task.is_finished(), "the stream ended");
        self.task.abort();
        foreign.is_not_in(&self.heard.lock().await)
    }
}

/// Mails to one tenant tell nothing of the other; both were written to.
async fn mails_tell_nothing(store: &Store, tenants: &Tenants, foreign: &Foreign) -> Result<u64> {
    let query =
        "SELECT recipient, subject || ' ' || text_body || ' ' || html_body AS told FROM outbox";
    let (mut own, mut theirs) = (0, 0);
    for row in sqlx::query(query).fetch_all(&mut *store.read().await?).await? {
        let (to, told): (String, String) = (row.try_get("recipient")?, row.try_get("told")?);
        if tenants.is_own_address(&to) {
            foreign.is_not_in(&told).with_context(|| format!("a mail to {to}"))?;
            own += 1;
        } else {
            theirs += 1;
        }
    }
    ensure!(own > 0 && theirs > 0, "{own} and {theirs} mails");
    Ok(own + theirs)
}

/// The same of what webhooks are sent.
async fn webhooks_tell_nothing(store: &Store, tenants: &Tenants, foreign: &Foreign) -> Result<u64> {
    let query = "SELECT w.workspace_id, d.body FROM webhook_deliveries d \
                 JOIN webhooks w ON w.id = d.webhook_id";
    let (mut own, mut theirs) = (0, 0);
    for row in sqlx::query(query).fetch_all(&mut *store.read().await?).await? {
        let (whose, body): (String, String) = (row.try_get("workspace_id")?, row.try_get("body")?);
        if whose == tenants.own.host.id.to_string() {
            foreign.is_not_in(&body).context("a delivery")?;
            own += 1;
        } else {
            theirs += 1;
        }
    }
    ensure!(own > 0 && theirs > 0, "{own} and {theirs} deliveries");
    Ok(own + theirs)
}
