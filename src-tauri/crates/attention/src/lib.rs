//! What deserves attention: which notice is shown and which is withdrawn, what the tray says, and all
//! their texts. Pure functions of what is known, what was told, and the settings.
//!
//! May import `domain` only. Drawing is `desktop`'s and the program's.

#![deny(missing_docs)]

mod command;
mod notice;
mod pending;
mod text;
mod tray;

pub use command::{Command, Verb};
pub use notice::{Button, Notice, NoticeAction, Occasion, Settings, Target, plan};
pub use pending::{Kind, News, NewsKind, Pending, StateFacts};
pub use tray::{Entry, Standing, TrayFacts, TrayIcon, TrayModel, TrayProfile, tray};
