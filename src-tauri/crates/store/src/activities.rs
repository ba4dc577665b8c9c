use entente_domain::{
    Account, AccountId, Actor, Partnership, PartnershipId, Timestamp, UserId, WorkspaceId,
};
use sqlx::{Row as _, any::AnyRow};
use uuid::Uuid;

use crate::{
    Connection, StoreError,
    insert::{Bound, insert},
    sql::{Statement, count},
};

/// What the client told of itself with a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Where it is: an address.
    pub location: Option<String>,
    /// Its operating system.
    pub os: Option<String>,
    /// The device.
    pub device: Option<String>,
}

macro_rules! events {
    ($($(#[$doc:meta])+ $name:ident = $text:literal, $label:literal;)+) => {
        /// What an activity tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Event { $($(#[$doc])+ $name),+ }

        impl Event {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word in the database and the API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }
        }

        impl std::str::FromStr for Event {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$name),)+ _ => Err(()) }
            }
        }
    };
}

events! {
    /// A request was sent.
    PartnershipRequested = "partnership_requested", "Partnership Requested";
    /// A guest Admin accepted.
    PartnershipAccepted = "partnership_accepted", "Partnership Accepted";
    /// An Admin declined.
    PartnershipDeclined = "partnership_declined", "Partnership Declined";
    /// Another transition, or other Partnership Owners.
    PartnershipUpdated = "partnership_updated", "Partnership Updated";
    /// It ended.
    PartnershipRemoved = "partnership_removed", "Partnership Removed";
    /// An attempt to decide was refused.
    DecisionRefused = "decision_refused", "Decision Refused";
    /// An account was shared through a partnership.
    AccountShared = "account_shared_via_partnership", "Account Shared Via Partnership";
    /// An account was taken out of a partnership.
    AccountUnshared = "account_removed_from_partnership", "Account Removed From Partnership";
    /// Somebody was given a role on an account.
    AccessGranted = "account_access_granted", "Account Access Granted";
    /// Somebody's role on an account was changed.
    AccessChanged = "account_access_changed", "Account Access Changed";
    /// Somebody's role on an account was taken away.
    AccessRemoved = "account_access_removed", "Account Access Removed";
    /// A Manager asked for access for somebody.
    AccessRequested = "account_access_requested", "Account Access Requested";
    /// An Owner accepted.
    AccessRequestAccepted = "access_request_accepted", "Access Request Accepted";
    /// An Owner declined.
    AccessRequestDeclined = "access_request_declined", "Access Request Declined";
    /// What a request depended on has ended.
    AccessRequestClosed = "access_request_closed", "Access Request Closed";
    /// Somebody read an account's credential to log in.
    CredentialRead = "account_credential_read", "Account Login";
    /// A member was removed from their workspace.
    UserDeactivated = "user_deactivated", "User Deactivated";
    /// An identity provider added a member.
    UserCreated = "user_created", "User Created";
    /// An identity provider told of a member anew.
    UserUpdated = "user_updated", "User Updated";
    /// An identity provider let a member act again.
    UserReactivated = "user_reactivated", "User Reactivated";
    /// An identity provider deleted a member.
    UserDeleted = "user_deleted", "User Deleted";
    /// An Admin has the workspace's events sent somewhere.
    WebhookCreated = "webhook_created", "Webhook Created";
    /// An Admin ended that.
    WebhookDeleted = "webhook_deleted", "Webhook Deleted";
}

/// An entry to add to the audit.
#[derive(Debug, Clone)]
pub struct NewActivity<'a> {
    /// What happened.
    pub event: Event,
    /// The host workspace.
    pub host: Option<WorkspaceId>,
    /// The guest workspace.
    pub guest: Option<WorkspaceId>,
    /// Whether the guest's Admins may know of it.
    pub guest_sees: bool,
    /// The partnership.
    pub partnership: Option<PartnershipId>,
    /// The account.
    pub account: Option<&'a Account>,
    /// Who did it; none if it was the server.
    pub actor: Option<UserId>,
    /// To whom.
    pub subject: Option<UserId>,
    /// More of it: states, roles, a refusal's code.
    pub detail: String,
    /// When.
    pub at: Timestamp,
}

