//! What the client keeps on disk, in two kinds of file (see decision 002): a [`Cache`] for each
//! profile, which comes from the server and is rebuilt whenever it is damaged, older or newer; and
//! one [`Journal`] of what cannot be asked for again.
//!
//! May import `domain` and sqlx. It stores and finds; it asks no server and decides nothing.

#![deny(missing_docs)]

mod activity;
mod cache;
mod error;
mod journal;
mod open;
mod record;
mod resource;
mod search;

pub use activity::ActivityQuery;
pub use cache::{Applied, Cache, ListQuery, Page, Whole};
pub use error::CacheError;
pub use journal::{Intent, IntentAction, Journal, ProfileRecord};
pub use open::Opened;
pub use record::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityRecord, HistoryRecord, MeRecord,
    MemberRecord, PartnershipRecord, PersonRecord, SharedAccountRecord, TermsRecord,
    WorkspaceRecord,
};
pub use resource::{Record, RecordKey, RecordKind, ResourceQuery};
