use entente_domain::Timestamp;

use crate::{Command, Kind, Pending, text::line};

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
        (TrayIcon::SignedOut, Some("Signed out"))
    } else if facts.profiles.iter().all(|profile| profile.standing != Standing::Online) {
        (TrayIcon::Offline, Some("Offline"))
    } else if count > 0 {
        (TrayIcon::Attention, paused.then_some("notifications paused"))
    } else if paused {
        (TrayIcon::Paused, Some("Notifications paused"))
    } else {
        (TrayIcon::Idle, None)
    };
    let waits = match count {
        0 => "Nothing waits for you".to_owned(),
        1 => "1 request waits for you".to_owned(),
        n => format!("{n} requests wait for you"),
    };
    let text = match (state, count) {
        (None, _) => waits,
        (Some(state), 0) => state.to_owned(),
        (Some(state), _) if icon == TrayIcon::Attention => format!("{waits}, {state}"),
        (Some(state), _) => format!("{state}, {}", waits.to_lowercase()),
    };

    let mut entries = vec![Entry::Text(text.clone()), Entry::Separator];
    entries.extend(facts.pending.iter().take(MOST_ITEMS).map(item));
    if count > MOST_ITEMS {
        entries.push(click(Command::Inbox, &format!("And {} more…", count - MOST_ITEMS)));
    }
    if count > 0 {
        entries.push(Entry::Separator);
    }
    entries.push(click(Command::Open, "Open Entente"));
    if !facts.profiles.is_empty() {
        entries.push(click(Command::SyncNow, "Sync now"));
        entries.push(pause(paused));
        entries.push(Entry::Separator);
        entries.extend(facts.profiles.iter().map(profile));
    }
    entries.push(Entry::Separator);
    entries.push(click(Command::Quit, "Quit"));
    TrayModel { icon, text, count, entries }
}

fn item(pending: &Pending) -> Entry {
    let sender = line(&pending.requested_by, 30);
    let label = match &pending.kind {
        Kind::Approval => format!("Approve? {sender} with {}", line(&pending.guest, 30)),
        Kind::Acceptance => format!("Accept? {}", line(&pending.host, 40)),
        Kind::Access { account, member, .. } => {
            format!("Access? {} to {}", line(member, 30), line(account, 40))
        }
    };
    let entries =
        pending.verbs().iter().map(|verb| click(pending.command(*verb), verb.label())).collect();
    Entry::Menu { label, entries }
}

fn pause(paused: bool) -> Entry {
    if paused {
        return click(Command::Resume, "Resume notifications");
    }
    Entry::Menu {
        label: "Pause notifications".into(),
        entries: vec![
            click(Command::PauseHour, "For 1 hour"),
            click(Command::PauseToday, "Until tomorrow"),
        ],
    }
}

fn profile(profile: &TrayProfile) -> Entry {
    let standing = match profile.standing {
        Standing::Online => "",
        Standing::Offline => " (offline)",
        Standing::SignedOut => " (signed out)",
    };
    let label = format!("{} · {}{standing}", line(&profile.workspace, 40), line(&profile.user, 40));
    Entry::Click { command: Command::Profile(profile.id.clone()), label, checked: profile.active }
}

fn click(command: Command, label: &str) -> Entry {
    Entry::Click { command, label: label.into(), checked: false }
}
