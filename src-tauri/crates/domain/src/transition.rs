//! The transitions: pure functions that consume a partnership and give its next state, or say from
//! which state, which action, and why not.

use std::{collections::BTreeSet, time::Duration};

use thiserror::Error;

use crate::{
    Action, Actor, Approval, Awaited, Consent, EmailAddress, Management, Note, Partnership,
    PartnershipId, Reason, Reminders, SendPolicy, State, StateName, Timestamp, UserId, Waiting,
    WorkspaceId, allowed_management, may_manage, may_send, needs_reason,
    policy::{fits, is_entitled, sees},
};

/// The server's settings of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// How long a request awaits somebody before it expires.
    pub decision: Duration,
    /// The least time between two reminders.
    pub reminder: Duration,
}

impl Default for Deadlines {
    /// 14 days; 4 hours.
    fn default() -> Self {
        Self {
            decision: Duration::from_secs(14 * 24 * 60 * 60),
            reminder: Duration::from_secs(4 * 60 * 60),
        }
    }
}

impl Deadlines {
    fn waiting(self, since: Timestamp) -> Waiting {
        Waiting { since, expires_at: since.after(self.decision) }
    }

    /// The first moment at which another reminder is possible; none if there was none yet.
    #[must_use]
    pub fn next_reminder(self, reminders: Reminders) -> Option<Timestamp> {
        reminders.last_at.map(|at| at.after(self.reminder))
    }
}

/// Who made a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initiator {
    /// A person.
    User(UserId),
    /// The server itself: an expiry.
    System,
}

/// The record of one accepted transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Of which partnership.
    pub partnership: PartnershipId,
    /// From which state; none if it was created.
    pub from: Option<StateName>,
    /// To which state; the same one for a reminder.
    pub to: StateName,
    /// By whom.
    pub by: Initiator,
    /// When.
    pub at: Timestamp,
    /// What they added.
    pub note: Option<Note>,
}

/// A partnership after a transition, and the transition's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The partnership as it is now.
    pub partnership: Partnership,
    /// How it came to that.
    pub transition: Transition,
}

/// Why an action is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The caller may not even know that it exists.
    #[error("it is not theirs to see")]
    NotVisible,
    /// The caller is none of those who may.
    #[error("they are not entitled to")]
    NotEntitled,
    /// The state has no such exit.
    #[error("its state does not allow it")]
    WrongState,
    /// The deadline has passed.
    #[error("the deadline has passed")]
    PastDeadline,
    /// The last reminder is too recent.
    #[error("another reminder is possible at {next_at}")]
    TooSoon {
        /// The first moment at which it is possible again.
        next_at: Timestamp,
    },
    /// The box was not ticked.
    #[error("the terms were not agreed to")]
    TermsNotAgreed,
    /// The terms agreed to are not the current ones.
    #[error("the terms have changed")]
    TermsChanged,
}

/// A refused transition: from which state, which action, why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot {action} a partnership that is {from}: {why}")]
pub struct TransitionError {
    /// The state it is in.
    pub from: StateName,
    /// What was asked for.
    pub action: Action,
    /// Why not.
    pub why: Refusal,
}

/// Why a request is refused before there is a partnership.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestRefusal {
    /// The sender's role may not send requests in their workspace.
    #[error("the workspace's settings do not let them send requests")]
    NotEntitled,
    /// Host and guest are the same workspace.
    #[error("a workspace cannot be its own partner")]
    OwnWorkspace,
    /// Only an Admin's request goes without a reason.
    #[error("a request needs a reason")]
    ReasonRequired,
}

/// What a sender tells of a partnership they ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRequest {
    /// The id that it will have.
    pub id: PartnershipId,
    /// The workspace asked.
    pub guest: WorkspaceId,
    /// Whom the sender knows there.
    pub partner_email: EmailAddress,
    /// Why; dropped if the sender is an Admin.
    pub reason: Option<Reason>,
    /// The newest closed partnership of the same pair.
    pub predecessor: Option<PartnershipId>,
}

/// The current Terms of Service, as far as a consent stores them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsFacts {
    /// Their version.
    pub version: String,
    /// The SHA-256 of their text, in hexadecimal.
    pub hash: String,
}

/// What a guest Admin says when they accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The version of the terms that they read.
    pub terms_version: String,
    /// Whether they ticked the box.
    pub agreed: bool,
}

