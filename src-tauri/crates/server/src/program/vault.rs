use std::time::Duration;

use anyhow::{Result, bail};
use clap::Subcommand;
use entente_server::{Opened, Vault, reseal, sealed_texts};
use entente_store::Store;

use super::{place::Place, say};

#[derive(Subcommand)]
pub(crate) enum VaultCommand {
    /// Tells the ids of the keys, and how much each has sealed.
    Status {
        #[command(flatten)]
        place: Place,
    },
    /// Adds a key that only opens for now: for several machines, each of which needs it before another
    /// seals with it.
    Prepare {
        #[command(flatten)]
        place: Place,
    },
    /// Adds a key, or takes the prepared one, seals everything again with it, and drops the old ones.
    /// Servers may run.
    Rotate {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        old: Old,
    },
    /// Seals everything again that the current key has not sealed, and drops the old ones.
    Reseal {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        old: Old,
    },
}

/// What becomes of old keys.
#[derive(clap::Args)]
pub(crate) struct Old {
    /// Keeps the old keys.
    #[arg(long)]
    keep_old: bool,
    /// How many seconds to wait before old keys are dropped: longer than a request may take, because
    /// one that is under way can still seal with them.
    #[arg(long, default_value_t = 60)]
    wait_seconds: u64,
}

impl VaultCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Status { place } => {
                let Opened { store, vault, .. } = place.open().await?;
                status(&store, &vault).await
            }
            Self::Prepare { place } => {
                let vault = place.open().await?.vault;
                say(&format!("The key {} opens, and does not seal yet.", vault.prepare_key()?))
            }
            Self::Rotate { place, old } => {
                let Opened { store, vault, .. } = place.open().await?;
                say(&format!("The key {} seals from now on.", vault.add_key()?))?;
                old.go_over(&store, &vault).await
            }
            Self::Reseal { place, old } => {
                let Opened { store, vault, .. } = place.open().await?;
                old.go_over(&store, &vault).await
            }
        }
    }
}

async fn status(store: &Store, vault: &Vault) -> Result<()> {
    let current = vault.current_key()?;
    let known = vault.key_ids()?;
    let texts = sealed_texts(store).await?;
    for id in &known {
        let sealed: i64 =
            texts.iter().filter(|(_, key, _)| key == id).map(|(.., count)| count).sum();
        let role = if *id == current { "seals and opens" } else { "opens" };
        say(&format!("{id} {role}; has sealed {sealed}"))?;
    }
    let lost: Vec<_> = texts.iter().filter(|(_, key, _)| !known.contains(key)).collect();
    for (table, key, count) in &lost {
        say(&format!("{key} is missing; {count} of {table} cannot be opened without it"))?;
    }
    if !lost.is_empty() {
        bail!("put the missing keys back from a copy of the key file");
    }
    Ok(())
}

impl Old {
    async fn go_over(&self, store: &Store, vault: &Vault) -> Result<()> {
        let mut done = reseal(store, vault).await?;
        if !self.keep_old {
            tokio::time::sleep(Duration::from_secs(self.wait_seconds)).await;
            done += reseal(store, vault).await?;
            vault.drop_old_keys()?;
        }
        say(&format!("{done} sealed again."))
    }
}
