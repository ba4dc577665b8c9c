//! The machine's table, and what holds whatever happens in whatever order.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::Duration;

use entente_domain::Timestamp;
use entente_sync::machine::{
    Circumstances, Connectivity, Effect, Failure, FailureKind, Input, Problem, State,
};
use proptest::{collection::vec, prelude::*};

const WITH: Circumstances = Circumstances { now: NOW, random: 1.0 };
const NOW: Timestamp = match Timestamp::from_unix_millis(1_780_000_000_000) {
    Ok(now) => now,
    Err(_) => panic!("a moment"),
};

fn problem() -> Problem {
    Problem {
        code: "unreachable".into(),
        message: "No server.".into(),
        fact: None,
        retryable: true,
    }
}

fn failure(kind: FailureKind) -> Input {
    Input::Failed(Failure { problem: problem(), kind, retry_after: None })
}

fn after(inputs: impl IntoIterator<Item = Input>) -> (State, Vec<Effect>) {
    let mut state = State::default();
    let mut effects = Vec::new();
    for input in inputs {
        (state, effects) = state.step(input, WITH);
    }
    (state, effects)
}

fn live() -> Vec<Input> {
    vec![
        Input::Started { has_cursor: true },
        Input::Greeted,
        Input::ChangesApplied { more: false },
        Input::StreamOpened,
    ]
}

fn last_page() -> Input {
    Input::PageApplied { done: 2, total: Some(2), last: true }
}

#[test]
fn a_first_sync_reads_all_pages_then_what_happened_meanwhile_then_listens() {
    let steps = [
        (Input::Started { has_cursor: false }, vec![Effect::Greet]),
        (Input::Greeted, vec![Effect::BeginSnapshot]),
        (
            Input::PageApplied { done: 1, total: Some(2), last: false },
            vec![Effect::ContinueSnapshot],
        ),
        (last_page(), vec![Effect::ReadChanges]),
        (Input::ChangesApplied { more: true }, vec![Effect::ReadChanges]),
        (Input::ChangesApplied { more: false }, vec![Effect::OpenStream]),
        (Input::StreamOpened, vec![]),
    ];
    let mut state = State::default();
    for (input, expected) in steps {
        let (next, effects) = state.step(input.clone(), WITH);
        assert_eq!(effects, expected, "{input:?}");
        state = next;
    }
    assert_eq!(state.connectivity(), &Connectivity::Live);
}

#[test]
fn a_stream_that_ends_is_caught_up_with_before_the_next() {
    let (_, effects) = after(live().into_iter().chain([Input::StreamEnded]));
    assert_eq!(effects, [Effect::CloseStream, Effect::ReadChanges]);
}

#[test]
fn streams_that_cannot_be_had_are_replaced_by_asking() {
    let blocked = [failure(FailureKind::Transient)];
    let (mut state, effects) = after(live().into_iter().take(3).chain(blocked));
    assert_eq!(effects, [Effect::SetTimer(Duration::from_secs(5))]);
    assert_eq!(state.connectivity(), &Connectivity::Polling);
    // One that could not be had is no more than that: it is tried again with the next question.
    for _ in 0..2 {
        let (next, _) = state.step(Input::TimerFired, WITH);
        let (next, effects) = next.step(Input::ChangesApplied { more: false }, WITH);
        assert_eq!(effects, [Effect::OpenStream]);
        (state, _) = next.step(failure(FailureKind::Transient), WITH);
        assert_eq!(state.connectivity(), &Connectivity::Polling);
    }
    // Then only every so often.
    let mut asked = 0;
    loop {
        let (next, effects) = state.step(Input::TimerFired, WITH);
        assert_eq!(effects, [Effect::ReadChanges]);
        let (next, effects) = next.step(Input::ChangesApplied { more: false }, WITH);
        asked += 1;
        state = next;
        if effects == [Effect::OpenStream] {
            break;
        }
        assert!(asked < 10, "a stream is tried again some time");
    }
    assert_eq!(asked, 6);
    let (state, _) = state.step(Input::StreamOpened, WITH);
    assert_eq!(state.connectivity(), &Connectivity::Live);
}

/// How a stream goes: opened, and ended after a while; what it comes to.
fn stream(state: State, seconds: u64) -> (State, Vec<Effect>) {
    let (state, _) = state.step(Input::StreamOpened, WITH);
    assert_eq!(state.connectivity(), &Connectivity::Live);
    let later = Circumstances { now: NOW.after(Duration::from_secs(seconds)), ..WITH };
    let (state, effects) = state.step(Input::StreamEnded, later);
    assert_eq!(effects, [Effect::CloseStream, Effect::ReadChanges]);
    state.step(Input::ChangesApplied { more: false }, later)
}

