use std::{collections::BTreeSet, time::Duration};

use entente_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// What a person chose about notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Nothing is shown until then.
    pub paused_until: Option<Timestamp>,
    /// After how long what still waits is told again; none for never.
    pub remind_after: Option<Duration>,
    /// When nothing is shown, every day.
    pub quiet_hours: Option<QuietHours>,
    /// Which news is not told.
    pub off: BTreeSet<Topic>,
    /// The profiles for which nothing is told.
    pub muted: BTreeSet<String>,
    /// Whether banners name nobody and nothing.
    pub hide_names: bool,
}

impl Default for Settings {
    /// Everything is told, and again after a day.
    fn default() -> Self {
        Self {
            paused_until: None,
            remind_after: Some(Duration::from_secs(24 * 60 * 60)),
            quiet_hours: None,
            off: BTreeSet::new(),
            muted: BTreeSet::new(),
            hide_names: false,
        }
    }
}

impl Settings {
    /// Whether nothing is shown just now.
    #[must_use]
    pub fn is_silent(&self, at: Moment) -> bool {
        self.is_paused(at.now) || self.quiet_hours.is_some_and(|quiet| quiet.hold(at))
    }

    /// Whether the person wanted nothing to be shown for a while, which is not over.
    #[must_use]
    pub fn is_paused(&self, now: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

/// A part of each day, where the person is: from one minute of the day to before another one. The
/// same minute twice is the whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// The first minute.
    pub from: u16,
    /// The first minute after it.
    pub to: u16,
}

impl QuietHours {
    fn hold(self, at: Moment) -> bool {
        let minute = at.minute_of_day();
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// What news is about, as far as a person can switch it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// A request was approved.
    Approved,
    /// A request was declined.
    Declined,
    /// A request was accepted.
    Accepted,
    /// A request expired.
    Expired,
    /// A partnership was removed.
    Removed,
    /// Access to an account was given, changed or taken away, or a request for it was decided.
    Access,
}

/// A moment where the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The moment.
    pub now: Timestamp,
    /// By how many minutes clocks there are ahead of UTC.
    pub offset: i16,
}

impl Moment {
    fn minute_of_day(self) -> u16 {
        const DAY: i64 = 24 * 60;
        let minutes = self.now.unix_millis().div_euclid(60_000) + i64::from(self.offset);
        u16::try_from(minutes.rem_euclid(DAY)).unwrap_or(0)
    }
}
