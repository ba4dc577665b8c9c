//! Which profiles there are: connecting, signing out, the demo.

use std::path::PathBuf;

use entente_api_client::{ApiError, Client, ClientOptions, ServerAddress};
use entente_cache::{CacheError, Journal, Opened, ProfileRecord};
use entente_desktop::KeyringError;
use entente_sync::Problem;
use secrecy::SecretString;

use super::{Controller, attending::Poke, home::Home, now};
use crate::{
    embedded::Demo,
    view::{AppState, BackendEvent, CommandError, NoticeKind},
};

const ACTIVE: &str = "active_profile";
const COLORS: u8 = 8;

impl Controller {
    /// Opens the person's own profiles.
    pub(super) async fn open_real(&self) -> Result<AppState, CommandError> {
        let root = self.inner.root.clone();
        let mut home = self.open_home(root, None).await?;
        for record in home.journal.profiles().await? {
            let key = self.key_of(&record.id).await;
            let profile = self.open_profile(&home, record, key).await?;
            home.profiles.push(profile);
        }
        self.move_in(home).await
    }

    /// Starts the embedded server and opens its people's profiles.
    pub async fn start_demo(&self) -> Result<AppState, CommandError> {
        if self.inner.home.read().await.as_ref().is_some_and(|home| home.demo.is_some()) {
            return self.app_state().await;
        }
        self.move_out().await;
        let root = self.demo_root();
        let demo = match Demo::start(&root).await {
            Ok(demo) => demo,
            Err(error) => {
                tracing::error!("{error:#}");
                self.open_real().await?;
                return Err(CommandError::new(
                    "demo_failed",
                    &format!("The demo could not be started: {error:#}."),
                ));
            }
        };
        let personas: Vec<(ProfileRecord, SecretString)> = demo
            .personas
            .iter()
            .zip(0_u8..)
            .map(|(persona, color)| {
                let record = ProfileRecord {
                    id: persona.id.clone(),
                    server: demo.url(),
                    color,
                    user_name: persona.name.clone(),
                    workspace_name: persona.workspace.clone(),
                };
                (record, persona.key.clone())
            })
            .collect();
        let mut home = self.open_home(root, Some(demo)).await?;
        for (record, key) in personas {
            home.journal.put_profile(&record).await?;
            let profile = self.open_profile(&home, record, Ok(key)).await?;
            home.profiles.push(profile);
        }
        self.move_in(home).await
    }

    /// Stops the demo, deletes its data, and opens the person's own profiles.
    pub async fn end_demo(&self) -> Result<AppState, CommandError> {
        self.move_out().await;
        if let Err(error) = tokio::fs::remove_dir_all(self.demo_root()).await {
            tracing::warn!(%error, "the demo's data was not deleted");
        }
        self.open_real().await
    }

    /// Adds a profile, or gives one that is there a new key.
    pub async fn connect(&self, server: &str, key: SecretString) -> Result<AppState, CommandError> {
        let address: ServerAddress = server.parse().map_err(|error| {
            CommandError::new("bad_address", &format!("{error}")).about("server")
        })?;
        let client = Client::new(address.clone(), key.clone(), ClientOptions::default())
            .map_err(|error| refused(&error))?;
        let me = client.me().await.map_err(|error| refused(&error))?;
        if self.inner.home.read().await.as_ref().is_none_or(|home| home.demo.is_some()) {
            // Real data is never mixed with the sample.
            self.move_out().await;
            self.open_real().await?;
        }
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        // A user is of one server and has one profile; connecting again renews the key.
        let old = home.profiles.iter().position(|profile| profile.record.id == me.id);
        let color = match old {
            Some(old) => {
                let profile = home.profiles.remove(old);
                profile.close().await;
                profile.record.color
            }
            None => u8::try_from(home.profiles.len()).unwrap_or(0) % COLORS,
        };
        let record = ProfileRecord {
            id: me.id.clone(),
            server: address.to_string(),
            color,
            user_name: me.attributes.name,
            workspace_name: me.attributes.workspace.name,
        };
        self.keep_key(&record.id, &key).await;
        home.journal.put_profile(&record).await?;
        let profile = self.open_profile(home, record, Ok(key)).await?;
        home.active = Some(profile.record.id.clone());
        home.journal.put_setting(ACTIVE, &home.active).await?;
        home.profiles.push(profile);
        drop(guard);
        self.changed().await
    }

    /// Removes a profile, its key and its cache.
    pub async fn sign_out(&self, id: &str) -> Result<AppState, CommandError> {
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        let Some(index) = home.profiles.iter().position(|profile| profile.record.id == id) else {
            return Err(CommandError::no_profile());
        };
        let profile = home.profiles.remove(index);
        profile.close().await;
        profile.cache.clone().delete().await?;
        home.journal.remove_profile(id).await?;
        if !profile.demo
            && let Err(error) = self.inner.keyring.delete(id).await
        {
            tracing::warn!(%error, "a key was not deleted");
        }
        if home.active.as_deref() == Some(id) {
            home.active = home.profiles.first().map(|profile| profile.record.id.clone());
            home.journal.put_setting(ACTIVE, &home.active).await?;
        }
        drop(guard);
        self.changed().await
    }