#[test]
fn quiet_streams_that_are_cut_after_a_while_are_streams_all_the_same() {
    let mut state = after(live().into_iter().take(3)).0;
    for seconds in [60, 60, 5, 3_600, 60] {
        let (next, effects) = stream(state, seconds);
        assert_eq!(effects, [Effect::OpenStream], "after {seconds} s");
        assert_eq!(next.connectivity(), &Connectivity::Live);
        state = next;
    }
}

#[test]
fn streams_that_are_cut_at_once_are_replaced_by_asking_until_one_lasts() {
    let mut state = after(live().into_iter().take(3)).0;
    for _ in 0..2 {
        let (next, effects) = stream(state, 1);
        assert_eq!(effects, [Effect::OpenStream], "it may be chance");
        state = next;
    }
    let (state, effects) = stream(state, 1);
    assert_eq!(effects, [Effect::SetTimer(Duration::from_secs(5))]);
    assert_eq!(state.connectivity(), &Connectivity::Polling);
    // By itself, a stream is tried again; still cut, and then one that lasts.
    let ask = |mut state: State| {
        for _ in 0..10 {
            let (next, _) = state.step(Input::TimerFired, WITH);
            let (next, effects) = next.step(Input::ChangesApplied { more: false }, WITH);
            state = next;
            if effects == [Effect::OpenStream] {
                break;
            }
        }
        state
    };
    let (state, effects) = stream(ask(state), 1);
    assert_eq!(effects, [Effect::SetTimer(Duration::from_secs(5))], "still cut");
    let (state, effects) = stream(ask(state), 60);
    assert_eq!(effects, [Effect::OpenStream], "one that lasted forgives the others");
    assert_eq!(stream(state, 1).1, [Effect::OpenStream]);
}

#[test]
fn a_stream_that_told_something_works_however_soon_it_ends() {
    let mut state = after(live().into_iter().take(3)).0;
    for _ in 0..6 {
        let (next, _) = state.step(Input::StreamOpened, WITH);
        let (next, _) = next.step(Input::EventApplied, WITH);
        let (next, _) = next.step(Input::StreamEnded, WITH);
        let (next, effects) = next.step(Input::ChangesApplied { more: false }, WITH);
        assert_eq!(effects, [Effect::OpenStream]);
        state = next;
    }
}

#[test]
fn without_contact_it_waits_longer_and_longer_and_remembers_since_when() {
    let mut state = after([Input::Started { has_cursor: true }]).0;
    let mut waits = Vec::new();
    for attempt in 0..8 {
        let later = Circumstances { now: NOW.after(Duration::from_secs(attempt)), random: 1.0 };
        let (next, effects) = state.step(failure(FailureKind::Transient), later);
        let Some(Effect::SetTimer(wait)) = effects.last() else { panic!("a timer: {effects:?}") };
        waits.push(wait.as_secs());
        let offline = Connectivity::Offline { since: NOW, problem: problem() };
        assert_eq!(next.connectivity(), &offline);
        let (next, effects) = next.step(Input::TimerFired, later);
        assert_eq!(effects, [Effect::Greet]);
        state = next;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);

    let asked = Failure {
        problem: problem(),
        kind: FailureKind::Transient,
        retry_after: Some(Duration::from_secs(300)),
    };
    for (random, wait) in [(0.0, 300), (0.5, 337), (1.0, 375)] {
        let with = Circumstances { random, ..WITH };
        let (_, effects) = state.clone().step(Input::Failed(asked.clone()), with);
        let Some(Effect::SetTimer(found)) = effects.last() else { panic!("a timer: {effects:?}") };
        assert_eq!(found.as_secs(), wait, "never sooner than it was asked");
    }
}

#[test]
fn a_nudge_does_not_wait() {
    let offline = [Input::Started { has_cursor: true }, failure(FailureKind::Transient)];
    assert_eq!(after(offline.into_iter().chain([Input::Nudged])).1, [Effect::Greet]);
    // After a sleep nobody knows whether the stream is alive.
    let (_, effects) = after(live().into_iter().chain([Input::Nudged]));
    assert_eq!(effects, [Effect::CloseStream, Effect::Greet]);
    // What is under way is not begun a second time.
    for begun in 1..=3 {
        assert_eq!(after(live().into_iter().take(begun).chain([Input::Nudged])).1, []);
    }
}

