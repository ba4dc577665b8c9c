use std::collections::BTreeSet;

use thiserror::Error;

use crate::{
    EmailAddress, PartnershipId, Reason, Side, Timestamp, UserId, WorkspaceId, people::words,
};

/// A connection from a host workspace to a guest workspace, in whatever state.
///
/// At most one that holds the pair (see [`StateName::holds_pair`]) exists for each ordered (host,
/// guest); the store keeps that. Everything else that must hold is kept by the transitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partnership {
    /// Its id.
    pub id: PartnershipId,
    /// The workspace that shares.
    pub host: WorkspaceId,
    /// The workspace that is shared with; never the host.
    pub guest: WorkspaceId,
    /// Whom the sender knows at the guest.
    pub partner_email: EmailAddress,
    /// Why; none if an Admin sent it. For the eyes of the host only.
    pub reason: Option<Reason>,
    /// The sender.
    pub requested_by: UserId,
    /// The Partnership Owners: host users who manage it.
    pub owners: BTreeSet<UserId>,
    /// The host's approval, once there.
    pub approval: Option<Approval>,
    /// The guest's consent to the terms, once there.
    pub consent: Option<Consent>,
    /// Where it stands.
    pub state: State,
    /// What was sent to those whose turn it is.
    pub reminders: Reminders,
    /// The closed partnership of the same pair that this one follows.
    pub predecessor: Option<PartnershipId>,
    /// When it was sent.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Counts its changes from 1; a conditional write names it.
    pub version: i64,
}

/// The host's yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approval {
    /// The Admin.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Whether sending it was approving it, because an Admin sent it.
    pub automatic: bool,
}

/// The guest's yes to the Terms of Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// The Admin.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// The version of the terms that they agreed to.
    pub terms_version: String,
    /// The SHA-256 of those terms' text, in hexadecimal.
    pub terms_hash: String,
}

/// How often, and when last, those whose turn it is were reminded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reminders {
    /// How many were sent.
    pub sent: u32,
    /// When the last one was.
    pub last_at: Option<Timestamp>,
}

/// Since when and until when a request awaits somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// When it became their turn.
    pub since: Timestamp,
    /// The first moment that is too late.
    pub expires_at: Timestamp,
}

words! {
    /// What a request awaits, or awaited when it expired.
    Awaited, "awaited decision":
    /// A host Admin's approval.
    Approval = "approval",
    /// A guest Admin's acceptance.
    Acceptance = "acceptance",
}

/// Where a partnership stands, with the facts of that state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A host Admin's turn.
    AwaitingApproval(Waiting),
    /// A guest Admin's turn.
    AwaitingAcceptance(Waiting),
    /// Both agreed: accounts can be shared.
    Active,
    /// Closed by a host Admin.
    DeclinedByHost,
    /// A guest Admin said no; can be resent.
    DeclinedByGuest,
    /// Closed by its sender or a Partnership Owner.
    Withdrawn,
    /// Nobody decided in time; can be resent.
    Expired(Awaited),
    /// Was active, and was taken away.
    Removed,
}

words! {
    /// The name of a [`State`].
    StateName, "state":
    /// See [`State::AwaitingApproval`].
    AwaitingApproval = "awaiting_approval",
    /// See [`State::AwaitingAcceptance`].
    AwaitingAcceptance = "awaiting_acceptance",
    /// See [`State::Active`].
    Active = "active",
    /// See [`State::DeclinedByHost`].
    DeclinedByHost = "declined_by_host",
    /// See [`State::DeclinedByGuest`].
    DeclinedByGuest = "declined_by_guest",
    /// See [`State::Withdrawn`].
    Withdrawn = "withdrawn",
    /// See [`State::Expired`].
    Expired = "expired",
    /// See [`State::Removed`].
    Removed = "removed",
}

/// Facts that make no state: a stored row that lacks what its state needs.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the state {state} lacks {lacks}")]
pub struct UnknownState {
    /// The state's name.
    pub state: StateName,
    /// What is missing.
    pub lacks: &'static str,
}

