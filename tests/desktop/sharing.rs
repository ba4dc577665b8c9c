use anyhow::{Context as _, Result, ensure};
use entente_testkit::until;
use serde_json::{Value, json};

use crate::stage::{LOGIN, PASSWORD, Stage, add_guest_member};

/// The rows of the sibling pages, in the order of a partnership's life.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_shared_asked_for_used_watched_and_taken_back() -> Result<()> {
    let mut stage = Stage::open("sharing").await?;
    for name in ["Hugo Martin", "Iris Moen", "Kai Berge"] {
        add_guest_member(&mut stage.world, name).await?;
    }
    let mailchimp = stage.account("uma", "Mailchimp", "EMEA").await?;
    stage.account("uma", "Figma", "Brand").await?;
    let partnership = stage.partnership("marit").await?.id;
    let played = play(&stage, &mailchimp, &partnership).await;
    stage.end(played).await
}

async fn play(stage: &Stage, mailchimp: &str, partnership: &str) -> Result<()> {
    stage.connect(&["uma", "adam", "marit", "hugo"]).await?;
    share_accounts(stage).await?;
    ask_for(stage, &["Hugo Martin"]).await?;
    accept_on_the_notification(stage).await?;
    wait_for_users(stage, mailchimp, 3).await?;
    ask_for(stage, &["Iris Moen", "Kai Berge"]).await?;
    accept(stage, "Iris Moen").await?;
    wait_for_users(stage, mailchimp, 4).await?;
    log_in(stage).await?;
    watch_activity(stage).await?;
    change_a_role(stage, mailchimp).await?;
    remove_a_member(stage, mailchimp).await?;
    remove_from_the_workspace(stage).await?;
    remove_an_account(stage, partnership).await?;
    remove_the_partnership(stage, partnership).await?;

    until("an empty clipboard", async || Ok(stage.lab.clipboard().await.is_none().then_some(())))
        .await
}

/// Share accounts: pick accounts, pick a role, finish.
async fn share_accounts(stage: &Stage) -> Result<()> {
    let window = &stage.window;
    stage.be("uma").await?;
    stage.go("Partners").await?;
    window.click_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.press("Share accounts").await?;
    window.wait_text("[role=dialog]", "Select accounts and roles").await?;
    window.wait_disabled("Finish").await?;
    window.tick("Mailchimp").await?;
    window.tick("Figma").await?;
    window.click_text("[role=dialog] .option", "Manager").await?;
    stage.lab.picture("01-share").await?;
    window.press("Finish").await?;
    for application in ["Mailchimp", "Figma"] {
        window.wait_text("[data-testid=shared-account]", application).await?;
    }
    stage.lab.picture("02-shared").await.map(drop)
}

/// Request access: a Manager of the guest asks for members of theirs.
async fn ask_for(stage: &Stage, members: &[&str]) -> Result<()> {
    let window = &stage.window;
    stage.be("marit").await?;
    stage.go("Accounts").await?;
    window.click_text("[data-testid=account-row]", "Mailchimp").await?;
    window.press("Request share access for this account").await?;
    for member in members {
        window.type_at("[role=dialog] input[type=search]", member).await?;
        window.click_text("[role=dialog] .member", member).await?;
        window.wait_text("[role=dialog] .chip", member).await?;
    }
    window.type_into("Message (optional)", "They write the June issue.").await?;
    stage.lab.picture("03-request-access").await?;
    window.press("Send").await?;
    for member in members {
        window.wait_text("[data-testid=access-request]", member).await?;
    }
    stage.read_toasts().await
}

/// Accept or decline an access request: the Owner does it on the notification.
async fn accept_on_the_notification(stage: &Stage) -> Result<()> {
    let title = "Marit Solheim asks for access to Mailchimp, EMEA";
    let banner = stage.lab.banners.titled(title).await?;
    let labels: Vec<_> = banner.buttons.iter().map(|(_, label)| label.as_str()).collect();
    ensure!(labels == ["Accept", "Decline", "Review"], "{labels:?}");
    ensure!(banner.body.contains("Hugo Martin"), "{}", banner.body);
    stage.lab.picture("03-notification").await?;
    stage.lab.press(title, "Accept").await
}

