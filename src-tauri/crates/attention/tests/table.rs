//! What is told on which occasion, as a table; and what holds for all of them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entente_attention::{
    Command, Kind, News, NewsKind, Notice, NoticeAction, Occasion, Pending, Settings, Standing,
    StateFacts, Target, TrayFacts, TrayIcon, TrayModel, TrayProfile, Verb, plan, tray,
};
use entente_domain::{PartnershipId, Side, StateName, Timestamp};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().expect("a moment")
}

fn id(number: u128) -> PartnershipId {
    PartnershipId::new(Uuid::from_u128(number))
}

fn pending(number: u128, kind: Kind) -> Pending {
    Pending {
        profile: "p1".into(),
        partnership: id(number),
        kind,
        host: "Globex".into(),
        guest: format!("Guest {number}"),
        requested_by: "Uma Castillo".into(),
        reason: Some("They film our launch".into()),
        since: now(),
        expires_at: now().after(14 * 24 * HOUR),
    }
}

fn news(number: u128, kind: NewsKind) -> News {
    News {
        profile: "p1".into(),
        partnership: id(number),
        kind,
        partner: format!("Guest {number}"),
        by: Some("Adam Berg".into()),
        version: 2,
    }
}

/// What was told and shown before, and when it is now.
#[derive(Default)]
struct Before {
    told: BTreeMap<String, Timestamp>,
    shown: BTreeSet<String>,
    settings: Settings,
}

impl Before {
    fn plan(&self, pending: &[Pending], news: &[News], occasion: Occasion) -> Vec<NoticeAction> {
        plan(pending, news, &self.told, &self.shown, &self.settings, occasion, now())
    }
}

fn shown(actions: &[NoticeAction]) -> Vec<&Notice> {
    actions
        .iter()
        .filter_map(|action| match action {
            NoticeAction::Show(notice) => Some(notice),
            NoticeAction::Withdraw(_) => None,
        })
        .collect()
}

fn withdrawn(actions: &[NoticeAction]) -> Vec<&str> {
    actions
        .iter()
        .filter_map(|action| match action {
            NoticeAction::Withdraw(id) => Some(id.as_str()),
            NoticeAction::Show(_) => None,
        })
        .collect()
}

fn labels(notice: &Notice) -> Vec<&str> {
    notice.buttons.iter().map(|button| button.label.as_str()).collect()
}

#[test]
fn an_approval_can_be_given_from_the_banner_and_an_acceptance_cannot() {
    let before = Before::default();
    let actions = before.plan(&[pending(1, Kind::Approval)], &[], Occasion::Live);
    let [notice] = shown(&actions)[..] else { panic!("one notice: {actions:?}") };
    assert_eq!(notice.title, "Uma Castillo wants to partner with Guest 1");
    assert_eq!(notice.body, "They film our launch");
    assert_eq!(labels(notice), ["Approve", "Decline", "Review"]);

    let actions = before.plan(&[pending(1, Kind::Acceptance)], &[], Occasion::Live);
    let [notice] = shown(&actions)[..] else { panic!("one notice: {actions:?}") };
    assert_eq!(notice.title, "Globex wants to partner with Guest 1");
    assert!(!notice.body.contains("film"), "the reason is for the host");
    assert_eq!(labels(notice), ["Review", "Decline"], "consent is given in the window");
}

#[test]
fn what_was_told_is_told_again_only_after_a_day_or_when_it_waits_anew() {
    let one = pending(1, Kind::Approval);
    let mut before = Before::default();
    for (ago, again) in [(HOUR, false), (23 * HOUR, false), (24 * HOUR, true)] {
        let told = Timestamp::from_unix_millis(now().unix_millis() - ago.as_millis() as i64);
        before.told = BTreeMap::from([(one.key(), told.expect("a moment"))]);
        let actions = before.plan(std::slice::from_ref(&one), &[], Occasion::Live);
        assert_eq!(!shown(&actions).is_empty(), again, "{ago:?}");
    }
    before.told = BTreeMap::from([(one.key(), now())]);
    let resent = Pending { since: now().after(HOUR), ..one };
    assert_eq!(shown(&before.plan(&[resent], &[], Occasion::Live)).len(), 1);
}

