//! What became of a request, told by the same transitions as everybody's.

use std::time::Duration;

use entente_domain::{
    Actor, Agreement, Deadlines, NewRequest, Note, Partnership, SendPolicy, Step, Timestamp,
};

use crate::{SetUpError, terms};

/// Where a sample partnership ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    AwaitingApproval,
    AwaitingAcceptance,
    Active,
    DeclinedByHost,
    DeclinedByGuest,
    Withdrawn,
    ExpiredUnapproved,
    ExpiredUnaccepted,
    Removed,
}

enum Act {
    Approve,
    Accept,
    Decline,
    Withdraw,
    Expire,
    Remove,
}

impl Outcome {
    fn acts(self) -> &'static [Act] {
        match self {
            Self::AwaitingApproval => &[],
            Self::AwaitingAcceptance => &[Act::Approve],
            Self::Active => &[Act::Approve, Act::Accept],
            Self::DeclinedByHost => &[Act::Decline],
            Self::DeclinedByGuest => &[Act::Approve, Act::Decline],
            Self::Withdrawn => &[Act::Withdraw],
            Self::ExpiredUnapproved => &[Act::Expire],
            Self::ExpiredUnaccepted => &[Act::Approve, Act::Expire],
            Self::Removed => &[Act::Approve, Act::Accept, Act::Remove],
        }
    }

    /// Whether it leaves the request without a decision for as long as it has existed.
    pub(super) fn awaits(self) -> bool {
        matches!(self, Self::AwaitingApproval | Self::AwaitingAcceptance)
    }

    /// Whether it takes the deadline to come to it.
    pub(super) fn expires(self) -> bool {
        matches!(self, Self::ExpiredUnapproved | Self::ExpiredUnaccepted)
    }

    /// Whether a request that is approved by sending it can come to it.
    pub(super) fn fits_approved(self) -> bool {
        !matches!(self, Self::AwaitingApproval | Self::DeclinedByHost | Self::ExpiredUnapproved)
    }
}

/// Who acts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cast {
    pub(super) sender: Actor,
    pub(super) host_admin: Actor,
    pub(super) guest_admin: Actor,
}

/// What happens, and when.
pub(super) struct Plot {
    pub(super) outcome: Outcome,
    pub(super) sent_at: Timestamp,
    /// How long each one takes.
    pub(super) pace: Duration,
    /// What is added to a decline.
    pub(super) note: Option<Note>,
    /// After how long the sender reminds whoever's turn it is in the end.
    pub(super) reminded: Option<Duration>,
}

/// The steps of a request that comes to an outcome.
pub(super) fn history(new: NewRequest, cast: &Cast, plot: &Plot) -> Result<Vec<Step>, SetUpError> {
    let deadlines = Deadlines::default();
    let (sender, policy) = (&cast.sender, SendPolicy::AnyRole);
    let first = Partnership::request(new, sender, policy, deadlines, plot.sent_at)
        .map_err(|why| SetUpError::Sample(why.to_string()))?;
    let mut now = first.partnership.clone();
    let mut at = plot.sent_at;
    let mut steps = vec![first];
    let mut enter = |step: Result<Step, entente_domain::TransitionError>| {
        let step = step.map_err(|why| SetUpError::Sample(why.to_string()))?;
        steps.push(step.clone());
        Ok::<_, SetUpError>(step.partnership)
    };
    for act in plot.outcome.acts() {
        at = at.after(plot.pace);
        now = match act {
            Act::Approve if now.approval.is_some() => now,
            Act::Approve => enter(now.approve(&cast.host_admin, deadlines, at))?,
            Act::Accept => {
                let terms = terms::facts();
                let agreement = Agreement { terms_version: terms.version.clone(), agreed: true };
                enter(now.accept(&cast.guest_admin, &agreement, &terms, at))?
            }
            Act::Decline if now.approval.is_some() => {
                enter(now.decline(&cast.guest_admin, plot.note.clone(), at))?
            }
            Act::Decline => enter(now.decline(&cast.host_admin, plot.note.clone(), at))?,
            Act::Withdraw => enter(now.withdraw(sender, at))?,
            Act::Expire => {
                let deadline = now.state.waiting().map_or(at, |waiting| waiting.expires_at);
                match now.expire(deadline) {
                    Some(step) => enter(Ok(step))?,
                    None => now,
                }
            }
            Act::Remove => enter(now.remove(&cast.guest_admin, at))?,
        };
    }
    if let Some(after) = plot.reminded {
        enter(now.remind(sender, deadlines, at.after(after)))?;
    }
    Ok(steps)
}
