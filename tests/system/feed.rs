//! The change feed: whoever follows it holds, in the end, what a full read gives.

mod mirror;
mod writers;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_domain::Timestamp;
use entente_server::{Config, ManualClock, Server};
use entente_store::Engine;
use entente_testkit::Postgres;
use entente_tests::{Ground, World, on_both_engines};
use serde_json::json;

use crate::{call, request, until};
use mirror::{Following, Mirror};
use writers::{Tally, Writer, share_at_random, write_at_random};

on_both_engines![
    followers_of_many_writers_hold_what_a_full_read_gives,
    what_ceases_to_be_theirs_is_told_as_gone,
    a_cursor_from_before_what_is_kept_needs_a_full_read,
];

/// How many write at once, past the API, and how often each.
const WRITERS: usize = 16;

async fn followers_of_many_writers_hold_what_a_full_read_gives(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    writers::active(&mut world).await?;
    let accounts = [writers::account(&world).await?, writers::account(&world).await?];
    let world = Arc::new(world);
    let engine = world.server.as_ref().context("it runs")?.store().engine();
    let people = ["adam", "uma", "marit"];
    let mut following = Vec::new();
    for who in people {
        following.push(Following::polls(&world, who).await?);
        following.push(Following::streams(&world, who).await?);
    }
    // SQLite has one writer at a time: the others wait for it.
    let (times, longest) = match engine {
        Engine::Sqlite => (64, Duration::from_millis(3)),
        Engine::Postgres => (125, Duration::from_millis(400)),
    };
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(Writer::new(world.clone(), number).await?);
    }
    let writing: Vec<_> = writers
        .into_iter()
        .map(|writer| tokio::spawn(write_at_random(writer, times, longest)))
        .collect();
    let sharing = tokio::spawn(share_at_random(world.clone(), accounts, times / 4));
    let mut tally = Tally::default();
    for writer in writing {
        tally += writer.await??;
    }
    sharing.await??;
    println!("{tally:?}");
    assert!(tally.committed > WRITERS * times / 3, "{tally:?}");
    assert!(tally.rolled_back > 0, "{tally:?}");
    let mut told = Vec::new();
    for (who, following) in people.iter().flat_map(|who| [who, who]).zip(following) {
        let full = Mirror::full(&world, who).await?;
        let mirror = following.until_it_holds(&full).await?;
        told.push((who, mirror.upserts, mirror.tombstones, mirror.snapshots));
    }
    println!("who, upserts, tombstones, full reads: {told:?}");
    for (who, upserts, tombstones, snapshots) in told {
        assert!(upserts > 100, "{who} followed");
        assert!(*who == "adam" || tombstones > 5, "{who} saw things go");
        assert_eq!(snapshots, 1, "{who} never had to begin again");
    }
    Ok(())
}

async fn what_ceases_to_be_theirs_is_told_as_gone(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    writers::active(&mut world).await?;
    let world = Arc::new(world);
    let id = writers::partnership(&world).await?;
    let account = writers::account(&world).await?;
    let mut marit = Mirror::full(&world, "marit").await?;
    let mut oscar = Mirror::full(&world, "oscar").await?;
    let path = format!("/partnerships/{id}");

    // Shared and unshared.
    let body = json!({"accountIds": [account], "role": "account_manager"});
    let shared = call(&world, "uma", "POST", &format!("{path}/accounts")).json(body.clone());
    assert_eq!(shared.send().await?.status, 201);
    marit.catch_up(&world).await?;
    assert!(marit.holds("account", &account));
    assert_eq!(marit.count("shared_account"), 1);
    let unshare = call(&world, "uma", "DELETE", &format!("{path}/accounts/{account}"));
    assert_eq!(unshare.send().await?.status, 200);
    marit.catch_up(&world).await?;
    assert!(!marit.holds("account", &account), "unshared");
    assert_eq!((marit.count("shared_account"), marit.count("account_user")), (0, 0));

    // Named and dismissed.
    assert!(!oscar.holds("partnership", &id));
    let named = json!({"userId": world.person("oscar").id});
    let name = call(&world, "adam", "POST", &format!("{path}/owners")).json(named);
    assert!(name.send().await?.status < 300);
    oscar.catch_up(&world).await?;
    assert!(oscar.holds("partnership", &id));
    let dismissed = format!("{path}/owners/{}", world.person("oscar").id);
    assert!(call(&world, "adam", "DELETE", &dismissed).send().await?.status < 300);
    oscar.catch_up(&world).await?;
    assert!(!oscar.holds("partnership", &id), "dismissed");

    // Removed, with all that hung on it.
    let shared = call(&world, "uma", "POST", &format!("{path}/accounts")).json(body);
    assert_eq!(shared.send().await?.status, 201);
    marit.catch_up(&world).await?;
    assert!(marit.holds("account", &account));
    let remove = call(&world, "adam", "DELETE", &path).header("If-Match", "*").send().await?;
    assert_eq!(remove.status, 200, "{remove:?}");
    marit.catch_up(&world).await?;
    assert!(!marit.holds("account", &account), "removed");
    assert!(marit.holds("partnership", &id), "it stays listed");
    assert_eq!(marit.snapshots, 1, "all of it was told");
    for mirror in [marit, oscar] {
        let full = Mirror::full(&world, &mirror.who).await?;
        assert_eq!(mirror.held, full.held);
    }
    Ok(())
}