impl<'a> NewActivity<'a> {
    /// One that is a workspace's own matter.
    #[must_use]
    pub fn within(
        event: Event,
        workspace: WorkspaceId,
        actor: Option<UserId>,
        at: Timestamp,
    ) -> Self {
        Self {
            event,
            host: Some(workspace),
            guest: None,
            guest_sees: false,
            partnership: None,
            account: None,
            actor,
            subject: None,
            detail: String::new(),
            at,
        }
    }

    /// One about a partnership.
    #[must_use]
    pub fn of(
        event: Event,
        partnership: &Partnership,
        actor: Option<UserId>,
        at: Timestamp,
    ) -> Self {
        Self {
            guest: Some(partnership.guest),
            guest_sees: partnership.approval.is_some(),
            partnership: Some(partnership.id),
            ..Self::within(event, partnership.host, actor, at)
        }
    }

    /// One about an account.
    #[must_use]
    pub fn on(event: Event, account: &'a Account, actor: Option<UserId>, at: Timestamp) -> Self {
        Self { account: Some(account), ..Self::within(event, account.workspace, actor, at) }
    }
}

const ACTIVITIES: &str = "INSERT INTO activities (id, at, event, host_id, guest_id, guest_sees, \
     partnership_id, account_id, application, account_label, actor_id, subject_id, detail, \
     location, os, device)";

fn bind_activity(query: Bound, new: &NewActivity<'_>, origin: &Origin) -> Bound {
    query
        .bind(Uuid::now_v7().to_string())
        .bind(new.at.unix_millis())
        .bind(new.event.as_str())
        .bind(new.host.map(|id| id.to_string()))
        .bind(new.guest.map(|id| id.to_string()))
        .bind(i64::from(new.guest_sees))
        .bind(new.partnership.map(|id| id.to_string()))
        .bind(new.account.map(|account| account.id.to_string()))
        .bind(new.account.map(|account| account.application.as_str().to_owned()))
        .bind(new.account.map(|account| account.label.as_str().to_owned()))
        .bind(new.actor.map(|id| id.to_string()))
        .bind(new.subject.map(|id| id.to_string()))
        .bind(new.detail.clone())
        .bind(origin.location.clone())
        .bind(origin.os.clone())
        .bind(origin.device.clone())
}

/// Adds an entry to the audit.
pub async fn record_activity(
    connection: &mut Connection,
    new: &NewActivity<'_>,
    origin: &Origin,
) -> Result<(), StoreError> {
    record_activities(connection, std::slice::from_ref(new), origin).await
}

