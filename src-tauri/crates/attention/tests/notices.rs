//! What is told on which occasion, as a table; and what holds for all of them.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use common::{HOUR, access, now, partnership, pending, request};
use entente_attention::{
    Command, Item, Kind, Known, Language, Moment, News, NewsKind, Notice, NoticeAction, Occasion,
    Pending, Plan, QuietHours, RoleFacts, Settings, StateFacts, Topic, Verb, plan,
};
use entente_domain::{AccountId, AccountRole, Side, StateName, Timestamp};
use proptest::{collection::vec, prelude::*};
use uuid::Uuid;

fn news(number: u128, kind: NewsKind) -> News {
    let item = match kind {
        NewsKind::AccessGiven { .. } | NewsKind::AccessEnded { .. } => {
            Item::Account(AccountId::new(Uuid::from_u128(number)))
        }
        NewsKind::RequestDecided { .. } => request(number),
        NewsKind::Approved
        | NewsKind::Accepted
        | NewsKind::Declined(_)
        | NewsKind::Expired
        | NewsKind::Removed => partnership(number),
    };
    News {
        profile: "p1".into(),
        item,
        kind,
        partner: format!("Guest {number}"),
        by: Some("Adam Berg".into()),
        version: 2,
    }
}

fn given(changed: bool) -> NewsKind {
    let account = "Mailchimp, EMEA newsletter".into();
    NewsKind::AccessGiven { account, role: AccountRole::Manager, changed }
}

fn decided(accepted: bool) -> NewsKind {
    let account = "Mailchimp, EMEA newsletter".into();
    NewsKind::RequestDecided { account, member: "Salma Haddad".into(), accepted }
}

fn ended() -> NewsKind {
    NewsKind::AccessEnded { account: "Mailchimp, EMEA newsletter".into(), partnership: None }
}

fn every_kind_of_news() -> Vec<NewsKind> {
    vec![
        NewsKind::Approved,
        NewsKind::Accepted,
        NewsKind::Declined(Side::Host),
        NewsKind::Declined(Side::Guest),
        NewsKind::Expired,
        NewsKind::Removed,
        given(false),
        given(true),
        ended(),
        decided(true),
        decided(false),
    ]
}

/// What was told and shown before, how it stands, and when it is now.
struct Before {
    told: BTreeMap<String, Timestamp>,
    shown: BTreeMap<String, Timestamp>,
    in_contact: BTreeSet<String>,
    settings: Settings,
    language: Language,
    at: Moment,
}

impl Default for Before {
    fn default() -> Self {
        Self {
            told: BTreeMap::new(),
            shown: BTreeMap::new(),
            in_contact: BTreeSet::from(["p1".to_owned()]),
            settings: Settings::default(),
            language: Language::English,
            at: Moment { now: now(), offset: 0 },
        }
    }
}

impl Before {
    fn plan(&self, pending: &[Pending], news: &[News], occasion: Occasion) -> Plan {
        let Self { told, shown, in_contact, settings, language, at } = self;
        let known = Known { pending, news, in_contact, told, shown, language: *language };
        plan(known, settings, occasion, *at)
    }

    fn live(&self, pending: &[Pending], news: &[News]) -> Plan {
        self.plan(pending, news, Occasion::Live)
    }

    /// Shows what a plan says.
    fn show(&mut self, plan: &Plan) {
        for notice in shown(plan) {
            self.shown.insert(notice.id.clone(), self.at.now);
            self.told.extend(notice.tells.iter().map(|key| (key.clone(), self.at.now)));
        }
    }
}

fn shown(plan: &Plan) -> Vec<&Notice> {
    plan.actions
        .iter()
        .filter_map(|action| match action {
            NoticeAction::Show(notice) => Some(notice),
            NoticeAction::Withdraw(_) => None,
        })
        .collect()
}

