use anyhow::{Result, ensure};
use entente_domain::Action;
use entente_testkit::Lab;
use serde_json::json;

use crate::{
    program,
    setup::{quit_by, send},
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn banners_and_the_tray_speak_the_language_that_is_chosen_also_without_a_window() -> Result<()>
{
    let stage = Stage::open("language").await?;
    stage.connect_all(&["adam"]).await?;
    stage.lab.tray.entry("Nothing waits for you").await?;
    stage.go("Settings").await?;
    stage.window.click_text(".settings nav button", "Appearance").await?;
    stage.window.choose("Language", "Deutsch").await?;

    // At once, in the window as in the tray.
    stage.window.wait_text("#settings-title", "Darstellung").await?;
    let Stage { mut lab, world, window } = stage;
    lab.tray.entry("Nichts wartet auf dich").await?;
    lab.picture("chosen").await?;
    quit_by("Beenden", &lab, window).await?;

    let data = lab.home().join("program").to_string_lossy().into_owned();
    lab.spawn(&program()?, &["--hidden", "--data", &data], "hidden.log")?;
    let partnership = send(&world, "marit").await?;
    let title = "Uma Castillo möchte eine Partnerschaft mit Fjord Studio";
    let banner = lab.banners.titled(title).await?;
    let labels: Vec<_> = banner.buttons.iter().map(|(_, label)| label.as_str()).collect();
    ensure!(labels == ["Genehmigen", "Ablehnen", "Prüfen"], "{labels:?}");
    lab.tray.entry("1 Anfrage wartet auf dich").await?;
    lab.tray.entry("Genehmigen? Uma Castillo mit Fjord Studio").await?;
    lab.picture("banner").await?;

    // It is decided elsewhere while the program cannot hear of it, and pressed before it can.
    let process = lab.process(&program()?).await?;
    lab.ask("sh", &["-c", &format!("kill -STOP {process}")]).await?;
    let nothing = json!({"data": {"attributes": {}}});
    let id = partnership.id.parse()?;
    world.client("olivia").act(Action::Decline, id, 1, &nothing, "olivia").await?;
    lab.press(title, "Genehmigen").await?;
    lab.ask("sh", &["-c", &format!("kill -CONT {process}")]).await?;
    let outcome = lab.banners.titled("Es wurde nichts geändert").await?;
    let said = "Die Anfrage wurde schon von Olivia Okafor abgelehnt. Es wurde nichts geändert.";
    ensure!(outcome.body == said, "{}", outcome.body);
    lab.tray.entry("Nichts wartet auf dich").await?;
    lab.tray.click(&["Beenden"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_speaks_as_its_desktop_does() -> Result<()> {
    let mut lab = Lab::start("language-of-the-desktop").await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let program = program()?.to_string_lossy().into_owned();
    let hidden = ["LANG=de_AT.UTF-8", &program, "--demo", "--hidden", "--data", &data];
    lab.spawn("env".as_ref(), &hidden, "german.log")?;
    lab.tray.entry("Nichts wartet auf dich").await?;
    lab.tray.entry("Entente öffnen").await?;
    lab.tray.click(&["Beenden"]).await
}
