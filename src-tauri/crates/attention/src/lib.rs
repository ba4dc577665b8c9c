//! What deserves attention: which notice is shown and which is withdrawn, what the tray says, which
//! item a link names, and all their texts. Pure functions of what is known, what was told, and the
//! settings.
//!
//! May import `domain` only. Drawing is `desktop`'s and the program's.

#![deny(missing_docs)]

mod command;
mod item;
mod language;
mod link;
mod news;
mod notice;
mod pending;
mod settings;
mod text;
mod texts;
mod tray;
mod words;

pub use command::{Command, Verb};
pub use item::Item;
pub use language::Language;
pub use link::{SCHEME, read_link};
pub use news::{News, NewsKind, RoleFacts, StateFacts};
pub use notice::{Button, Known, Notice, NoticeAction, Occasion, Plan, plan};
pub use pending::{Kind, Pending};
pub use settings::{Moment, QuietHours, Settings, Topic};
pub use texts::{Attempt, Became, Text};
pub use tray::{Entry, Standing, TrayFacts, TrayIcon, TrayModel, TrayProfile, tray};
