use anyhow::Result;
use entente_testkit::{Lab, until};

use crate::program;

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_starts_hidden_shows_its_window_to_a_second_start_and_quits_from_the_tray()
-> Result<()> {
    let mut lab = Lab::start("tray").await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let program = program()?;
    lab.spawn("openbox".as_ref(), &[], "openbox.log")?;
    let first = lab.spawn(&program, &["--demo", "--hidden", "--data", &data], "first.log")?;
    lab.tray.entry("Nothing waits for you").await?;
    for person in ["Uma Castillo", "Adam Berg", "Marit Solheim"] {
        lab.tray.entry(person).await?;
    }
    let windows =
        async || lab.ask("xdotool", &["search", "--onlyvisible", "--name", "^Entente$"]).await;
    assert!(windows().await.is_err(), "a hidden start shows no window");

    // One instance: the second start shows the first one's window and ends.
    lab.ask(&program.to_string_lossy(), &["--data", &data]).await?;
    until("the window", async || Ok(windows().await.ok())).await?;
    lab.picture("second-start").await?;

    // Closing it is not quitting, which is said once.
    until("a closed window", async || {
        // The window manager passes a close on once it manages the window.
        let Ok(window) = windows().await else { return Ok(Some(())) };
        let window = window.lines().next().unwrap_or_default().to_owned();
        let _ = lab.ask("xdotool", &["windowactivate", &window, "key", "alt+F4"]).await;
        Ok(None)
    })
    .await?;
    until("no window", async || Ok(windows().await.is_err().then_some(()))).await?;
    lab.banners.titled("Entente goes on in the tray").await?;
    lab.tray.click(&["Pause notifications", "For 1 hour"]).await?;
    lab.tray.entry("Resume notifications").await?;

    lab.tray.click(&["Quit"]).await?;
    until("the program's end", async || {
        let status = std::fs::read_to_string(format!("/proc/{first}/stat")).unwrap_or_default();
        Ok((status.is_empty() || status.contains(") Z ")).then_some(()))
    })
    .await
}
