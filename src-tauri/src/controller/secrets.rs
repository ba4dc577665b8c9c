//! What the system's keyring has for a profile: its key or session, and the key of its cache.

use entente_api_client::{Credentials, SessionTokens};
use entente_cache::{CacheKey, Journal, Keeping};
use entente_desktop::KeyringError;
use entente_sync::Problem;
use secrecy::SecretString;

use super::{Controller, notes::Note};
use crate::view::{AppState, CommandError};

/// Whether caches are kept as they are where there is no keyring.
const KEEPS_UNENCRYPTED: &str = "keeps_unencrypted";

/// The name of a cache's key in the keyring.
fn cache_account(id: &str) -> String {
    format!("{id}.cache")
}

impl Controller {
    /// A profile's key or session.
    pub(super) async fn credentials_of(&self, id: &str) -> Result<Credentials, Problem> {
        let secret = self.inner.keyring.get(id).await.map_err(|error| {
            tracing::warn!(%error, "a key could not be read");
            let (code, message) = match error {
                KeyringError::NotFound => {
                    ("no_key", "The keyring does not have the key of this profile. Sign in again.")
                }
                KeyringError::Locked(_) => (
                    "keyring_locked",
                    "The keyring is locked, so the key of this profile cannot be read. Unlock it, or \
                     sign in again.",
                ),
                KeyringError::Missing(_) | KeyringError::Other(_) => (
                    "no_keyring",
                    "There is no keyring, so the key of this profile was not kept. Sign in again.",
                ),
            };
            Problem { code: code.into(), message: message.into(), fact: None, retryable: false }
        })?;
        Ok(self.credentials(id, secret))
    }

    pub(super) async fn keep_secret(&self, id: &str, secret: &SecretString) {
        if let Err(error) = self.inner.keyring.set(id, secret).await {
            tracing::warn!(%error, "a key was not kept");
            self.note_no_keyring(&error);
        }
    }

    /// Forgets all that the keyring has for a profile.
    pub(super) async fn forget_secrets(&self, id: &str) {
        for account in [id, &cache_account(id)] {
            if let Err(error) = self.inner.keyring.delete(account).await {
                tracing::warn!(%error, "a key was not deleted");
            }
        }
    }

    /// What to send requests with. New tokens of a session go to the keyring as they come.
    pub(super) fn credentials(&self, id: &str, secret: SecretString) -> Credentials {
        let Some(tokens) = SessionTokens::from_secret(&secret) else { return secret.into() };
        let (this, id) = (self.clone(), id.to_owned());
        Credentials::session(tokens, move |tokens| {
            let (this, id) = (this.clone(), id.clone());
            async move { this.keep_secret(&id, &tokens.to_secret()).await }
        })
    }

    /// How a profile's cache is kept: encrypted, or without a keyring as the person chose.
    pub(super) async fn keeping(&self, journal: &Journal, id: &str) -> Keeping {
        match self.cache_key(id).await {
            Ok(key) => Keeping::Encrypted(key),
            Err(error) => {
                tracing::warn!(%error, "there is no key for the cache");
                self.note_no_keyring(&error);
                if self.keeps_unencrypted(journal).await { Keeping::Plain } else { Keeping::Memory }
            }
        }
    }

    async fn cache_key(&self, id: &str) -> Result<CacheKey, KeyringError> {
        let account = cache_account(id);
        match self.inner.keyring.get(&account).await.map(|secret| CacheKey::from_secret(&secret)) {
            Ok(Some(key)) => return Ok(key),
            Ok(None) | Err(KeyringError::NotFound) => {}
            Err(error) => return Err(error),
        }
        let key = CacheKey::random();
        self.inner.keyring.set(&account, &key.to_secret()).await?;
        Ok(key)
    }

    pub(super) async fn keeps_unencrypted(&self, journal: &Journal) -> bool {
        matches!(journal.setting(KEEPS_UNENCRYPTED).await, Ok(Some(true)))
    }

    /// Without a keyring: keeps caches on the disk as they are, or not at all.
    pub async fn keep_unencrypted(&self, allow: bool) -> Result<AppState, CommandError> {
        {
            let guard = self.inner.home.read().await;
            let home = guard.as_ref().ok_or_else(CommandError::not_open)?;
            home.journal.put_setting(KEEPS_UNENCRYPTED, &allow).await?;
        }
        self.reopen_profiles(|profile| match profile.keeping {
            Keeping::Encrypted(_) => false,
            Keeping::Plain => !allow && !profile.demo,
            Keeping::Memory => allow,
        })
        .await
    }

    fn note_no_keyring(&self, error: &KeyringError) {
        self.note(match error {
            KeyringError::Locked(_) => Note::KeyringLocked,
            KeyringError::Missing(_) | KeyringError::NotFound | KeyringError::Other(_) => {
                Note::NoKeyring
            }
        });
    }
}
