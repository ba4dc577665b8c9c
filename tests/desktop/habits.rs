use anyhow::{Context as _, Result, ensure};
use entente_testkit::{Lab, until};
use serde_json::json;

use crate::{program, setup::ended};

async fn windows(lab: &Lab) -> Option<String> {
    let found =
        lab.ask("xdotool", &["search", "--onlyvisible", "--name", "^Entente$"]).await.ok()?;
    found.lines().next().map(str::to_owned)
}

/// Asks the window manager to close the window, as a person does.
async fn close(lab: &Lab) -> Result<()> {
    until("a closed window", async || {
        let Some(window) = windows(lab).await else { return Ok(Some(())) };
        let _ = lab.ask("xdotool", &["windowactivate", &window, "key", "alt+F4"]).await;
        Ok(None)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_at_login_is_an_entry_of_the_desktop() -> Result<()> {
    let mut lab = Lab::start("login").await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let program = program()?;
    let window = lab.open_window(&program, &["--data", &data]).await?;
    let entry = lab.home().join("home/config/autostart/entente.desktop");
    let set = async |on: bool| {
        let change = json!({"change": {"startAtLogin": on, "closeWithoutTray": null}});
        let settings = window.invoke("change_program_settings", change).await?;
        ensure!(settings["startAtLogin"] == on, "{settings}");
        Ok(())
    };
    set(true).await?;
    let text = std::fs::read_to_string(&entry)?;
    let exec = format!("Exec=\"{}\" \"--hidden\"\n", program.display());
    ensure!(text.contains(&exec), "{text}");
    set(false).await?;
    ensure!(!entry.exists());

    let report = window.invoke("diagnostics", json!({})).await?;
    let report = report.as_str().context("a text")?;
    ensure!(report.contains("Notifications: dunst"), "{report}");
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_closing_minimises_or_quits_as_set() -> Result<()> {
    let mut lab = Lab::start("no-tray").await?;
    lab.spawn("openbox".as_ref(), &[], "openbox.log")?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let window = lab.open_window(&program()?, &["--data", &data]).await?;
    let has_tray = async |wanted: bool| {
        until("the program to see the tray come or go", async || {
            let settings = window.invoke("program_settings", json!({})).await?;
            Ok((settings["hasTray"] == wanted).then_some(()))
        })
        .await
    };
    has_tray(true).await?;
    lab.tray.hide().await?;
    has_tray(false).await?;
    window.wait_text("body", "This desktop shows no tray icons.").await?;
    lab.picture("no-tray").await?;
    lab.tray.show().await?;
    has_tray(true).await?;
    lab.tray.hide().await?;
    has_tray(false).await?;

    let change = json!({"change": {"startAtLogin": null, "closeWithoutTray": "minimise"}});
    window.invoke("change_program_settings", change).await?;
    close(&lab).await?;
    let settings = window.invoke("program_settings", json!({})).await?;
    ensure!(settings["closeWithoutTray"] == "minimise", "it goes on: {settings}");

    let process = lab.process(&program()?).await?;
    let change = json!({"change": {"startAtLogin": null, "closeWithoutTray": "quit"}});
    window.invoke("change_program_settings", change).await?;
    // A second start brings it back.
    lab.ask(&program()?.to_string_lossy(), &["--data", &data]).await?;
    until("the window", async || Ok(windows(&lab).await)).await?;
    close(&lab).await?;
    ended(&process).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_start_without_a_tray_can_be_reached() -> Result<()> {
    let mut lab = Lab::start("hidden").await?;
    lab.tray.hide().await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    lab.spawn(&program()?, &["--hidden", "--data", &data], "program.log")?;
    until("the window", async || Ok(windows(&lab).await)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_comes_back_at_the_size_and_place_it_had() -> Result<()> {
    let mut lab = Lab::start("place").await?;
    lab.spawn("openbox".as_ref(), &[], "openbox.log")?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    lab.spawn(&program()?, &["--demo", "--data", &data], "program.log")?;
    lab.tray.entry("Uma Castillo").await?;
    let first = until("the window", async || Ok(windows(&lab).await)).await?;
    lab.ask("xdotool", &["windowsize", "--sync", &first, "900", "600"]).await?;
    lab.ask("xdotool", &["windowmove", "--sync", &first, "40", "60"]).await?;
    let geometry = async |window: &str| lab.ask("xdotool", &["getwindowgeometry", window]).await;
    let had = geometry(&first).await?;
    ensure!(had.contains("900x600"), "{had}");
    close(&lab).await?;
    lab.tray.click(&["Open Entente"]).await?;
    until(&format!("the window as it was: {had}"), async || {
        let Some(second) = windows(&lab).await else { return Ok(None) };
        let has = geometry(&second).await?;
        // All but its number.
        Ok((has.lines().skip(1).eq(had.lines().skip(1))).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wake_from_sleep_and_a_network_that_comes_are_heard() -> Result<()> {
    let mut lab = Lab::start("wake").await?;
    let logind = lab.stand_in("org.freedesktop.login1").await?;
    let network = lab.stand_in("org.freedesktop.NetworkManager").await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    lab.spawn(&program()?, &["--demo", "--hidden", "--data", &data], "program.log")?;
    lab.tray.entry("Uma Castillo").await?;
    let log = lab.home().join("program/log/entente.log");
    let heard = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.matches("the machine woke, or a network came").count()
    };
    let manager = "org.freedesktop.login1.Manager";
    let path = "/org/freedesktop/login1";
    until("the program to listen to sleep", async || {
        logind.emit_signal(None::<&str>, path, manager, "PrepareForSleep", &(false,)).await?;
        Ok((heard() > 0).then_some(()))
    })
    .await?;
    let before = heard();
    let (path, name) = ("/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager");
    until("the program to hear of the network", async || {
        network.emit_signal(None::<&str>, path, name, "StateChanged", &(70_u32,)).await?;
        Ok((heard() > before).then_some(()))
    })
    .await
}
