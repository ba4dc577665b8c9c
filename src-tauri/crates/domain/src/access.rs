//! Accounts, who has which role on them, and what Managers ask for.

use std::collections::BTreeSet;

use crate::{
    AccessRequestId, AccountId, AccountLabel, Actor, ApplicationName, GrantId, Message,
    PartnershipId, SharedAccountId, Timestamp, UserId, WorkspaceId, people::words,
};

words! {
    /// What somebody may do with an account. Ordered: a later one may at least what an earlier may.
    AccountRole, "account role":
    /// Logs in.
    Collaborator = "account_collaborator",
    /// Logs in, and asks for access for other members of their workspace.
    Manager = "account_manager",
    /// Owns it: decides who has access. Never a guest.
    Owner = "account_owner",
}

words! {
    /// What a guest may do with a shared account: a guest never becomes account Owner.
    GuestRole, "role of a guest":
    /// Logs in.
    Collaborator = "account_collaborator",
    /// Logs in, and asks for access for other members of their workspace.
    Manager = "account_manager",
}

impl From<GuestRole> for AccountRole {
    fn from(role: GuestRole) -> Self {
        match role {
            GuestRole::Collaborator => Self::Collaborator,
            GuestRole::Manager => Self::Manager,
        }
    }
}

impl AccountRole {
    /// The same role for a guest; none for the Owner.
    #[must_use]
    pub const fn for_guest(self) -> Option<GuestRole> {
        match self {
            Self::Collaborator => Some(GuestRole::Collaborator),
            Self::Manager => Some(GuestRole::Manager),
            Self::Owner => None,
        }
    }

    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Collaborator => "Account Collaborator",
            Self::Manager => "Account Manager",
            Self::Owner => "Account Owner",
        }
    }
}

/// A login to a third-party app, held by a host workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The workspace that holds it.
    pub workspace: WorkspaceId,
    /// The app: "Mailchimp".
    pub application: ApplicationName,
    /// What tells it from other accounts of the same app: "EMEA newsletter".
    pub label: AccountLabel,
    /// Where one logs in; `https` only.
    pub url: String,
    /// Who added it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When somebody last logged in.
    pub last_login_at: Option<Timestamp>,
    /// Counts its changes from 1.
    pub version: i64,
}

/// One user's role on one account: a host user's, or a guest's through a partnership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// On which account.
    pub account: AccountId,
    /// Which workspace holds the account.
    pub host: WorkspaceId,
    /// Whose.
    pub user: UserId,
    /// Of which workspace they are.
    pub workspace: WorkspaceId,
    /// What they may.
    pub role: AccountRole,
    /// Through which partnership; none for a host user.
    pub partnership: Option<PartnershipId>,
    /// Since when.
    pub created_at: Timestamp,
    /// Counts its changes from 1.
    pub version: i64,
}

/// An account shared through a partnership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedAccount {
    /// Its id.
    pub id: SharedAccountId,
    /// Through which partnership.
    pub partnership: PartnershipId,
    /// Which account.
    pub account: AccountId,
    /// The account Owner who shared it.
    pub shared_by: UserId,
    /// What the guest Admins received.
    pub role: GuestRole,
    /// When.
    pub shared_at: Timestamp,
}

words! {
    /// Where an access request stands.
    RequestState, "state of an access request":
    /// An account Owner's turn.
    Pending = "pending",
    /// An Owner said yes.
    Accepted = "accepted",
    /// An Owner said no.
    Declined = "declined",
    /// What it depended on has ended.
    Closed = "closed",
}

impl RequestState {
    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "Awaiting account Owner's decision",
            Self::Accepted => "Accepted",
            Self::Declined => "Declined",
            Self::Closed => "Closed",
        }
    }
}

/// A Manager asks for a role for one other guest member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Its id.
    pub id: AccessRequestId,
    /// Through which partnership.
    pub partnership: PartnershipId,
    /// On which account.
    pub account: AccountId,
    /// Which workspace holds the account.
    pub host: WorkspaceId,
    /// Which workspace asks.
    pub guest: WorkspaceId,
    /// For whom.
    pub member: UserId,
    /// Which role.
    pub role: GuestRole,
    /// The Manager.
    pub requested_by: UserId,
    /// What they added.
    pub message: Option<Message>,
    /// Where it stands.
    pub state: RequestState,
    /// Who decided; none while pending, and where it was closed by what it depended on.
    pub decided_by: Option<UserId>,
    /// When it was decided or closed.
    pub decided_at: Option<Timestamp>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// Counts its changes from 1.
    pub version: i64,
}

impl AccessRequest {
    /// Its end, however it came to it.
    #[must_use]
    pub fn ended(mut self, state: RequestState, by: Option<UserId>, at: Timestamp) -> Self {
        self.state = state;
        self.decided_by = by;
        self.decided_at = Some(at);
        self.version = self.version.saturating_add(1);
        self
    }
}

/// An account with everything that the policy needs to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// Which account.
    pub id: AccountId,
    /// The workspace that holds it.
    pub host: WorkspaceId,
    /// Its Owners who can act.
    pub owners: BTreeSet<UserId>,
}

impl AccountFacts {
    /// Puts them together from the account's grants; those of users who cannot act are not among
    /// them.
    #[must_use]
    pub fn of(id: AccountId, host: WorkspaceId, grants: &[Grant]) -> Self {
        let owners = grants
            .iter()
            .filter(|grant| grant.account == id && grant.role == AccountRole::Owner)
            .map(|grant| grant.user)
            .collect();
        Self { id, host, owners }
    }

    /// Whether somebody decides who has access to the account: its Owner or, while it has none that
    /// can act, an Admin of its workspace, so that no account is ever ungovernable.
    #[must_use]
    pub fn is_governed_by(&self, actor: &Actor) -> bool {
        actor.is_live()
            && actor.workspace == self.host
            && (self.owners.contains(&actor.user)
                || (self.owners.is_empty() && actor.role.is_admin()))
    }
}