impl Partnership {
    /// A new request. An Admin's is approved by sending it and stores no reason.
    pub fn request(
        new: NewRequest,
        by: &Actor,
        policy: SendPolicy,
        deadlines: Deadlines,
        at: Timestamp,
    ) -> Result<Step, RequestRefusal> {
        if !may_send(by, policy) {
            return Err(RequestRefusal::NotEntitled);
        }
        if new.guest == by.workspace {
            return Err(RequestRefusal::OwnWorkspace);
        }
        let waiting = deadlines.waiting(at);
        let (state, reason, approval) = if needs_reason(by) {
            let reason = new.reason.ok_or(RequestRefusal::ReasonRequired)?;
            (State::AwaitingApproval(waiting), Some(reason), None)
        } else {
            let approval = Approval { by: by.user, at, automatic: true };
            (State::AwaitingAcceptance(waiting), None, Some(approval))
        };
        let transition = Transition {
            partnership: new.id,
            from: None,
            to: state.name(),
            by: Initiator::User(by.user),
            at,
            note: None,
        };
        let partnership = Self {
            id: new.id,
            host: by.workspace,
            guest: new.guest,
            partner_email: new.partner_email,
            reason,
            requested_by: by.user,
            owners: BTreeSet::from([by.user]),
            approval,
            consent: None,
            state,
            reminders: Reminders::default(),
            predecessor: new.predecessor,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        Ok(Step { partnership, transition })
    }

    /// A host Admin approves: it becomes the guest's turn.
    pub fn approve(
        mut self,
        by: &Actor,
        deadlines: Deadlines,
        at: Timestamp,
    ) -> Result<Step, TransitionError> {
        self.check(by, Action::Approve, at)?;
        self.approval = Some(Approval { by: by.user, at, automatic: false });
        Ok(self.enter(State::AwaitingAcceptance(deadlines.waiting(at)), by.into(), at, None))
    }

    /// An Admin of the side whose turn it is declines.
    pub fn decline(
        self,
        by: &Actor,
        note: Option<Note>,
        at: Timestamp,
    ) -> Result<Step, TransitionError> {
        self.check(by, Action::Decline, at)?;
        let next =
            if by.workspace == self.host { State::DeclinedByHost } else { State::DeclinedByGuest };
        Ok(self.enter(next, by.into(), at, note))
    }

    /// A guest Admin accepts and agrees to the current terms.
    pub fn accept(
        mut self,
        by: &Actor,
        agreement: &Agreement,
        terms: &TermsFacts,
        at: Timestamp,
    ) -> Result<Step, TransitionError> {
        self.check(by, Action::Accept, at)?;
        if !agreement.agreed {
            return Err(self.refused(Action::Accept, Refusal::TermsNotAgreed));
        }
        if agreement.terms_version != terms.version {
            return Err(self.refused(Action::Accept, Refusal::TermsChanged));
        }
        self.consent = Some(Consent {
            by: by.user,
            at,
            terms_version: terms.version.clone(),
            terms_hash: terms.hash.clone(),
        });
        Ok(self.enter(State::Active, by.into(), at, None))
    }

    /// The sender or a Partnership Owner takes the request back.
    pub fn withdraw(self, by: &Actor, at: Timestamp) -> Result<Step, TransitionError> {
        self.check(by, Action::Withdraw, at)?;
        Ok(self.enter(State::Withdrawn, by.into(), at, None))
    }

    /// A new request of the same pair takes the place of this one, whoever sends it. For one that
    /// was declined by the guest or expired only.
    pub fn replace(self, by: &Actor, at: Timestamp) -> Result<Step, TransitionError> {
        if by.workspace != self.host || !self.state.name().is_replaceable() {
            return Err(self.refused(Action::Withdraw, Refusal::WrongState));
        }
        Ok(self.enter(State::Withdrawn, by.into(), at, None))
    }

    /// The sender or a Partnership Owner reminds whoever's turn it is. Changes no state.
    pub fn remind(
        mut self,
        by: &Actor,
        deadlines: Deadlines,
        at: Timestamp,
    ) -> Result<Step, TransitionError> {
        self.check(by, Action::Remind, at)?;
        if let Some(next_at) = deadlines.next_reminder(self.reminders)
            && at < next_at
        {
            return Err(self.refused(Action::Remind, Refusal::TooSoon { next_at }));
        }
        self.reminders =
            Reminders { sent: self.reminders.sent.saturating_add(1), last_at: Some(at) };
        let state = self.state;
        Ok(self.enter(state, by.into(), at, None))
    }

    /// A Partnership Owner sends it again, unchanged. The host's approval stays if there was one.
    pub fn resend(
        self,
        by: &Actor,
        deadlines: Deadlines,
        at: Timestamp,
    ) -> Result<Step, TransitionError> {
        self.check(by, Action::Resend, at)?;
        let waiting = deadlines.waiting(at);
        let next = if self.approval.is_some() {
            State::AwaitingAcceptance(waiting)
        } else {
            State::AwaitingApproval(waiting)
        };
        Ok(self.enter(next, by.into(), at, None))
    }

    /// A Partnership Owner or an Admin of either side ends an active partnership.
    pub fn remove(self, by: &Actor, at: Timestamp) -> Result<Step, TransitionError> {
        self.check(by, Action::Remove, at)?;
        Ok(self.enter(State::Removed, by.into(), at, None))
    }

    /// A host Admin names a Partnership Owner, a live user of the host; nothing changes if they are
    /// one already.
    pub fn name_owner(mut self, named: &Actor, by: &Actor, at: Timestamp) -> Result<Self, Refusal> {
        self.check_management(by, Management::NameOwner)?;
        if named.workspace != self.host || !named.is_live() {
            return Err(Refusal::NotEntitled);
        }
        if self.owners.insert(named.user) {
            self.touch(at);
        }
        Ok(self)
    }

    /// A host Admin dismisses a Partnership Owner; the last one stays until another is named.
    pub fn dismiss_owner(
        mut self,
        dismissed: UserId,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        self.check_management(by, Management::DismissOwner)?;
        if self.owners.remove(&dismissed) {
            self.touch(at);
        }
        Ok(self)
    }

    /// A Partnership Owner has left the workspace. An Admin of the host can name another.
    #[must_use]
    pub fn owner_left(mut self, left: UserId, at: Timestamp) -> Self {
        if self.owners.remove(&left) {
            self.touch(at);
        }
        self
    }

    fn check_management(&self, by: &Actor, action: Management) -> Result<(), Refusal> {
        if !sees(by, self) {
            return Err(Refusal::NotVisible);
        }
        if !may_manage(by, self, action) {
            return Err(Refusal::NotEntitled);
        }
        if allowed_management(by, self).contains(&action) {
            Ok(())
        } else {
            Err(Refusal::WrongState)
        }
    }

    /// The server ends the wait when the deadline has come; none before it, or where nothing waits.
    #[must_use]
    pub fn expire(&self, at: Timestamp) -> Option<Step> {
        let (waiting, awaited) = match self.state {
            State::AwaitingApproval(waiting) => (waiting, Awaited::Approval),
            State::AwaitingAcceptance(waiting) => (waiting, Awaited::Acceptance),
            State::Active
            | State::DeclinedByHost
            | State::DeclinedByGuest
            | State::Withdrawn
            | State::Expired(_)
            | State::Removed => return None,
        };
        (at >= waiting.expires_at)
            .then(|| self.clone().enter(State::Expired(awaited), Initiator::System, at, None))
    }

    /// Whether `by` can take `action` at `at`: seen, entitled, fitting the state, in time; the first
    /// that fails is the reason.
    pub fn check(&self, by: &Actor, action: Action, at: Timestamp) -> Result<(), TransitionError> {
        let why = if !sees(by, self) {
            Refusal::NotVisible
        } else if !is_entitled(by, self, action) {
            Refusal::NotEntitled
        } else if !fits(self.state.name(), action) {
            Refusal::WrongState
        } else if self.state.waiting().is_some_and(|waiting| at >= waiting.expires_at) {
            Refusal::PastDeadline
        } else {
            return Ok(());
        };
        Err(self.refused(action, why))
    }

    fn refused(&self, action: Action, why: Refusal) -> TransitionError {
        TransitionError { from: self.state.name(), action, why }
    }

    fn enter(mut self, next: State, by: Initiator, at: Timestamp, note: Option<Note>) -> Step {
        let transition = Transition {
            partnership: self.id,
            from: Some(self.state.name()),
            to: next.name(),
            by,
            at,
            note,
        };
        self.state = next;
        self.touch(at);
        Step { partnership: self, transition }
    }

    fn touch(&mut self, at: Timestamp) {
        self.updated_at = at;
        self.version = self.version.saturating_add(1);
    }
}

impl From<&Actor> for Initiator {
    fn from(actor: &Actor) -> Self {
        Self::User(actor.user)
    }
}
