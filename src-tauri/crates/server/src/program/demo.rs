use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use clap::Args;
use entente_server::{Config, DemoOptions, Server, seed};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{say, serve::until_told_to_stop};

#[derive(Args)]
pub(crate) struct Demo {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How many more partnerships of the host there are.
    #[arg(long, default_value_t = 0)]
    partnerships: u32,
    /// Chooses their names.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Demo {
    pub(crate) async fn run(self) -> Result<()> {
        let directory = tempfile::Builder::new()
            .prefix("entente-demo-")
            .tempdir()
            .context("no place for the throw-away database")?;
        let config = Config { listen: self.listen, ..Config::local(directory.path().to_owned()) };
        let server = Server::start(config).await?;
        let options = DemoOptions { story: true, partnerships: self.partnerships, seed: self.seed };
        let facts = seed(&server, options).await?;
        let workspaces: Vec<_> = facts
            .workspaces
            .iter()
            .map(|workspace| json!({"id": workspace.id, "name": workspace.name}))
            .collect();
        let users: Vec<_> = facts
            .users
            .iter()
            .map(|user| {
                json!({
                    "email": user.email,
                    "role": user.role,
                    "workspaceId": user.workspace,
                    "apiKey": user.key.expose_secret(),
                })
            })
            .collect();
        let line = json!({"url": server.url(), "workspaces": workspaces, "users": users});
        say(&line.to_string())?;
        until_told_to_stop(server).await
    }
}
