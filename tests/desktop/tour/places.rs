//! Where the tour leads, and how to get there.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::Tour;

const ROW: &str = "[data-testid=partner-row]";
const ACCOUNT: &str = "[data-testid=account-row]";

pub(super) async fn visit(tour: &mut Tour) -> Result<()> {
    first_start(tour).await?;
    nothing_yet(tour).await?;
    for first in ["uma", "adam", "priya", "ines"] {
        tour.connect(first).await?;
    }
    host_user(tour).await?;
    adding(tour).await?;
    accounts(tour).await?;
    host_admin(tour).await?;
    settings(tour).await?;
    members_and_activity(tour).await?;
    guest_manager(tour).await?;
    guest_admin(tour).await?;
    in_german(tour).await?;
    first_sync(tour).await?;
    waiting_and_failing(tour).await?;
    without_server(tour).await
}

async fn first_start(tour: &mut Tour) -> Result<()> {
    tour.window.wait_text("h1", "Partnerships, without the waiting").await?;
    tour.see("first-start").await?;
    tour.window.press("Connect").await?;
    tour.window.type_into("Server address", "127.0.0.1:1").await?;
    tour.window.type_into("API key", "entente_wrong").await?;
    tour.window.press("Connect").await?;
    tour.window.wait_text("#server-error", "cannot be reached").await?;
    tour.see("connect-refused").await
}

/// Somebody whose workspace has no partner.
async fn nothing_yet(tour: &mut Tour) -> Result<()> {
    tour.connect("marit").await?;
    tour.window.wait_text("h2", "No partners yet").await?;
    tour.see("partners-empty").await?;
    tour.go("Inbox").await?;
    tour.window.wait_text("h2", "Nothing waits for you").await?;
    tour.see("inbox-empty").await?;
    tour.go("Accounts").await?;
    tour.window.wait_text("h2", "No accounts yet").await?;
    tour.see("accounts-empty").await?;
    tour.go("Activity").await?;
    tour.window.wait_text("h2", "Nothing happened").await?;
    tour.see("activity-empty").await
}

/// A user of the host: the list, requests in all states, a partnership at work.
async fn host_user(tour: &mut Tour) -> Result<()> {
    tour.be("uma").await?;
    tour.go("Partners").await?;
    tour.window.wait(ROW).await?;
    tour.see("partners").await?;
    tour.window.type_into_search("nobody of this name").await?;
    tour.window.wait_text("h2", "No partner matches").await?;
    tour.see("partners-no-match").await?;
    tour.window.press("Clear filters").await?;
    for (state, name) in [("Declined, expired", "declined"), ("Closed", "closed")] {
        tour.window.choose("State", state).await?;
        tour.window.wait_gone(&format!("{ROW} .state.active")).await?;
        tour.window.click(ROW).await?;
        tour.window.wait("[data-testid=detail]").await?;
        tour.see(&format!("partner-{name}")).await?;
    }
    tour.window.choose("State", "All states").await?;
    open_partner(tour, "Brightside Agency").await?;
    tour.see("partner-awaiting-approval").await?;
    tour.window.press("Withdraw").await?;
    tour.window.wait_text("[role=dialog]", "Withdraw request?").await?;
    tour.see("withdraw").await?;
    tour.leave().await?;
    open_partner(tour, "Kestrel Legal").await?;
    tour.see("partner-awaiting-acceptance").await?;
    open_partner(tour, "Tidewater Media").await?;
    tour.window.wait("[data-testid=shared-account]").await?;
    tour.see("partner-accounts").await?;
    tour.window.open_tab("Members").await?;
    tour.window.wait("[data-testid=partner-member]").await?;
    tour.see("partner-members").await?;
    tour.window.open_tab("Overview").await?;
    tour.window.wait_text("dt", "Requested by").await?;
    tour.see("partner-overview").await?;
    tour.window.open_tab("Activity").await?;
    tour.window.wait_text("table", "Account").await?;
    tour.see("partner-activity").await?;
    tour.window.open_tab("History").await?;
    tour.window.wait_text("[role=tabpanel]", "Approved by").await?;
    tour.see("partner-history").await?;
    tour.window.press("Share accounts").await?;
    tour.window.wait_text("[role=dialog]", "YouTube").await?;
    tour.window.tick("YouTube").await?;
    tour.see("share-accounts").await?;
    tour.leave().await
}

