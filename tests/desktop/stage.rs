//! A desktop, a server with people, and the program's window: what people do there, in their words.

use anyhow::{Context as _, Result};
use entente_domain::{Action, WorkspaceRole};
use entente_server::{NewAccount, add_account};
use entente_store::users_by_id;
use entente_testkit::{Lab, Window, until};
use entente_tests::World;
use entente_wire::{AcceptAttributes, Body, PartnershipResource};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::program;

/// Where every account is logged in to.
pub const LOGIN: &str = "https://app.example.com/login";
/// The password of every account.
pub const PASSWORD: &str = "correct horse battery staple";

/// All of it, at the window's first screen.
pub struct Stage {
    pub lab: Lab,
    pub world: World,
    pub window: Window,
}

impl Stage {
    /// Opens the window beside a server; nobody is connected yet.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_in(Lab::start(name).await?).await
    }

    /// The same on a desktop that lacks something.
    pub async fn open_in(mut lab: Lab) -> Result<Self> {
        let world = World::start(lab.home()).await?;
        let data = lab.home().join("program");
        let window = lab.open_window(&program()?, &["--data", &data.to_string_lossy()]).await?;
        Ok(Self { lab, world, window })
    }

    /// Connects people: the first one in the window's form, the others as it does.
    pub async fn connect(&self, people: &[&str]) -> Result<()> {
        let (first, others) = people.split_first().context("there is somebody")?;
        self.window.press("Connect").await?;
        self.window.type_into("Server address", &self.world.url()).await?;
        self.window.type_into("API key", &self.world.key(first)).await?;
        self.window.press("Connect").await?;
        self.window.wait("[data-connectivity='live']").await?;
        for other in others {
            let profile = json!({"server": self.world.url(), "key": self.world.key(other)});
            self.window.invoke("connect", profile).await?;
            self.window.wait(&format!("[title^='{}']", self.world.person(other).name)).await?;
        }
        Ok(())
    }

    /// Goes on as somebody else who is connected, and in step.
    pub async fn be(&self, first: &str) -> Result<()> {
        let person = self.world.person(first);
        self.window.click(&format!("[title^='{}']", person.name)).await?;
        let live = format!("[data-profile='{}'][data-connectivity='live']", person.email);
        self.window.wait(&live).await
    }

    /// Opens a section of the window.
    pub async fn go(&self, section: &str) -> Result<()> {
        self.window.click_text("nav .section", section).await
    }

    /// An account of somebody.
    pub async fn account(&self, owner: &str, application: &str, label: &str) -> Result<String> {
        let server = self.world.server.as_ref().context("it runs")?;
        let owner = self.world.person(owner).id;
        let owner = users_by_id(&mut *server.store().read().await?, [owner]).await?.remove(&owner);
        let username = SecretString::from("team@globex.example");
        let secrets = [("username", username), ("password", SecretString::from(PASSWORD))];
        let owner = &owner.context("the owner")?;
        let new = NewAccount { owner, application, label, url: LOGIN, secrets: &secrets };
        let account = add_account(server.store(), server.vault(), new, server.now()).await?;
        Ok(account.id.to_string())
    }

    /// A partnership of Globex with the workspace of a guest's Admin, from Uma's request to the end.
    pub async fn partnership(&self, guest: &str) -> Result<PartnershipResource> {
        let body = serde_json::to_value(Body(self.world.request_to(guest)))?;
        let sent = self.world.client("uma").create(&body, &format!("to {guest}")).await?;
        let id = sent.id.parse()?;
        let nothing = json!({});
        self.world.client("adam").act(Action::Approve, id, 1, &nothing, "approve").await?;
        let guest = self.world.client(guest);
        let terms_version = guest.terms().await?.version;
        let agreed = serde_json::to_value(Body(AcceptAttributes { terms_version, agreed: true }))?;
        Ok(guest.act(Action::Accept, id, 2, &agreed, "accept").await?)
    }

    /// Asks the server for something as somebody, past the program.
    pub async fn get(&self, first: &str, path: &str) -> Result<(u16, Value)> {
        let url = format!("{}/api/v1{path}", self.world.url());
        let key = self.world.person(first).key.expose_secret();
        let answer = reqwest::Client::new().get(url).header("X-API-Key", key).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.json().await?))
    }

    /// Ends the program; first keeps a picture of how it stood if something went wrong.
    pub async fn end(self, played: Result<()>) -> Result<()> {
        if played.is_err() {
            self.lab.picture("failed").await?;
        }
        self.window.quit().await?;
        played
    }

    /// Puts away what was told, as a person would who has read it.
    pub async fn read_toasts(&self) -> Result<()> {
        let close = "for (const close of document.querySelectorAll('.toast button')) close.click()";
        self.window.run(close).await?;
        self.window.wait_gone(".toast").await
    }

    /// Waits until the server says something to somebody.
    pub async fn wait_for(
        &self,
        first: &str,
        path: &str,
        is_so: impl Fn(u16, &Value) -> bool,
    ) -> Result<Value> {
        let mut last = (0, Value::Null);
        let found = until(&format!("the right answer to {first} of {path}"), async || {
            last = self.get(first, path).await?;
            Ok(is_so(last.0, &last.1).then(|| last.1.clone()))
        })
        .await;
        found.with_context(|| format!("{first} was answered {last:?}"))
    }
}

/// A colleague of the guest's Admin, who logs in.
pub async fn add_guest_member(world: &mut World, name: &str) -> Result<()> {
    world.add("marit", name, WorkspaceRole::User).await
}
