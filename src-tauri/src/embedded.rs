//! The demo: the same server as everybody's, on a free port of loopback, with keys. The one place
//! that knows `entente-server`.

use std::path::Path;

use anyhow::{Context as _, Result};
use entente_server::{DemoFacts, Running, open_demo};
use secrecy::SecretString;

use crate::view::DemoHint;

/// Whom one person can play in the demo: the host's user, the host's Admin, the guest's Admin.
const PERSONAS: [&str; 3] = ["uma@lumen.example", "adam@lumen.example", "marit@fjord.example"];

/// The embedded server.
#[derive(Debug)]
pub struct Demo {
    server: Running,
    /// Whom a newcomer can ask.
    pub hint: Option<DemoHint>,
    /// The people to play.
    pub personas: Vec<Persona>,
}

/// Somebody to play.
#[derive(Debug)]
pub struct Persona {
    /// Their user id, which is also their profile's id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their workspace's name.
    pub workspace: String,
    /// Their key, made anew at each start.
    pub key: SecretString,
}

impl Demo {
    /// Starts the server on the demo's own directory, with the sample people in it.
    pub async fn start(directory: &Path) -> Result<Self> {
        let (server, facts) = open_demo(&directory.join("server"))
            .await
            .context("the demo's server did not start")?;
        let hint = hint(&facts);
        let name_of = |id| {
            let found = facts.workspaces.iter().find(|workspace| workspace.id == id);
            found.map(|workspace| workspace.name.clone()).unwrap_or_default()
        };
        let personas = PERSONAS
            .iter()
            .filter_map(|email| facts.users.iter().find(|user| user.email == *email))
            .map(|user| Persona {
                id: user.id.to_string(),
                name: user.name.clone(),
                workspace: name_of(user.workspace),
                key: user.key.clone(),
            })
            .collect();
        Ok(Self { server, hint, personas })
    }

    /// Its origin.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn hint(facts: &DemoFacts) -> Option<DemoHint> {
    let guest = facts.users.iter().find(|user| Some(&user.email.as_str()) == PERSONAS.last())?;
    let workspace = facts.workspaces.iter().find(|workspace| workspace.id == guest.workspace)?;
    Some(DemoHint {
        guest_name: workspace.name.clone(),
        guest_workspace_id: workspace.id.to_string(),
        partner_email: guest.email.clone(),
    })
}
