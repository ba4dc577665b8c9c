use entente_domain::{Action, RequestState, StateName};

use super::Office;

/// What tells one scene from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// Its name.
    pub name: &'static str,
    /// The state of the partnership.
    pub state: StateName,
    /// Whether the host has approved it.
    pub approved: bool,
    /// Whether the account is shared through it.
    pub shared: bool,
    /// What became of the request for access to the account, if there was one.
    pub request: Option<RequestState>,
    /// Whether the account has an Owner.
    pub owned: bool,
    /// Whether the account and the partnership have one Owner only.
    pub last_owners: bool,
    /// Whether the workspaces are narrowed: an identity provider manages them, and requests are for
    /// `user` and above.
    pub narrowed: bool,
}

const fn of(name: &'static str, state: StateName, approved: bool) -> Situation {
    Situation {
        name,
        state,
        approved,
        shared: false,
        request: None,
        owned: true,
        last_owners: false,
        narrowed: false,
    }
}

const fn shared(name: &'static str, request: Option<RequestState>) -> Situation {
    Situation { shared: true, request, ..of(name, StateName::Active, true) }
}

impl Situation {
    /// Every state of a partnership, with what tells two of the same state apart; the account shared
    /// and not; every state of an access request; and the edges, each in one of them: nobody owns the
    /// account, there are last Owners, the workspaces are narrowed.
    pub const ALL: &'static [Self] = &[
        of("awaiting approval", StateName::AwaitingApproval, false),
        of("awaiting acceptance", StateName::AwaitingAcceptance, true),
        of("active", StateName::Active, true),
        Self { last_owners: true, ..shared("shared", None) },
        shared("access requested", Some(RequestState::Pending)),
        shared("access request accepted", Some(RequestState::Accepted)),
        shared("access request declined", Some(RequestState::Declined)),
        shared("access request closed", Some(RequestState::Closed)),
        Self { owned: false, ..shared("without an Owner", Some(RequestState::Pending)) },
        Self { narrowed: true, ..of("declined by host", StateName::DeclinedByHost, false) },
        of("declined by guest", StateName::DeclinedByGuest, true),
        of("withdrawn unapproved", StateName::Withdrawn, false),
        of("withdrawn approved", StateName::Withdrawn, true),
        of("expired unapproved", StateName::Expired, false),
        of("expired approved", StateName::Expired, true),
        Self { request: Some(RequestState::Closed), ..of("removed", StateName::Removed, true) },
    ];

    /// Who did what after the request was sent; an expiry is nobody's.
    pub(super) fn history(&self) -> Vec<(Office, Action)> {
        let approve = (Office::HostAdmin, Action::Approve);
        let accept = (Office::GuestAdmin, Action::Accept);
        let mut history = Vec::new();
        history.extend(self.approved.then_some(approve));
        match self.state {
            StateName::AwaitingApproval | StateName::AwaitingAcceptance | StateName::Expired => {}
            StateName::Active => history.push(accept),
            StateName::DeclinedByHost => history.push((Office::HostAdmin, Action::Decline)),
            StateName::DeclinedByGuest => history.push((Office::GuestAdmin, Action::Decline)),
            StateName::Withdrawn => history.push((Office::Sender, Action::Withdraw)),
            StateName::Removed => {
                history.extend([accept, (Office::GuestAdmin, Action::Remove)]);
            }
        }
        history
    }
}
