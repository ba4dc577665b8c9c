//! The database of the partnership server: rows, the statements beside them, and nothing that
//! decides. May import `domain` and sqlx; imported by `server` only.
//!
//! Statements are portable (see decision 001): `$1` placeholders, text, 64-bit integers. What
//! differs between engines is a small function named for the difference.

#![deny(missing_docs)]

mod changes;
mod error;
mod idempotency;
mod keys;
mod outbox;
mod partnerships;
mod people;
mod store;

pub use changes::{ChangeRow, changes_since, latest_change, oldest_change, record_change};
pub use error::StoreError;
pub use idempotency::{StoredAnswer, forget_answers_before, load_answer, save_answer};
pub use keys::{KeyRow, insert_key, key_by_hash, revoke_key};
pub use outbox::{Mail, OutboxMail, due_mails, mark_sent, postpone, queue_mail, unsent_mails};
pub use partnerships::{
    ListFilter, ListPosition, Sort, TransitionRow, due_partnerships, get_partnership,
    insert_partnership, list_partnerships, newest_of_pair, partnerships_by_id, record_activity,
    save_step, snapshot_page, transitions_of, visible_count,
};
pub use people::{
    UserRow, WorkspaceRow, admins_of, count_workspaces, insert_user, insert_workspace, set_role,
    set_status, user_by_email, users_by_id, workspace, workspaces_by_id,
};
pub use store::{Store, Write};

/// A connection of either engine.
pub type Connection = sqlx::AnyConnection;
