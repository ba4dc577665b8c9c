//! A real server with real people, for the tests of the whole.

mod authority;
pub mod contract;
pub mod dump;
mod fault;
mod ground;
pub mod invariants;
pub mod scene;
mod served;
mod size;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use entente_api_client::{Client, ClientOptions};
use entente_domain::{UserId, WorkspaceRole};
use entente_server::{Config, Running, Server, add_key, add_user, add_workspace};
use entente_wire::NewPartnership;
use secrecy::{ExposeSecret as _, SecretString};

pub use authority::Authority;
pub use fault::{Fault, FaultProxy};
pub use ground::Ground;
pub use served::Served;
pub use size::{size, tell};

/// A server with a host workspace (a user, two Admins) and guests, each with an Admin.
pub struct World {
    /// The server.
    pub server: Option<Running>,
    /// How it was started.
    pub config: Config,
    /// The people, by their first name.
    pub people: Vec<Person>,
}

/// Somebody with a key.
#[derive(Clone)]
pub struct Person {
    /// Their id.
    pub id: UserId,
    /// Their first name, in lower case.
    pub first: String,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their workspace ID.
    pub workspace: String,
    /// Their key.
    pub key: SecretString,
}

const HOST: &str = "Globex";
const PEOPLE: &[(&str, &str, WorkspaceRole)] = &[
    (HOST, "Uma Castillo", WorkspaceRole::User),
    (HOST, "Adam Berg", WorkspaceRole::Admin),
    (HOST, "Olivia Okafor", WorkspaceRole::Owner),
    ("Fjord Studio", "Marit Solheim", WorkspaceRole::Admin),
    ("Kestrel Legal", "Ines Kowalska", WorkspaceRole::Admin),
    ("Brightside", "Grace Adeyemi", WorkspaceRole::Admin),
];

impl World {
    /// Starts the server on a directory.
    pub async fn start(directory: &Path) -> Result<Self> {
        Self::start_with(Config::local(directory.join("server"))).await
    }

    /// Starts the server as it is configured.
    pub async fn start_with(config: Config) -> Result<Self> {
        let server = Server::start(config.clone()).await?;
        let now = server.now();
        let mut people: Vec<Person> = Vec::new();
        let mut workspaces: Vec<(String, entente_domain::WorkspaceId)> = Vec::new();
        for (workspace, name, role) in PEOPLE {
            let known = workspaces.iter().find(|(known, _)| known == workspace).map(|(_, id)| *id);
            let id = match known {
                Some(id) => id,
                None => {
                    let id = add_workspace(server.store(), workspace, now).await?.id;
                    workspaces.push(((*workspace).to_owned(), id));
                    id
                }
            };
            let first = name.split(' ').next().unwrap_or(name).to_lowercase();
            let email = format!("{first}@{}.example", workspace.to_lowercase().replace(' ', "-"));
            let user = add_user(server.store(), id, &email, name, *role, now).await?;
            let (_, key) =
                add_key(server.store(), server.secret(), user.id, "Test", None, now).await?;
            let name = (*name).to_owned();
            people.push(Person { id: user.id, first, name, email, workspace: id.to_string(), key });
        }
        Ok(Self { server: Some(server), config, people })
    }

    /// Adds somebody to the workspace of somebody else.
    pub async fn add(&mut self, beside: &str, name: &str, role: WorkspaceRole) -> Result<()> {
        let server = self.server.as_ref().context("it runs")?;
        let workspace = self.person(beside).workspace.clone();
        let first = name.split(' ').next().unwrap_or(name).to_lowercase();
        let email = format!("{first}@added.example");
        let now = server.now();
        let user = add_user(server.store(), workspace.parse()?, &email, name, role, now).await?;
        let (_, key) = add_key(server.store(), server.secret(), user.id, "Test", None, now).await?;
        let name = name.to_owned();
        self.people.push(Person { id: user.id, first, name, email, workspace, key });
        Ok(())
    }

    /// Somebody, by their first name.
    pub fn person(&self, first: &str) -> &Person {
        self.people.iter().find(|person| person.first == first).expect("one of the people")
    }

    /// The server's origin.
    pub fn url(&self) -> String {
        self.server.as_ref().expect("it runs").url()
    }

    /// Somebody's client.
    pub fn client(&self, first: &str) -> Client {
        let address = self.url().parse().expect("an address");
        Client::new(address, self.person(first).key.clone(), ClientOptions::default())
            .expect("a client")
    }

    /// Somebody's key as text, to type it.
    pub fn key(&self, first: &str) -> String {
        self.person(first).key.expose_secret().to_owned()
    }

    /// A request to the workspace of somebody.
    pub fn request_to(&self, first: &str) -> NewPartnership {
        let person = self.person(first);
        NewPartnership {
            guest_workspace_id: person.workspace.clone(),
            partner_email: person.email.clone(),
            reason: Some("They film our product launch".into()),
        }
    }

    /// Stops the server; its data stays.
    pub async fn stop(&mut self) -> Result<()> {
        self.server.take().context("it runs")?.stop().await;
        Ok(())
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self, listen: std::net::SocketAddr) -> Result<()> {
        self.config.listen = listen;
        self.server = Some(Server::start(self.config.clone()).await?);
        Ok(())
    }
}

/// One of the project's programs, which `cargo xtask test` builds before the tests.
pub fn program(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("a test is in target/PROFILE/deps")?;
    let program = folder.join(name);
    ensure!(program.is_file(), "build the program first: cargo build --package {name}");
    Ok(program)
}
