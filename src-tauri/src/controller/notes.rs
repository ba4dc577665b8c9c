//! What the person should know about this machine, as one quiet notice in the window.

use entente_attention::{Language, Text};
use entente_cache::CacheError;

use super::Controller;
use crate::view::{AppNotice, BackendEvent, CommandError, NoticeKind};

/// Something to know about this machine. It is said when it is read, in the language of then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    NoKeyring,
    KeyringLocked,
    NoTray,
    NoNotifications,
    JournalRebuilt,
    CacheRebuilt,
    /// Nothing could be opened.
    NotOpened(Why),
    /// A cache could not be opened on the disk.
    NothingKept(Why),
}

/// Why a file could not be used: a code, and the English sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    code: String,
    sentence: String,
}

impl From<&CacheError> for Why {
    fn from(error: &CacheError) -> Self {
        Self { code: error.code().into(), sentence: error.to_string() }
    }
}

impl From<CommandError> for Why {
    fn from(error: CommandError) -> Self {
        Self { code: error.code, sentence: error.message }
    }
}

impl Why {
    fn say(&self, language: Language) -> String {
        language.refusal(&self.code, None, &self.sentence)
    }
}

impl Note {
    pub(super) fn kind(&self) -> NoticeKind {
        match self {
            Self::NoKeyring | Self::KeyringLocked => NoticeKind::NoKeyring,
            Self::NoTray => NoticeKind::NoTray,
            Self::NoNotifications => NoticeKind::NoNotifications,
            Self::JournalRebuilt => NoticeKind::JournalRebuilt,
            Self::CacheRebuilt => NoticeKind::CacheRebuilt,
            Self::NotOpened(_) | Self::NothingKept(_) => NoticeKind::StorageFailed,
        }
    }

    pub(super) fn view(&self, language: Language) -> AppNotice {
        let message = match self {
            Self::NoKeyring => language.say(&Text::NoKeyring),
            Self::KeyringLocked => language.say(&Text::KeyringLocked),
            Self::NoTray => language.say(&Text::NoTray),
            Self::NoNotifications => language.say(&Text::NoNotifications),
            Self::JournalRebuilt => language.say(&Text::JournalRebuilt),
            Self::CacheRebuilt => language.say(&Text::CacheRebuilt),
            Self::NotOpened(why) => why.say(language),
            Self::NothingKept(why) => language.say(&Text::NothingKept { why: &why.say(language) }),
        };
        AppNotice { kind: self.kind(), message }
    }
}

impl Controller {
    /// Adds a note; one of each kind, the newest.
    pub(super) fn note(&self, note: Note) {
        {
            let mut notes = self.notes();
            if notes.contains(&note) {
                return;
            }
            notes.retain(|other| other.kind() != note.kind());
            notes.push(note);
        }
        self.emit(&BackendEvent::StateChanged);
    }

    /// Takes a note away whose reason is over.
    pub(super) fn withdraw(&self, kind: NoticeKind) {
        let is_gone = {
            let mut notes = self.notes();
            let before = notes.len();
            notes.retain(|note| note.kind() != kind);
            before != notes.len()
        };
        if is_gone {
            self.emit(&BackendEvent::StateChanged);
        }
    }
}
