//! A server that only the person's organisation vouches for: nothing is sent to it until the person
//! names the file of that authority, and from then on it is a server like others.

use std::fs;

use anyhow::{Result, ensure};
use entente_server::Config;
use entente_testkit::Lab;
use entente_tests::{Authority, World};

use crate::{
    program,
    setup::{open_again, quit},
};

const FIELD: &str = "File of a certificate authority";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_an_organisation_s_own_is_trusted_once_its_authority_is_named() -> Result<()> {
    let mut lab = Lab::start("certificates").await?;
    let authority = Authority::new(lab.home())?;
    let key = authority.server.key.clone();
    let config = Config { tls: Some(authority.server), ..Config::local(lab.home().join("server")) };
    let world = World::start_with(config).await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let window = lab.open_window(&program()?, &["--data", &data]).await?;
    window.press("Connect").await?;
    window.type_into("Server address", &world.url()).await?;
    window.type_into("API key", &world.key("adam")).await?;
    window.press("Connect").await?;
    let refusal = "certificate is not trusted, so nothing was sent. If your organisation";
    window.wait_text("form", refusal).await?;

    // Beside the refusal there is the place for the file; another file is not taken.
    window.type_into(FIELD, "authority.pem").await?;
    window.press("Connect").await?;
    window.wait_text("form", "Name the whole path of the file").await?;
    window.type_into(FIELD, &key.to_string_lossy()).await?;
    window.press("Connect").await?;
    window.wait_text("form", "holds no certificate in the PEM form").await?;
    lab.picture("refused").await?;
    window.type_into(FIELD, &authority.file.to_string_lossy()).await?;
    window.press("Connect").await?;
    let live = "[data-profile='adam@globex.example'][data-connectivity='live']";
    window.wait(live).await?;

    // It is kept, and in the settings.
    quit(&lab, window).await?;
    let window = open_again(&mut lab).await?;
    window.wait(live).await?;
    window.click_text("nav .section", "Settings").await?;
    window.press("General").await?;
    ensure!(window.value_of(FIELD).await? == authority.file.to_string_lossy());
    lab.picture("settings").await?;

    // Taken away, the server is a stranger again, at once; a file that is gone is told.
    window.type_into(FIELD, " ").await?;
    window.press("About").await?;
    window.wait_text("[data-testid='offline-banner']", "certificate is not trusted").await?;
    window.press("General").await?;
    window.type_into(FIELD, &authority.file.to_string_lossy()).await?;
    window.press("About").await?;
    window.wait(live).await?;
    fs::remove_file(&authority.file)?;
    window.press("General").await?;
    window.wait_text("section", "This file cannot be read").await?;
    window.quit().await
}
