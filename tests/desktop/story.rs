use anyhow::{Result, ensure};
use entente_domain::Action;
use entente_testkit::{Lab, Window, until};
use entente_tests::World;
use entente_wire::{Body, PartnershipResource};
use serde_json::{Value, json};
use std::time::Instant;

use crate::program;

/// Adds a connection through the window.
async fn connect(window: &Window, world: &World, first: &str) -> Result<()> {
    window.type_into("Server address", &world.url()).await?;
    window.type_into("API key", &world.key(first)).await?;
    window.press("Connect").await?;
    window.wait(&format!("[data-profile='{}']", world.person(first).email)).await?;
    window.wait("[data-connectivity='live']").await
}

async fn send(world: &World, to: &str) -> Result<PartnershipResource> {
    let body = serde_json::to_value(Body(world.request_to(to)))?;
    Ok(world.client("uma").create(&body, &format!("to-{to}")).await?)
}

async fn wait_state(world: &World, id: &str, state: &str) -> Result<PartnershipResource> {
    let client = world.client("uma");
    let id = id.parse()?;
    until(&format!("the state {state} on the server"), async || {
        let found = client.partnership(id).await?;
        Ok((found.attributes.state.as_str() == state).then_some(found))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_go_from_an_empty_start_to_active_partnerships() -> Result<()> {
    let mut lab = Lab::start("story").await?;
    let mut world = World::start(lab.home()).await?;
    let data = lab.home().join("program");
    let data = data.to_string_lossy().into_owned();
    let window = lab.open_window(&program()?, &["--data", &data]).await?;

    // The first screen. What is wrong is said at its field, and nothing typed is lost.
    window.wait_text("h1", "Partnerships, without the waiting").await?;
    lab.picture("01-first-start").await?;
    window.press("Connect").await?;
    window.type_into("Server address", "127.0.0.1:1").await?;
    window.type_into("API key", "entente_wrong").await?;
    window.press("Connect").await?;
    window.wait_text("#server-error", "cannot be reached").await?;
    window.type_into("Server address", &world.url()).await?;
    window.press("Connect").await?;
    window.wait_text("#key-error", "unknown or was revoked").await?;
    ensure!(window.value_of("Server address").await? == world.url());
    lab.picture("02-wrong-key").await?;
    connect(&window, &world, "uma").await?;
    for first in ["adam", "marit"] {
        window.press("Settings").await?;
        window.press("Add connection…").await?;
        connect(&window, &world, first).await?;
    }
    let kept =
        lab.ask("secret-tool", &["search", "--all", "service", "app.entente.desktop"]).await?;
    ensure!(kept.matches("secret = entente_").count() == 3, "three keys in the keyring: {kept}");

    // Uma asks. Her own workspace's ID and a bad address are told apart before and after sending.
    window.click("[title^='Uma Castillo']").await?;
    window.wait("[data-profile='uma@globex.example']").await?;
    window.wait_text("h2", "No partners yet").await?;
    lab.picture("03-empty").await?;
    window.press("Add partner").await?;
    window.wait_text("[role=dialog]", "Invite your partners").await?;
    lab.picture("04-invite").await?;
    window.press("Next").await?;
    window.type_into("Workspace ID", &world.person("uma").workspace).await?;
    window.type_into("Partner’s email address", "marit").await?;
    window.wait_text("#partner-email-note", "A mail address looks like").await?;
    window.type_into("Partner’s email address", "marit@fjord-studio.example").await?;
    window.type_into("Reason for request", "They film our product launch <b>in May</b>").await?;
    window.press("Send request").await?;
    window.wait_text("#guest-id-note", "your own workspace").await?;
    window.type_into("Workspace ID", "01990000-0000-7000-8000-00000000dead").await?;
    window.press("Send request").await?;
    window.wait_text("#guest-id-note", "No workspace has this workspace ID").await?;
    ensure!(window.value_of("Reason for request").await?.ends_with("<b>in May</b>"));
    window.type_into("Workspace ID", &world.person("marit").workspace).await?;
    lab.picture("05-information").await?;
    window.press("Send request").await?;
    window.wait("[data-testid=detail][data-state=awaiting_approval]").await?;
    window.wait_text("[role=status]", "The partnership request was sent.").await?;
    lab.picture("06-sent").await?;

    // Adam is notified, and approves on the notification.
    let title = "Uma Castillo wants to partner with Fjord Studio";
    let banner = lab.banners.titled(title).await?;
    let labels: Vec<_> = banner.buttons.iter().map(|(_, label)| label.as_str()).collect();
    ensure!(labels == ["Approve", "Decline", "Review"], "{labels:?}");
    ensure!(banner.body.contains("&lt;b&gt;in May"), "markup is text: {}", banner.body);
    lab.picture("07-notification").await?;
    lab.press(title, "Approve").await?;
    window.wait("[data-testid=detail][data-state=awaiting_acceptance]").await?;
    lab.picture("08-approved").await?;

    // Marit is notified, opens it from the tray, reads the terms and accepts in the window.
    let banner = lab.banners.titled("Globex wants to partner with Fjord Studio").await?;
    let labels: Vec<_> = banner.buttons.iter().map(|(_, label)| label.as_str()).collect();
    ensure!(labels == ["Review", "Decline"], "consent is not given on a banner: {labels:?}");
    ensure!(!banner.body.contains("May"), "the reason is not for the guest");
    lab.tray.click(&["Accept? Globex", "Review"]).await?;
    window.wait("[data-profile='marit@fjord-studio.example']").await?;
    window.wait_text("h2", "Partnership request").await?;
    lab.picture("09-partnership-request").await?;
    window.press("Accept request").await?;
    window.wait_text("[role=dialog]", "Terms of Service").await?;
    window.wait_text("[role=dialog] label", "I confirm that I have read").await?;
    window.wait_disabled("Accept request").await?;
    lab.picture("10-terms").await?;
    window.tick("I confirm that I have read").await?;
    window.click("[role=dialog] .primary").await?;
    window.wait("[data-testid=detail][data-state=active]").await?;
    lab.picture("11-active").await?;
    lab.banners.titled("Fjord Studio is your partner now").await?;

    // A second request is approved in the tray's menu.
    let kestrel = send(&world, "ines").await?;
    lab.tray.click(&["Approve? Uma Castillo with Kestrel Legal", "Approve"]).await?;
    wait_state(&world, &kestrel.id, "awaiting_acceptance").await?;

    // A third one in the window, from the inbox.
    let brightside = send(&world, "grace").await?;
    window.click("nav button.section").await?;
    window.wait_text(".item", "Uma Castillo wants to partner with Brightside").await?;
    window.click(".item").await?;
    window.wait_text("h2", "Review partnership request").await?;
    window.press("Learn more").await?;
    window.wait_text("dl", &world.person("grace").workspace).await?;
    // What was told is put away, as a person would who has read it.
    window
        .run("for (const close of document.querySelectorAll('.toast button')) close.click()")
        .await?;
    lab.picture("12-review").await?;
    window.press("Approve request").await?;
    let approved = wait_state(&world, &brightside.id, "awaiting_acceptance").await?;
    let by = serde_json::to_value(&approved.attributes.history)?;
    ensure!(by[1]["by"]["name"] == json!("Adam Berg"), "{by}");

    // Without the server, everything seen is still there, and nothing can be decided.
    window.click("[title^='Uma Castillo']").await?;
    world.stop().await?;
    window.wait_text("[data-testid=offline-banner]", "Offline: as of").await?;
    window.wait_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.type_into_search("kestrel").await?;
    window.wait_text("footer", "1 partner").await?;
    window.click("[data-testid=partner-row]").await?;
    window.wait("[data-testid=detail][data-state=awaiting_acceptance]").await?;
    window.wait_disabled("Withdraw").await?;
    lab.picture("13-offline").await?;
    lab.tray.entry("Offline").await?;
    window.quit().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_the_server_reaches_the_notification_at_once() -> Result<()> {
    let mut lab = Lab::start("latency").await?;
    let world = World::start(lab.home()).await?;
    let data = lab.home().join("program");
    let data = data.to_string_lossy().into_owned();
    let window = lab.open_window(&program()?, &["--data", &data]).await?;
    window.press("Connect").await?;
    connect(&window, &world, "adam").await?;

    let (uma, adam) = (world.client("uma"), world.client("adam"));
    let mut took = Vec::new();
    for round in 0..20 {
        let body = serde_json::to_value(Body(world.request_to("marit")))?;
        let sent = uma.create(&body, &format!("round-{round}")).await?;
        let committed = Instant::now();
        let shown = until("one more notification", async || {
            let shown = lab.banners.all();
            Ok(shown.get(took.len()).cloned())
        })
        .await?;
        // It can be on the bus before the answer is back here.
        took.push(shown.at.saturating_duration_since(committed));
        let nothing = Value::Object(Default::default());
        adam.act(Action::Decline, sent.id.parse()?, 1, &nothing, &format!("no-{round}")).await?;
    }
    took.sort();
    let (median, most) = (took[took.len() / 2], took[took.len() - 1]);
    println!(
        "from the answer of the commit to the notification on the bus: median {median:?}, most {most:?}"
    );
    ensure!(median.as_millis() < 100, "{took:?}");
    window.quit().await
}
