use std::{fmt, str::FromStr};

use entente_domain::PartnershipId;

/// What a banner's button or a tray's entry asks for. Its text is the button's or entry's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Show the window.
    Open,
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
        /// To which partnership.
        partnership: PartnershipId,
    },
}

/// What can be done to an item from outside the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Approve the request.
    Approve,
    /// Decline it.
    Decline,
    /// Look at it in the window.
    Review,
}

impl Verb {
    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Approve => "Approve",
            Self::Decline => "Decline",
            Self::Review => "Review",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Decline => "decline",
            Self::Review => "review",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::SyncNow => f.write_str("sync-now"),
            Self::PauseHour => f.write_str("pause-hour"),
            Self::PauseToday => f.write_str("pause-today"),
            Self::Resume => f.write_str("resume"),
            Self::Profile(id) => write!(f, "profile/{id}"),
            Self::Quit => f.write_str("quit"),
            Self::Item { verb, profile, partnership } => {
                write!(f, "{}/{profile}/{partnership}", verb.word())
            }
        }
    }
}

impl FromStr for Command {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '/');
        let verb = match (parts.next(), parts.next(), parts.next()) {
            (Some("open"), None, _) => return Ok(Self::Open),
            (Some("sync-now"), None, _) => return Ok(Self::SyncNow),
            (Some("pause-hour"), None, _) => return Ok(Self::PauseHour),
            (Some("pause-today"), None, _) => return Ok(Self::PauseToday),
            (Some("resume"), None, _) => return Ok(Self::Resume),
            (Some("quit"), None, _) => return Ok(Self::Quit),
            (Some("profile"), Some(id), None) => return Ok(Self::Profile(id.into())),
            (Some(verb), Some(profile), Some(id)) => (verb, profile, id),
            _ => return Err(()),
        };
        let (word, profile, id) = verb;
        let verb = [Verb::Approve, Verb::Decline, Verb::Review]
            .into_iter()
            .find(|verb| verb.word() == word)
            .ok_or(())?;
        let partnership = id.parse().map_err(|_| ())?;
        Ok(Self::Item { verb, profile: profile.into(), partnership })
    }
}
