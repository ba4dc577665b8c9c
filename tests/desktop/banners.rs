use anyhow::{Result, ensure};
use entente_domain::Action;
use entente_testkit::{Window, until};
use serde_json::{Value, json};

use crate::{
    program,
    setup::{ask_access, open_again, quit, send, write},
    stage::Stage,
};

/// Changes some of the notification settings.
async fn set(window: &Window, changes: Value) -> Result<()> {
    let mut settings = window.invoke("notification_settings", json!({})).await?;
    for (name, value) in changes.as_object().into_iter().flatten() {
        settings[name.as_str()] = value.clone();
    }
    let kept = window.invoke("change_notification_settings", json!({"settings": settings})).await?;
    ensure!(kept == settings, "{kept}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_request_is_accepted_on_the_notification_and_its_sender_is_told() -> Result<()> {
    let mut stage = Stage::open("access-banner").await?;
    let account = stage.share_an_account().await?;
    stage.connect_all(&["uma", "marit", "hugo"]).await?;
    let Stage { lab, world, window } = &stage;

    ask_access(world, &account).await?;
    let title = "Marit Solheim asks for access to Mailchimp, EMEA";
    let banner = lab.banners.titled(title).await?;
    let labels: Vec<_> = banner.buttons.iter().map(|(_, label)| label.as_str()).collect();
    ensure!(labels == ["Accept", "Decline", "Review"], "{labels:?}");
    ensure!(banner.body.contains("For Hugo Martin of Fjord Studio"), "{}", banner.body);
    ensure!(banner.body.contains("&lt;b&gt;launch"), "markup is text: {}", banner.body);
    lab.tray.entry("Access? Hugo Martin to Mailchimp, EMEA").await?;
    lab.picture("access-request").await?;
    lab.press(title, "Accept").await?;

    let told = lab.banners.titled("Hugo Martin now has access to Mailchimp, EMEA").await?;
    ensure!(told.body.contains("Uma Castillo accepted your request."), "{}", told.body);
    lab.banners.titled("You now have access to Mailchimp, EMEA").await?;
    lab.tray.entry("Nothing waits for you").await?;

    // What an Owner changes and takes away is told, too.
    let user = format!("accounts/{account}/users/{}", world.person("hugo").id);
    let role = json!({"role": "account_manager"});
    write(world, "uma", "PATCH", &user, Some(1), role).await?;
    lab.banners.titled("Your role on Mailchimp, EMEA changed").await?;
    write(world, "uma", "DELETE", &user, None, json!({})).await?;
    lab.banners.titled("Your access to Mailchimp, EMEA has ended").await?;
    window.wait("[data-connectivity='live']").await?;
    stage.end(Ok(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_late_learns_who_decided_first_and_overwrites_nothing() -> Result<()> {
    let mut stage = Stage::open("late-banner").await?;
    let account = stage.share_an_account().await?;
    stage.connect_all(&["uma", "adam"]).await?;
    let Stage { lab, world, .. } = &stage;
    let request = ask_access(world, &account).await?;
    let asked = "Marit Solheim asks for access to Mailchimp, EMEA";
    lab.banners.titled(asked).await?;
    let partnership = send(world, "ines").await?;
    let wanted = "Uma Castillo wants to partner with Kestrel Legal";
    lab.banners.titled(wanted).await?;

    // Both are decided elsewhere while the program cannot hear of it, and pressed before it can.
    let process = lab.process(&program()?).await?;
    lab.ask("sh", &["-c", &format!("kill -STOP {process}")]).await?;
    let decline = format!("access-requests/{request}/decline");
    write(world, "uma", "POST", &decline, Some(1), json!({})).await?;
    let nothing = json!({"data": {"attributes": {}}});
    let id = partnership.id.parse()?;
    world.client("olivia").act(Action::Approve, id, 1, &nothing, "olivia").await?;
    lab.press(asked, "Accept").await?;
    lab.press(wanted, "Decline").await?;
    lab.ask("sh", &["-c", &format!("kill -CONT {process}")]).await?;

    for outcome in [
        "The request was already declined by Uma Castillo. Nothing was changed.",
        "The request was already approved by Olivia Okafor. Nothing was changed.",
    ] {
        until(outcome, async || {
            let told = lab.banners.all().iter().any(|banner| banner.body == outcome);
            Ok(told.then_some(()))
        })
        .await?;
    }
    let now = world.client("adam").partnership(id).await?;
    ensure!(now.attributes.state.as_str() == "awaiting_acceptance");
    lab.tray.entry("Nothing waits for you").await?;
    stage.end(Ok(())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_what_was_told_hold_over_a_restart() -> Result<()> {
    let stage = Stage::open("settings").await?;
    stage.connect_all(&["adam"]).await?;
    let Stage { mut lab, world, window } = stage;

    set(&window, json!({"quietHours": {"from": "00:00", "to": "00:00"}, "hideNames": true}))
        .await?;
    let wrong = json!({"settings": {
        "remindAfterHours": 0, "quietHours": null, "hideNames": false, "mutedProfiles": [],
        "news": {"approved": true, "declined": true, "accepted": true, "expired": true,
                 "removed": true, "access": true},
    }});
    let refused = window.invoke("change_notification_settings", wrong).await;
    ensure!(refused.is_err_and(|error| format!("{error}").contains("remind_after_hours")));
    send(&world, "marit").await?;
    lab.tray.entry("1 request waits for you").await?;
    ensure!(lab.banners.all().is_empty(), "quiet: {:?}", lab.banners.titles());
    quit(&lab, window).await?;

    // Started again: still quiet, and told without names once it is not.
    let window = open_again(&mut lab).await?;
    lab.tray.entry("1 request waits for you").await?;
    ensure!(lab.banners.all().is_empty(), "quiet: {:?}", lab.banners.titles());
    set(&window, json!({"quietHours": null})).await?;
    let hidden = "A partnership request awaits your approval";
    let banner = lab.banners.titled(hidden).await?;
    ensure!(!format!("{banner:?}").contains("Uma"), "no names: {banner:?}");
    set(&window, json!({"hideNames": false})).await?;
    quit(&lab, window).await?;

    // Started again: told once is told, and a muted profile is silent until it is not.
    let window = open_again(&mut lab).await?;
    lab.tray.entry("1 request waits for you").await?;
    let adam = world.person("adam").id.to_string();
    set(&window, json!({"mutedProfiles": [adam]})).await?;
    send(&world, "ines").await?;
    lab.tray.entry("2 requests wait for you").await?;
    set(&window, json!({"mutedProfiles": []})).await?;
    lab.banners.titled("Uma Castillo wants to partner with Kestrel Legal").await?;
    ensure!(lab.banners.titles().len() == 2, "{:?}", lab.banners.titles());
    window.quit().await
}
