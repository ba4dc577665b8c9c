//! What a disk does: it is full, it may not be written, it holds what is damaged or of another version.
//! Each has a sentence for the person, nothing is lost, and nobody must start the program again.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use entente_testkit::{Disk, Lab, Window, until};
use entente_tests::World;
use serde_json::json;

use crate::{
    program,
    setup::{open_again, quit, send},
    stage::Stage,
};

/// Room for what the program keeps, and little more.
const MEBIBYTES: u32 = 16;

/// A program that keeps what it keeps on a small disk, with one partnership in its list.
async fn on_a_small_disk(name: &str) -> Result<(Stage, Disk)> {
    let lab = Lab::start(name).await?;
    let disk = Disk::mount(&lab.home().join("program"), MEBIBYTES)?;
    let stage = Stage::open_in(lab).await?;
    stage.connect(&["adam"]).await?;
    send(&stage.world, "marit").await?;
    has_row(&stage.window, "Fjord Studio").await?;
    stage.lab.banners.titled(&title("Fjord Studio")).await?;
    Ok((stage, disk))
}

async fn has_row(window: &Window, name: &str) -> Result<()> {
    window.press("Partners").await?;
    window.wait_text("[data-testid=partner-row]", name).await
}

/// What the notification of a request says.
fn title(name: &str) -> String {
    format!("Uma Castillo wants to partner with {name}")
}