#[test]
fn many_at_once_are_one_banner() {
    let before = Before::default();
    let waiting = |count| (0..count).map(|n| pending(n, Kind::Approval)).collect::<Vec<_>>();
    for (count, occasion, banners) in [
        (1, Occasion::Live, 1),
        (3, Occasion::Live, 3),
        (4, Occasion::Live, 1),
        (1, Occasion::Backlog, 1),
        (2, Occasion::Backlog, 1),
        (500, Occasion::Backlog, 1),
    ] {
        let waiting = waiting(count);
        let actions = before.plan(&waiting, &[], occasion);
        let notices = shown(&actions);
        assert_eq!(notices.len(), banners, "{count} {occasion:?}");
        let told: usize = notices.iter().map(|notice| notice.tells.len()).sum();
        assert_eq!(told, waiting.len(), "each of them counts as told");
    }
    let actions = before.plan(&waiting(6), &[], Occasion::Live);
    let [summary] = shown(&actions)[..] else { panic!("one notice: {actions:?}") };
    assert_eq!(summary.title, "6 partnership requests wait for you");
    assert_eq!(summary.body, "Guest 0, Guest 1, Guest 2, Guest 3 and 2 more");
    assert_eq!(summary.target, Target::Inbox);
}

#[test]
fn what_waits_no_more_is_withdrawn_and_nothing_is_told_while_paused() {
    let one = pending(1, Kind::Approval);
    let mut before = Before::default();
    let told = before.plan(std::slice::from_ref(&one), &[], Occasion::Live);
    let name = shown(&told)[0].id.clone();
    before.shown = BTreeSet::from([name.clone(), "summary".into()]);
    before.told = BTreeMap::from([(one.key(), now())]);
    assert_eq!(withdrawn(&before.plan(&[one], &[], Occasion::Live)), Vec::<&str>::new());
    assert_eq!(withdrawn(&before.plan(&[], &[], Occasion::Live)), [name.as_str(), "summary"]);
    before.settings.paused_until = Some(now().after(HOUR));
    let actions = before.plan(&[pending(2, Kind::Approval)], &[], Occasion::Live);
    assert_eq!(withdrawn(&actions), [name.as_str()], "withdrawn even then");
    assert!(shown(&actions).is_empty());
    before.settings.paused_until = Some(now());
    assert_eq!(shown(&before.plan(&[pending(2, Kind::Approval)], &[], Occasion::Live)).len(), 1);
}

#[test]
fn news_is_what_happened_to_it_and_nothing_else() {
    use StateName as S;
    let facts = |state, version| StateFacts { state, version };
    for (before, after, kind) in [
        (S::AwaitingApproval, S::AwaitingAcceptance, Some(NewsKind::Approved)),
        (S::AwaitingApproval, S::DeclinedByHost, Some(NewsKind::Declined(Side::Host))),
        (S::AwaitingApproval, S::Expired, Some(NewsKind::Expired)),
        (S::AwaitingApproval, S::Withdrawn, None),
        (S::AwaitingAcceptance, S::Active, Some(NewsKind::Accepted)),
        (S::AwaitingAcceptance, S::DeclinedByGuest, Some(NewsKind::Declined(Side::Guest))),
        (S::AwaitingAcceptance, S::Expired, Some(NewsKind::Expired)),
        (S::AwaitingAcceptance, S::AwaitingAcceptance, None),
        (S::Active, S::Removed, Some(NewsKind::Removed)),
        // A resend is the owner's own doing.
        (S::DeclinedByGuest, S::AwaitingAcceptance, None),
        (S::Expired, S::AwaitingApproval, None),
    ] {
        let found = NewsKind::of(Some(facts(before, 1)), facts(after, 2));
        assert_eq!(found, kind, "{before:?} to {after:?}");
        assert_eq!(NewsKind::of(None, facts(after, 2)), None, "known for the first time");
        assert_eq!(NewsKind::of(Some(facts(before, 2)), facts(after, 2)), None, "not newer");
    }
    let before = Before::default();
    let actions = before.plan(&[], &[news(1, NewsKind::Accepted)], Occasion::Live);
    assert_eq!(shown(&actions)[0].title, "Guest 1 is your partner now");
    assert!(shown(&actions)[0].buttons.is_empty());
}

