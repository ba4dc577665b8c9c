//! What holds for all texts in all languages.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use entente_attention::{Attempt, Became, Language, Text, Verb};
use entente_domain::{AccountRole, Action, Deed, StateName};

/// Stand for names: no word of any language.
const A: &str = "<a>";
const B: &str = "<b>";

fn every_text() -> Vec<Text<'static>> {
    let mut all = vec![
        Text::Open,
        Text::WantsToPartner { who: A, with: B },
        Text::NoReason,
        Text::ReadTheTerms { sender: A },
        Text::AsksForAccess { who: A, account: B },
        Text::ApprovalWaits,
        Text::AcceptanceWaits,
        Text::AccessWaits,
        Text::SeeMore,
        Text::RequestApproved { partner: A },
        Text::NowPartner { partner: A },
        Text::RequestDeclined { partner: A },
        Text::DeclinedBy { by: Some(A), partner: Some(B) },
        Text::RequestExpired { partner: A },
        Text::NobodyDecided,
        Text::PartnershipRemoved { partner: A },
        Text::AccessGiven { account: A },
        Text::RoleChanged { account: A },
        Text::AccessEnded { account: A },
        Text::NoLogin,
        Text::MemberGotAccess { member: A, account: B },
        Text::MemberGotNoAccess { member: A, account: B },
        Text::SomethingApproved,
        Text::SomethingAccepted,
        Text::SomethingDeclined,
        Text::SomethingExpired,
        Text::SomethingRemoved,
        Text::SomeAccessChanged,
        Text::SomeAccessDecided,
        Text::AndOthers { names: A, others: 7 },
        Text::NothingWaits,
        Text::SignedOut,
        Text::Paused,
        Text::OpenEntente,
        Text::SyncNow,
        Text::Pause,
        Text::ForAnHour,
        Text::UntilTomorrow,
        Text::Resume,
        Text::Quit,
        Text::ApproveEntry { sender: A, guest: B },
        Text::AcceptEntry { host: A },
        Text::AccessEntry { member: A, account: B },
        Text::ProfileSignedOut { profile: A },
        Text::GoesOn,
        Text::GoesOnHow,
        Text::NothingChanged,
        Text::KeyringLocked,
        Text::NoKeyring,
        Text::NoTray,
        Text::NoNotifications,
        Text::JournalRebuilt,
        Text::CacheRebuilt,
        Text::NothingKept { why: A },
        Text::BackToEntente,
        Text::NotSignedIn,
    ];
    all.extend([Verb::Approve, Verb::Accept, Verb::Decline, Verb::Review].map(Text::Verb));
    for by in [Some(A), None] {
        all.extend([
            Text::ApprovedBy { by },
            Text::AcceptedBy { by },
            Text::DeclinedBy { by, partner: None },
            Text::RemovedBy { by },
            Text::AccessDecidedBy { by, accepted: true },
            Text::AccessDecidedBy { by, accepted: false },
        ]);
        all.extend(
            [
                Became::Approved,
                Became::Accepted,
                Became::Declined,
                Became::Withdrawn,
                Became::Removed,
                Became::Closed,
                Became::Changed,
                Became::Expired,
            ]
            .map(|became| Text::Already { became, by }),
        );
    }
    for accepted in [true, false] {
        all.push(Text::AccessDecided { accepted, member: A, account: B });
    }
    for number in [1, 2, 7] {
        all.extend([
            Text::PartnershipRequestsWait(number),
            Text::AccessRequestsWait(number),
            Text::RequestsWait(number),
            Text::RequestsWaitUntold(number),
            Text::Changes(number),
            Text::MoreEntries(number),
            Text::OutcomesLost(number),
        ]);
    }
    for role in [AccountRole::Collaborator, AccountRole::Manager, AccountRole::Owner] {
        all.extend([
            Text::AccessFor { member: A, guest: B, role },
            Text::GivenAs { role },
            Text::RoleNow { role },
        ]);
    }
    all.extend(StateName::ALL.iter().map(|state| Text::StandsNow { partner: A, state: *state }));
    let attempts = Action::ALL
        .iter()
        .map(|action| Attempt::Action { action: *action, partner: A })
        .chain(Deed::ALL.iter().map(|deed| Attempt::Deed(*deed)))
        .chain([Attempt::Request { address: A }, Attempt::Unknown]);
    for attempt in attempts {
        all.push(Text::Settled { attempt, refused: None });
        all.push(Text::Settled { attempt, refused: Some(B) });
    }
    all
}

#[test]
fn every_text_is_in_every_language_and_names_the_same() {
    for text in every_text() {
        let [english, german] = Language::ALL.map(|language| language.say(&text));
        assert_ne!(english, german, "{text:?}");
        for said in [&english, &german] {
            assert!(!said.trim().is_empty() && !said.contains("  "), "{text:?}: {said:?}");
        }
        for name in [A, B, "2", "7"] {
            assert_eq!(english.contains(name), german.contains(name), "{english} | {german}");
        }
        let end = |said: &str| said.ends_with(['.', '…']);
        assert_eq!(end(&english), end(&german), "{english} | {german}");
    }
}

#[test]
fn texts_count_by_the_languages_own_rule() {
    for (text, english, german) in [
        (Text::RequestsWait(1), "1 request waits for you", "1 Anfrage wartet auf dich"),
        (Text::RequestsWait(2), "2 requests wait for you", "2 Anfragen warten auf dich"),
        (Text::Changes(1), "1 change to what you share", "1 Änderung an dem, was du teilst"),
        (Text::Changes(3), "3 changes to what you share", "3 Änderungen an dem, was du teilst"),
    ] {
        assert_eq!(Language::English.say(&text), english);
        assert_eq!(Language::German.say(&text), german);
    }
}

#[test]
fn the_language_is_the_first_of_the_systems_that_is_spoken() {
    for (tags, language) in [
        (&["de-AT"][..], Language::German),
        (&["de"][..], Language::German),
        (&["DE_de.UTF-8"][..], Language::German),
        (&["fr-FR", "de-CH", "en"][..], Language::German),
        (&["en-GB", "de"][..], Language::English),
        (&["den"][..], Language::English),
        (&["C"][..], Language::English),
        (&[""][..], Language::English),
        (&[][..], Language::English),
    ] {
        assert_eq!(Language::of_system(tags), language, "{tags:?}");
    }
    for language in Language::ALL {
        assert_eq!(language.tag().parse(), Ok(language));
    }
}

#[test]
fn a_refusal_is_said_by_its_code_or_as_it_came() {
    let came = "Sam changed it before you. It has changed since you read it.";
    let english = Language::English.refusal("stale_version", Some("Sam"), came);
    assert_eq!(english, came, "the sentence that came says more than its code");
    let german = Language::German.refusal("stale_version", Some("Sam"), came);
    assert!(german.starts_with("Sam hat es vor dir geändert. Es wurde inzwischen"), "{german}");
    let nobody = Language::German.refusal("stale_version", None, came);
    assert!(nobody.starts_with("Es wurde inzwischen geändert."), "{nobody}");
    let newer = Language::German.refusal("of_a_newer_server", None, "Something new.");
    assert_eq!(newer, "Something new.");
}