#[test]
fn a_cursor_too_old_is_forgotten_and_a_key_not_taken_signs_out() {
    for begun in 2..=4 {
        let expired = [failure(FailureKind::CursorExpired)];
        let (_, effects) = after(live().into_iter().take(begun).chain(expired));
        assert_eq!(effects, [Effect::CloseStream, Effect::ForgetCursor, Effect::BeginSnapshot]);
    }
    for (kind, effects) in [
        (FailureKind::SignedOut, vec![Effect::CloseStream]),
        (FailureKind::Locked, vec![Effect::CloseStream, Effect::Lock]),
        (FailureKind::Removed, vec![Effect::CloseStream, Effect::Purge]),
    ] {
        let (state, found) = after(live().into_iter().chain([failure(kind)]));
        assert_eq!(found, effects);
        assert_eq!(state.connectivity(), &Connectivity::SignedOut { problem: problem() });
        let (_, late) = state.clone().step(Input::TimerFired, WITH);
        assert_eq!(late, [], "it does not try again by itself");
        let (state, again) = state.step(Input::Nudged, WITH);
        assert_eq!(again, [Effect::Greet], "but when asked");
        let (_, next) = state.step(Input::Greeted, WITH);
        let purged = kind == FailureKind::Removed;
        assert_eq!(next, [if purged { Effect::BeginSnapshot } else { Effect::ReadChanges }]);
    }
}

fn inputs() -> impl Strategy<Value = Input> {
    prop_oneof![
        Just(Input::Greeted),
        (any::<bool>()).prop_map(|last| Input::PageApplied { done: 1, total: None, last }),
        any::<bool>().prop_map(|more| Input::ChangesApplied { more }),
        Just(Input::StreamOpened),
        Just(Input::EventApplied),
        Just(Input::StreamEnded),
        Just(failure(FailureKind::Transient)),
        Just(failure(FailureKind::SignedOut)),
        Just(failure(FailureKind::Locked)),
        Just(failure(FailureKind::Removed)),
        Just(failure(FailureKind::CursorExpired)),
        Just(Input::TimerFired),
        Just(Input::Nudged),
    ]
}

proptest! {
    /// Whatever happens in whatever order: at most one contact is begun at a time, nothing but a
    /// nudge begins one while signed out, and every wait ends.
    #[test]
    fn one_thing_at_a_time(happened in vec(inputs(), 0..60), random in 0.0_f64..=1.0) {
        let (mut state, _) = State::default().step(Input::Started { has_cursor: false }, WITH);
        for input in happened {
            let was_signed_out =
                matches!(state.connectivity(), Connectivity::SignedOut { .. });
            let (next, effects) = state.step(input.clone(), Circumstances { now: NOW, random });
            let begun = effects
                .iter()
                .filter(|effect| matches!(
                    effect,
                    Effect::Greet
                        | Effect::BeginSnapshot
                        | Effect::ContinueSnapshot
                        | Effect::ReadChanges
                        | Effect::OpenStream
                        | Effect::SetTimer(_)
                ))
                .count();
            prop_assert!(begun <= 1, "{effects:?}");
            if let Some(Effect::SetTimer(wait)) = effects.last() {
                prop_assert!(*wait >= Duration::from_millis(250));
                prop_assert!(*wait <= Duration::from_secs(60));
            }
            if was_signed_out && matches!(input, Input::TimerFired | Input::StreamEnded) {
                prop_assert_eq!(effects, vec![]);
            }
            state = next;
        }
        // And from wherever it is, a nudge and good answers lead back.
        let mut input = Input::Nudged;
        for _ in 0..20 {
            let (next, effects) = state.step(input, WITH);
            state = next;
            input = match effects.last() {
                Some(Effect::Greet) => Input::Greeted,
                Some(Effect::BeginSnapshot | Effect::ContinueSnapshot) => last_page(),
                Some(Effect::ReadChanges) => Input::ChangesApplied { more: false },
                Some(Effect::OpenStream) => Input::StreamOpened,
                Some(Effect::SetTimer(_)) => Input::TimerFired,
                _ if *state.connectivity() == Connectivity::Live => break,
                // Something was under way already: it succeeds, whatever it was.
                _ => {
                    let done = [
                        Input::Greeted,
                        last_page(),
                        Input::ChangesApplied { more: false },
                        Input::StreamOpened,
                    ];
                    done.into_iter()
                        .find(|input| {
                            let (next, effects) = state.clone().step(input.clone(), WITH);
                            next != state && effects != [Effect::CloseStream]
                        })
                        .unwrap_or(Input::Nudged)
                }
            };
        }
        prop_assert_eq!(state.connectivity(), &Connectivity::Live);
    }
}
