//! What the server stands on fails it for a while: PostgreSQL goes away, the disk is full.

use anyhow::{Context as _, Result};
use entente_testkit::Postgres;
use entente_tests::{Ground, World};
use serde_json::{Value, json};

use crate::{call, request, until};

#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_the_server_says_so_and_goes_on_when_it_is_back() -> Result<()> {
    let mut cluster = Postgres::start()?;
    let ground = Ground::on(cluster.database()?)?;
    let world = ground.world().await?;
    let start = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = start.body["meta"]["cursor"].as_str().context("a cursor")?.to_owned();
    let mut stream = world.client("adam").events(&cursor).await?;
    let first = request(&world, "marit").await?;
    let event = stream.next().await.context("an event")??;
    assert_eq!(event.change.id, first);

    cluster.crash()?;
    let body = serde_json::to_value(world.request_to("ines"))?;
    let send = async || {
        let sent = call(&world, "uma", "POST", "/partnerships").header("Idempotency-Key", "one");
        sent.json(body.clone()).send().await
    };
    let path = format!("/partnerships/{first}");
    for answer in [send().await?, call(&world, "adam", "GET", &path).send().await?] {
        assert_eq!((answer.status, answer.code()), (503, "unavailable"), "{answer:?}");
        let wait = &answer.body["errors"][0]["meta"]["retryAfter"];
        assert!(wait.as_u64().is_some_and(|seconds| seconds > 0), "{answer:?}");
    }
    let ask = async |path: &str| reqwest::get(format!("{}{path}", world.url())).await;
    assert_eq!(ask("/healthz").await?.status(), 200, "the process is well");
    assert_eq!(ask("/readyz").await?.status(), 503, "and cannot answer");

    cluster.resume()?;
    let sent = until("an answer", async || {
        let sent = send().await.ok()?;
        (sent.status != 503).then_some(sent)
    })
    .await?;
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(ask("/readyz").await?.status(), 200);
    let list = call(&world, "adam", "GET", "/partnerships").send().await?;
    assert_eq!(
        list.body["meta"]["page"]["total"],
        json!(2),
        "nothing is lost, nothing is there twice"
    );
    // A stream goes on from where it was: the database is the same one.
    let mut stream = world.client("adam").events(&event.cursor).await?;
    assert_eq!(stream.next().await.context("an event")??.change.id, sent.id());
    // And hears again of what commits now, as do the workers.
    let third = request(&world, "grace").await?;
    assert_eq!(stream.next().await.context("an event")??.change.id, third);
    let approve = call(&world, "adam", "POST", &format!("{path}/approve")).version(1);
    assert_eq!(approve.send().await?.body["data"]["attributes"]["version"], Value::from(2));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_server_reads_and_it_writes_again_when_there_is_room() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let disk = entente_testkit::Disk::mount(&directory.path().join("disk"), 16)?;
    let world = World::start(&directory.path().join("disk")).await?;
    let first = request(&world, "marit").await?;
    let start = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = start.body["meta"]["cursor"].as_str().context("a cursor")?.to_owned();
    let mut stream = world.client("adam").events(&cursor).await?;
    disk.fill()?;
    let body = serde_json::to_value(world.request_to("ines"))?;
    let send = async || {
        let sent = call(&world, "uma", "POST", "/partnerships").header("Idempotency-Key", "one");
        sent.json(body.clone()).send().await
    };
    // Again and again: a write that failed must not be in the way of the next.
    for _ in 0..3 {
        let refused = send().await?;
        assert_eq!((refused.status, refused.code()), (503, "unavailable"), "{refused:?}");
        let list = call(&world, "adam", "GET", "/partnerships").send().await?;
        assert_eq!(list.body["meta"]["page"]["total"], json!(1), "{list:?}");
    }
    disk.free()?;
    let sent = send().await?;
    assert_eq!(sent.status, 201, "{sent:?}");
    assert_eq!(stream.next().await.context("an event")??.change.id, sent.id());
    let approve = call(&world, "adam", "POST", &format!("/partnerships/{first}/approve"));
    assert_eq!(approve.version(1).send().await?.status, 200);
    Ok(())
}
