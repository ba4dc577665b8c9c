use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use entente_server::{Config, Opened, Server};

/// Where a server keeps what it knows.
#[derive(Args)]
pub(crate) struct Place {
    /// Where the database, the server's secret and mails without SMTP are kept.
    #[arg(long, env = "ENTENTE_DATA")]
    data: Option<PathBuf>,
    /// sqlite://PATH or postgres://...; without it, entente.db in the data directory.
    #[arg(long, env = "ENTENTE_DATABASE")]
    database: Option<String>,
}

impl Place {
    /// The configuration of a server there.
    pub(crate) fn config(&self) -> Result<Config> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => directories::ProjectDirs::from("app", "entente", "entente-server")
                .context("there is no home directory: name a data directory with --data")?
                .data_dir()
                .to_owned(),
        };
        Ok(Config { database: self.database.clone(), ..Config::local(data) })
    }

    /// What a server there stands on.
    pub(crate) async fn open(&self) -> Result<Opened> {
        Ok(Server::open(&self.config()?).await?)
    }
}
