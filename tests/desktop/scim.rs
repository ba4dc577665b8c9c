//! What an identity provider does over SCIM, and what everybody's window shows of it.

use anyhow::{Context as _, Result, ensure};
use entente_domain::WorkspaceRole;
use entente_server::{NewScimToken, add_scim_token};
use entente_testkit::until;
use entente_tests::World;
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::{
    setup::{ask_access, write},
    stage::{Stage, add_guest_member},
};

/// The identity provider of Marit's workspace.
struct Provider {
    users: String,
    token: SecretString,
}

impl Provider {
    async fn of(world: &World) -> Result<Self> {
        let server = world.server.as_ref().context("it runs")?;
        let workspace = world.person("marit").workspace.parse()?;
        let highest_role = WorkspaceRole::User;
        let new = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
        let (_, token) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
        server.changed();
        Ok(Self { users: format!("{}/scim/v2/Users", world.url()), token })
    }

    async fn ask(&self, method: Method, id: &str, body: Option<Value>) -> Result<()> {
        let client = reqwest::Client::new();
        let mut request = client.request(method, format!("{}/{id}", self.users));
        request = request.bearer_auth(self.token.expose_secret());
        if let Some(body) = body {
            request =
                request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    }

    /// As Okta and Entra ID do when somebody is unassigned or assigned.
    async fn set_active(&self, id: &str, active: bool) -> Result<()> {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "value": {"active": active}}],
        });
        self.ask(Method::PATCH, id, Some(body)).await
    }

    async fn delete(&self, id: &str) -> Result<()> {
        self.ask(Method::DELETE, id, None).await
    }
}

/// The texts of the rows that a selector finds and that are shown.
async fn rows(stage: &Stage, selector: &str) -> Result<Vec<String>> {
    let script = "return [...document.querySelectorAll(arguments[0])] \
        .filter((row) => row.offsetParent).map((row) => row.innerText)";
    let found = stage.window.run_with(script, vec![json!(selector)]).await?;
    let found = found.as_array().context("rows")?.iter();
    Ok(found.filter_map(|row| row.as_str().map(str::to_owned)).collect())
}

/// Waits until there are rows, and one of them holds a name or none does.
async fn listed(stage: &Stage, selector: &str, name: &str, is_there: bool) -> Result<()> {
    let verb = if is_there { "in" } else { "out of" };
    until(&format!("{name} {verb} {selector}"), async || {
        let rows = rows(stage, selector).await?;
        let found = rows.iter().any(|row| row.contains(name));
        Ok((!rows.is_empty() && found == is_there).then_some(()))
    })
    .await
}

/// Remove guest workspace members: the identity provider does, and all partnership access goes too.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_at_the_identity_provider_has_no_access_left() -> Result<()> {
    let mut stage = Stage::open("scim").await?;
    let mailchimp = stage.share_an_account().await?;
    add_guest_member(&mut stage.world, "Iris Moen").await?;
    let figma = stage.account("uma", "Figma", "Brand").await?;
    let (_, partnerships) = stage.get("uma", "/partnerships").await?;
    let partnership = partnerships["data"][0]["id"].as_str().context("the partnership")?;
    let share = json!({"accountIds": [figma], "role": "account_manager"});
    let path = format!("partnerships/{partnership}/accounts");
    write(&stage.world, "uma", "POST", &path, None, share).await?;
    let given = ask_access(&stage.world, &mailchimp).await?;
    let path = format!("access-requests/{given}/accept");
    write(&stage.world, "uma", "POST", &path, Some(1), json!({})).await?;
    ask_access(&stage.world, &figma).await?;
    let provider = Provider::of(&stage.world).await?;
    let played = play(&stage, &provider).await;
    stage.end(played).await
}

async fn play(stage: &Stage, provider: &Provider) -> Result<()> {
    let window = &stage.window;
    stage.connect_all(&["uma", "adam", "marit", "hugo"]).await?;
    stage.be("hugo").await?;
    stage.go("Accounts").await?;
    window.wait_text("[data-testid=account-row]", "Mailchimp").await?;
    stage.be("uma").await?;
    stage.go("Inbox").await?;
    window.wait_text(".item", "Hugo Martin asks for access").await?;
    stage.go("Accounts").await?;
    window.click_text("[data-testid=account-row]", "Mailchimp").await?;
    listed(stage, "[data-testid=account] tbody tr", "Hugo Martin", true).await?;
    stage.lab.picture("01-with-access").await?;

    let hugo = stage.world.person("hugo").id.to_string();
    provider.set_active(&hugo, false).await?;
    // In the window that is open, at once.
    listed(stage, "[data-testid=account] tbody tr", "Hugo Martin", false).await?;
    stage.lab.picture("02-access-ended").await?;
    stage.go("Inbox").await?;
    window.wait_text("h2", "Nothing waits for you").await?;
    stage.go("Partners").await?;
    window.click_text("[data-testid=partner-row]", "Fjord Studio").await?;
    window.open_tab("Members").await?;
    listed(stage, "[data-testid=partner-member]", "Hugo Martin", false).await?;

    // His own: signed out, and nothing of what he saw is left.
    window.click("[title^='Hugo Martin']").await?;
    window.wait("[data-connectivity='signed_out']").await?;
    window.wait_text(".banner", "was removed from the workspace.").await?;
    stage.go("Accounts").await?;
    window.wait_gone("[data-testid=account-row]").await?;
    stage.lab.picture("03-signed-out").await?;

    // The guest's Admin, who cannot do it here, sees that it was done.
    stage.be("marit").await?;
    stage.go("Members").await?;
    listed(stage, "[data-testid=member-row]", "Hugo Martin", false).await?;
    let buttons =
        "return document.querySelectorAll('[aria-label^=\"Remove from Workspace\"]').length";
    ensure!(window.run(buttons).await? == json!(0), "the identity provider does that");
    window.choose("Status", "Removed").await?;
    window.wait_text("[data-testid=member-row]", "Hugo Martin").await?;
    stage.lab.picture("04-removed").await?;
    stage.go("Activity").await?;
    window.choose("Event", "User Deactivated").await?;
    listed(stage, "[data-testid=activity-row]", "Hugo Martin", true).await?;
    // The host's sees what it meant for the account.
    stage.be("adam").await?;
    stage.go("Activity").await?;
    window.choose("Event", "Account Access Removed").await?;
    listed(stage, "[data-testid=activity-row]", "Mailchimp", true).await?;
    stage.lab.picture("05-activity").await?;

    // Who comes back has nothing; who is deleted is gone as well.
    provider.set_active(&hugo, true).await?;
    provider.delete(&stage.world.person("iris").id.to_string()).await?;
    stage.be("marit").await?;
    stage.go("Members").await?;
    window.choose("Status", "Active").await?;
    listed(stage, "[data-testid=member-row]", "Hugo Martin", true).await?;
    listed(stage, "[data-testid=member-row]", "Iris Moen", false).await?;
    stage.be("uma").await?;
    stage.go("Accounts").await?;
    window.click_text("[data-testid=account-row]", "Mailchimp").await?;
    listed(stage, "[data-testid=account] tbody tr", "Uma Castillo", true).await?;
    listed(stage, "[data-testid=account] tbody tr", "Hugo Martin", false).await
}
