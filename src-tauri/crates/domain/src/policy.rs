//! Who may do what: one pure table, used to refuse on the server and to list `allowedActions`.

use crate::{Actor, Partnership, Side, StateName, WorkspaceRole, people::words};

words! {
    /// What somebody can do to a partnership.
    Action, "action":
    /// A host Admin says yes.
    Approve = "approve",
    /// An Admin of the side whose turn it is says no.
    Decline = "decline",
    /// A guest Admin says yes and agrees to the terms.
    Accept = "accept",
    /// The sender or a Partnership Owner takes the request back.
    Withdraw = "withdraw",
    /// The sender or a Partnership Owner reminds whoever's turn it is.
    Remind = "remind",
    /// A Partnership Owner sends it again after a decline by the guest or an expiry.
    Resend = "resend",
    /// Ends an active partnership.
    Remove = "remove",
}

/// A workspace's setting: which roles may send requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SendPolicy {
    /// Every role, as the field's document says.
    #[default]
    AnyRole,
    /// `user` and above.
    UsersAndAbove,
}

/// Whether `actor` may send partnership requests from their workspace.
#[must_use]
pub fn may_send(actor: &Actor, policy: SendPolicy) -> bool {
    actor.is_live()
        && match policy {
            SendPolicy::AnyRole => true,
            SendPolicy::UsersAndAbove => actor.role >= WorkspaceRole::User,
        }
}

/// Whether a request by `actor` needs a reason: an Admin's own request is approved by sending it.
#[must_use]
pub fn needs_reason(actor: &Actor) -> bool {
    !actor.role.is_admin()
}

/// Whether `actor` may know of the partnership at all.
///
/// On the host side: Admins, the sender, the Partnership Owners. On the guest side: Admins, and only
/// once the host has approved it.
#[must_use]
pub fn sees(actor: &Actor, partnership: &Partnership) -> bool {
    actor.is_live()
        && match partnership.side_of(actor.workspace) {
            Some(Side::Host) => {
                actor.role.is_admin()
                    || partnership.requested_by == actor.user
                    || partnership.owners.contains(&actor.user)
            }
            Some(Side::Guest) => actor.role.is_admin() && partnership.approval.is_some(),
            None => false,
        }
}

/// Whether `actor` is one of those who may take `action` in some state; the state has its own say.
pub(crate) fn is_entitled(actor: &Actor, partnership: &Partnership, action: Action) -> bool {
    if !sees(actor, partnership) {
        return false;
    }
    let host = partnership.side_of(actor.workspace) == Some(Side::Host);
    let admin = actor.role.is_admin();
    let owner = host && partnership.owners.contains(&actor.user);
    let sender = host && partnership.requested_by == actor.user;
    match action {
        Action::Approve => host && admin,
        Action::Accept => !host && admin,
        // Each side's Admins decline in their own turn only.
        Action::Decline => {
            admin
                && match partnership.state.name() {
                    StateName::AwaitingApproval => host,
                    StateName::AwaitingAcceptance => !host,
                    StateName::Active
                    | StateName::DeclinedByHost
                    | StateName::DeclinedByGuest
                    | StateName::Withdrawn
                    | StateName::Expired
                    | StateName::Removed => true,
                }
        }
        Action::Withdraw | Action::Remind => sender || owner,
        Action::Resend => owner,
        Action::Remove => owner || admin,
    }
}

/// Whether `action` leads out of `state` (or, for a reminder, is possible in it) for whoever may.
pub(crate) const fn fits(state: StateName, action: Action) -> bool {
    match state {
        StateName::AwaitingApproval => {
            matches!(action, Action::Approve | Action::Decline | Action::Withdraw | Action::Remind)
        }
        StateName::AwaitingAcceptance => {
            matches!(action, Action::Accept | Action::Decline | Action::Withdraw | Action::Remind)
        }
        StateName::Active => matches!(action, Action::Remove),
        StateName::DeclinedByGuest | StateName::Expired => {
            matches!(action, Action::Resend | Action::Withdraw)
        }
        StateName::DeclinedByHost | StateName::Withdrawn | StateName::Removed => false,
    }
}

/// What `actor` can do to the partnership now, in the order of [`Action::ALL`].
#[must_use]
pub fn allowed_actions(actor: &Actor, partnership: &Partnership) -> Vec<Action> {
    let state = partnership.state.name();
    Action::ALL
        .iter()
        .copied()
        .filter(|action| fits(state, *action) && is_entitled(actor, partnership, *action))
        .collect()
}
