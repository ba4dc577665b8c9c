//! What is read from texts: buttons and entries by their ids, and links.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{partnership, request};
use entente_attention::{Command, Item, Verb, read_link};
use entente_domain::AccountId;
use proptest::prelude::*;
use uuid::Uuid;

#[test]
fn commands_are_read_as_they_are_written() {
    let item = |verb| Command::Item { verb, profile: "p1".into(), item: partnership(5) };
    let ask = |verb| Command::Item { verb, profile: "p1".into(), item: request(5) };
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
        ask(Verb::Accept),
        Command::Inbox,
    ] {
        assert_eq!(command.to_string().parse(), Ok(command));
    }
    for text in [
        "",
        "approve/p1",
        "approve/p1/x",
        "approve/p1/partnerships",
        "approve/p1/partnerships/x",
        "remove/p1/partnerships/00000000-0000-0000-0000-000000000005",
        "open/",
        "profile",
        "\u{0}",
    ] {
        assert_eq!(text.parse::<Command>(), Err(()), "{text:?}");
    }
}

const ID: &str = "01990000-0000-7000-8000-00000000abcd";

#[test]
fn links_of_mails_name_items() {
    let partnership = Item::Partnership(ID.parse().expect("an id"));
    let account = Item::Account(AccountId::new(ID.parse::<Uuid>().expect("an id")));
    for (link, item) in [
        (format!("entente://partnerships/{ID}"), partnership),
        (format!("entente://partnerships/{ID}/"), partnership),
        (format!("ENTENTE://partnerships/{ID}"), partnership),
        (format!("entente://accounts/{ID}"), account),
        (
            format!("entente://access-requests/{ID}"),
            Item::AccessRequest(ID.parse().expect("an id")),
        ),
    ] {
        assert_eq!(read_link(&link), Some(item), "{link}");
    }
}

#[test]
fn nothing_else_is_a_link() {
    let upper = ID.to_uppercase();
    for link in [
        String::new(),
        "entente://".into(),
        "entente:".into(),
        format!("entente:partnerships/{ID}"),
        format!("entente:///partnerships/{ID}"),
        format!("https://partnerships/{ID}"),
        format!("xentente://partnerships/{ID}"),
        format!(" entente://partnerships/{ID}"),
        format!("entente://partnerships/{ID} "),
        format!("entente://partnerships/{ID}\n"),
        format!("entente://partnerships/{ID}\0"),
        format!("entente://partnerships/{ID}//"),
        format!("entente://partnerships//{ID}"),
        format!("entente://partnerships/{ID}/approve"),
        format!("entente://partnerships/{ID}?action=approve"),
        format!("entente://partnerships/{ID}#x"),
        format!("entente://approve/{ID}"),
        format!("entente://Partnerships/{ID}"),
        format!("entente://user@partnerships/{ID}"),
        format!("entente://partnerships:80/{ID}"),
        format!("entente://partnerships/../accounts/{ID}"),
        format!("entente://partnerships/%30{}", &ID[1..]),
        format!("entente://partnerships/{upper}"),
        format!("entente://partnerships/{}", ID.replace('-', "")),
        format!("entente://partnerships/{{{ID}}}"),
        format!("entente://partnerships/{ID}\u{202e}"),
        format!("entente://partnerships/{}", &ID[..35]),
        format!("entente://partnerships/{}", "9".repeat(10_000)),
        "--demo".into(),
        "file:///etc/passwd".into(),
    ] {
        assert_eq!(read_link(&link), None, "{link:?}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_as_a_link_is_written_the_same(text in "(entente://)?(partnerships|accounts)?/?.{0,40}") {
        if let Some(item) = read_link(&text) {
            let written = format!("entente://{item}");
            prop_assert_eq!(text.trim_end_matches('/'), written);
        }
    }
}