fn withdrawn(plan: &Plan) -> Vec<&str> {
    plan.actions
        .iter()
        .filter_map(|action| match action {
            NoticeAction::Withdraw(id) => Some(id.as_str()),
            NoticeAction::Show(_) => None,
        })
        .collect()
}

fn only(plan: &Plan) -> &Notice {
    let [notice] = shown(plan)[..] else { panic!("one notice: {plan:?}") };
    notice
}

fn review(pending: &Pending) -> Command {
    let Pending { profile, item, .. } = pending.clone();
    Command::Item { verb: Verb::Review, profile, item }
}

fn labels(notice: &Notice) -> Vec<&str> {
    notice.buttons.iter().map(|button| button.label.as_str()).collect()
}

#[test]
fn an_approval_can_be_given_from_the_banner_and_an_acceptance_cannot() {
    let before = Before::default();
    for (kind, buttons) in [
        (Kind::Approval, &["Approve", "Decline", "Review"][..]),
        (Kind::Acceptance, &["Review", "Decline"][..]),
        (access(), &["Accept", "Decline", "Review"][..]),
    ] {
        let one = pending(1, kind);
        let plan = before.live(std::slice::from_ref(&one), &[]);
        let notice = only(&plan);
        assert_eq!(labels(notice), buttons);
        assert_eq!(notice.click, review(&one));
    }
    let plan = before.live(&[pending(1, Kind::Acceptance)], &[]);
    assert!(!only(&plan).body.contains("film"), "the reason is for the host");
}

/// One banner of each kind.
fn every_banner(language: Language, hide: bool) -> Vec<Notice> {
    let settings = Settings { hide_names: hide, ..Settings::default() };
    let before = Before { settings, language, ..Before::default() };
    let waiting = [Kind::Approval, Kind::Acceptance, access()].map(|kind| pending(1, kind));
    let happened = every_kind_of_news().into_iter().map(|kind| news(1, kind));
    let many = |kind: fn() -> Kind| [1, 2, 3, 4, 5].map(|number| pending(number, kind()));
    let plans = waiting
        .iter()
        .map(|one| before.live(std::slice::from_ref(one), &[]))
        .chain(happened.map(|one| before.live(&[], &[one])))
        .chain([
            before.live(&many(|| Kind::Approval), &[]),
            before.live(&many(access), &[]),
            before.plan(
                &[pending(1, Kind::Approval), pending(1, access())],
                &[],
                Occasion::Backlog,
            ),
            before.plan(
                &[],
                &[news(1, NewsKind::Expired), news(2, NewsKind::Removed)],
                Occasion::Backlog,
            ),
        ]);
    plans.map(|plan| only(&plan).clone()).collect()
}

fn said(language: Language) -> String {
    let mut said = String::new();
    for hide in [false, true] {
        said.push_str(if hide { "\nWithout names:\n" } else { "With names:\n" });
        for notice in every_banner(language, hide) {
            let body = notice.body.replace('\n', " / ");
            let (title, labels, click) = (&notice.title, labels(&notice), &notice.click);
            said.push_str(&format!("- {title}\n  {body}\n  {labels:?} {click}\n"));
        }
    }
    said
}

#[test]
fn what_banners_say() {
    insta::assert_snapshot!(said(Language::English));
}

#[test]
fn what_banners_say_in_german() {
    insta::assert_snapshot!(said(Language::German));
}

#[test]
fn banners_name_the_same_in_each_language_and_nobody_if_names_are_hidden() {
    let names = [
        "Uma Castillo",
        "Globex",
        "Guest 1",
        "Guest 4",
        "Mailchimp, EMEA newsletter",
        "Adam Berg",
        "Salma Haddad",
        "They film our launch",
    ];
    for hide in [false, true] {
        let english = every_banner(Language::English, hide);
        let german = every_banner(Language::German, hide);
        for (english, german) in english.iter().zip(&german) {
            for name in names {
                let names =
                    |notice: &Notice| notice.title.contains(name) || notice.body.contains(name);
                assert_eq!(names(english), names(german), "{name}: {english:?} {german:?}");
                assert!(!(hide && names(german)), "{name}: {german:?}");
            }
            let commands = |notice: &Notice| -> Vec<Command> {
                notice.buttons.iter().map(|button| button.command.clone()).collect()
            };
            assert_eq!(commands(english), commands(german));
            assert_ne!(english.title, german.title);
        }
    }
}