impl StateName {
    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "Awaiting admin's decision",
            Self::AwaitingAcceptance => "Awaiting partner's acceptance",
            Self::Active => "Active",
            Self::DeclinedByHost => "Declined by admin",
            Self::DeclinedByGuest => "Declined by partner",
            Self::Withdrawn => "Withdrawn",
            Self::Expired => "Expired",
            Self::Removed => "Removed",
        }
    }

    /// Whose Admin it waits for.
    #[must_use]
    pub const fn turn(self) -> Option<Side> {
        match self {
            Self::AwaitingApproval => Some(Side::Host),
            Self::AwaitingAcceptance => Some(Side::Guest),
            Self::Active
            | Self::DeclinedByHost
            | Self::DeclinedByGuest
            | Self::Withdrawn
            | Self::Expired
            | Self::Removed => None,
        }
    }

    /// Not closed: no other partnership of the same pair can be sent beside it, though a new request
    /// replaces one that was declined by the guest or expired.
    #[must_use]
    pub const fn holds_pair(self) -> bool {
        match self {
            Self::AwaitingApproval
            | Self::AwaitingAcceptance
            | Self::Active
            | Self::DeclinedByGuest
            | Self::Expired => true,
            Self::DeclinedByHost | Self::Withdrawn | Self::Removed => false,
        }
    }

    /// A new request of the same pair withdraws it instead of being refused.
    #[must_use]
    pub const fn is_replaceable(self) -> bool {
        match self {
            Self::DeclinedByGuest | Self::Expired => true,
            Self::AwaitingApproval
            | Self::AwaitingAcceptance
            | Self::Active
            | Self::DeclinedByHost
            | Self::Withdrawn
            | Self::Removed => false,
        }
    }
}

impl State {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> StateName {
        match self {
            Self::AwaitingApproval(_) => StateName::AwaitingApproval,
            Self::AwaitingAcceptance(_) => StateName::AwaitingAcceptance,
            Self::Active => StateName::Active,
            Self::DeclinedByHost => StateName::DeclinedByHost,
            Self::DeclinedByGuest => StateName::DeclinedByGuest,
            Self::Withdrawn => StateName::Withdrawn,
            Self::Expired(_) => StateName::Expired,
            Self::Removed => StateName::Removed,
        }
    }

    /// Since when and until when it awaits somebody.
    #[must_use]
    pub const fn waiting(&self) -> Option<Waiting> {
        match self {
            Self::AwaitingApproval(waiting) | Self::AwaitingAcceptance(waiting) => Some(*waiting),
            Self::Active
            | Self::DeclinedByHost
            | Self::DeclinedByGuest
            | Self::Withdrawn
            | Self::Expired(_)
            | Self::Removed => None,
        }
    }

    /// Puts a state together from stored facts.
    pub fn from_facts(
        state: StateName,
        waiting: Option<Waiting>,
        awaited: Option<Awaited>,
    ) -> Result<Self, UnknownState> {
        let waiting = || waiting.ok_or(UnknownState { state, lacks: "its deadline" });
        Ok(match state {
            StateName::AwaitingApproval => Self::AwaitingApproval(waiting()?),
            StateName::AwaitingAcceptance => Self::AwaitingAcceptance(waiting()?),
            StateName::Active => Self::Active,
            StateName::DeclinedByHost => Self::DeclinedByHost,
            StateName::DeclinedByGuest => Self::DeclinedByGuest,
            StateName::Withdrawn => Self::Withdrawn,
            StateName::Expired => {
                Self::Expired(awaited.ok_or(UnknownState { state, lacks: "what it awaited" })?)
            }
            StateName::Removed => Self::Removed,
        })
    }
}

impl Partnership {
    /// Which end of it a workspace is, if any.
    #[must_use]
    pub fn side_of(&self, workspace: WorkspaceId) -> Option<Side> {
        if workspace == self.host {
            Some(Side::Host)
        } else if workspace == self.guest {
            Some(Side::Guest)
        } else {
            None
        }
    }
}
