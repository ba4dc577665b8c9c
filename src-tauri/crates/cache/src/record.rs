use entente_domain::{
    AccessRequestId, AccountId, AccountRole, GrantId, GuestRole, PartnershipId, RequestState,
    SharedAccountId, Side, StateName, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use serde::{Deserialize, Serialize};

/// A partnership as the server last told it to one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnershipRecord {
    /// Its id.
    pub id: PartnershipId,
    /// Counts its changes.
    pub version: i64,
    /// Which end of it the user's workspace is.
    pub side: Side,
    /// Where it stands.
    pub state: StateName,
    /// The workspace that shares.
    pub host: WorkspaceRecord,
    /// The workspace that is shared with.
    pub guest: WorkspaceRecord,
    /// Whom the sender knows at the guest.
    pub partner_email: String,
    /// Why; on the host side only.
    pub reason: Option<String>,
    /// The sender.
    pub requested_by: PersonRecord,
    /// The Partnership Owners.
    pub owners: Vec<PersonRecord>,
    /// Whether sending it was approving it.
    pub approved_automatically: bool,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when it awaits somebody.
    pub awaiting_since: Option<Timestamp>,
    /// Until when it awaits somebody.
    pub expires_at: Option<Timestamp>,
    /// How many reminders were sent.
    pub reminders_sent: u32,
    /// When the last one was.
    pub last_reminder_at: Option<Timestamp>,
    /// When the next one is possible.
    pub next_reminder_at: Option<Timestamp>,
    /// The closed partnership of the same pair that this one follows.
    pub predecessor: Option<PartnershipId>,
    /// Every transition that the user may know of, oldest first.
    pub history: Vec<HistoryRecord>,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

impl PartnershipRecord {
    /// The other workspace.
    #[must_use]
    pub fn partner(&self) -> &WorkspaceRecord {
        match self.side {
            Side::Host => &self.guest,
            Side::Guest => &self.host,
        }
    }

    /// Whether the server listed an action.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        self.allowed_actions.iter().any(|allowed| allowed == action)
    }

    /// Whether it waits for this user: they can say yes.
    #[must_use]
    pub fn awaits_me(&self) -> bool {
        self.allows("approve") || self.allows("accept")
    }
}

/// An account that the user has access to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// Its id.
    pub id: AccountId,
    /// Counts its changes.
    pub version: i64,
    /// The app.
    pub application: String,
    /// What tells it from other accounts of the same app.
    pub label: String,
    /// Where one logs in.
    pub url: String,
    /// The workspace that holds it.
    pub workspace: WorkspaceRecord,
    /// The user's role on it; none for an Admin who sees it because it has no Owner.
    pub role: Option<AccountRole>,
    /// The partnership that it is shared through; none for one of the user's own workspace.
    pub partnership: Option<PartnershipId>,
    /// Its Owners.
    pub owners: Vec<PersonRecord>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When somebody last logged in.
    pub last_login_at: Option<Timestamp>,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

/// An account shared through a partnership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedAccountRecord {
    /// Its id.
    pub id: SharedAccountId,
    /// Counts its changes.
    pub version: i64,
    /// Through which partnership.
    pub partnership: PartnershipId,
    /// Which account.
    pub account: AccountId,
    /// The app.
    pub application: String,
    /// The account's label.
    pub label: String,
    /// The account's Owners.
    pub owners: Vec<PersonRecord>,
    /// Who shared it.
    pub shared_by: PersonRecord,
    /// What the guest's Admins received.
    pub role: GuestRole,
    /// When.
    pub shared_at: Timestamp,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

/// Somebody's role on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountUserRecord {
    /// Its id.
    pub id: GrantId,
    /// Counts its changes.
    pub version: i64,
    /// On which account.
    pub account: AccountId,
    /// Whose.
    pub user: PersonRecord,
    /// Of which workspace they are.
    pub workspace: WorkspaceRecord,
    /// Through which partnership; none for a member of the host.
    pub partnership: Option<PartnershipId>,
    /// Which role.
    pub role: AccountRole,
    /// Since when.
    pub created_at: Timestamp,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

/// A Manager's request for access for one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRequestRecord {
    /// Its id.
    pub id: AccessRequestId,
    /// Counts its changes.
    pub version: i64,
    /// Where it stands.
    pub state: RequestState,
    /// Through which partnership.
    pub partnership: PartnershipId,
    /// On which account.
    pub account: AccountId,
    /// The app.
    pub application: String,
    /// The account's label.
    pub label: String,
    /// The workspace that holds the account.
    pub host: WorkspaceRecord,
    /// The workspace that asks.
    pub guest: WorkspaceRecord,
    /// For whom.
    pub member: PersonRecord,
    /// Which role.
    pub role: GuestRole,
    /// The Manager.
    pub requested_by: PersonRecord,
    /// What they added.
    pub message: Option<String>,
    /// Who decided.
    pub decided_by: Option<PersonRecord>,
    /// When it was decided or closed.
    pub decided_at: Option<Timestamp>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

impl AccessRequestRecord {
    /// Whether the server listed an action.
    #[must_use]
    pub fn allows(&self, action: &str) -> bool {
        self.allowed_actions.iter().any(|allowed| allowed == action)
    }
}

/// A member of the user's workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRecord {
    /// Their id.
    pub id: UserId,
    /// Counts their changes.
    pub version: i64,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their role.
    pub role: WorkspaceRole,
    /// Whether they can act.
    pub status: UserStatus,
    /// When they were added.
    pub created_at: Timestamp,
    /// What the server would let the user do, in its words.
    pub allowed_actions: Vec<String>,
}

/// An entry of the Activity Log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivityRecord {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What happened, in the API's word.
    pub event: String,
    /// What people read for it.
    pub event_label: String,
    /// The account's label, as it was.
    pub account_label: Option<String>,
    /// The app, as it was.
    pub application: Option<String>,
    /// Who did it; none if it was the server.
    pub user: Option<PersonRecord>,
    /// To whom.
    pub subject: Option<PersonRecord>,
    /// Where the client was.
    pub location: Option<String>,
    /// The client's operating system.
    pub os: Option<String>,
    /// The client's device.
    pub device: Option<String>,
    /// More of it.
    pub detail: String,
    /// The partnership.
    pub partnership: Option<PartnershipId>,
    /// The account.
    pub account: Option<AccountId>,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRecord {
    /// Its workspace ID.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// When.
    pub at: Timestamp,
    /// From which state.
    pub from: Option<StateName>,
    /// To which state.
    pub to: StateName,
    /// By whom; none if it was the server.
    pub by: Option<PersonRecord>,
    /// What they added.
    pub note: Option<String>,
}

/// The user and the workspace that a profile is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeRecord {
    /// The user.
    pub user: PersonRecord,
    /// The workspace.
    pub workspace: WorkspaceRecord,
    /// The role, in the API's word.
    pub role: String,
    /// Whether the server lets the user send requests.
    pub may_send_requests: bool,
    /// Whether a request needs a reason.
    pub request_needs_reason: bool,
}

/// The Terms of Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsRecord {
    /// Their version.
    pub version: String,
    /// The SHA-256 of the text.
    pub hash: String,
    /// The text.
    pub text: String,
}