async fn open_partner(tour: &Tour, name: &str) -> Result<()> {
    tour.window.type_into_search(name).await?;
    tour.window.click_text(ROW, name).await?;
    tour.window.wait_text("[data-testid=detail] h1", name).await
}

/// Add partner, with what is wrong at its field.
async fn adding(tour: &mut Tour) -> Result<()> {
    let own = tour.facts.workspaces.first().context("the host")?.id.to_string();
    tour.window.press("Add").await?;
    tour.window.wait_text("[role=dialog]", "Invite your partners").await?;
    tour.see("add-partner").await?;
    tour.window.press("Next").await?;
    tour.see("add-partner-information").await?;
    tour.window.type_into("Workspace ID", &own).await?;
    tour.window.type_into("Partner’s email address", "marit@fjord.example").await?;
    tour.window.type_into("Reason for request", "They film our product launch in May.").await?;
    tour.window.press("Send request").await?;
    tour.window.wait_text("#guest-id-note", "your own workspace").await?;
    tour.see("add-partner-refused").await?;
    let tidewater = tour.facts.workspaces.last().context("a guest")?.id.to_string();
    tour.window.type_into("Workspace ID", &tidewater).await?;
    tour.window.wait_text("[role=dialog]", "You have a partnership with").await?;
    tour.see("add-partner-existing").await?;
    tour.leave().await
}

/// Accounts of an Owner.
async fn accounts(tour: &mut Tour) -> Result<()> {
    tour.go("Accounts").await?;
    tour.window.wait(ACCOUNT).await?;
    tour.see("accounts").await?;
    tour.window.type_into_search("nothing of this name").await?;
    tour.window.wait_text("h2", "No account matches").await?;
    tour.see("accounts-no-match").await?;
    tour.window.press("Clear filters").await?;
    tour.window.click_text(ACCOUNT, "Mailchimp").await?;
    tour.window.wait("[data-testid=access-request]").await?;
    tour.see("account-access-request").await?;
    tour.window.press("Remove Tomas Novak").await?;
    tour.window.wait_text("[role=dialog]", "Remove access?").await?;
    tour.see("remove-access").await?;
    tour.leave().await?;
    tour.window.open_tab("Activity").await?;
    tour.window.wait_text("table", "Tomas Novak").await?;
    tour.see("account-activity").await
}

/// The host's Admin: what waits, the review, what removing would take away.
async fn host_admin(tour: &mut Tour) -> Result<()> {
    tour.be("adam").await?;
    tour.go("Inbox").await?;
    tour.window.wait_text(".item", "Brightside").await?;
    tour.see("inbox").await?;
    tour.window.click_text(".item", "Brightside").await?;
    tour.window.wait_text("h2", "Review partnership request").await?;
    tour.see("review").await?;
    tour.window.press("Learn more").await?;
    tour.see("review-more").await?;
    tour.window.press("Decline request").await?;
    tour.window.wait_text("[role=dialog]", "Decline request?").await?;
    tour.see("decline").await?;
    tour.leave().await?;
    tour.go("Partners").await?;
    open_partner(tour, "Tidewater Media").await?;
    tour.window.open_tab("Members").await?;
    tour.window.wait("[data-testid=partner-member]").await?;
    tour.see("partner-members-of-an-admin").await?;
    tour.window.press("More actions").await?;
    tour.window.wait("[role=menu]").await?;
    tour.see("more-actions").await?;
    tour.window.press("Remove partner").await?;
    tour.window.wait_text("[role=dialog]", "What ends with it").await?;
    tour.see("remove-partner").await?;
    tour.leave().await?;
    tour.window.control('k').await?;
    tour.window.wait_text("[role=dialog]", "Go to").await?;
    tour.see("palette").await?;
    tour.window.keys("tide").await?;
    tour.window.wait_text("[role=dialog] [role=option]", "Tidewater Media").await?;
    tour.see("palette-found").await?;
    tour.leave().await?;
    tour.window.control('b').await?;
    tour.window.wait(".rail.collapsed").await?;
    tour.see("rail-collapsed").await?;
    tour.window.control('b').await
}

