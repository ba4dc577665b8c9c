//! What the client keeps on disk, in two kinds of file (see decision 002): a [`Cache`] for each
//! profile, which comes from the server and is rebuilt whenever it is damaged, older or newer; and
//! one [`Journal`] of what cannot be asked for again. What others wrote is encrypted in both, with a
//! key for each profile that the caller keeps (see decision 005).
//!
//! May import `domain` and sqlx. It stores and finds; it asks no server and decides nothing.

#![deny(missing_docs)]

mod activity;
mod cache;
mod error;
mod journal;
mod key;
mod known;
mod open;
mod order;
mod partnerships;
mod record;
mod resource;
mod seal;
mod search;

pub use activity::{ActivityChoices, ActivityQuery};
pub use cache::{Applied, Cache, Whole};
pub use error::CacheError;
pub use journal::{Intent, IntentAction, Journal, ProfileRecord, SignInKind};
pub use key::{CacheKey, Keeping};
pub use known::KnownPartner;
pub use open::Opened;
pub use partnerships::{ListQuery, Page};
pub use record::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityRecord, HistoryRecord, MeRecord,
    MemberRecord, PartnershipRecord, PersonRecord, SharedAccountRecord, TermsRecord,
    WorkspaceRecord,
};
pub use resource::{Record, RecordKey, RecordKind, ResourceQuery};
