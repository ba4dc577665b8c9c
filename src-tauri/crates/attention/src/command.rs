use std::{fmt, str::FromStr};

use crate::Item;

/// What a banner's button or a tray's entry asks for. Its text is the button's or entry's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Show the window.
    Open,
    /// Show all that waits.
    Inbox,
    /// Ask all servers now.
    SyncNow,
    /// Show no notification for an hour.
    PauseHour,
    /// Show no notification until midnight.
    PauseToday,
    /// Show notifications again.
    Resume,
    /// Show a profile's partnerships.
    Profile(String),
    /// End the program.
    Quit,
    /// Do something to an item.
    Item {
        /// What.
        verb: Verb,
        /// Of which profile.
        profile: String,
        /// To which item.
        item: Item,
    },
}

/// What can be done to an item from outside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Approve a partnership request.
    Approve,
    /// Accept an access request.
    Accept,
    /// Decline either.
    Decline,
    /// Look at it in the window.
    Review,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Approve, Self::Accept, Self::Decline, Self::Review];

    const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Review => "review",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Inbox => f.write_str("inbox"),
            Self::SyncNow => f.write_str("sync-now"),
            Self::PauseHour => f.write_str("pause-hour"),
            Self::PauseToday => f.write_str("pause-today"),
            Self::Resume => f.write_str("resume"),
            Self::Profile(id) => write!(f, "profile/{id}"),
            Self::Quit => f.write_str("quit"),
            Self::Item { verb, profile, item } => {
                write!(f, "{}/{profile}/{item}", verb.word())
            }
        }
    }
}

impl FromStr for Command {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let (word, profile, item) = match (parts.next(), parts.next(), parts.next()) {
            (Some("open"), None, _) => return Ok(Self::Open),
            (Some("inbox"), None, _) => return Ok(Self::Inbox),
            (Some("sync-now"), None, _) => return Ok(Self::SyncNow),
            (Some("pause-hour"), None, _) => return Ok(Self::PauseHour),
            (Some("pause-today"), None, _) => return Ok(Self::PauseToday),
            (Some("resume"), None, _) => return Ok(Self::Resume),
            (Some("quit"), None, _) => return Ok(Self::Quit),
            (Some("profile"), Some(id), None) => return Ok(Self::Profile(id.into())),
            (Some(word), Some(profile), Some(item)) => (word, profile, item),
            _ => return Err(()),
        };
        let verb = Verb::ALL.into_iter().find(|verb| verb.word() == word).ok_or(())?;
        Ok(Self::Item { verb, profile: profile.into(), item: item.parse()? })
    }
}