async fn settings(tour: &mut Tour) -> Result<()> {
    tour.go("Settings").await?;
    for part in ["Profiles", "Notifications", "Appearance", "General", "About"] {
        tour.window.click_text(".settings nav button", part).await?;
        tour.window.wait_text("#settings-title", part).await?;
        tour.see(&format!("settings-{}", part.to_lowercase())).await?;
    }
    tour.window.click_text(".settings nav button", "Appearance").await?;
    tour.window.click("#contrast").await?;
    tour.see("high-contrast-settings").await?;
    tour.go("Partners").await?;
    tour.window.wait(ROW).await?;
    tour.see("high-contrast").await?;
    tour.go("Settings").await?;
    tour.window.click_text(".settings nav button", "Appearance").await?;
    tour.window.click("#contrast").await
}

async fn members_and_activity(tour: &mut Tour) -> Result<()> {
    tour.go("Members").await?;
    tour.window.wait("[data-testid=member-row]").await?;
    tour.see("members").await?;
    tour.window.press("Remove from Workspace: Leo Lindqvist").await?;
    tour.window.wait_text("[role=dialog]", "Remove from Workspace?").await?;
    tour.see("remove-from-workspace").await?;
    tour.leave().await?;
    tour.window.type_into_search("nobody of this name").await?;
    tour.window.wait_text("h2", "No member matches").await?;
    tour.see("members-no-match").await?;
    tour.go("Activity").await?;
    tour.window.choose("Time", "3 months").await?;
    tour.window.wait_text("[data-testid=activity-row]", "Tomas Novak").await?;
    tour.see("activity").await?;
    tour.window.choose("Time", "Custom").await?;
    tour.window.wait("input[type=date]").await?;
    tour.see("activity-custom").await
}

/// A guest's Manager of an account: asks for colleagues, logs in.
async fn guest_manager(tour: &mut Tour) -> Result<()> {
    tour.be("priya").await?;
    tour.go("Accounts").await?;
    tour.window.click_text(ACCOUNT, "Mailchimp").await?;
    tour.window.wait("[data-testid=access-request]").await?;
    tour.see("account-of-a-guest").await?;
    tour.window.press("Request share access for this account").await?;
    tour.window.click_text("[role=dialog] .member", "Kofi Mensah").await?;
    tour.window.wait_text("[role=dialog] .chip", "Kofi Mensah").await?;
    tour.see("request-access").await?;
    tour.leave().await?;
    tour.window.press("Log in").await?;
    tour.window.wait_text("[role=status]", "The password is on the clipboard").await?;
    tour.see("log-in").await
}

/// The Admin whose acceptance is asked for.
async fn guest_admin(tour: &mut Tour) -> Result<()> {
    tour.be("ines").await?;
    tour.go("Partners").await?;
    tour.window.click_text(ROW, "Lumen Robotics").await?;
    tour.window.wait_text("h2", "Partnership request").await?;
    tour.see("acceptance").await?;
    tour.window.press("Accept request").await?;
    tour.window.wait_text("[role=dialog] label", "I confirm that I have read").await?;
    tour.see("terms").await?;
    tour.window.tick("I confirm that I have read").await?;
    tour.see("terms-agreed").await?;
    tour.leave().await
}

/// The longer language.
async fn in_german(tour: &mut Tour) -> Result<()> {
    tour.be("adam").await?;
    speak(tour, "de").await?;
    tour.window.wait_text("nav .section", "Einstellungen").await?;
    tour.go("Partner").await?;
    tour.window.type_into_search("Tidewater Media").await?;
    tour.window.click_text(ROW, "Tidewater Media").await?;
    tour.window.wait("[data-testid=shared-account]").await?;
    tour.see("german-partner-accounts").await?;
    tour.window.open_tab("Mitglieder").await?;
    tour.window.wait("[data-testid=partner-member]").await?;
    tour.see("german-partner-members").await?;
    tour.go("Eingang").await?;
    tour.window.click_text(".item", "Brightside").await?;
    tour.window.wait_text("h2", "Partnerschaftsanfrage prüfen").await?;
    tour.see("german-review").await?;
    tour.go("Aktivität").await?;
    tour.window.choose("Zeit", "3 Monate").await?;
    tour.window.wait_text("[data-testid=activity-row]", "Tomas Novak").await?;
    tour.see("german-activity").await?;
    tour.go("Mitglieder").await?;
    tour.window.wait("[data-testid=member-row]").await?;
    tour.see("german-members").await?;
    tour.go("Einstellungen").await?;
    for part in ["Mitteilungen", "Darstellung", "Allgemein"] {
        tour.window.click_text(".settings nav button", part).await?;
        tour.window.wait_text("#settings-title", part).await?;
        tour.see(&format!("german-settings-{}", part.to_lowercase())).await?;
    }
    tour.be("priya").await?;
    tour.go("Konten").await?;
    tour.window.click_text(ACCOUNT, "Mailchimp").await?;
    tour.window.wait("[data-testid=access-request]").await?;
    tour.see("german-account-of-a-guest").await?;
    tour.window.press("Geteilten Zugriff auf dieses Konto anfragen").await?;
    tour.window.wait("[role=dialog] .member").await?;
    tour.see("german-request-access").await?;
    tour.leave().await?;
    speak(tour, "system").await?;
    tour.window.wait_text("nav .section", "Settings").await
}