/// The caches that are on the disk.
fn caches(lab: &Lab, place: &str) -> Vec<PathBuf> {
    let profiles = fs::read_dir(lab.home().join(place)).into_iter().flatten().flatten();
    profiles.map(|one| one.path().join("cache.db")).filter(|file| file.is_file()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_gets_full_is_said_and_nothing_is_lost() -> Result<()> {
    let (stage, disk) = on_a_small_disk("disk-full").await?;
    let Stage { lab, world, window } = &stage;
    disk.fill()?;
    let sent = send(world, "ines").await?;
    window.wait_text("[data-testid=offline-banner]", "The disk of this computer is full").await?;
    lab.picture("full").await?;
    has_row(window, "Fjord Studio").await?;
    let uma = world.client("uma");
    let decision = json!({"action": "approve", "note": null, "agreedTermsVersion": null});
    let input = json!({"profile": profile_of(window).await?, "id": sent.id, "version": 1, "decision": decision});
    let refused = window.invoke("decide", input).await.expect_err("it cannot be recorded");
    ensure!(refused.to_string().contains("Nothing was sent."), "{refused}");
    let now = uma.partnership(sent.id.parse()?).await?;
    ensure!(now.attributes.state.as_str() == "awaiting_approval", "nor was it");

    disk.free()?;
    window.wait("[data-connectivity='live']").await?;
    window.wait_gone("[data-testid=offline-banner]").await?;
    has_row(window, "Kestrel Legal").await?;
    lab.banners.titled(&title("Kestrel Legal")).await?;
    lab.tray.click(&["Approve? Uma Castillo with Kestrel Legal", "Approve"]).await?;
    until("the approval", async || {
        let now = uma.partnership(sent.id.parse()?).await?.attributes;
        Ok((now.state.as_str() == "awaiting_acceptance").then_some(()))
    })
    .await?;
    let told = lab.banners.titles();
    let requests: Vec<_> = told.iter().filter(|title| title.contains("partner with")).collect();
    ensure!(requests == [&title("Fjord Studio"), &title("Kestrel Legal")], "each once: {told:?}");
    stage.end(Ok(())).await
}

/// The id of the profile whose partnerships the window shows.
async fn profile_of(window: &Window) -> Result<String> {
    let state = window.invoke("app_state", json!({})).await?;
    state["active"].as_str().map(str::to_owned).context("an active profile")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_says_so_and_goes_on_when_there_is_room() -> Result<()> {
    let (stage, disk) = on_a_small_disk("disk-full-start").await?;
    let Stage { mut lab, world, window } = stage;
    quit(&lab, window).await?;
    disk.fill()?;
    let window = open_again(&mut lab).await?;
    window.wait_text("[role=status]", "The disk of this computer is full").await?;
    lab.picture("full").await?;
    send(&world, "ines").await?;
    disk.free()?;
    window.wait("[data-connectivity='live']").await?;
    for name in ["Fjord Studio", "Kestrel Legal"] {
        has_row(&window, name).await?;
    }
    ensure!(notices(&window).await?.is_empty(), "it is over");
    window.quit().await
}

/// Which notices the window shows.
async fn notices(window: &Window) -> Result<Vec<String>> {
    let state = window.invoke("app_state", json!({})).await?;
    let notices = state["notices"].as_array().context("notices")?;
    Ok(notices.iter().map(|notice| notice["kind"].to_string()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_said_and_used_once_it_may() -> Result<()> {
    let stage = Stage::open("read-only").await?;
    stage.connect(&["adam"]).await?;
    send(&stage.world, "marit").await?;
    has_row(&stage.window, "Fjord Studio").await?;
    let Stage { mut lab, world: _world, window } = stage;
    quit(&lab, window).await?;
    let protected = Disk::protect(&lab.home().join("program"))?;
    let window = open_again(&mut lab).await?;
    window.wait_text("[role=status]", "may not write to its folder").await?;
    lab.picture("read-only").await?;
    drop(protected);
    window.wait("[data-connectivity='live']").await?;
    has_row(&window, "Fjord Studio").await?;
    ensure!(notices(&window).await?.is_empty(), "it is over");
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_may_not_be_written_is_in_memory_until_it_may() -> Result<()> {
    let stage = Stage::open("read-only-cache").await?;
    stage.connect(&["adam"]).await?;
    let Stage { mut lab, world, window } = stage;
    quit(&lab, window).await?;
    let cache = caches(&lab, "program/profiles").pop().context("a cache")?;
    let protected = Disk::protect(cache.parent().context("its folder")?)?;
    let window = open_again(&mut lab).await?;
    window.wait_text(".banner", "kept only until Entente ends").await?;
    window.wait("[data-connectivity='live']").await?;
    send(&world, "marit").await?;
    has_row(&window, "Fjord Studio").await?;
    lab.picture("in-memory").await?;
    let is_kept = async |how: &str| {
        let state = window.invoke("app_state", json!({})).await?;
        Ok::<_, anyhow::Error>((state["profiles"][0]["keeping"] == how).then_some(()))
    };
    ensure!(is_kept("memory").await?.is_some());
    drop(protected);
    until("a cache on the disk", async || is_kept("encrypted").await).await?;
    window.wait("[data-connectivity='live']").await?;
    has_row(&window, "Fjord Studio").await?;
    ensure!(notices(&window).await?.is_empty(), "it is over");
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_that_is_damaged_is_read_anew() -> Result<()> {
    let stage = Stage::open("damaged-cache").await?;
    stage.connect(&["adam"]).await?;
    let Stage { mut lab, world, window } = stage;
    send(&world, "ines").await?;
    quit(&lab, window).await?;
    let files = caches(&lab, "program/profiles");
    ensure!(files.len() == 1, "one cache: {files:?}");
    for file in &files {
        fs::write(file, "no database at all ".repeat(1_000))?;
    }
    let window = open_again(&mut lab).await?;
    window.wait("[data-connectivity='live']").await?;
    window.wait_text(".banner", "it was damaged, or of another version").await?;
    has_row(&window, "Kestrel Legal").await?;
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_that_is_found_while_it_runs_is_read_anew() -> Result<()> {
    let mut lab = Lab::start("damaged-inside").await?;
    let window = demo(&mut lab).await?;
    window.wait("[data-connectivity='live']").await?;
    quit(&lab, window).await?;
    // Everything but the first half, in which what every start reads is.
    let files = caches(&lab, "program/demo/profiles");
    for file in &files {
        let mut bytes = fs::read(file)?;
        let from = bytes.len() / 2;
        bytes[from..].fill(0xa5);
        fs::write(file, bytes)?;
    }
    let window = demo(&mut lab).await?;
    window.wait_text(".banner", "it was damaged, or of another version").await?;
    window.wait("[data-connectivity='live']").await?;
    window.click_text("nav .section", "Accounts").await?;
    window.wait("[data-testid=account-row]").await?;
    quit(&lab, window).await?;
    // What is read anew is sound.
    let window = demo(&mut lab).await?;
    window.wait("[data-connectivity='live']").await?;
    tokio::time::sleep(Duration::from_secs(7)).await;
    ensure!(notices(&window).await?.is_empty(), "it is over");
    window.quit().await
}

/// The demo's window; what it keeps is not encrypted.
async fn demo(lab: &mut Lab) -> Result<Window> {
    let data = lab.home().join("program");
    lab.open_window(&program()?, &["--demo", "--data", &data.to_string_lossy()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_of_an_older_or_a_newer_version_is_read_anew() -> Result<()> {
    let mut lab = Lab::start("other-versions").await?;
    let mut window = demo(&mut lab).await?;
    window.wait("[data-connectivity='live']").await?;
    for version in [1_u32, 99] {
        quit(&lab, window).await?;
        let files = caches(&lab, "program/demo/profiles");
        ensure!(files.len() == 3, "three people's: {files:?}");
        for file in &files {
            // The user version is at byte 60 of the header (SQLite file format, 1.3).
            let mut bytes = fs::read(file)?;
            bytes[60..64].copy_from_slice(&version.to_be_bytes());
            fs::write(file, bytes)?;
        }
        window = demo(&mut lab).await?;
        window.wait("[data-connectivity='live']").await?;
        window.wait_text(".banner", "it was damaged, or of another version").await?;
        window.click_text("nav .section", "Accounts").await?;
        window.wait("[data-testid=account-row]").await?;
        lab.picture(&format!("version-{version}")).await?;
    }
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_profiles_that_is_damaged_is_kept_beside_a_new_one() -> Result<()> {
    let stage = Stage::open("damaged-journal").await?;
    stage.connect(&["adam"]).await?;
    let Stage { mut lab, world, window } = stage;
    quit(&lab, window).await?;
    let journal = lab.home().join("program/journal.db");
    fs::write(&journal, "perhaps somebody can still read it")?;
    let window = open_again(&mut lab).await?;
    window
        .wait_text("[role=status]", "The list of profiles on this computer was begun anew")
        .await?;
    lab.picture("begun-anew").await?;
    let beside = fs::read_dir(lab.home().join("program"))?.flatten().map(|file| file.file_name());
    let aside: Vec<_> =
        beside.filter(|name| name.to_string_lossy().contains("journal.db.damaged-")).collect();
    ensure!(aside.len() == 1, "{aside:?}");
    connect_again(&window, &world).await?;
    window.quit().await
}

async fn connect_again(window: &Window, world: &World) -> Result<()> {
    window.press("Connect").await?;
    window.type_into("Server address", &world.url()).await?;
    window.type_into("API key", &world.key("adam")).await?;
    window.press("Connect").await?;
    window.wait("[data-connectivity='live']").await
}
