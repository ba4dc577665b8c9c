//! What the tray shows.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{HOUR, access, now, pending};
use entente_attention::{
    Entry, Kind, Language, Standing, TrayFacts, TrayIcon, TrayModel, TrayProfile, tray,
};

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
            language: Language::English,
        };
        let TrayModel { icon: found, text: words, count, .. } = tray(&facts, now());
        assert_eq!((found, words.as_str()), (icon, text));
        assert_eq!(count as u128, waiting);
    }
}

fn full(language: Language, paused: bool) -> TrayModel {
    let facts = TrayFacts {
        profiles: [Standing::Online, Standing::Offline, Standing::SignedOut].map(profile).into(),
        pending: (0..10)
            .map(|n| match n {
                1 => pending(n, Kind::Acceptance),
                2 => pending(n, access()),
                _ => pending(n, Kind::Approval),
            })
            .collect(),
        paused_until: paused.then(|| now().after(HOUR)),
        language,
    };
    tray(&facts, now())
}

/// A menu as people read it.
fn read(entries: &[Entry], indent: &str) -> String {
    let mut said = String::new();
    for entry in entries {
        match entry {
            Entry::Text(text) => said.push_str(&format!("{indent}{text}\n")),
            Entry::Click { command, label, checked } => {
                let mark = if *checked { "x" } else { " " };
                said.push_str(&format!("{indent}[{mark}] {label} ({command})\n"));
            }
            Entry::Menu { label, entries } => {
                said.push_str(&format!("{indent}{label} >\n"));
                said.push_str(&read(entries, &format!("{indent}    ")));
            }
            Entry::Separator => said.push_str(&format!("{indent}---\n")),
        }
    }
    said
}

#[test]
fn the_trays_menu() {
    insta::assert_snapshot!(read(&full(Language::English, false).entries, ""));
}

#[test]
fn the_trays_menu_in_german() {
    insta::assert_snapshot!(read(&full(Language::German, false).entries, ""));
    let paused = full(Language::German, true);
    assert_eq!(paused.text, "10 Anfragen warten auf dich, Mitteilungen pausiert");
    assert!(read(&paused.entries, "").contains("Mitteilungen wieder zeigen (resume)"));
}