/// Accept or decline an access request: on the account's Members tab.
async fn accept(stage: &Stage, member: &str) -> Result<()> {
    let window = &stage.window;
    stage.be("uma").await?;
    stage.go("Inbox").await?;
    window.click_text(".item", &format!("{member} asks for access")).await?;
    window.wait_text("[data-testid=access-request]", "They write the June issue.").await?;
    stage.lab.picture("04-access-request").await?;
    window.press_in("[data-testid=access-request]", member, "Accept").await
}

/// Waits until so many people have access.
async fn wait_for_users(stage: &Stage, account: &str, count: usize) -> Result<()> {
    let path = format!("/accounts/{account}/users");
    let is_so = |_, body: &Value| body["data"].as_array().is_some_and(|users| users.len() == count);
    stage.wait_for("uma", &path, is_so).await.map(drop)
}

/// Log in: the page opens in the system's browser, the password is on the clipboard for a while and
/// never in the window.
async fn log_in(stage: &Stage) -> Result<()> {
    let window = &stage.window;
    stage.be("hugo").await?;
    stage.go("Accounts").await?;
    window.wait_text("[data-testid=account-row] .via", "G").await?;
    window.click_text("[data-testid=account-row]", "Mailchimp").await?;
    window.listen_to_answers().await?;
    window.press("Log in").await?;
    window.wait_text("[role=status]", "The password is on the clipboard for 30 seconds").await?;
    stage.lab.picture("05-log-in").await?;
    until("the page in the browser", async || Ok((stage.lab.opened()? == [LOGIN]).then_some(())))
        .await?;
    ensure!(stage.lab.clipboard().await.as_deref() == Some(PASSWORD));
    let kinds = stage.lab.clipboard_kinds().await?;
    ensure!(kinds.contains("x-kde-passwordManagerHint"), "not for histories: {kinds}");
    let answers = window.answers().await?;
    let of_login = answers.iter().find(|answer| answer.starts_with("log_in "));
    let of_login = of_login.with_context(|| format!("no answer to the login in {answers:?}"))?;
    ensure!(of_login.contains("clearsAfter"), "{of_login}");
    let page = window
        .run("return document.documentElement.outerHTML + JSON.stringify({ ...localStorage })")
        .await?;
    ensure!(page.to_string().contains("team@globex.example"), "the user name is shown");
    let is_known = answers.iter().any(|answer| answer.contains(PASSWORD));
    ensure!(!is_known && !page.to_string().contains(PASSWORD), "the password was in the window");
    Ok(())
}

/// Track activity: the Admin sees the login in the log, and saves the log as the server has it.
async fn watch_activity(stage: &Stage) -> Result<()> {
    let window = &stage.window;
    stage.be("adam").await?;
    stage.go("Activity").await?;
    window.wait_text("[data-testid=activity-row]", "Hugo Martin").await?;
    window.choose("Event", "Account Login").await?;
    window.wait_text("footer", "1 event").await?;
    window.wait_text("[data-testid=activity-row]", "Mailchimp").await?;
    stage.lab.picture("06-activity").await?;
    window.choose("Event", "All events").await?;
    window.press("Download CSV").await?;
    window.wait_text(".toast", "activity.csv").await?;
    let saved = std::fs::read_to_string(stage.lab.downloads().join("activity.csv"))?;
    let served = stage.world.client("adam").activities_csv(&[]).await?.text().await?;
    ensure!(saved == served, "saved:\n{saved}\nserved:\n{served}");
    ensure!(saved.contains("Hugo Martin") && saved.lines().count() > 5, "{saved}");
    stage.read_toasts().await
}

/// Manage access: an Owner gives a guest another role.
async fn change_a_role(stage: &Stage, account: &str) -> Result<()> {
    let window = &stage.window;
    stage.be("uma").await?;
    stage.go("Accounts").await?;
    window.click_text("[data-testid=account-row]", "Mailchimp").await?;
    window.choose("Role of Hugo Martin", "Account Manager").await?;
    let path = format!("/accounts/{account}");
    let is_manager =
        |_, body: &Value| body["data"]["attributes"]["role"] == json!("account_manager");
    stage.wait_for("hugo", &path, is_manager).await?;
    stage.lab.picture("07-role").await.map(drop)
}

