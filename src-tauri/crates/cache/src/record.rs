use entente_domain::{PartnershipId, Side, StateName, Timestamp, UserId, WorkspaceId};
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
