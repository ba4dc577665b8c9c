//! What each transition does, one case each, and what holds after any run of them.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "common/people.rs"]
mod people;

use std::time::Duration;

use entente_domain::{
    Action, Actor, Agreement, EmailAddress, Initiator, NewRequest, Note, Partnership, Refusal,
    RequestRefusal, SendPolicy, State, StateName, WorkspaceRole, allowed_actions, sees,
};
use people::*;
use proptest::prelude::*;

#[test]
fn an_admins_request_is_approved_automatically_and_stores_no_reason() {
    let step = request_by(&host_admin(), at(0));
    let partnership = step.partnership;
    assert_eq!(partnership.state.name(), StateName::AwaitingAcceptance);
    assert_eq!(partnership.reason, None);
    assert!(partnership.approval.expect("an approval").automatic);
    assert!(partnership.owners.contains(&host_admin().user));
    assert_eq!(step.transition.from, None);
}

#[test]
fn a_users_request_needs_a_reason_and_another_workspace() {
    let new = |guest| NewRequest {
        id: requested().id,
        guest,
        partner_email: EmailAddress::parse("pat@guest.example").expect("an address"),
        reason: None,
        predecessor: None,
    };
    let send =
        |new, by: &Actor, policy| Partnership::request(new, by, policy, DEADLINES, at(0)).err();
    let (host, guest) = (requested().host, requested().guest);
    let any = SendPolicy::AnyRole;
    assert_eq!(send(new(guest), &sender(), any), Some(RequestRefusal::ReasonRequired));
    assert_eq!(send(new(host), &sender(), any), Some(RequestRefusal::OwnWorkspace));
    let login_only = Actor { role: WorkspaceRole::LoginOnly, ..sender() };
    assert_eq!(
        send(new(guest), &login_only, SendPolicy::UsersAndAbove),
        Some(RequestRefusal::NotEntitled)
    );
    assert_eq!(send(new(guest), &login_only, any), Some(RequestRefusal::ReasonRequired));
}

#[test]
fn a_resend_keeps_the_hosts_approval_and_starts_a_new_wait() {
    let approved = done(requested(), &host_admin(), Action::Approve);
    let approval = approved.approval;
    let declined = done(approved.clone(), &guest_admin(), Action::Decline);
    let resent = act(declined, &sender(), Action::Resend, at(1_000)).expect("resent").partnership;
    assert_eq!(resent.state.name(), StateName::AwaitingAcceptance);
    assert_eq!(resent.approval, approval);
    assert_eq!(resent.state.waiting().expect("a wait").since, at(1_000));

    let expired = requested().expire(at(15 * 86_400)).expect("late").partnership;
    let resent = act(expired, &sender(), Action::Resend, at(16 * 86_400)).expect("resent");
    assert_eq!(resent.partnership.state.name(), StateName::AwaitingApproval);
}

#[test]
fn a_decision_at_the_deadline_has_one_outcome() {
    let deadline = requested().state.waiting().expect("a wait").expires_at;
    let before = deadline.unix_millis() - 1;
    let before = entente_domain::Timestamp::from_unix_millis(before).expect("in range");
    assert!(act(requested(), &host_admin(), Action::Approve, before).is_ok());
    assert!(requested().expire(before).is_none());
    let late = act(requested(), &host_admin(), Action::Approve, deadline).expect_err("too late");
    assert_eq!(late.why, Refusal::PastDeadline);
    let expired = requested().expire(deadline).expect("expired");
    assert_eq!(expired.transition.by, Initiator::System);
    assert_eq!(expired.partnership.state.name(), StateName::Expired);
}

#[test]
fn reminders_are_four_hours_apart_and_change_no_state() {
    let first = act(requested(), &sender(), Action::Remind, at(10)).expect("the first").partnership;
    assert_eq!(first.reminders.sent, 1);
    assert_eq!(first.state, requested().state);
    let next_at = at(10).after(Duration::from_secs(4 * 3_600));
    let soon =
        act(first.clone(), &second_owner(), Action::Remind, at(4 * 3_600)).expect_err("soon");
    assert_eq!(soon.why, Refusal::TooSoon { next_at });
    assert_eq!(
        act(first, &sender(), Action::Remind, next_at)
            .expect("late enough")
            .partnership
            .reminders
            .sent,
        2
    );
}

