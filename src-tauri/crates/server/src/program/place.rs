use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use entente_server::{Config, Opened, Server};

use super::settings::read_secret;

/// Where a server keeps what it knows.
#[derive(Args)]
pub(crate) struct Place {
    /// Where the database, the server's secret and mails without SMTP are kept.
    #[arg(long, env = "ENTENTE_DATA")]
    data: Option<PathBuf>,
    /// sqlite://PATH or postgres://...; without it, entente.db in the data directory.
    #[arg(long, env = "ENTENTE_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// A file with the database's address, for one that holds a password.
    #[arg(long, env = "ENTENTE_DATABASE_FILE")]
    database_file: Option<PathBuf>,
    /// The file with the secret under which API keys are stored; without it, secret.key in the data
    /// directory.
    #[arg(long, env = "ENTENTE_SECRET_FILE")]
    secret_file: Option<PathBuf>,
    /// The file with the keys that seal credentials; without it, vault.keys in the data directory.
    #[arg(long, env = "ENTENTE_VAULT_FILE")]
    vault_file: Option<PathBuf>,
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
        let database = match (&self.database, &self.database_file) {
            (Some(_), Some(_)) => bail!("database and database-file are both set: keep one"),
            (Some(address), None) => Some(address.clone()),
            (None, Some(path)) => Some(read_secret(path)?),
            (None, None) => None,
        };
        Ok(Config {
            database,
            secret_file: self.secret_file.clone(),
            vault_file: self.vault_file.clone(),
            ..Config::local(data)
        })
    }

    /// What a server there stands on.
    pub(crate) async fn open(&self) -> Result<Opened> {
        Ok(Server::open(&self.config()?).await?)
    }
}
