use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use entente_server::{Clock as _, SystemClock};
use entente_store::{Hold, Store, StoreError, back_up, restore};

use super::{place::Place, say};

#[derive(Args)]
pub(crate) struct Backup {
    #[command(flatten)]
    place: Place,
    /// The new file.
    #[arg(long)]
    to: PathBuf,
}

#[derive(Args)]
pub(crate) struct Restore {
    #[command(flatten)]
    place: Place,
    /// A file that `backup` has written.
    #[arg(long)]
    from: PathBuf,
    /// Also if there is a database; it is put aside.
    #[arg(long)]
    force: bool,
}

#[derive(Args)]
pub(crate) struct AfterRestore {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    place: Place,
}

impl Backup {
    pub(crate) async fn run(self) -> Result<()> {
        let config = self.place.config()?;
        let backup = match back_up(&config.database_url(), &self.to).await {
            Err(StoreError::NotAFile) => bail!(
                "the database is on PostgreSQL: back it up with \
                 `pg_dump --format=custom --file={} --dbname=...`, which can run beside the server",
                self.to.display()
            ),
            done => done?,
        };
        say(&format!(
            "{} holds the database: {} bytes, schema {}.\n\
             It does not hold the server's secret ({}) and the vault's keys ({}), because whoever has \
             all three can read every credential. Keep copies of those two elsewhere: without the \
             first, all API keys are void; without the second, all credentials are lost.",
            self.to.display(),
            backup.bytes,
            backup.version,
            config.secret_path().display(),
            config.vault_path().display(),
        ))
    }
}

impl Restore {
    pub(crate) async fn run(self) -> Result<()> {
        let config = self.place.config()?;
        let (backup, replaced) = match restore(&self.from, &config.database_url(), self.force).await
        {
            Err(StoreError::NotAFile) => bail!(
                "the database is on PostgreSQL: put it back with `pg_restore`, then run \
                     `entente-server after-restore`"
            ),
            Err(StoreError::Exists(path)) => bail!(
                "there is a database in {} already; with --force it is put aside",
                path.display()
            ),
            done => done?,
        };
        if let Some(path) = replaced {
            say(&format!("The database that was there is {} now.", path.display()))?;
        }
        say(&format!("Restored {} bytes, schema {}.", backup.bytes, backup.version))?;
        for path in [config.secret_path(), config.vault_path()] {
            if !path.exists() {
                say(&format!(
                    "{} is missing: put its copy back before the server starts, or it makes a new one.",
                    path.display()
                ))?;
            }
        }
        Ok(())
    }
}

impl AfterRestore {
    pub(crate) async fn run(self) -> Result<()> {
        let config = self.place.config()?;
        let _hold = Hold::take(&config.database_url())?;
        let store = Store::open(&config.database_url()).await?;
        if store.has_leases(SystemClock.now()).await? {
            bail!(
                "a server runs on this database, or did a minute ago: stop it, and try again then"
            );
        }
        store.begin_anew().await?;
        store.close().await;
        Ok(())
    }
}

impl Migrate {
    pub(crate) async fn run(self) -> Result<()> {
        let config = self.place.config()?;
        config.make_data_directory()?;
        let done = Store::migrate(&config.database_url()).await?;
        if done.from == done.to {
            return say(&format!("The schema is {} already.", done.to));
        }
        say(&format!("The schema is {} now; it was {}.", done.to, done.from))
    }
}