async fn speak(tour: &Tour, language: &str) -> Result<()> {
    let change = json!({
        "startAtLogin": null, "closeWithoutTray": null, "caFile": null, "lookForUpdates": null,
        "language": language,
    });
    tour.window.invoke("change_program_settings", json!({"change": change})).await.map(drop)
}

/// A first sync on its way: at its beginning, and later, when there is a lot to see already. It is over
/// sooner than anybody could look, so the window is told that it goes on.
async fn first_sync(tour: &mut Tour) -> Result<()> {
    tour.be("uma").await?;
    tour.go("Partners").await?;
    tour.window.wait(ROW).await?;
    for (first, name, done) in [("marit", "first-sync-begins", 0), ("uma", "first-sync", 1_200)] {
        let mut profiles = tour.window.invoke("app_state", json!({})).await?["profiles"].take();
        let email = &tour.user(first)?.email;
        let one = profiles.as_array_mut().into_iter().flatten().find(|one| one["email"] == *email);
        let one = one.with_context(|| format!("{first} is not connected"))?;
        one["connectivity"] = json!({"kind": "first_sync", "done": done, "total": 2_000});
        one["asOf"] = json!(null);
        let id = one["id"].clone();
        tour.window.replace("app_state", Some(json!({"profiles": profiles}))).await?;
        tour.window.invoke("activate_profile", json!({"profile": id})).await?;
        tour.window.wait("progress").await?;
        tour.see(name).await?;
        tour.window.replace("app_state", None).await?;
    }
    tour.be("adam").await
}

/// What is on its way, and what did not come.
async fn waiting_and_failing(tour: &mut Tour) -> Result<()> {
    let refusal = json!({
        "code": "internal", "message": "The database on this computer cannot be read.",
        "retryable": true, "field": null, "existingId": null,
    });
    tour.be("uma").await?;
    tour.window.wait(ROW).await?;
    tour.window.hold(&["partnership"]).await?;
    tour.window.click(ROW).await?;
    tour.window.wait(".skeleton").await?;
    tour.see("partner-loading").await?;
    tour.window.hold(&[]).await?;
    tour.window.refuse("partnerships", Some(refusal.clone())).await?;
    tour.window.choose("State", "Active").await?;
    tour.window.wait_text("h2", "The list cannot be shown").await?;
    tour.see("partners-error").await?;
    tour.window.refuse("partnerships", None).await?;
    tour.window.refuse("account", Some(refusal)).await?;
    tour.go("Accounts").await?;
    tour.window.click(ACCOUNT).await?;
    tour.window.wait_text("h2", "It cannot be shown").await?;
    tour.see("account-error").await?;
    tour.window.refuse("account", None).await
}

/// Without the server: what was seen is there, and nothing can be decided.
async fn without_server(tour: &mut Tour) -> Result<()> {
    tour.be("adam").await?;
    tour.go("Inbox").await?;
    tour.window.click_text(".item", "Brightside").await?;
    tour.server.take().context("it runs")?.stop().await;
    tour.window.wait_text("[data-testid=offline-banner]", "Offline: as of").await?;
    tour.window.wait_disabled("Approve request").await?;
    tour.see("offline").await?;
    tour.go("Activity").await?;
    tour.window.wait_text("[data-testid=activity-row]", "Tomas Novak").await?;
    tour.see("offline-activity").await
}
