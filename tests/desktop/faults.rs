//! What a desktop lacks: each has a sentence for the person, and the rest goes on.

use std::{fs, path::PathBuf};

use anyhow::{Result, ensure};
use entente_testkit::{Lab, Lack, until};
use serde_json::json;

use crate::{
    setup::{open_again, quit, send},
    stage::Stage,
};

/// The profiles' caches that are on the disk.
fn caches(lab: &Lab) -> Vec<PathBuf> {
    let profiles = fs::read_dir(lab.home().join("program/profiles")).into_iter().flatten();
    let files = profiles.flatten().map(|profile| profile.path().join("cache.db"));
    files.filter(|file| file.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_nothing_is_kept_unless_the_person_says_so() -> Result<()> {
    let stage = Stage::open_in(Lab::start_without("no-keyring", Lack::Keyring).await?).await?;
    stage.connect(&["adam"]).await?;
    let Stage { lab, window, .. } = &stage;
    window.wait_text(".banner", "This computer has no keyring").await?;
    lab.picture("no-keyring").await?;
    ensure!(caches(lab).is_empty(), "what was seen is in memory: {:?}", caches(lab));

    window.invoke("keep_unencrypted", json!({"allow": true})).await?;
    until("the cache to be on the disk", async || Ok((!caches(lab).is_empty()).then_some(())))
        .await?;
    window.wait("[data-connectivity='live']").await?;
    stage.end(Ok(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_is_locked_is_said_and_holds_up_nothing() -> Result<()> {
    let stage = Stage::open("locked-keyring").await?;
    stage.connect(&["adam"]).await?;
    let Stage { mut lab, window, .. } = stage;
    quit(&lab, window).await?;
    lab.lock_keyring().await?;
    let window = open_again(&mut lab).await?;
    window.wait_text(".banner", "The keyring is locked").await?;
    lab.picture("locked").await?;
    // The window answers all the same.
    window.press("Settings").await?;
    window.wait_text("h1", "Settings").await?;
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_notifications_the_window_and_the_tray_do_the_same() -> Result<()> {
    let lab = Lab::start_without("no-notifications", Lack::Notifications).await?;
    let stage = Stage::open_in(lab).await?;
    stage.connect(&["adam"]).await?;
    let Stage { lab, world, window } = &stage;
    let sent = send(world, "ines").await?;
    window.wait_text(".banner", "This desktop shows no notifications").await?;
    lab.picture("no-notifications").await?;
    lab.tray.click(&["Approve? Uma Castillo with Kestrel Legal", "Approve"]).await?;
    let uma = world.client("uma");
    until("the approval", async || {
        let now = uma.partnership(sent.id.parse()?).await?.attributes;
        Ok((now.state.as_str() == "awaiting_acceptance").then_some(()))
    })
    .await?;
    stage.end(Ok(())).await
}
