//! The settings as the window shows and changes them.

use std::{collections::BTreeSet, time::Duration};

use entente_attention::{Language as Spoken, QuietHours as Quiet, Settings, Topic};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What a person chose about notifications. Pausing is apart: see `pause_notifications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NotificationSettings {
    /// After how many hours what still waits is told again, 1 to 720; none for never.
    pub remind_after_hours: Option<u32>,
    /// When nothing is shown, every day.
    pub quiet_hours: Option<QuietHours>,
    /// Which news is told.
    pub news: NewsSwitches,
    /// The ids of the profiles for which nothing is told.
    pub muted_profiles: BTreeSet<String>,
    /// Whether banners name nobody and nothing.
    pub hide_names: bool,
}

/// A part of each day, where the person is. The same time twice is the whole day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct QuietHours {
    /// From this time of the day on: `22:00`.
    pub from: String,
    /// To this one.
    pub to: String,
}

/// Which news is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NewsSwitches {
    /// A request was approved.
    pub approved: bool,
    /// A request was declined.
    pub declined: bool,
    /// A request was accepted.
    pub accepted: bool,
    /// A request expired.
    pub expired: bool,
    /// A partnership was removed.
    pub removed: bool,
    /// Access to an account was given, changed or taken away, or a request for it was decided.
    pub access: bool,
}

/// How the program behaves on this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProgramSettings {
    /// Whether it starts at login, hidden in the tray; none where that cannot be set here.
    pub start_at_login: Option<bool>,
    /// What closing the window does where there is no tray.
    pub close_without_tray: CloseChoice,
    /// Whether there is a tray just now.
    pub has_tray: bool,
    /// The file of a certificate authority that is trusted beside those of the system.
    pub ca_file: Option<String>,
    /// Why that file cannot be used now.
    pub ca_file_problem: Option<String>,
    /// Whether newer versions are looked for; none where whoever built the program named no place
    /// for them.
    pub look_for_updates: Option<bool>,
    /// What it speaks.
    pub language: LanguageChoice,
}

/// Changes of [`ProgramSettings`]; what is none stays.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ProgramChange {
    /// Whether it starts at login.
    pub start_at_login: Option<bool>,
    /// What closing the window does where there is no tray.
    pub close_without_tray: Option<CloseChoice>,
    /// The file of a certificate authority; an empty path for none.
    pub ca_file: Option<String>,
    /// Whether newer versions are looked for.
    pub look_for_updates: Option<bool>,
    /// What it speaks.
    pub language: Option<LanguageChoice>,
}

/// A language that the program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
}

impl From<Spoken> for Language {
    fn from(language: Spoken) -> Self {
        match language {
            Spoken::English => Self::En,
            Spoken::German => Self::De,
        }
    }
}

/// What the program is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum LanguageChoice {
    /// What the system speaks.
    System,
    /// English.
    En,
    /// German.
    De,
}

impl From<Option<Spoken>> for LanguageChoice {
    fn from(chosen: Option<Spoken>) -> Self {
        match chosen {
            None => Self::System,
            Some(Spoken::English) => Self::En,
            Some(Spoken::German) => Self::De,
        }
    }
}

impl From<LanguageChoice> for Option<Spoken> {
    fn from(choice: LanguageChoice) -> Self {
        match choice {
            LanguageChoice::System => None,
            LanguageChoice::En => Some(Spoken::English),
            LanguageChoice::De => Some(Spoken::German),
        }
    }
}

/// What closing the window does where there is no tray.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CloseChoice {
    /// It ends the program.
    #[default]
    Quit,
    /// It minimises the window, and the program goes on.
    Minimise,
}

const HOUR: u64 = 60 * 60;
const MOST_HOURS: u32 = 720;

impl NotificationSettings {
    /// As the window shows them.
    pub fn of(settings: &Settings) -> Self {
        let told = |topic| !settings.off.contains(&topic);
        Self {
            remind_after_hours: settings.remind_after.map(|wait| {
                u32::try_from(wait.as_secs() / HOUR).unwrap_or(MOST_HOURS).clamp(1, MOST_HOURS)
            }),
            quiet_hours: settings
                .quiet_hours
                .map(|quiet| QuietHours { from: time_of(quiet.from), to: time_of(quiet.to) }),
            news: NewsSwitches {
                approved: told(Topic::Approved),
                declined: told(Topic::Declined),
                accepted: told(Topic::Accepted),
                expired: told(Topic::Expired),
                removed: told(Topic::Removed),
                access: told(Topic::Access),
            },
            muted_profiles: settings.muted.clone(),
            hide_names: settings.hide_names,
        }
    }

    /// As they are kept; otherwise the field that cannot be.
    pub fn read(self, before: Settings) -> Result<Settings, &'static str> {
        let remind_after = match self.remind_after_hours {
            None => None,
            Some(hours @ 1..=MOST_HOURS) => Some(Duration::from_secs(u64::from(hours) * HOUR)),
            Some(_) => return Err("remind_after_hours"),
        };
        let minute = |text: &str| minute_of(text).ok_or("quiet_hours");
        let quiet_hours = match &self.quiet_hours {
            None => None,
            Some(quiet) => Some(Quiet { from: minute(&quiet.from)?, to: minute(&quiet.to)? }),
        };
        let NewsSwitches { approved, declined, accepted, expired, removed, access } = self.news;
        let off = [
            (approved, Topic::Approved),
            (declined, Topic::Declined),
            (accepted, Topic::Accepted),
            (expired, Topic::Expired),
            (removed, Topic::Removed),
            (access, Topic::Access),
        ];
        Ok(Settings {
            paused_until: before.paused_until,
            remind_after,
            quiet_hours,
            off: off.into_iter().filter(|(told, _)| !told).map(|(_, topic)| topic).collect(),
            muted: self.muted_profiles,
            hide_names: self.hide_names,
        })
    }
}

fn time_of(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn minute_of(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str, most: u16| {
        let is_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| is_two && *number < most)
    };
    Some(two(hours, 24)? * 60 + two(minutes, 60)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were_chosen() {
        let shown = NotificationSettings {
            remind_after_hours: Some(4),
            quiet_hours: Some(QuietHours { from: "22:30".into(), to: "07:05".into() }),
            news: NewsSwitches {
                approved: true,
                declined: false,
                accepted: true,
                expired: false,
                removed: true,
                access: false,
            },
            muted_profiles: BTreeSet::from(["p1".to_owned()]),
            hide_names: true,
        };
        let kept = shown.clone().read(Settings::default()).expect("they can be kept");
        assert_eq!(kept.quiet_hours, Some(Quiet { from: 1350, to: 425 }));
        assert_eq!(NotificationSettings::of(&kept), shown);
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let right = NotificationSettings::of(&Settings::default());
        for hours in [0, 721, u32::MAX] {
            let wrong = NotificationSettings { remind_after_hours: Some(hours), ..right.clone() };
            assert_eq!(wrong.read(Settings::default()), Err("remind_after_hours"), "{hours}");
        }
        for text in ["24:00", "12:60", "1:30", "-1:00", "+1:00", "12", "12:3", "noon", ""] {
            let quiet = QuietHours { from: "22:00".into(), to: text.into() };
            let wrong = NotificationSettings { quiet_hours: Some(quiet), ..right.clone() };
            assert_eq!(wrong.read(Settings::default()), Err("quiet_hours"), "{text:?}");
        }
    }
}
