//! What the person set, and what the window wants to be remembered.

use std::{collections::BTreeMap, time::Duration};

use entente_attention::Settings;
use entente_cache::Journal;
use entente_desktop::Autostart;
use entente_domain::Timestamp;

use super::{Controller, answers::Answer, attending::Poke, now, trust, updates::LOOK_FOR_UPDATES};
use crate::{
    language,
    view::{
        AppState, BackendEvent, CloseChoice, CommandError, LanguageChoice, NotificationSettings,
        PauseChoice, ProgramChange, ProgramSettings,
    },
};

const NOTIFICATIONS: &str = "notifications";
const CLOSE_WITHOUT_TRAY: &str = "close_without_tray";
const WINDOW: &str = "window";
/// How the entry that starts the program at login is called.
const ENTRY: &str = "entente";
/// How much the window may want to be remembered.
const MOST_NAMES: usize = 100;
const LONGEST_NAME: usize = 60;
const LONGEST_VALUE: usize = 8_192;

impl Controller {
    /// Where settings are kept.
    pub(super) async fn journal(&self) -> Answer<Journal> {
        let guard = self.inner.home.read().await;
        Ok(guard.as_ref().ok_or_else(CommandError::not_open)?.journal.clone())
    }

    pub(super) async fn settings(&self, journal: &Journal) -> Settings {
        match journal.setting(NOTIFICATIONS).await {
            Ok(settings) => settings.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the settings could not be read");
                Settings::default()
            }
        }
    }

    /// What the person chose about notifications.
    pub async fn notification_settings(&self) -> Answer<NotificationSettings> {
        let journal = self.journal().await?;
        Ok(NotificationSettings::of(&self.settings(&journal).await))
    }

    /// Chooses about notifications.
    pub async fn change_notification_settings(
        &self,
        chosen: NotificationSettings,
    ) -> Answer<NotificationSettings> {
        let journal = self.journal().await?;
        let settings =
            chosen.read(self.settings(&journal).await).map_err(|field| CommandError {
                field: Some(field.into()),
                ..CommandError::new("invalid_setting", "This cannot be set. Choose another value.")
            })?;
        journal.put_setting(NOTIFICATIONS, &settings).await?;
        self.poke(Poke::backlog());
        Ok(NotificationSettings::of(&settings))
    }

    /// Shows no notification for a while; with no choice, shows them again.
    pub async fn pause(&self, choice: Option<PauseChoice>) -> Answer<AppState> {
        let paused_until = choice.map(|choice| match choice {
            PauseChoice::Hour => now().after(Duration::from_secs(60 * 60)),
            PauseChoice::Today => next_midnight(now()),
        });
        let journal = self.journal().await?;
        let settings = Settings { paused_until, ..self.settings(&journal).await };
        journal.put_setting(NOTIFICATIONS, &settings).await?;
        self.poke(Poke::backlog());
        self.emit(&BackendEvent::StateChanged);
        self.app_state().await
    }

    /// How the program behaves on this computer.
    pub async fn program_settings(&self) -> Answer<ProgramSettings> {
        let journal = self.journal().await?;
        let (ca_file, ca_file_problem) = trust::ca_file(&journal).await;
        Ok(ProgramSettings {
            ca_file,
            ca_file_problem,
            look_for_updates: self.looks_for_updates(&journal).await,
            start_at_login: Autostart::of(ENTRY).map(|entry| entry.is_on()),
            close_without_tray: self.close_choice(&journal).await,
            has_tray: self.has_tray(),
            language: language::chosen(self.root()).into(),
        })
    }

    /// Changes how the program behaves on this computer.
    pub async fn change_program_settings(&self, change: ProgramChange) -> Answer<ProgramSettings> {
        let journal = self.journal().await?;
        if let Some(choice) = change.close_without_tray {
            journal.put_setting(CLOSE_WITHOUT_TRAY, &choice).await?;
        }
        if let Some(wanted) = change.start_at_login {
            start_at_login(wanted)?;
        }
        if let Some(path) = change.ca_file {
            self.set_ca_file(&journal, &path).await?;
        }
        if let Some(wanted) = change.look_for_updates {
            journal.put_setting(LOOK_FOR_UPDATES, &wanted).await?;
        }
        if let Some(choice) = change.language {
            self.speak(choice)?;
        }
        self.program_settings().await
    }

    /// Speaks another language from now on: in the tray, in banners, and in the window.
    fn speak(&self, choice: LanguageChoice) -> Answer<()> {
        language::choose(self.root(), choice.into()).map_err(|error| {
            let sentence = format!("The language could not be kept: {error}.");
            CommandError::new("language_not_kept", &sentence)
        })?;
        self.poke(Poke::tray());
        self.emit(&BackendEvent::StateChanged);
        Ok(())
    }

    pub(super) async fn close_choice(&self, journal: &Journal) -> CloseChoice {
        match journal.setting(CLOSE_WITHOUT_TRAY).await {
            Ok(choice) => choice.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "what closing does could not be read");
                CloseChoice::default()
            }
        }
    }

    /// What the window asked to remember.
    pub async fn window_memory(&self) -> Answer<BTreeMap<String, String>> {
        Ok(self.journal().await?.setting(WINDOW).await?.unwrap_or_default())
    }

    /// Remembers something for the window, or forgets it.
    pub async fn remember_for_window(&self, name: String, value: Option<String>) -> Answer<()> {
        // One change after another: each writes the whole.
        let _one = self.inner.window_memory.lock().await;
        let journal = self.journal().await?;
        let mut memory: BTreeMap<String, String> =
            journal.setting(WINDOW).await?.unwrap_or_default();
        let too_much = name.len() > LONGEST_NAME
            || value.as_ref().is_some_and(|value| value.len() > LONGEST_VALUE)
            || (memory.len() >= MOST_NAMES && !memory.contains_key(&name));
        if too_much {
            return Err(CommandError::new("too_much", "This is too much to remember."));
        }
        let before = memory.clone();
        match value {
            Some(value) => memory.insert(name, value),
            None => memory.remove(&name),
        };
        if memory != before {
            journal.put_setting(WINDOW, &memory).await?;
        }
        Ok(())
    }
}

fn start_at_login(wanted: bool) -> Answer<()> {
    let failed = |message: String| CommandError::new("start_at_login_failed", &message);
    let Some(entry) = Autostart::of(ENTRY) else {
        return Err(failed("Starting at login cannot be set on this system.".into()));
    };
    let done = if wanted {
        let program = program().map_err(|error| failed(format!("It was not set: {error}.")))?;
        entry.turn_on("Entente", &program, &["--hidden"])
    } else {
        entry.turn_off()
    };
    done.map_err(|error| failed(format!("It was not set: {error}.")))
}

/// Where this program is; an AppImage runs from a place that is gone later, but says where it is.
fn program() -> std::io::Result<std::path::PathBuf> {
    match std::env::var_os("APPIMAGE") {
        Some(image) if !image.is_empty() => Ok(image.into()),
        _ => std::env::current_exe(),
    }
}

/// The next midnight where the person is.
fn next_midnight(now: Timestamp) -> Timestamp {
    let offset = time::UtcOffset::current_local_offset().unwrap_or(time::UtcOffset::UTC);
    let local = now.to_date_time().to_offset(offset);
    let midnight = local.date().next_day().map(|day| day.midnight().assume_offset(offset));
    midnight
        .and_then(|at| Timestamp::try_from(at).ok())
        .unwrap_or_else(|| now.after(Duration::from_secs(24 * 60 * 60)))
}
