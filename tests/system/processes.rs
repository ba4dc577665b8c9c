//! Several servers over one PostgreSQL, as far as they can be tried in one process.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_domain::Timestamp;
use entente_server::{Config, ManualClock, Server};
use entente_store::Engine;
use entente_tests::{Ground, World};
use serde_json::{Value, json};

use crate::{call, request, until};

/// A world, and the same world as another server shows it.
async fn two(ground: &Ground, clock: &Arc<ManualClock>) -> Result<(World, World)> {
    let mut config = Config { clock: clock.clone(), ..ground.config() };
    config.expiry_interval = Duration::from_millis(20);
    let one = World::start_with(config.clone()).await?;
    let server = Some(Server::start(config.clone()).await?);
    let two = World { server, config, people: one.people.clone() };
    Ok((one, two))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_expires_once_whoever_looks() -> Result<()> {
    let ground = Ground::new(Engine::Postgres)?;
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let (mut one, two) = two(&ground, &clock).await?;
    let mut ids = Vec::new();
    for to in ["marit", "ines", "grace"] {
        ids.push(request(&two, to).await?);
    }
    clock.pass(Duration::from_secs(15 * 24 * 60 * 60));
    let expired = async |world: &World, id: &str| {
        until("the expiry", async || {
            let path = format!("/partnerships/{id}");
            let found = call(world, "uma", "GET", &path).send().await.ok()?;
            (found.state() == "expired").then_some(found)
        })
        .await
    };
    for id in &ids {
        let found = expired(&two, id).await?;
        let history = found.body["data"]["attributes"]["history"].as_array().context("steps")?;
        assert_eq!(history.len(), 2, "{history:?}");
        assert_eq!(history[1]["by"], json!({"kind": "system"}));
    }
    let path = "/activities?filter[event]=partnership_updated";
    let activities = call(&two, "adam", "GET", path).send().await?;
    assert_eq!(activities.body["meta"]["page"]["total"], Value::from(ids.len()));

    // Whoever had the work hands it over when it stops.
    one.stop().await?;
    let path = format!("/partnerships/{}/resend", ids[0]);
    let resent = call(&two, "uma", "POST", &path).header("If-Match", "*").send().await?;
    assert_eq!(resent.state(), "awaiting_approval", "{resent:?}");
    clock.pass(Duration::from_secs(15 * 24 * 60 * 60));
    expired(&two, &ids[0]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_revoked_on_one_ends_its_streams_on_the_other() -> Result<()> {
    let ground = Ground::new(Engine::Postgres)?;
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let (one, two) = two(&ground, &clock).await?;
    let start = call(&two, "adam", "GET", "/changes").send().await?;
    let cursor = start.body["meta"]["cursor"].as_str().context("a cursor")?.to_owned();
    let mut stream = two.client("adam").events(&cursor).await?;
    let keys = call(&one, "adam", "GET", "/api-keys").send().await?;
    let key = keys.body["data"][0]["id"].as_str().context("a key")?.to_owned();
    let revoked = call(&one, "adam", "DELETE", &format!("/api-keys/{key}")).send().await?;
    assert!(revoked.status < 300, "{revoked:?}");
    let over = tokio::time::timeout(Duration::from_secs(10), stream.next()).await?;
    assert!(over.is_none() || over.is_some_and(|event| event.is_err()), "the stream ended");
    assert_eq!(call(&two, "adam", "GET", "/me").send().await?.code(), "invalid_credentials");
    Ok(())
}
