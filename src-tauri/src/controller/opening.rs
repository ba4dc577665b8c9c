//! The places that profiles are of: the person's own, and the demo.

use std::path::PathBuf;

use entente_cache::{CacheError, Journal, Opened, ProfileRecord, SignInKind};
use entente_sync::Problem;
use secrecy::SecretString;

use super::{Controller, attending::Poke, home::Home, notes::Note, now};
use crate::{
    embedded::Demo,
    language,
    view::{AppState, BackendEvent, CommandError},
};

/// Whose partnerships the window showed last.
pub(super) const ACTIVE: &str = "active_profile";

impl Controller {
    /// Opens the person's own profiles.
    pub(super) async fn open_real(&self) -> Result<AppState, CommandError> {
        let root = self.inner.root.clone();
        let mut home = self.open_home(root, None).await?;
        let mut locked = None;
        for record in home.journal.profiles().await? {
            // Who does not unlock the keyring for one profile is not asked again for the next.
            let credentials = match &locked {
                Some(problem) => Err(Problem::clone(problem)),
                None => self.credentials_of(&record.id).await,
            };
            locked = credentials.as_ref().err().filter(|p| p.code == "keyring_locked").cloned();
            let profile = self.open_profile(&home, record, credentials).await?;
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
                    label: None,
                    sign_in: SignInKind::Key,
                    email: String::new(),
                    user_name: persona.name.clone(),
                    workspace_name: persona.workspace.clone(),
                };
                (record, persona.key.clone())
            })
            .collect();
        let mut home = self.open_home(root, Some(demo)).await?;
        for (record, key) in personas {
            home.journal.put_profile(&record).await?;
            let profile = self.open_profile(&home, record, Ok(key.into())).await?;
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

    pub(super) async fn changed(&self) -> Result<AppState, CommandError> {
        self.poke(Poke::tray());
        self.emit(&BackendEvent::StateChanged);
        self.app_state().await
    }

    async fn open_home(&self, root: PathBuf, demo: Option<Demo>) -> Result<Home, CommandError> {
        let (journal, opened) = Journal::open(&root.join("journal.db"), now()).await?;
        if let Opened::Rebuilt(_) = opened {
            self.note(Note::JournalRebuilt);
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

    pub(super) async fn move_out(&self) {
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
}

impl CommandError {
    /// A refusal that trying again does not change, by an English sentence.
    pub(crate) fn new(code: &str, sentence: &str) -> Self {
        Self::of(code, None, sentence)
    }

    /// The same, with the one thing that the sentence names.
    pub(crate) fn of(code: &str, fact: Option<&str>, sentence: &str) -> Self {
        Self {
            code: code.into(),
            message: language::spoken().refusal(code, fact, sentence),
            retryable: false,
            field: None,
            existing_id: None,
        }
    }

    pub(super) fn about(mut self, field: &str) -> Self {
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
        Self { retryable: error.retryable(), ..Self::new(error.code(), &error.to_string()) }
    }
}