#[test]
fn what_was_told_is_told_again_only_after_the_interval_or_when_it_waits_anew() {
    let one = pending(1, Kind::Approval);
    let day = Some(24 * HOUR);
    for (ago, remind_after, again) in [
        (HOUR, day, false),
        (23 * HOUR, day, false),
        (24 * HOUR, day, true),
        (2 * HOUR, Some(2 * HOUR), true),
        (1_000 * HOUR, None, false),
    ] {
        let mut before = Before::default();
        before.settings.remind_after = remind_after;
        before.told = BTreeMap::from([(one.key(), now().before(ago))]);
        let plan = before.live(std::slice::from_ref(&one), &[]);
        assert_eq!(!shown(&plan).is_empty(), again, "{ago:?} {remind_after:?}");
    }
    let before = Before { told: BTreeMap::from([(one.key(), now())]), ..Before::default() };
    let resent = Pending { since: now().after(HOUR), ..one };
    assert_eq!(shown(&before.live(&[resent], &[])).len(), 1);
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
        let plan = before.plan(&waiting, &[], occasion);
        let notices = shown(&plan);
        assert_eq!(notices.len(), banners, "{count} {occasion:?}");
        let told: usize = notices.iter().map(|notice| notice.tells.len()).sum();
        assert_eq!(told, waiting.len(), "each of them counts as told");
    }
    let plan = before.live(&waiting(6), &[]);
    assert_eq!(only(&plan).title, "6 partnership requests wait for you");
    assert_eq!(only(&plan).body, "Guest 0, Guest 1, Guest 2, Guest 3 and 2 more");
    assert_eq!(only(&plan).click, Command::Inbox);
}

#[test]
fn what_comes_one_by_one_within_seconds_is_at_once_too() {
    let mut before = Before::default();
    let waiting: Vec<Pending> = (0..6).map(|n| pending(n, Kind::Approval)).collect();
    let mut titles = Vec::new();
    for count in 1..=waiting.len() {
        let plan = before.live(&waiting[..count], &[]);
        titles.extend(shown(&plan).iter().map(|notice| notice.title.clone()));
        before.show(&plan);
        before.at.now = before.at.now.after(Duration::from_millis(100));
    }
    assert_eq!(before.shown.len(), 4, "three, and one place for all others: {titles:?}");
    assert_eq!(titles[5], "6 partnership requests wait for you");
    before.at.now = before.at.now.after(Duration::from_secs(10));
    let plan = before.live(&[&waiting[..], &[pending(9, Kind::Approval)]].concat(), &[]);
    assert_eq!(only(&plan).title, "Uma Castillo wants to partner with Guest 9");

    // What was decided meanwhile does not count.
    let mut before = Before::default();
    for number in 0..6 {
        let plan = before.live(&[pending(number, Kind::Approval)], &[]);
        assert_eq!(only(&plan).click, review(&pending(number, Kind::Approval)));
        before.show(&plan);
    }
}