#[test]
fn commands_are_read_as_they_are_written() {
    let item = |verb| Command::Item { verb, profile: "p1".into(), partnership: id(5) };
    for command in [
        Command::Open,
        Command::SyncNow,
        Command::PauseHour,
        Command::PauseToday,
        Command::Resume,
        Command::Quit,
        Command::Profile("p1".into()),
        item(Verb::Approve),
        item(Verb::Decline),
        item(Verb::Review),
    ] {
        assert_eq!(command.to_string().parse(), Ok(command));
    }
    for text in ["", "accept/p1/x", "approve/p1", "approve/p1/x", "open/", "profile", "\u{0}"] {
        assert_eq!(text.parse::<Command>(), Err(()), "{text:?}");
    }
}

fn profile(standing: Standing) -> TrayProfile {
    TrayProfile {
        id: "p1".into(),
        user: "Adam Berg".into(),
        workspace: "Globex".into(),
        standing,
        active: true,
    }
}

#[test]
fn the_tray_says_how_it_stands() {
    use Standing::{Offline, Online, SignedOut};
    for (standings, waiting, paused, icon, text) in [
        (&[][..], 0, false, TrayIcon::SignedOut, "Signed out"),
        (&[Online][..], 0, false, TrayIcon::Idle, "Nothing waits for you"),
        (&[Online][..], 1, false, TrayIcon::Attention, "1 request waits for you"),
        (&[Online, Offline][..], 2, false, TrayIcon::Attention, "2 requests wait for you"),
        (&[Online][..], 0, true, TrayIcon::Paused, "Notifications paused"),
        (
            &[Online][..],
            1,
            true,
            TrayIcon::Attention,
            "1 request waits for you, notifications paused",
        ),
        (&[Offline][..], 0, false, TrayIcon::Offline, "Offline"),
        (&[Offline][..], 3, false, TrayIcon::Offline, "Offline, 3 requests wait for you"),
        (&[Offline, SignedOut][..], 0, false, TrayIcon::Offline, "Offline"),
        (&[SignedOut][..], 0, false, TrayIcon::SignedOut, "Signed out"),
    ] {
        let facts = TrayFacts {
            profiles: standings.iter().copied().map(profile).collect(),
            pending: (0..waiting).map(|number| pending(number, Kind::Approval)).collect(),
            paused_until: paused.then(|| now().after(HOUR)),
        };
        let TrayModel { icon: found, text: words, count, .. } = tray(&facts, now());
        assert_eq!((found, words.as_str()), (icon, text));
        assert_eq!(count as u128, waiting);
    }
}

#[test]
fn the_trays_menu() {
    let facts = TrayFacts {
        profiles: vec![profile(Standing::Online), profile(Standing::SignedOut)],
        pending: (0..10)
            .map(|n| pending(n, if n == 1 { Kind::Acceptance } else { Kind::Approval }))
            .collect(),
        paused_until: None,
    };
    insta::assert_debug_snapshot!(tray(&facts, now()).entries);
}

proptest! {
    /// Whatever waits and was told: each is told at most once, what is shown is told, no text from
    /// outside carries a control character, and nothing is shown while paused.
    #[test]
    fn nothing_is_told_twice(
        waiting in vec((0_u128..6, any::<bool>(), ".{0,20}"), 0..8),
        seen in vec(0_u128..6, 0..4),
        paused: bool,
        live: bool,
    ) {
        let mut numbers = BTreeSet::new();
        let waiting: Vec<Pending> = waiting
            .into_iter()
            .filter(|(number, ..)| numbers.insert(*number))
            .map(|(number, approval, text)| Pending {
                reason: Some(text.clone()),
                requested_by: text,
                ..pending(number, if approval { Kind::Approval } else { Kind::Acceptance })
            })
            .collect();
        let mut before = Before::default();
        before.settings.paused_until = paused.then(|| now().after(HOUR));
        for number in seen {
            before.told.insert(pending(number, Kind::Approval).key(), now());
        }
        let occasion = if live { Occasion::Live } else { Occasion::Backlog };
        let actions = before.plan(&waiting, &[], occasion);
        let mut told = BTreeSet::new();
        for notice in shown(&actions) {
            prop_assert!(!paused);
            for key in &notice.tells {
                prop_assert!(told.insert(key.clone()) && !before.told.contains_key(key));
            }
            let text = format!("{}{}", notice.title, notice.body);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
        for key in told {
            before.told.insert(key, now());
        }
        prop_assert!(shown(&before.plan(&waiting, &[], occasion)).is_empty());
    }
}
