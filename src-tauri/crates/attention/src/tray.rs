use entente_domain::Timestamp;

use crate::{Command, Kind, Language, Pending, Text, text::line};

/// How a profile stands, as far as the tray shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In contact, or about to be.
    Online,
    /// No contact.
    Offline,
    /// The key is not taken.
    SignedOut,
}

/// A profile in the tray's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrayProfile {
    /// Its id.
    pub id: String,
    /// The user's name.
    pub user: String,
    /// The workspace's name.
    pub workspace: String,
    /// How it stands.
    pub standing: Standing,
    /// Whether the window shows it.
    pub active: bool,
}

/// What the tray is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrayFacts {
    /// All profiles.
    pub profiles: Vec<TrayProfile>,
    /// All that waits, oldest first.
    pub pending: Vec<Pending>,
    /// Until when no notification is shown.
    pub paused_until: Option<Timestamp>,
    /// The person's language.
    pub language: Language,
}

/// Which picture the tray shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrayIcon {
    /// Nothing waits.
    Idle,
    /// Something waits.
    Attention,
    /// No contact with any server.
    Offline,
    /// Notifications are paused.
    Paused,
    /// No profile, or none whose key is taken.
    SignedOut,
}

/// What the tray shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrayModel {
    /// The picture.
    pub icon: TrayIcon,
    /// The same in words: the tooltip, and the first line of the menu.
    pub text: String,
    /// How many things wait.
    pub count: usize,
    /// The menu.
    pub entries: Vec<Entry>,
}

/// An entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A line to read.
    Text(String),
    /// Something to click.
    Click {
        /// What it asks for.
        command: Command,
        /// What people read.
        label: String,
        /// Whether it has a check mark.
        checked: bool,
    },
    /// A menu of its own.
    Menu {
        /// What people read.
        label: String,
        /// What is in it.
        entries: Vec<Entry>,
    },
    /// A line between groups.
    Separator,
}

/// A menu is read at a glance.
const MOST_ITEMS: usize = 8;

/// What the tray shows.
#[must_use]
pub fn tray(facts: &TrayFacts, now: Timestamp) -> TrayModel {
    let count = facts.pending.len();
    let paused = facts.paused_until.is_some_and(|until| now < until);
    let all = |standing| facts.profiles.iter().all(|profile| profile.standing == standing);
    let (icon, state) = if all(Standing::SignedOut) {
        (TrayIcon::SignedOut, Some(Text::SignedOut))
    } else if facts.profiles.iter().all(|profile| profile.standing != Standing::Online) {
        (TrayIcon::Offline, Some(Text::Offline))
    } else if count > 0 {
        (TrayIcon::Attention, None)
    } else if paused {
        (TrayIcon::Paused, Some(Text::Paused))
    } else {
        (TrayIcon::Idle, None)
    };
    let language = facts.language;
    let waits = language.say(&match count {
        0 => Text::NothingWaits,
        _ if paused && icon == TrayIcon::Attention => Text::RequestsWaitUntold(count),
        _ => Text::RequestsWait(count),
    });
    let text = match (state, count) {
        (None, _) => waits,
        (Some(state), 0) => language.say(&state),
        (Some(state), _) => format!("{}, {waits}", language.say(&state)),
    };

    let click = |command, label: Text<'_>| click(command, language.say(&label));
    let mut entries = vec![Entry::Text(text.clone()), Entry::Separator];
    entries.extend(facts.pending.iter().take(MOST_ITEMS).map(|pending| item(pending, language)));
    if count > MOST_ITEMS {
        entries.push(click(Command::Inbox, Text::MoreEntries(count - MOST_ITEMS)));
    }
    if count > 0 {
        entries.push(Entry::Separator);
    }
    entries.push(click(Command::Open, Text::OpenEntente));
    if !facts.profiles.is_empty() {
        entries.push(click(Command::SyncNow, Text::SyncNow));
        entries.push(pause(paused, language));
        entries.push(Entry::Separator);
        entries.extend(facts.profiles.iter().map(|one| profile(one, language)));
    }
    entries.push(Entry::Separator);
    entries.push(click(Command::Quit, Text::Quit));
    TrayModel { icon, text, count, entries }
}

fn item(pending: &Pending, language: Language) -> Entry {
    let sender = &line(&pending.requested_by, 30);
    let label = match &pending.kind {
        Kind::Approval => {
            language.say(&Text::ApproveEntry { sender, guest: &line(&pending.guest, 30) })
        }
        Kind::Acceptance => language.say(&Text::AcceptEntry { host: &line(&pending.host, 40) }),
        Kind::Access { account, member, .. } => language
            .say(&Text::AccessEntry { member: &line(member, 30), account: &line(account, 40) }),
    };
    let entries = pending
        .verbs()
        .iter()
        .map(|verb| click(pending.command(*verb), language.say(&Text::Verb(*verb))))
        .collect();
    Entry::Menu { label, entries }
}

fn pause(paused: bool, language: Language) -> Entry {
    if paused {
        return click(Command::Resume, language.say(&Text::Resume));
    }
    Entry::Menu {
        label: language.say(&Text::Pause),
        entries: vec![
            click(Command::PauseHour, language.say(&Text::ForAnHour)),
            click(Command::PauseToday, language.say(&Text::UntilTomorrow)),
        ],
    }
}

fn profile(profile: &TrayProfile, language: Language) -> Entry {
    let name = format!("{} · {}", line(&profile.workspace, 40), line(&profile.user, 40));
    let label = match profile.standing {
        Standing::Online => name,
        Standing::Offline => language.say(&Text::ProfileOffline { profile: &name }),
        Standing::SignedOut => language.say(&Text::ProfileSignedOut { profile: &name }),
    };
    Entry::Click { command: Command::Profile(profile.id.clone()), label, checked: profile.active }
}

fn click(command: Command, label: String) -> Entry {
    Entry::Click { command, label, checked: false }
}