#[test]
fn what_waits_no_more_is_withdrawn_and_nothing_is_told_while_paused() {
    let one = pending(1, Kind::Approval);
    let mut before = Before::default();
    let told = before.live(std::slice::from_ref(&one), &[]);
    let name = only(&told).id.clone();
    let at = now();
    let names = [name.clone(), "summary/waiting".into(), "summary/news".into(), "outcome/x".into()];
    before.shown = names.into_iter().map(|id| (id, at)).collect();
    before.told = BTreeMap::from([(one.key(), now())]);
    assert_eq!(withdrawn(&before.live(std::slice::from_ref(&one), &[])), Vec::<&str>::new());
    assert_eq!(withdrawn(&before.live(&[], &[])), [name.as_str(), "summary/waiting"]);
    before.settings.paused_until = Some(now().after(HOUR));
    let plan = before.live(&[pending(2, Kind::Approval)], &[]);
    assert_eq!(withdrawn(&plan), [name.as_str()], "withdrawn even then");
    assert!(shown(&plan).is_empty());
    before.settings.paused_until = Some(now());
    assert_eq!(shown(&before.live(&[pending(2, Kind::Approval)], &[])).len(), 1);
    before.settings.muted.insert("p1".into());
    let plan = before.live(&[one], &[]);
    assert_eq!(withdrawn(&plan), [name.as_str(), "summary/waiting"], "and of a muted profile");
}

#[test]
fn quiet_hours_are_where_the_person_is() {
    let quiet = |from: u16, to: u16| QuietHours { from: from * 60, to: to * 60 };
    for (quiet, hour, offset, is_quiet) in [
        (quiet(22, 7), 21, 0, false),
        (quiet(22, 7), 22, 0, true),
        (quiet(22, 7), 0, 0, true),
        (quiet(22, 7), 6, 0, true),
        (quiet(22, 7), 7, 0, false),
        (quiet(12, 14), 12, 0, true),
        (quiet(12, 14), 14, 0, false),
        // Noon in UTC is 22:00 in Sydney, and 04:00 in Los Angeles.
        (quiet(22, 7), 12, 600, true),
        (quiet(22, 7), 12, -480, true),
        (quiet(22, 7), 12, 0, false),
        (quiet(8, 8), 3, 0, true),
    ] {
        let mut before = Before::default();
        let midnight: Timestamp = "2026-11-24T00:00:00Z".parse().expect("a moment");
        before.at = Moment { now: midnight.after(hour * HOUR), offset };
        before.settings.quiet_hours = Some(quiet);
        let one = [news(1, NewsKind::Accepted)];
        let plan = before.live(&[pending(1, Kind::Approval)], &one);
        assert_eq!(shown(&plan).is_empty(), is_quiet, "{quiet:?} {hour} {offset}");
        assert_eq!(plan.later.len(), usize::from(is_quiet), "news is kept for later");
    }
}

#[test]
fn what_a_person_switched_off_is_not_told_and_not_kept() {
    for kind in every_kind_of_news() {
        let mut before = Before::default();
        let one = [news(1, kind.clone())];
        assert_eq!(shown(&before.live(&[], &one)).len(), 1, "{kind:?}");
        for topic in [
            Topic::Approved,
            Topic::Declined,
            Topic::Accepted,
            Topic::Expired,
            Topic::Removed,
            Topic::Access,
        ] {
            before.settings.off = BTreeSet::from([topic]);
            let plan = before.live(&[], &one);
            assert_eq!(shown(&plan).is_empty(), topic == kind.topic(), "{kind:?} {topic:?}");
            assert!(plan.later.is_empty());
        }
    }
    let mut before = Before::default();
    before.settings.muted.insert("p1".into());
    let plan = before.live(&[pending(1, Kind::Approval)], &[news(1, NewsKind::Accepted)]);
    assert_eq!(plan, Plan::default(), "nor anything of a muted profile");
}

#[test]
fn nothing_is_told_of_a_profile_without_contact_and_its_news_is_kept() {
    let before = Before { in_contact: BTreeSet::new(), ..Before::default() };
    let one = news(1, NewsKind::Accepted);
    let plan = before.live(&[pending(1, Kind::Approval)], &[one.clone(), one.clone()]);
    assert!(plan.actions.is_empty());
    assert_eq!(plan.later, std::slice::from_ref(&one), "once");
    let mut before = Before::default();
    let plan = before.live(&[], &plan.later);
    assert_eq!(only(&plan).title, "Guest 1 is your partner now");
    before.show(&plan);
    assert_eq!(before.live(&[], &[one]), Plan::default());
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
    let plan = Before::default().live(&[], &[news(1, NewsKind::Accepted)]);
    assert!(only(&plan).buttons.is_empty());
}

