//! The full table state x actor x action: what `allowed_actions` lists, what the transitions do, and
//! what each person sees, against the table of the design written out by hand.

#![allow(clippy::expect_used, reason = "a test may panic")]

#[path = "common/people.rs"]
mod people;

use entente_domain::{
    Action, Actor, Partnership, StateName, UserStatus, WorkspaceRole, allowed_actions, sees,
};
use people::*;

/// Every situation that the states distinguish, by name.
fn situations() -> Vec<(&'static str, Partnership)> {
    let approved = || done(requested(), &host_admin(), Action::Approve);
    let active = || done(approved(), &guest_admin(), Action::Accept);
    let late = at(100 * 86_400);
    let expired = |p: Partnership| p.expire(late).expect("past its deadline").partnership;
    vec![
        ("awaiting_approval", requested()),
        ("awaiting_acceptance", approved()),
        ("active", active()),
        ("declined_by_host", done(requested(), &host_admin(), Action::Decline)),
        ("declined_by_guest", done(approved(), &guest_admin(), Action::Decline)),
        ("withdrawn unapproved", done(requested(), &sender(), Action::Withdraw)),
        ("withdrawn approved", done(approved(), &sender(), Action::Withdraw)),
        ("expired unapproved", expired(requested())),
        ("expired approved", expired(approved())),
        ("removed", done(active(), &guest_admin(), Action::Remove)),
    ]
}

/// The columns of the table.
fn actors() -> Vec<Actor> {
    let disabled = Actor { status: UserStatus::Disabled, ..host_admin() };
    let pending = Actor { status: UserStatus::Pending, ..guest_admin() };
    vec![
        sender(),
        Actor { role: WorkspaceRole::GuestUser, ..sender() },
        second_owner(),
        actor(HOST, 13, WorkspaceRole::User),
        host_admin(),
        actor(HOST, 14, WorkspaceRole::Owner),
        guest_admin(),
        actor(GUEST, 21, WorkspaceRole::SuperAdmin),
        actor(GUEST, 22, WorkspaceRole::User),
        actor(STRANGER, 30, WorkspaceRole::Owner),
        disabled,
        pending,
    ]
}

/// A cell: the initials of the actions, `-` for none, `#` where the partnership is not seen at all.
/// a approve, d decline, c accept, w withdraw, m remind, s resend, r remove.
const TABLE: &str = "
                      sender  senderGU owner2  user  admin  wsowner  gadmin  gsuper  guser  stranger  disabled  pending
awaiting_approval     wm      wm       wm      #     ad     ad       #       #       #      #         #         #
awaiting_acceptance   wm      wm       wm      #     -      -        dc      dc      #      #         #         #
active                r       r        r       #     r      r        r       r       #      #         #         #
declined_by_host      -       -        -       #     -      -        #       #       #      #         #         #
declined_by_guest     ws      ws       ws      #     -      -        -       -       #      #         #         #
withdrawn_unapproved  -       -        -       #     -      -        #       #       #      #         #         #
withdrawn_approved    -       -        -       #     -      -        -       -       #      #         #         #
expired_unapproved    ws      ws       ws      #     -      -        #       #       #      #         #         #
expired_approved      ws      ws       ws      #     -      -        -       -       #      #         #         #
removed               -       -        -       #     -      -        -       -       #      #         #         #
";

fn initial(action: Action) -> char {
    match action {
        Action::Approve => 'a',
        Action::Decline => 'd',
        Action::Accept => 'c',
        Action::Withdraw => 'w',
        Action::Remind => 'm',
        Action::Resend => 's',
        Action::Remove => 'r',
    }
}

#[test]
fn every_cell_lists_what_the_design_says_and_nothing_else_succeeds() {
    let mut rows = TABLE.trim_start_matches('\n').lines().skip(1);
    let mut cells = 0;
    for (name, partnership) in situations() {
        let row: Vec<&str> = rows.next().expect("a row").split_whitespace().collect();
        assert_eq!(row[0], name.replace(' ', "_"));
        assert_eq!(row.len() - 1, actors().len());
        for (cell, by) in row[1..].iter().zip(actors()) {
            assert_eq!(sees(&by, &partnership), *cell != "#", "{name}: who sees it, {by:?}");
            let expected: String = cell.chars().filter(char::is_ascii_alphabetic).collect();
            let listed: String =
                allowed_actions(&by, &partnership).into_iter().map(initial).collect();
            assert_eq!(listed, expected, "{name}: what is listed, {by:?}");
            for action in Action::ALL.iter().copied() {
                let outcome = act(partnership.clone(), &by, action, at(120));
                assert_eq!(
                    outcome.is_ok(),
                    expected.contains(initial(action)),
                    "{name}: {action} by {by:?}: {outcome:?}"
                );
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 10 * 12 * 7);
}

#[test]
fn a_sender_who_was_dismissed_as_owner_keeps_what_is_the_senders() {
    let mut partnership = requested();
    partnership.owners.remove(&sender().user);
    assert_eq!(allowed_actions(&sender(), &partnership), [Action::Withdraw, Action::Remind]);
    let declined =
        done(done(partnership, &host_admin(), Action::Approve), &guest_admin(), Action::Decline);
    assert_eq!(allowed_actions(&sender(), &declined), [Action::Withdraw]);
}

#[test]
fn every_state_has_its_turn_label_and_hold() {
    for (state, turn, holds, label) in [
        (StateName::AwaitingApproval, "host", true, "Awaiting admin's decision"),
        (StateName::AwaitingAcceptance, "guest", true, "Awaiting partner's acceptance"),
        (StateName::Active, "", true, "Active"),
        (StateName::DeclinedByHost, "", false, "Declined by admin"),
        (StateName::DeclinedByGuest, "", true, "Declined by partner"),
        (StateName::Withdrawn, "", false, "Withdrawn"),
        (StateName::Expired, "", true, "Expired"),
        (StateName::Removed, "", false, "Removed"),
    ] {
        assert_eq!(state.turn().map_or("", |side| side.as_str()), turn);
        assert_eq!(state.holds_pair(), holds);
        assert_eq!(state.label(), label);
    }
}