async fn a_cursor_from_before_what_is_kept_needs_a_full_read(ground: Ground) -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let mut config = Config { clock: clock.clone(), ..ground.config() };
    config.expiry_interval = Duration::from_millis(20);
    let world = World::start_with(config).await?;
    let old = Mirror::full(&world, "adam").await?;
    request(&world, "marit").await?;
    let kept = Mirror::full(&world, "adam").await?;
    clock.pass(Duration::from_secs(31 * 24 * 60 * 60));
    let path = format!("/changes?since={}", old.cursor);
    let refused = until("the end of what is kept", async || {
        let answer = call(&world, "adam", "GET", &path).send().await.ok()?;
        (answer.status == 410).then_some(answer)
    })
    .await?;
    assert_eq!(refused.code(), "cursor_expired");
    let streamed = world.client("adam").events(&old.cursor).await;
    assert!(streamed.is_err_and(|error| error.to_string().contains("full snapshot")));
    // With nothing left in the log, a full read gives a cursor that is good; and whoever was there just
    // before goes on.
    let new = Mirror::full(&world, "adam").await?;
    for (mut mirror, to) in [(new, "ines"), (kept, "grace")] {
        mirror.catch_up(&world).await?;
        request(&world, to).await?;
        mirror.catch_up(&world).await?;
        assert_eq!(mirror.held, Mirror::full(&world, "adam").await?.held);
        assert_eq!(mirror.snapshots, 1);
    }
    Ok(())
}

/// Whether the feed gets past a transaction that holds back the oldest of the cluster.
async fn is_told_at_once(world: &World, to: &str) -> Result<bool> {
    let cursor = Mirror::full(world, "adam").await?.cursor;
    let mut stream = world.client("adam").events(&cursor).await?;
    let id = request(world, to).await?;
    let told = tokio::time::timeout(Duration::from_secs(3), async {
        while let Some(Ok(event)) = stream.next().await {
            if event.change.id == id {
                return true;
            }
        }
        false
    });
    Ok(told.await.unwrap_or(false))
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_transactions_hold_nothing_back() -> Result<()> {
    let ground = Ground::new(Engine::Postgres)?;
    let world = ground.world().await?;
    let elsewhere = entente_testkit::database()?;
    let mut elsewhere = elsewhere.session()?;
    elsewhere.run("BEGIN; SELECT pg_current_xact_id();")?;
    assert!(is_told_at_once(&world, "marit").await?, "another database's");
    let database = ground.database().context("its database")?;
    let mut beside = database.session()?;
    beside.run("BEGIN; SELECT pg_current_xact_id();")?;
    assert!(is_told_at_once(&world, "ines").await?, "one of this database that is no writer");
    let mut prepared = database.session()?;
    prepared.run(
        "CREATE TABLE of_somebody_else (number INT); BEGIN; \
         INSERT INTO of_somebody_else VALUES (1); PREPARE TRANSACTION 'held';",
    )?;
    assert!(is_told_at_once(&world, "grace").await?, "one that waits for its second phase");
    prepared.run("ROLLBACK PREPARED 'held';")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_takes_long_makes_readers_lag_and_never_skip() -> Result<()> {
    let ground = Ground::new(Engine::Postgres)?;
    let world = Arc::new(ground.world().await?);
    let server = world.server.as_ref().context("it runs")?;
    let mut mirror = Mirror::full(&world, "adam").await?;
    let following = Following::streams(&world, "adam").await?;
    let mut slow = server.store().write().await?;
    let held = writers::add_member(&mut slow, &world, "Held Back").await?;
    let quick = request(&world, "marit").await?;
    // The later one has committed; to tell it would be to pass over the earlier one.
    tokio::time::sleep(Duration::from_millis(300)).await;
    mirror.catch_up(&world).await?;
    assert!(!mirror.holds("partnership", &quick), "told too early");
    assert!(Mirror::full(&world, "adam").await?.holds("partnership", &quick));
    slow.commit().await?;
    server.changed();
    mirror.catch_up(&world).await?;
    assert!(mirror.holds("partnership", &quick) && mirror.holds("user", &held));
    let full = Mirror::full(&world, "adam").await?;
    following.until_it_holds(&full).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_of_one_copy_of_the_database() -> Result<()> {
    let ground = Ground::new(Engine::Postgres)?;
    let mut world = ground.world().await?;
    request(&world, "marit").await?;
    let old = Mirror::full(&world, "adam").await?;
    world.stop().await?;
    // The same data, so the same keys: restored beside it, and into another cluster.
    let cluster = Postgres::start()?;
    for copy in [entente_testkit::database()?, cluster.database()?] {
        copy.restore(ground.database().context("its database")?)?;
        let config = Config { database: Some(copy.url()), ..ground.config() };
        let server = Some(Server::start(config.clone()).await?);
        let mut restored = World { server, config, people: world.people.clone() };
        let path = format!("/changes?since={}", old.cursor);
        let refused = call(&restored, "adam", "GET", &path).send().await?;
        assert_eq!((refused.status, refused.code()), (410, "cursor_expired"));
        let mirror = Mirror::full(&restored, "adam").await?;
        assert_eq!(mirror.held, old.held, "the data is the same");
        restored.stop().await?;
    }
    // Where it came from it is still good.
    let config = ground.config();
    world.server = Some(Server::start(config).await?);
    let mut old = old;
    old.catch_up(&world).await?;
    assert_eq!(old.snapshots, 1);
    Ok(())
}
