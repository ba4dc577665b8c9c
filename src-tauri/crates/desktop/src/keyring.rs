use std::{sync::mpsc::sync_channel, time::Duration};

use ::keyring::{Entry, Error};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// How long a person may take to unlock their keyring.
const PATIENCE: Duration = Duration::from_secs(60);

/// The system's keyring, for the secrets of one program.
#[derive(Debug, Clone)]
pub struct Keyring {
    service: &'static str,
}

/// Why a secret cannot be kept or read.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// There is no keyring here.
    #[error("there is no keyring on this computer: {0}")]
    Missing(String),
    /// It stays locked.
    #[error("the keyring is locked: {0}")]
    Locked(String),
    /// It has no such secret.
    #[error("the keyring has no such secret")]
    NotFound,
    /// It fails otherwise.
    #[error("the keyring failed: {0}")]
    Other(String),
}

impl From<Error> for KeyringError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoEntry => Self::NotFound,
            Error::NoStorageAccess(error) => Self::Locked(error.to_string()),
            Error::NoDefaultStore => Self::Missing("no store".into()),
            other => Self::Other(other.to_string()),
        }
    }
}

impl Keyring {
    /// The secrets under a service's name.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        Self { service }
    }

    /// Keeps a secret under an account's name.
    pub async fn set(&self, account: &str, secret: &SecretString) -> Result<(), KeyringError> {
        let secret = secret.clone();
        self.run(account, move |entry| entry.set_password(secret.expose_secret())).await
    }

    /// Reads a secret.
    pub async fn get(&self, account: &str) -> Result<SecretString, KeyringError> {
        self.run(account, |entry| entry.get_password().map(SecretString::from)).await
    }

    /// Deletes a secret; one that is not there counts as deleted.
    pub async fn delete(&self, account: &str) -> Result<(), KeyringError> {
        match self.run(account, Entry::delete_credential).await {
            Err(KeyringError::NotFound) => Ok(()),
            other => other,
        }
    }

    /// On a thread of its own: a locked keyring asks the person, and who waits for that must not be
    /// one who has to answer.
    async fn run<T: Send + 'static>(
        &self,
        account: &str,
        work: impl FnOnce(&Entry) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let service = self.service;
        let account = account.to_owned();
        let (told, hear) = sync_channel(1);
        std::thread::Builder::new()
            .name("keyring".into())
            .spawn(move || {
                let done = match Entry::store_status() {
                    Err(error) => Err(KeyringError::Missing(error.to_string())),
                    Ok(()) => Entry::new(service, &account)
                        .and_then(|entry| work(&entry))
                        .map_err(KeyringError::from),
                };
                let _ = told.send(done);
            })
            .map_err(|error| KeyringError::Other(error.to_string()))?;
        tokio::task::spawn_blocking(move || hear.recv_timeout(PATIENCE))
            .await
            .map_err(|error| KeyringError::Other(error.to_string()))?
            .map_err(|_| KeyringError::Locked("it was not unlocked in time".into()))?
    }
}
