//! Sealing everything again under the vault's current key.

use entente_store::{SEALED, SealedColumn, SealedRow, Store, StoreError};
use thiserror::Error;

use crate::{Sealed, Vault, VaultError};

/// How many texts one transaction seals again.
const BATCH: i64 = 100;
/// How often a transaction that met another one is tried.
const TRIES: u32 = 20;

/// Why not everything could be sealed again.
#[derive(Debug, Error)]
pub enum RotationError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vault's keys cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A text cannot be opened.
    #[error("what is sealed for {0} cannot be opened, so that no key is dropped: {1}")]
    Text(String, #[source] VaultError),
}

/// Seals everything again that another key than the current one has sealed; gives how much that was.
/// Servers may run: each text is replaced only if it is still the one that was read.
pub async fn reseal(store: &Store, vault: &Vault) -> Result<u64, RotationError> {
    let mut done = 0;
    for column in SEALED {
        let mut tries = 0;
        loop {
            match batch(store, vault, column).await {
                Ok(0) => break,
                Ok(count) => {
                    done += count;
                    tries = 0;
                }
                Err(RotationError::Store(error)) if error.is_conflict() && tries < TRIES => {
                    tries += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
    Ok(done)
}

async fn batch(store: &Store, vault: &Vault, column: &SealedColumn) -> Result<u64, RotationError> {
    let key = vault.current_key()?;
    let mut write = store.write().await?;
    let rows = column.not_under(write.connection(), &key, BATCH).await?;
    let mut done = 0;
    for row in &rows {
        let Sealed { key_id, text } = again(vault, column, row)?;
        done += u64::from(column.replace(write.connection(), row, &key_id, &text).await?);
    }
    if done > 0 {
        write.commit().await?;
    }
    Ok(done)
}

fn again(vault: &Vault, column: &SealedColumn, row: &SealedRow) -> Result<Sealed, RotationError> {
    let place = column.place_of(row);
    let sealed = Sealed { key_id: row.key_id.clone(), text: row.sealed.clone() };
    let opened = vault.open(&place, &sealed).map_err(|why| {
        // The place of an answer holds what a client chose.
        let named = row.keys.first().map(String::as_str).unwrap_or_default();
        RotationError::Text(format!("{}/{named}", column.place), why)
    })?;
    Ok(vault.seal(&place, &opened)?)
}

/// How many texts each key has sealed: table, id of the key, count.
pub async fn sealed_texts(
    store: &Store,
) -> Result<Vec<(&'static str, String, i64)>, RotationError> {
    let mut connection = store.read().await?;
    let mut all = Vec::new();
    for column in SEALED {
        let counts = column.counts(&mut connection).await?;
        all.extend(counts.into_iter().map(|(key, count)| (column.table, key, count)));
    }
    Ok(all)
}
