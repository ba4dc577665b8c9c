//! The database of the partnership server: rows, the statements beside them, and nothing that
//! decides. May import `domain` and sqlx; imported by `server` only.
//!
//! Statements are portable (see decision 001): `$1` placeholders, text, 64-bit integers. What
//! differs between engines is a small function named for the difference.

#![deny(missing_docs)]

mod access_requests;
mod accounts;
mod activities;
mod changes;
mod error;
mod file;
mod horizon;
mod idempotency;
mod identity_providers;
mod insert;
mod keys;
mod leases;
mod listener;
mod outbox;
mod partnerships;
mod people;
mod read;
mod schema;
mod scim;
mod sealed;
mod sessions;
mod sql;
mod store;
mod webhooks;

pub use access_requests::{
    PendingOn, RequestFilter, access_requests_by_id, count_access_requests, insert_access_request,
    list_access_requests, pending_requests, update_access_request,
};
pub use accounts::{
    AccountFilter, SealedSecret, accounts_by_id, count_accounts, count_grants, count_shared,
    delete_grant, delete_shared, grants_by_id, grants_of, grants_on, grants_through,
    insert_account, insert_grant, insert_shared, list_accounts, list_grants, list_shared,
    note_login, owners_and_own, put_secret, secrets_of, shared_by_id, shared_through, shares_of,
    update_grant,
};
pub use activities::{
    ActivityFilter, ActivityRow, Event, NewActivity, Origin, count_activities, list_activities,
    record_activity,
};
pub use changes::{
    Audience, ChangeRow, LogEntry, Place, ResourceKind, Viewer, changes_between, log_after,
    prune_changes_before, pruned, record_change,
};
pub use error::StoreError;
pub use file::{Backup, Hold, back_up, restore};
pub use horizon::{has_between, has_unsettled};
pub use idempotency::{StoredAnswer, forget_answers_before, load_answer, save_answer};
pub use identity_providers::{
    IdentityProviderRow, bind_subject, delete_identity_provider, identity_provider,
    identity_provider_for, identity_provider_of, put_identity_provider, unbind_subjects,
    user_of_subject,
};
pub use keys::{KeyRow, insert_key, key_by_hash, keys_of, revoke_key, revoke_keys_of};

pub use leases::skip_locked;
pub use listener::Listener;
pub use outbox::{
    ClaimedMail, Mail, MailState, OutboxRow, forget_mails_before, has_due_mail, list_mails,
    mails_by_state, queue_mail,
};
pub use partnerships::{
    ListFilter, ListPosition, Sort, TransitionRow, due_partnerships, get_partnership,
    insert_histories, insert_partnership, list_partnerships, newest_of_pair, partnerships_by_id,
    partnerships_owned_by, save_owners, save_step, snapshot_page, transitions_of, visible_count,
};
pub use people::{
    PersonName, UserFilter, UserRow, WorkspaceRow, admins_of, count_users, count_workspaces,
    hold_user, insert_people, insert_user, insert_workspace, list_users, names_of_people,
    names_of_workspaces, renew_view, set_send_policy, update_user, user_by_email, users_by_id,
    workspace, workspaces_by_id,
};
pub use schema::Migrated;
pub use scim::{
    Condition, EmailTest, EmailText, Order, Profile, ScimEmail, ScimSort, ScimTokenRow, ScimUser,
    SortKey, TextTest, UserMoment, UserTest, UserText, count_scim_users, fold, insert_scim_token,
    list_scim_tokens, list_scim_users, revoke_scim_token, save_profile, scim_token,
    scim_token_by_hash, scim_user, scim_user_by_address, set_managed,
};
pub use sealed::{SEALED, SealedColumn, SealedRow};
pub use sessions::{
    AccessRow, SealedText, SessionRow, end_session, end_sessions_in, end_sessions_of,
    forget_sessions, insert_session, session_by_access, session_by_family, update_session,
};
pub use store::{Engine, Snapshot, Store, Write};
pub use webhooks::{
    ClaimedDelivery, DeliveryFacts, NewDelivery, TriedDelivery, WebhookRow, delete_webhook,
    deliveries_by_state, delivery_facts, forget_deliveries_before, has_due_delivery,
    insert_webhook, queue_delivery, webhook, webhooks_of,
};

/// A connection of either engine.
pub type Connection = sqlx::AnyConnection;
