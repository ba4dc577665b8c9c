//! Every mail as it is sent: subject, text and HTML. The names in them are of all sorts.

use std::collections::BTreeMap;

use entente_domain::AccountRole;
use entente_store::Mail;

use super::{
    Reader,
    access::{self, Item},
    partnership::{self, Facts, Kind, Occasion},
};

fn facts() -> Facts {
    Facts {
        partnership: "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e".parse().expect("an id"),
        host: "Globex & Sons".into(),
        guest: "<b>Fjord</b> Studio".into(),
        sender: "מרים כהן".into(),
        actor: "Adam Berg".into(),
        reason: Some("They film our launch.\n<script>alert(1)</script>".into()),
        note: None,
        expires_at: None,
    }
}

fn shown(mail: &Mail) -> String {
    format!("{}\n\n{}\n{}", mail.subject, mail.text_body, mail.html_body)
}

#[test]
fn of_partnerships() {
    let until = "2026-12-09T08:00:00Z".parse().ok();
    let turn = || Facts { expires_at: until, ..facts() };
    let noted = || Facts { note: Some("Not now.\nAsk in May".into()), ..facts() };
    let all = [
        ("approval_asked", Kind::ApprovalAsked(Occasion::First), Reader::Host, turn()),
        ("approval_reminder", Kind::ApprovalAsked(Occasion::Reminder), Reader::Host, turn()),
        ("approval_resent", Kind::ApprovalAsked(Occasion::Again), Reader::Host, turn()),
        ("acceptance_asked", Kind::AcceptanceAsked(Occasion::First), Reader::Guest, turn()),
        ("acceptance_reminder", Kind::AcceptanceAsked(Occasion::Reminder), Reader::Guest, turn()),
        ("acceptance_resent", Kind::AcceptanceAsked(Occasion::Again), Reader::Guest, turn()),
        ("accepted", Kind::Accepted, Reader::Host, facts()),
        ("declined_by_host", Kind::DeclinedByHost, Reader::Host, noted()),
        ("declined_by_guest", Kind::DeclinedByGuest, Reader::Host, noted()),
        ("expired", Kind::Expired, Reader::Host, facts()),
        ("removed_for_host", Kind::Removed, Reader::Host, facts()),
        ("removed_for_guest", Kind::Removed, Reader::Guest, facts()),
    ];
    for (name, kind, reader, facts) in all {
        let mail = partnership::write(kind, reader, &facts, "x@example.com".into());
        let is_told = mail.text_body.contains("film") || mail.html_body.contains("film");
        assert_eq!(is_told, matches!(kind, Kind::ApprovalAsked(_)), "{name}: the reason");
        insta::assert_snapshot!(name, shown(&mail));
    }
}

fn item(number: u32) -> Item {
    Item {
        request: format!("0198c5a2-7f3e-7c41-9d52-00000000000{number}").parse().ok(),
        account: format!("0198c5a2-7f3e-7c41-9d52-0000000000a{number}").parse().expect("an id"),
        application: "Mailchimp".into(),
        label: format!("<i>EMEA</i> {number}"),
        host: "Globex & Sons".into(),
        guest: "Fjord Studio".into(),
        member: "سلمى حداد".into(),
        email: "salma@fjord.example".into(),
        role: AccountRole::Collaborator,
        manager: Some("Marit Solheim".into()),
        message: None,
        by: Some("Ana Lima".into()),
    }
}

fn told(kind: access::Kind, items: Vec<Item>) -> String {
    let parts = BTreeMap::from([(kind, items)]);
    shown(&access::write(&parts, "x@example.com".into()).expect("a mail"))
}

#[test]
fn of_access() {
    use access::Kind;
    let with_message = Item { message: Some("For the launch,\n<b>please</b>".into()), ..item(1) };
    let granted = Item { manager: None, request: None, ..item(1) };
    for (name, kind, one) in [
        ("access_asked", Kind::Asked, with_message),
        ("access_asked_of_admins", Kind::AskedOfAdmins, item(1)),
        ("access_granted_to_the_managers_member", Kind::Granted, item(1)),
        ("access_refused_to_the_managers_member", Kind::Refused, item(1)),
        ("access_given", Kind::Given, item(1)),
        ("access_given_unasked", Kind::Given, granted.clone()),
        ("access_denied", Kind::Denied, item(1)),
        ("account_shared", Kind::Shared, granted.clone()),
        ("access_removed", Kind::Removed, granted),
    ] {
        insta::assert_snapshot!(name, told(kind, vec![one]));
    }
}

#[test]
fn of_access_in_bulk() {
    use access::Kind;
    for (name, kind) in [
        ("bulk_asked", Kind::Asked),
        ("bulk_asked_of_admins", Kind::AskedOfAdmins),
        ("bulk_granted", Kind::Granted),
        ("bulk_refused", Kind::Refused),
        ("bulk_given", Kind::Given),
        ("bulk_denied", Kind::Denied),
        ("bulk_shared", Kind::Shared),
        ("bulk_removed", Kind::Removed),
    ] {
        insta::assert_snapshot!(name, told(kind, vec![item(1), item(2)]));
    }
    let same = Item { account: item(1).account, ..item(2) };
    insta::assert_snapshot!("bulk_asked_for_one_account", told(Kind::Asked, vec![item(1), same]));
    let parts =
        BTreeMap::from([(Kind::Removed, vec![item(1)]), (Kind::Shared, vec![item(2), item(3)])]);
    let mixed = access::write(&parts, "x@example.com".into()).expect("a mail");
    insta::assert_snapshot!("of_all_sorts", shown(&mixed));
}

#[test]
fn of_nothing_there_is_no_mail() {
    let parts = BTreeMap::from([(access::Kind::Given, Vec::new())]);
    assert!(access::write(&parts, "x@example.com".into()).is_none());
    assert!(access::write(&BTreeMap::new(), "x@example.com".into()).is_none());
}
