//! The people and the partnership that the domain's tests share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    reason = "each test file uses its part, and may panic"
)]

use std::time::Duration;

use entente_domain::{
    Action, Actor, Agreement, Deadlines, EmailAddress, NewRequest, Partnership, PartnershipId,
    Reason, SendPolicy, Step, TermsFacts, Timestamp, TransitionError, UserId, UserStatus,
    WorkspaceId, WorkspaceRole,
};
use uuid::Uuid;

pub const HOST: u128 = 1;
pub const GUEST: u128 = 2;
pub const STRANGER: u128 = 3;

pub fn actor(workspace: u128, user: u128, role: WorkspaceRole) -> Actor {
    Actor {
        user: UserId::new(Uuid::from_u128(user)),
        workspace: WorkspaceId::new(Uuid::from_u128(workspace)),
        role,
        status: UserStatus::Live,
    }
}

pub fn sender() -> Actor {
    actor(HOST, 10, WorkspaceRole::User)
}

pub fn second_owner() -> Actor {
    actor(HOST, 11, WorkspaceRole::User)
}

pub fn host_admin() -> Actor {
    actor(HOST, 12, WorkspaceRole::Admin)
}

pub fn guest_admin() -> Actor {
    actor(GUEST, 20, WorkspaceRole::Admin)
}

pub fn terms() -> TermsFacts {
    TermsFacts { version: "2026-11".into(), hash: "00".into() }
}

pub fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_millis(1_790_000_000_000)
        .expect("in range")
        .after(Duration::from_secs(seconds))
}

pub const DEADLINES: Deadlines = Deadlines {
    decision: Duration::from_secs(14 * 86_400),
    reminder: Duration::from_secs(4 * 3_600),
};

pub fn request_by(by: &Actor, when: Timestamp) -> Step {
    let new = NewRequest {
        id: PartnershipId::new(Uuid::from_u128(100)),
        guest: WorkspaceId::new(Uuid::from_u128(GUEST)),
        partner_email: EmailAddress::parse("pat@guest.example").expect("an address"),
        reason: Some(Reason::parse("They run our adverts").expect("a reason")),
        predecessor: None,
    };
    Partnership::request(new, by, SendPolicy::AnyRole, DEADLINES, when).expect("a request")
}

/// A request of `sender`, with a second Partnership Owner.
pub fn requested() -> Partnership {
    let mut partnership = request_by(&sender(), at(0)).partnership;
    partnership.owners.insert(second_owner().user);
    partnership
}

/// Takes an action with the right arguments.
pub fn act(
    partnership: Partnership,
    by: &Actor,
    action: Action,
    when: Timestamp,
) -> Result<Step, TransitionError> {
    let agreement = Agreement { terms_version: terms().version, agreed: true };
    match action {
        Action::Approve => partnership.approve(by, DEADLINES, when),
        Action::Decline => partnership.decline(by, None, when),
        Action::Accept => partnership.accept(by, &agreement, &terms(), when),
        Action::Withdraw => partnership.withdraw(by, when),
        Action::Remind => partnership.remind(by, DEADLINES, when),
        Action::Resend => partnership.resend(by, DEADLINES, when),
        Action::Remove => partnership.remove(by, when),
    }
}

/// The same, where it must succeed.
pub fn done(partnership: Partnership, by: &Actor, action: Action) -> Partnership {
    act(partnership, by, action, at(60)).expect("an allowed action").partnership
}