#[test]
fn access_that_begins_changes_or_ends_is_news() {
    use AccountRole::{Collaborator, Manager, Owner};
    let account = "Mailchimp, EMEA newsletter";
    let facts = |role| RoleFacts { account: account.into(), role, partnership: None };
    let given = |role, changed| NewsKind::AccessGiven { account: account.into(), role, changed };
    let ended = NewsKind::AccessEnded { account: account.into(), partnership: None };
    for (before, after, kind) in [
        (None, Some(Some(Collaborator)), Some(given(Collaborator, false))),
        (Some(None), Some(Some(Manager)), Some(given(Manager, false))),
        (Some(None), Some(Some(Owner)), Some(given(Owner, false))),
        (Some(Some(Collaborator)), Some(Some(Manager)), Some(given(Manager, true))),
        (Some(Some(Manager)), None, Some(ended.clone())),
        (Some(Some(Manager)), Some(None), Some(ended)),
        (Some(Some(Manager)), Some(Some(Manager)), None),
        (Some(None), None, None),
        (None, Some(None), None),
        // Who added an account owns it.
        (None, Some(Some(Owner)), None),
    ] {
        let found = NewsKind::of_role(before.map(facts), after.map(facts));
        assert_eq!(found, kind, "{before:?} to {after:?}");
    }
}

proptest! {
    /// Whatever waits, happened and was told: each is told at most once, what is told is recorded,
    /// news is told or kept, no text from outside carries a control character, and nothing is shown
    /// while paused.
    #[test]
    fn nothing_is_told_twice_and_no_news_is_lost(
        waiting in vec((0_u128..6, 0_u8..3, ".{0,20}"), 0..8),
        happened in vec((10_u128..16, 0_usize..11), 0..8),
        seen in vec(0_u128..6, 0..4),
        paused: bool,
        in_contact: bool,
        live: bool,
    ) {
        let mut numbers = BTreeSet::new();
        let waiting: Vec<Pending> = waiting
            .into_iter()
            .filter(|(number, ..)| numbers.insert(*number))
            .map(|(number, kind, text)| {
                let kind = [Kind::Approval, Kind::Acceptance, access()][usize::from(kind)].clone();
                Pending { reason: Some(text.clone()), requested_by: text, ..pending(number, kind) }
            })
            .collect();
        let happened: Vec<News> = happened
            .into_iter()
            .map(|(number, kind)| news(number, every_kind_of_news()[kind].clone()))
            .collect();
        let mut before = Before::default();
        before.settings.paused_until = paused.then(|| now().after(HOUR));
        if !in_contact {
            before.in_contact.clear();
        }
        for number in seen {
            before.told.insert(pending(number, Kind::Approval).key(), now());
        }
        let occasion = if live { Occasion::Live } else { Occasion::Backlog };
        let plan = before.plan(&waiting, &happened, occasion);
        let mut told = BTreeSet::new();
        for notice in shown(&plan) {
            prop_assert!(!paused && in_contact);
            for key in &notice.tells {
                prop_assert!(told.insert(key.clone()) && !before.told.contains_key(key));
            }
            let text = format!("{}{}", notice.title, notice.body);
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert!(!notice.title.contains('\n'));
        }
        let kept: BTreeSet<String> = plan.later.iter().map(News::key).collect();
        for one in &happened {
            prop_assert!(told.contains(&one.key()) != kept.contains(&one.key()), "{one:?}");
        }
        before.show(&plan);
        prop_assert!(shown(&before.plan(&waiting, &[], occasion)).is_empty());
    }
}