/// Adds entries to the audit.
pub(crate) async fn record_activities(
    connection: &mut Connection,
    new: &[NewActivity<'_>],
    origin: &Origin,
) -> Result<(), StoreError> {
    let bind = |query, new: &NewActivity<'_>| bind_activity(query, new, origin);
    Ok(insert(connection, ACTIVITIES, new, bind).await?)
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityRow {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The host workspace.
    pub host: Option<WorkspaceId>,
    /// The partnership.
    pub partnership: Option<PartnershipId>,
    /// The account.
    pub account: Option<AccountId>,
    /// The app's name, as it was.
    pub application: Option<String>,
    /// The account's label, as it was.
    pub account_label: Option<String>,
    /// Who did it; none if it was the server.
    pub actor: Option<UserId>,
    /// To whom.
    pub subject: Option<UserId>,
    /// More of it.
    pub detail: String,
    /// What the client told of itself.
    pub origin: Origin,
}

fn activity_row(row: &AnyRow) -> Result<ActivityRow, StoreError> {
    let id: String = row.try_get("id")?;
    let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("activities", &id)(why);
    let some = |column: &str| row.try_get::<Option<String>, _>(column);
    let event: String = row.try_get("event")?;
    Ok(ActivityRow {
        at: Timestamp::from_unix_millis(row.try_get("at")?).map_err(|why| bad(&why))?,
        event: event.parse().map_err(|()| bad(&"an unknown event"))?,
        host: some("host_id")?.map(|id| id.parse()).transpose().map_err(|why| bad(&why))?,
        partnership: some("partnership_id")?
            .map(|id| id.parse())
            .transpose()
            .map_err(|why| bad(&why))?,
        account: some("account_id")?.map(|id| id.parse()).transpose().map_err(|why| bad(&why))?,
        application: some("application")?,
        account_label: some("account_label")?,
        actor: some("actor_id")?.map(|id| id.parse()).transpose().map_err(|why| bad(&why))?,
        subject: some("subject_id")?.map(|id| id.parse()).transpose().map_err(|why| bad(&why))?,
        detail: row.try_get("detail")?,
        origin: Origin { location: some("location")?, os: some("os")?, device: some("device")? },
        id,
    })
}

/// What a list of activities is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityFilter {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Of one of these apps; empty means all.
    pub applications: Vec<String>,
    /// Of one of these accounts; empty means all.
    pub accounts: Vec<AccountId>,
    /// By or to one of these users; empty means all.
    pub users: Vec<UserId>,
    /// One of these events; empty means all.
    pub events: Vec<Event>,
    /// Of one of these partnerships; empty means all.
    pub partnerships: Vec<PartnershipId>,
}

/// What a caller may know of: host Admins all of their workspace; guest Admins what was told to the
/// guest; others what happened on accounts that they own.
fn visible_to(query: &mut Statement, actor: &Actor) {
    let workspace = actor.workspace.to_string();
    query.push(" FROM activities a WHERE (");
    if actor.role.is_admin() {
        query.push("a.host_id = ").push_bind(workspace.clone());
        query.push(" OR (a.guest_sees = 1 AND a.guest_id = ").push_bind(workspace).push(")");
    } else {
        query.push(
            "a.account_id IN (SELECT g.account_id FROM grants g WHERE g.role = 'account_owner' \
             AND g.user_id = ",
        );
        query.push_bind(actor.user.to_string()).push(")");
    }
    query.push(")");
}

fn one_of(query: &mut Statement, column: &str, words: impl Iterator<Item = String>) {
    query.push(column).push(" IN (").push_list(words).push(")");
}

fn narrow(query: &mut Statement, filter: &ActivityFilter) {
    if let Some(from) = filter.from {
        query.push(" AND a.at >= ").push_bind(from.unix_millis());
    }
    if let Some(to) = filter.to {
        query.push(" AND a.at < ").push_bind(to.unix_millis());
    }
    if !filter.applications.is_empty() {
        one_of(query, " AND a.application", filter.applications.iter().cloned());
    }
    if !filter.accounts.is_empty() {
        one_of(query, " AND a.account_id", filter.accounts.iter().map(ToString::to_string));
    }
    if !filter.users.is_empty() {
        let users = || filter.users.iter().map(ToString::to_string);
        one_of(query, " AND (a.actor_id", users());
        one_of(query, " OR a.subject_id", users());
        query.push(")");
    }
    if !filter.events.is_empty() {
        one_of(query, " AND a.event", filter.events.iter().map(|event| event.as_str().into()));
    }
    if !filter.partnerships.is_empty() {
        one_of(query, " AND a.partnership_id", filter.partnerships.iter().map(ToString::to_string));
    }
}

/// How many activities a caller may see under a filter.
pub async fn count_activities(
    connection: &mut Connection,
    actor: &Actor,
    filter: &ActivityFilter,
) -> Result<u64, StoreError> {
    count(connection, |query| {
        visible_to(query, actor);
        narrow(query, filter);
    })
    .await
}

/// A page of what a caller may see, the newest first: after a moment and id, or after so many rows.
pub async fn list_activities(
    connection: &mut Connection,
    actor: &Actor,
    filter: &ActivityFilter,
    after: Option<(Timestamp, String)>,
    offset: u64,
    most: u32,
) -> Result<Vec<ActivityRow>, StoreError> {
    let mut query = Statement::new(
        "SELECT a.id, a.at, a.event, a.host_id, a.partnership_id, a.account_id, a.application, \
         a.account_label, a.actor_id, a.subject_id, a.detail, a.location, a.os, a.device",
    );
    visible_to(&mut query, actor);
    narrow(&mut query, filter);
    if let Some((at, id)) = after {
        query.push(" AND (a.at, a.id) < (").push_bind(at.unix_millis());
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY a.at DESC, a.id DESC").limit(offset, most);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(activity_row).collect()
}