    /// Shows another profile's partnerships.
    pub async fn activate(&self, id: &str) -> Result<AppState, CommandError> {
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        if home.profile(id).is_none() {
            return Err(CommandError::no_profile());
        }
        home.active = Some(id.into());
        home.journal.put_setting(ACTIVE, &home.active).await?;
        drop(guard);
        self.changed().await
    }

    async fn changed(&self) -> Result<AppState, CommandError> {
        self.poke(Poke::tray());
        self.emit(&BackendEvent::StateChanged);
        self.app_state().await
    }

    async fn open_home(&self, root: PathBuf, demo: Option<Demo>) -> Result<Home, CommandError> {
        let (journal, opened) = Journal::open(&root.join("journal.db"), now()).await?;
        if let Opened::Rebuilt(_) = opened {
            self.note(
                NoticeKind::JournalRebuilt,
                "The list of profiles on this computer was damaged and was begun anew. The damaged \
                 file was kept beside it. Connect again.",
            );
        }
        let active = journal.setting(ACTIVE).await?.flatten();
        Ok(Home { root, journal, profiles: Vec::new(), active, demo })
    }

    async fn move_in(&self, mut home: Home) -> Result<AppState, CommandError> {
        if home.active.as_deref().and_then(|id| home.profile(id)).is_none() {
            home.active = home.profiles.first().map(|profile| profile.record.id.clone());
        }
        *self.inner.home.write().await = Some(home);
        self.poke(Poke::backlog());
        self.changed().await
    }

    async fn move_out(&self) {
        let home = self.inner.home.write().await.take();
        if let Some(home) = home {
            home.close().await;
        }
        for id in self.inner.notifier.shown() {
            self.inner.notifier.close(&id);
        }
    }

    /// Ends what runs, before the program does.
    pub async fn shut_down(&self) {
        self.move_out().await;
    }

    fn demo_root(&self) -> PathBuf {
        self.inner.root.join("demo")
    }

    async fn key_of(&self, id: &str) -> Result<SecretString, Problem> {
        self.inner.keyring.get(id).await.map_err(|error| {
            tracing::warn!(%error, "a key could not be read");
            let message = match error {
                KeyringError::NotFound => {
                    "The keyring does not have the key of this profile. Connect again."
                }
                KeyringError::Locked(_) => {
                    "The keyring is locked. Unlock it and start Entente again, or connect again."
                }
                KeyringError::Missing(_) | KeyringError::Other(_) => {
                    self.note_no_keyring();
                    "There is no keyring, so the key was not kept. Connect again."
                }
            };
            Problem { code: "no_key".into(), message: message.into(), retryable: false }
        })
    }

    async fn keep_key(&self, id: &str, key: &SecretString) {
        if let Err(error) = self.inner.keyring.set(id, key).await {
            tracing::warn!(%error, "a key was not kept");
            self.note_no_keyring();
        }
    }

    fn note_no_keyring(&self) {
        self.note(
            NoticeKind::NoKeyring,
            "This computer has no keyring that can be used, so keys are kept only until Entente \
             ends. Install or unlock one, for example GNOME Keyring or KWallet.",
        );
    }
}

/// Why connecting failed, at the field that it is about.
fn refused(error: &ApiError) -> CommandError {
    let field = match error {
        ApiError::Unauthorized(_) => "key",
        ApiError::Unreachable
        | ApiError::Interrupted
        | ApiError::TimedOut
        | ApiError::Untrusted
        | ApiError::NotEntente
        | ApiError::Redirected(_)
        | ApiError::Refused(_)
        | ApiError::RateLimited(..)
        | ApiError::Fault(_) => "server",
    };
    CommandError {
        retryable: error.retryable(),
        ..CommandError::new(error.code(), &error.to_string()).about(field)
    }
}

impl CommandError {
    /// A refusal that trying again does not change.
    pub(super) fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retryable: false,
            field: None,
            existing_id: None,
        }
    }

    fn about(mut self, field: &str) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(super) fn no_profile() -> Self {
        Self::new("no_profile", "This profile is not there any more.")
    }

    pub(super) fn not_open() -> Self {
        Self::new("not_open", "Entente is still starting. Try again in a moment.")
    }
}

impl From<CacheError> for CommandError {
    fn from(error: CacheError) -> Self {
        tracing::error!(%error, "a file failed");
        Self {
            retryable: true,
            ..Self::new(
                "cache_failed",
                &format!("{error}. Is the disk full, or the folder read-only?"),
            )
        }
    }
}