/// Manage access: all access of a guest's member through the partnership ends.
async fn remove_a_member(stage: &Stage, account: &str) -> Result<()> {
    let window = &stage.window;
    stage.be("uma").await?;
    stage.go("Partners").await?;
    window.click_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.open_tab("Members").await?;
    window.press("Remove Hugo Martin").await?;
    window.wait_text("[role=dialog]", "Remove member?").await?;
    stage.lab.picture("08-remove-member").await?;
    window.press("Remove member").await?;
    stage.wait_for("hugo", &format!("/accounts/{account}"), |status, _| status == 404).await?;
    until("a list without Hugo", async || {
        let rows = "return document.querySelectorAll('[data-testid=partner-member]').length";
        Ok((window.run(rows).await? == json!(2)).then_some(()))
    })
    .await?;
    window.wait_text("[data-testid=partner-member]", "Marit Solheim").await?;
    window.wait_text("[data-testid=partner-member]", "Iris Moen").await
}

/// Remove guest workspace members: by the guest's Admin; the member's program learns that it is over.
async fn remove_from_the_workspace(stage: &Stage) -> Result<()> {
    let window = &stage.window;
    stage.be("marit").await?;
    stage.go("Members").await?;
    window.wait_text("[data-testid=member-row]", "Hugo Martin").await?;
    window.press("Remove from Workspace: Hugo Martin").await?;
    window.wait_text("[role=dialog]", "Remove from Workspace?").await?;
    stage.lab.picture("09-remove-from-workspace").await?;
    window.click("[role=dialog] .danger").await?;
    stage.wait_for("hugo", "/me", |status, _| status == 401).await?;
    window.choose("Status", "Removed").await?;
    window.wait_text("[data-testid=member-row]", "Hugo Martin").await?;
    window.click("[title^='Hugo Martin']").await?;
    window.wait("[data-connectivity='signed_out']").await?;
    stage.lab.picture("10-signed-out").await.map(drop)
}

/// Manage access: an account leaves the partnership, and everybody keeps the other one.
async fn remove_an_account(stage: &Stage, partnership: &str) -> Result<()> {
    let window = &stage.window;
    stage.be("uma").await?;
    stage.go("Partners").await?;
    window.click_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.press("Remove Figma, Brand").await?;
    window.wait_text("[role=dialog]", "Remove account?").await?;
    window.press("Remove account").await?;
    let path = format!("/partnerships/{partnership}/accounts");
    let is_one = |_, body: &Value| body["meta"]["page"]["total"] == json!(1);
    stage.wait_for("uma", &path, is_one).await.map(drop)
}

/// Remove a partnership: after what would be lost was shown; the Owner keeps the account.
async fn remove_the_partnership(stage: &Stage, partnership: &str) -> Result<()> {
    let window = &stage.window;
    stage.be("adam").await?;
    stage.go("Partners").await?;
    window.click_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.press("More actions").await?;
    window.press("Remove partner").await?;
    window.wait_text("[role=dialog]", "Remove partner?").await?;
    window.wait_text("[role=dialog]", "1 account: Mailchimp").await?;
    window.wait_text("[role=dialog]", "Access of 2 members: ").await?;
    window.wait_text("[role=dialog]", "1 pending access request").await?;
    stage.lab.picture("11-impact").await?;
    window.click("[role=dialog] .danger").await?;
    window.wait("[data-testid=detail][data-state=removed]").await?;
    let (_, removed) = stage.get("adam", &format!("/partnerships/{partnership}")).await?;
    ensure!(removed["data"]["attributes"]["state"] == json!("removed"), "{removed}");

    stage.be("marit").await?;
    stage.go("Accounts").await?;
    window.wait_text("h2", "No accounts yet").await?;
    stage.be("uma").await?;
    window.wait_text("[data-testid=account-row]", "Mailchimp").await?;
    stage.lab.picture("12-owner-keeps").await.map(drop)
}
