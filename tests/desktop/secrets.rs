use std::{fs, path::Path};

use anyhow::{Result, ensure};
use entente_testkit::{Lab, until};
use entente_tests::World;

use crate::program;

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &str, found: &mut Vec<String>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            holding(&entry.path(), text, found)?;
        } else if kind.is_file() {
            // What goes away meanwhile holds nothing.
            let bytes = fs::read(entry.path()).unwrap_or_default();
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                found.push(entry.path().to_string_lossy().into_owned());
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_in_the_keyring_and_nowhere_else() -> Result<()> {
    let mut lab = Lab::start("secrets").await?;
    let world = World::start(lab.home()).await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let window = lab.open_window(&program()?, &["--data", &data]).await?;
    window.press("Connect").await?;
    window.type_into("Server address", &world.url()).await?;
    let key = world.key("adam");
    window.type_into("API key", &key).await?;
    window.press("Connect").await?;
    window.wait("[data-connectivity='live']").await?;

    until("the key in the keyring", async || {
        let kept = lab.ask("secret-tool", &["search", "--all", "service", "app.entente.desktop"]);
        Ok(kept.await?.contains(&format!("secret = {key}")).then_some(()))
    })
    .await?;
    // The window gave it away and has nothing of it left: no text, no field, no storage, no global.
    let left = window
        .run(
            "return document.documentElement.outerHTML \
             + [...document.querySelectorAll('input')].map((input) => input.value).join() \
             + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage}) \
             + document.cookie + Object.keys(window).filter((name) => name === '__TAURI__').join()",
        )
        .await?;
    let left = left.as_str().unwrap_or_default().to_owned();
    ensure!(left.contains("<html"), "the page was read: {left}");
    ensure!(!left.contains(&key), "the window still has the key");
    ensure!(!left.ends_with("__TAURI__"), "everything is within a script's reach");

    // Neither what the program or the server keeps, nor a log, holds it; and no process was told it.
    let mut found = Vec::new();
    holding(lab.home(), &key, &mut found)?;
    holding(lab.output(), &key, &mut found)?;
    ensure!(found.is_empty(), "it is also in {found:?}");
    for process in fs::read_dir("/proc")? {
        let command = fs::read_to_string(process?.path().join("cmdline")).unwrap_or_default();
        ensure!(!command.contains(&key), "a process was started with it: {command}");
    }
    let mut copies = Vec::new();
    holding(lab.home(), &world.person("adam").email, &mut copies)?;
    ensure!(!copies.is_empty(), "the search finds what is there");
    window.quit().await
}