#[test]
fn consent_names_the_current_terms_and_is_given() {
    let approved = done(requested(), &host_admin(), Action::Approve);
    let accept = |version: &str, agreed| {
        let agreement = Agreement { terms_version: version.into(), agreed };
        approved.clone().accept(&guest_admin(), &agreement, &terms(), at(60))
    };
    assert_eq!(accept("2026-11", false).expect_err("no consent").why, Refusal::TermsNotAgreed);
    assert_eq!(accept("2025-01", true).expect_err("old terms").why, Refusal::TermsChanged);
    let consent =
        accept("2026-11", true).expect("accepted").partnership.consent.expect("a consent");
    assert_eq!((consent.terms_version, consent.by), ("2026-11".into(), guest_admin().user));
}

#[test]
fn a_note_goes_into_the_record_of_a_decline() {
    let note = Note::parse("Not this year").expect("a note");
    let step = requested().decline(&host_admin(), Some(note.clone()), at(60)).expect("declined");
    assert_eq!(step.transition.note, Some(note));
    assert_eq!(step.transition.from, Some(StateName::AwaitingApproval));
    assert_eq!(step.transition.to, StateName::DeclinedByHost);
}

#[test]
fn only_what_was_declined_by_the_guest_or_expired_is_replaced() {
    let colleague = actor(HOST, 13, WorkspaceRole::User);
    let approved = done(requested(), &host_admin(), Action::Approve);
    let declined = done(approved.clone(), &guest_admin(), Action::Decline);
    assert_eq!(
        declined.replace(&colleague, at(70)).expect("replaced").partnership.state,
        State::Withdrawn
    );
    assert!(approved.replace(&colleague, at(70)).is_err());
    assert!(requested().replace(&guest_admin(), at(70)).is_err());
}

fn anybody() -> impl Strategy<Value = Actor> {
    prop::sample::select(vec![
        sender(),
        second_owner(),
        actor(HOST, 13, WorkspaceRole::User),
        host_admin(),
        guest_admin(),
        actor(GUEST, 22, WorkspaceRole::User),
        actor(STRANGER, 30, WorkspaceRole::Owner),
    ])
}

proptest! {
    #[test]
    fn any_run_of_actions_keeps_what_must_hold(
        by_admin in any::<bool>(),
        run in prop::collection::vec((anybody(), prop::sample::select(Action::ALL), 0_u64..6 * 86_400), 1..60),
    ) {
        let mut now = 0;
        let mut partnership = if by_admin { request_by(&host_admin(), at(0)).partnership } else { requested() };
        for (by, action, passed) in run {
            now += passed;
            if let Some(step) = partnership.expire(at(now)) {
                prop_assert!(partnership.state.waiting().is_some());
                partnership = step.partnership;
            }
            let before = partnership.clone();
            let listed = allowed_actions(&by, &before).contains(&action);
            match act(before.clone(), &by, action, at(now)) {
                Ok(step) => {
                    prop_assert!(listed, "{action} succeeded and was not listed");
                    prop_assert_eq!(step.transition.from, Some(before.state.name()));
                    prop_assert_eq!(step.transition.to, step.partnership.state.name());
                    prop_assert_eq!(step.partnership.version, before.version + 1);
                    prop_assert_eq!(step.partnership.updated_at, at(now));
                    partnership = step.partnership;
                }
                Err(error) => {
                    // What was listed and is refused can only be a matter of time.
                    prop_assert!(!listed || matches!(error.why, Refusal::TooSoon { .. }), "{error}");
                    prop_assert_eq!(error.from, before.state.name());
                }
            }
            // Nothing about the request itself ever changes.
            prop_assert_eq!(&partnership.reason, &before.reason);
            prop_assert_eq!(&partnership.partner_email, &before.partner_email);
            // Approval comes first, then consent, then access.
            match partnership.state {
                State::Active | State::Removed => {
                    let approval = partnership.approval.expect("approved");
                    let consent = partnership.consent.clone().expect("consented");
                    prop_assert!(approval.at <= consent.at);
                }
                State::AwaitingAcceptance(_) | State::DeclinedByGuest => prop_assert!(partnership.approval.is_some()),
                State::AwaitingApproval(_) | State::DeclinedByHost => prop_assert!(partnership.approval.is_none()),
                State::Withdrawn | State::Expired(_) => {}
            }
            // The guest knows nothing before the approval.
            prop_assert_eq!(sees(&guest_admin(), &partnership), partnership.approval.is_some());
        }
    }
}
