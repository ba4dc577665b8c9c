use anyhow::{Result, ensure};
use entente_testkit::Key;
use serde_json::json;

use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_sent_approved_accepted_and_used_by_the_keyboard_alone() -> Result<()> {
    let stage = Stage::open("keyboard").await?;
    stage.account("uma", "Mailchimp", "EMEA").await?;
    let played = play(&stage).await;
    stage.end(played).await
}

async fn play(stage: &Stage) -> Result<()> {
    stage.connect(&["uma", "adam", "marit"]).await?;
    let window = &stage.window;
    let marit = stage.world.person("marit").clone();

    // Uma asks.
    window.control('1').await?;
    window.wait("[data-profile='uma@globex.example']").await?;
    window.control('n').await?;
    window.wait_text("[role=dialog]", "Invite your partners").await?;
    window.enter_on("Next").await?;
    window.tab_to("Workspace ID").await?;
    window.keys(&marit.workspace).await?;
    window.tab_to("Partner’s email address").await?;
    window.keys(&marit.email).await?;
    window.tab_to("Reason for request").await?;
    window.keys("They film our launch.").await?;
    window.enter_on("Send request").await?;
    window.wait("[data-testid=detail][data-state=awaiting_approval]").await?;
    window.wait_gone("[role=dialog]").await?;

    // Adam approves, from his inbox.
    window.control('2').await?;
    window.wait("[data-profile='adam@globex.example']").await?;
    window.enter_on("Inbox").await?;
    window.wait_text(".item", "Uma Castillo wants to partner").await?;
    window.enter_on("Uma Castillo wants to partner").await?;
    window.wait_text("h2", "Review partnership request").await?;
    stage.lab.picture("01-review").await?;
    window.enter_on("Approve request").await?;
    window.wait("[data-testid=detail][data-state=awaiting_acceptance]").await?;

    // Marit accepts, after the terms.
    window.control('3').await?;
    window.wait("[data-profile='marit@fjord-studio.example']").await?;
    window.enter_on("Partners").await?;
    window.wait_text("[data-testid=partner-row]", "Globex").await?;
    window.tab_to("Your partners").await?;
    window.keys(Key::Down).await?;
    window.wait_text("h2", "Partnership request").await?;
    window.enter_on("Accept request").await?;
    window.wait_text("[role=dialog]", "Terms of Service").await?;
    window.tab_to("I confirm that I have read").await?;
    window.keys(Key::Space).await?;
    stage.lab.picture("02-terms").await?;
    window.enter_on("Accept request").await?;
    window.wait("[data-testid=detail][data-state=active]").await?;

    // Uma shares an account.
    window.control('1').await?;
    window.wait("[data-profile='uma@globex.example']").await?;
    window.enter_on("Partners").await?;
    window.wait_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.tab_to("Your partners").await?;
    window.keys(Key::Down).await?;
    window.enter_on("Share accounts").await?;
    window.wait_text("[role=dialog]", "Mailchimp").await?;
    window.tab_to("Mailchimp").await?;
    window.keys(Key::Space).await?;
    window.tab_to("Collaborator").await?;
    window.keys(Key::Down).await?;
    stage.lab.picture("03-share").await?;
    window.enter_on("Finish").await?;
    window.wait_text("[data-testid=shared-account]", "Mailchimp").await?;
    let (_, accounts) = stage.get("marit", "/accounts").await?;
    ensure!(accounts["data"][0]["attributes"]["role"] == json!("account_manager"), "{accounts}");
    Ok(())
}
