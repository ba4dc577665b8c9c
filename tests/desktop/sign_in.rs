//! Signing in with single sign-on: the program opens the system's browser, a certified provider lets
//! the person in there, and the program goes on as them, also after it was started anew.

use anyhow::{Context as _, Result, ensure};
use entente_server::{NewProvider, set_provider};
use entente_testkit::{OpenIdProvider, until};
use tokio::task::spawn_blocking;

use crate::{
    setup::{open_again, quit},
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_with_the_browser_and_stays_signed_in() -> Result<()> {
    let stage = Stage::open("sign-in").await?;
    let Stage { mut lab, world, window } = stage;
    let provider = OpenIdProvider::start()?;
    let server = world.server.as_ref().context("it runs")?;
    let workspace = world.person("uma").workspace.parse()?;
    let new = NewProvider::public(provider.issuer(), "entente", &["globex.example"]);
    set_provider(server.store(), server.vault(), workspace, new, server.now()).await?;

    // Who gives up waiting can begin again.
    window.press("Connect").await?;
    window.type_into("Server address", &world.url()).await?;
    window.click("input[name=way][value=browser]").await?;
    window.type_into("Your mail address or workspace ID", "uma@globex.example").await?;
    window.press("Sign in with the browser").await?;
    window.wait_text("form", "Waiting for your browser").await?;
    lab.picture("waiting").await?;
    window.press("Cancel").await?;
    window.wait_text("form", "Nothing is typed here").await?;
    let before = lab.opened()?.len();

    window.press("Sign in with the browser").await?;
    let opened =
        until("the browser to be opened", async || Ok(lab.opened()?.into_iter().nth(before)))
            .await?;
    ensure!(opened.starts_with(provider.issuer()), "the person's own provider: {opened}");
    ensure!(opened.contains("code_challenge_method=S256"), "with PKCE: {opened}");
    let (provider, back) = spawn_blocking(move || {
        let back = provider.sign_in(&opened, "uma");
        (provider, back)
    })
    .await?;
    let page = reqwest::get(back?).await?.text().await?;
    ensure!(page.contains("close this tab"), "{page}");
    let uma = "[data-profile='uma@globex.example'][data-connectivity='live']";
    window.wait(uma).await?;
    lab.picture("signed-in").await?;

    // Nothing that the provider gave is in the page.
    let html = window.run("return document.documentElement.outerHTML").await?.to_string();
    let given = provider.given()?;
    ensure!(!given.is_empty() && given.iter().all(|secret| !html.contains(secret.as_str())));

    // Another start goes on with the session, without the browser.
    let opened = lab.opened()?.len();
    quit(&lab, window).await?;
    let window = open_again(&mut lab).await?;
    window.wait(uma).await?;
    ensure!(lab.opened()?.len() == opened, "the browser was not needed");
    window.quit().await
}
