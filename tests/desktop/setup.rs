//! What others do past the program, and the program's own end.

use anyhow::{Context as _, Result, bail};
use entente_api_client::WriteCall;
use entente_testkit::{Lab, Window, until};
use entente_tests::World;
use entente_wire::{Body, ChangedResource, PartnershipResource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    program,
    stage::{Stage, add_guest_member},
};

impl Stage {
    /// Connects people, and waits until everybody is in step.
    pub async fn connect_all(&self, people: &[&str]) -> Result<()> {
        self.connect(people).await?;
        until("every connection to be live", async || {
            let state = self.window.invoke("app_state", json!({})).await?;
            let profiles = state["profiles"].as_array().context("profiles")?;
            let live = profiles.iter().filter(|one| one["connectivity"]["kind"] == "live").count();
            Ok((live == people.len()).then_some(()))
        })
        .await
    }

    /// An account of Uma's that is shared with Marit's workspace, where Hugo is a member; gives the
    /// account's id.
    pub async fn share_an_account(&mut self) -> Result<String> {
        add_guest_member(&mut self.world, "Hugo Martin").await?;
        let account = self.account("uma", "Mailchimp", "EMEA").await?;
        let partnership = self.partnership("marit").await?;
        let path = format!("partnerships/{}/accounts", partnership.id);
        let share = json!({"accountIds": [account], "role": "account_manager"});
        write(&self.world, "uma", "POST", &path, None, share).await?;
        Ok(account)
    }
}

/// Uma asks the workspace of somebody to be a partner.
pub async fn send(world: &World, to: &str) -> Result<PartnershipResource> {
    let body = serde_json::to_value(Body(world.request_to(to)))?;
    Ok(world.client("uma").create(&body, &Uuid::now_v7().to_string()).await?)
}

/// Somebody writes something.
pub async fn write(
    world: &World,
    who: &str,
    method: &str,
    path: &str,
    version: Option<i64>,
    attributes: Value,
) -> Result<Vec<ChangedResource>> {
    let path = format!("/api/v1/{path}");
    let body = serde_json::to_value(Body(attributes))?;
    let key = Uuid::now_v7().to_string();
    let call = WriteCall { method, path: &path, version, body: &body, idempotency_key: &key };
    Ok(world.client(who).write(call).await?)
}

/// Marit asks for access for Hugo; gives the request's id.
pub async fn ask_access(world: &World, account: &str) -> Result<String> {
    let asked = json!({
        "accountId": account,
        "userIds": [world.person("hugo").id.to_string()],
        "role": "account_collaborator",
        "message": "For the <b>launch</b>",
    });
    let asked = write(world, "marit", "POST", "access-requests", None, asked).await?;
    match asked.first() {
        Some(ChangedResource::AccessRequest(request)) => Ok(request.id.clone()),
        other => bail!("no access request: {other:?}"),
    }
}

/// Waits until a process has ended.
pub async fn ended(process: &str) -> Result<()> {
    until("the program's end", async || {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        Ok((status.is_empty() || status.contains(") Z ")).then_some(()))
    })
    .await
}

/// Quits the program in the tray, so that it can be started again.
pub async fn quit(lab: &Lab, window: Window) -> Result<()> {
    quit_by("Quit", lab, window).await
}

/// The same by what the tray calls it.
pub async fn quit_by(entry: &str, lab: &Lab, window: Window) -> Result<()> {
    let process = lab.process(&program()?).await?;
    lab.tray.click(&[entry]).await?;
    ended(&process).await?;
    // The driver may miss the window that it had.
    let _ = window.quit().await;
    Ok(())
}

/// Opens the window of what was there before.
pub async fn open_again(lab: &mut Lab) -> Result<Window> {
    let data = lab.home().join("program");
    lab.open_window(&program()?, &["--data", &data.to_string_lossy()]).await
}
