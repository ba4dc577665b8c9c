//! Mails of a program that is killed while it sends them.

use std::{collections::BTreeSet, path::Path, thread, time::Duration};

use entente_domain::Timestamp;
use entente_store::{Mail, MailState, OutboxRow, Store, list_mails, queue_mail};
use entente_testkit::SmtpSink;
use rand::RngExt as _;
use serde_json::json;

use super::{Running, lines, once};

const MAILS: usize = 300;
const KILLS: usize = 20;

async fn outbox(store: &Store) -> Vec<OutboxRow> {
    let mut connection = store.read().await.expect("a connection");
    list_mails(&mut connection, MailState::ALL).await.expect("mails")
}

async fn fill(store: &Store) {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a moment");
    let mut write = store.write().await.expect("a transaction");
    for number in 0..MAILS {
        let mail = Mail {
            recipient: format!("person-{number}@example.com"),
            subject: "Hello".into(),
            text_body: "Hello\n".into(),
            html_body: "<p>Hello</p>".into(),
        };
        queue_mail(write.connection(), "test/1", &mail, now).await.expect("queued");
    }
    write.commit().await.expect("committed");
}

fn serve(data: &Path, port: u16) -> Running {
    let (data, port) = (data.to_string_lossy().into_owned(), port.to_string());
    let arguments = [
        &["serve", "--listen", "127.0.0.1:0", "--data", &data][..],
        &["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-tls", "none"],
        // What was under way at a kill is given up after three times this.
        &["--smtp-patience", "5", "--mail-from", "entente@globex.example"],
    ];
    Running::start(&arguments.concat())
}

#[expect(clippy::print_stderr, reason = "the figures are for whoever runs it")]
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_sends_it_sends_nothing_twice_and_tells_what_is_not_known() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    lines(&once(&["workspace", "create", "--name", "Globex"], &data));
    let url = format!("sqlite://{}", data.join("entente.db").display());
    let store = Store::open(&url).await.expect("the program's database");
    fill(&store).await;
    // Long enough to be hit between the mail and the answer to it.
    let sink = SmtpSink::start(directory.path(), json!({"delay": 0.02})).expect("an SMTP server");

    let mut kills = 0;
    while kills < KILLS && sink.kept().len() < MAILS {
        let before = sink.kept().len();
        // Dropped, it is killed.
        let running = serve(&data, sink.port());
        for _ in 0..3_000 {
            if sink.kept().len() > before {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        assert!(sink.kept().len() > before, "it does not send: {}", running.log());
        thread::sleep(Duration::from_millis(rand::rng().random_range(0..200)));
        drop(running);
        kills += 1;
    }
    assert!(kills > KILLS / 2, "too few mails for so many kills");

    let last = serve(&data, sink.port());
    let mut mails = outbox(&store).await;
    for _ in 0..1_200 {
        let open = |mail: &OutboxRow| matches!(mail.state, MailState::Waiting | MailState::Sending);
        if !mails.iter().any(open) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        mails = outbox(&store).await;
    }
    let kept = sink.kept();
    let texts = |name: &str| kept.iter().map(|mail| mail[name].to_string()).collect::<Vec<_>>();
    let ids: BTreeSet<String> = texts("id").into_iter().collect();
    let recipients: BTreeSet<String> = texts("to").into_iter().collect();
    assert_eq!(ids.len(), kept.len(), "a mail came twice");
    assert_eq!(recipients.len(), kept.len(), "somebody was told twice");

    let mut unconfirmed = Vec::new();
    for mail in &mails {
        let came = recipients.contains(&json!([mail.recipient]).to_string());
        match mail.state {
            MailState::Sent => assert!(came, "{mail:?}"),
            MailState::Unconfirmed => unconfirmed.push(mail),
            MailState::Waiting | MailState::Sending | MailState::Failed => panic!("{mail:?}"),
        }
    }
    assert_eq!(mails.len(), MAILS);
    assert!(unconfirmed.len() <= kills, "{} of {kills} kills", unconfirmed.len());
    eprintln!("{} kills, {} mails came, {} unconfirmed", kills, kept.len(), unconfirmed.len());
    let log = last.log();
    assert!(
        unconfirmed.is_empty() || log.contains("whether a mail was sent is not known"),
        "{log}"
    );
    last.terminate();

    // Whoever runs the server sees them, and sends one again.
    let listed = lines(&once(&["mail", "list"], &data));
    assert_eq!(listed.len(), unconfirmed.len());
    let Some(one) = unconfirmed.first() else { return };
    assert!(listed.iter().any(|line| line.contains(&one.id) && line.contains(&one.recipient)));
    let resend = ["mail", "resend", "--id", &one.id];
    assert_eq!(lines(&once(&resend, &data)), ["1 queued"]);
    assert!(!once(&resend, &data).status.success(), "it waits already");
    assert_eq!(lines(&once(&["mail", "list"], &data)).len(), unconfirmed.len() - 1);
}
