//! Proxies that end event streams, or keep them back: streams are used where they work, and nothing is
//! missed where they do not.

use std::time::Duration;

use anyhow::{Context as _, Result};
use entente_domain::StateName;
use entente_store::Engine;
use entente_sync::Connectivity;
use entente_tests::{Fault, FaultProxy, Ground};

use crate::{clients::Desk, request};

/// How long something lasts that comes after several polls, on a busy machine too.
const SOME_POLLS: Duration = Duration::from_secs(90);

/// Waits for the next change of how it stands.
async fn next(desk: &Desk) -> Result<Connectivity> {
    let mut status = desk.session.status();
    status.mark_unchanged();
    tokio::time::timeout(SOME_POLLS, status.changed()).await.context("a change")??;
    Ok(status.borrow_and_update().clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_streams_that_a_proxy_cuts_stay_live() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let world = ground.world().await?;
    let proxy = FaultProxy::start(&world).await?;
    // As one with a limit of a minute, ten times as fast; quiet, because nothing happens.
    proxy.set(Fault::After(Duration::from_secs(6)));
    let desk = Desk::open_at(&world, "adam", ground.path(), proxy.url()).await?;
    desk.live().await?;
    let quiet = tokio::time::timeout(Duration::from_secs(21), next(&desk)).await;
    assert!(quiet.is_err(), "it stood otherwise meanwhile: {quiet:?}");
    let streams = proxy.asked().len();
    assert!(streams >= 7, "they were cut and begun again: {streams} requests");
    let id = request(&world, "marit").await?.parse()?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_a_proxy_cuts_at_once_are_done_without_until_they_work() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let world = ground.world().await?;
    let proxy = FaultProxy::start(&world).await?;
    let desk = Desk::open_at(&world, "adam", ground.path(), proxy.url()).await?;
    desk.live().await?;
    proxy.set(Fault::After(Duration::from_millis(700)));
    desk.until("it asks", |status| *status == Connectivity::Polling).await?;
    let id = request(&world, "marit").await?.parse()?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    proxy.set(Fault::None);
    // By itself.
    let mut status = desk.session.status();
    let live = status.wait_for(|status| *status == Connectivity::Live);
    tokio::time::timeout(SOME_POLLS, live).await.context("live again")??;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_a_proxy_keeps_back_is_no_stream() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let world = ground.world().await?;
    let proxy = FaultProxy::start(&world).await?;
    proxy.set(Fault::Kept);
    let desk = Desk::open_at(&world, "adam", ground.path(), proxy.url()).await?;
    desk.until("it asks", |status| *status == Connectivity::Polling).await?;
    let id = request(&world, "marit").await?.parse()?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    Ok(())
}
