//! Mails over a real SMTP server: protected, refused, put off, away, and cut off.

use std::{fs, net::TcpListener, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_server::{
    Config, MailTransport, ManualClock, Server, SmtpConfig, SmtpTls, SystemClock,
};
use entente_store::{Mail, MailState, OutboxRow, Store, list_mails, queue_mail};
use entente_testkit::SmtpSink;
use entente_tests::World;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use crate::{call, request, until};

/// An authority of one's own, and a certificate of it for 127.0.0.1.
fn certify(directory: &Path) -> Result<(SmtpConfig, Value)> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate()?;
    let ca_file = directory.join("authority.pem");
    fs::write(&ca_file, authority.self_signed(&authority_key)?.pem())?;
    let key = KeyPair::generate()?;
    let issuer = Issuer::from_params(&authority, &authority_key);
    let certificate =
        CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    let (certificate_file, key_file) = (directory.join("sink.pem"), directory.join("sink.key"));
    fs::write(&certificate_file, certificate.pem())?;
    fs::write(&key_file, key.serialize_pem())?;
    let config = SmtpConfig { ca_file: Some(ca_file), ..plain(0) };
    Ok((config, json!({"certificate": certificate_file, "key": key_file})))
}

fn plain(port: u16) -> SmtpConfig {
    SmtpConfig {
        host: "127.0.0.1".into(),
        port,
        tls: SmtpTls::None,
        ca_file: None,
        login: None,
        from: "entente@globex.example".into(),
        patience: Duration::from_secs(10),
    }
}

async fn world(directory: &Path, smtp: SmtpConfig) -> Result<World> {
    let mail = MailTransport::Smtp(smtp);
    World::start_with(Config { mail, ..Config::local(directory.join("server")) }).await
}

fn with(mut settings: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap_or_default();
    settings.as_object_mut().expect("an object").extend(more);
    settings
}

async fn outbox(store: &Store) -> Vec<OutboxRow> {
    let mut connection = store.read().await.expect("a connection");
    list_mails(&mut connection, MailState::ALL).await.expect("mails")
}

/// The mails, once all of them are in one of some states.
async fn settled(store: &Store, states: &[MailState]) -> Result<Vec<OutboxRow>> {
    until("the outbox", async || {
        let mails = outbox(store).await;
        let all = !mails.is_empty() && mails.iter().all(|mail| states.contains(&mail.state));
        all.then_some(mails)
    })
    .await
}

/// Until a mail was tried in vain.
async fn tried(store: &Store) -> Result<OutboxRow> {
    until("a try", async || outbox(store).await.into_iter().find(|mail| mail.last_error.is_some()))
        .await
}

fn to(kept: &[Value], address: &str) -> usize {
    kept.iter().filter(|mail| mail["to"] == json!([address])).count()
}

/// An Admin's request, so that nobody but the guest's Admin and this address is written to.
async fn request_for(world: &World, address: &str) -> Result<()> {
    let mut body = serde_json::to_value(world.request_to("marit"))?;
    body["partnerEmail"] = json!(address);
    let sent = call(world, "adam", "POST", "/partnerships").json(body).send().await?;
    assert_eq!(sent.status, 201, "{sent:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_go_over_starttls_over_tls_and_with_a_login() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (config, certified) = certify(directory.path())?;
    let login = Some(("entente".to_owned(), "pass word".to_owned().into()));
    let ways = [
        (SmtpTls::StartTls, "starttls", None),
        (SmtpTls::StartTls, "starttls", login.clone()),
        (SmtpTls::Implicit, "implicit", login.clone()),
        (SmtpTls::None, "none", login),
    ];
    for (number, (tls, name, login)) in ways.into_iter().enumerate() {
        let place = directory.path().join(number.to_string());
        fs::create_dir_all(&place)?;
        let mut settings = with(certified.clone(), json!({"tls": name}));
        if login.is_some() {
            settings["login"] = json!(["entente", "pass word"]);
        }
        let sink = SmtpSink::start(&place, settings)?;
        let smtp = SmtpConfig { tls, port: sink.port(), login: login.clone(), ..config.clone() };
        let mut world = world(&place, smtp).await?;
        request(&world, "marit").await?;
        let mails =
            until("two mails", async || Some(sink.kept()).filter(|kept| kept.len() == 2)).await?;
        for mail in &mails {
            assert_eq!(mail["subject"], "Uma Castillo wants to partner with Fjord Studio");
            assert_eq!(mail["from"], "entente@globex.example");
            assert_eq!(mail["tls"], tls != SmtpTls::None);
            assert_eq!(mail["login"], login.as_ref().map_or(Value::Null, |_| json!("entente")));
            let text = mail["text"].as_str().context("its text")?;
            assert!(text.contains("> They film our product launch"), "{text}");
            assert!(mail["html"].as_str().context("its HTML")?.contains("<bdi>Fjord Studio</bdi>"));
        }
        assert_eq!(
            (to(&mails, "adam@globex.example"), to(&mails, "olivia@globex.example")),
            (1, 1)
        );
        let store = world.server.as_ref().context("it runs")?.store().clone();
        settled(&store, &[MailState::Sent]).await?;
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_told_to_a_server_that_cannot_show_who_it_is() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (config, certified) = certify(directory.path())?;
    let strange = |tls| SmtpConfig { ca_file: None, tls, ..config.clone() };
    let login = Some(("entente".to_owned(), "wrong".to_owned().into()));
    for (number, (smtp, settings)) in [
        // A certificate of nobody whom we trust.
        (strange(SmtpTls::StartTls), json!({"tls": "starttls"})),
        (strange(SmtpTls::Implicit), json!({"tls": "implicit"})),
        // One for another name.
        (
            SmtpConfig { host: "localhost".into(), tls: SmtpTls::StartTls, ..config.clone() },
            json!({"tls": "starttls"}),
        ),
        // No protection where it is asked for.
        (SmtpConfig { tls: SmtpTls::StartTls, ..config.clone() }, json!({"tls": "none"})),
        // It shows who it is, and does not know us.
        (
            SmtpConfig { tls: SmtpTls::StartTls, login, ..config.clone() },
            json!({"tls": "starttls", "login": ["entente", "right"]}),
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let place = directory.path().join(number.to_string());
        fs::create_dir_all(&place)?;
        let sink = SmtpSink::start(&place, with(certified.clone(), settings))?;
        let mut world = world(&place, SmtpConfig { port: sink.port(), ..smtp }).await?;
        request(&world, "marit").await?;
        let store = world.server.as_ref().context("it runs")?.store().clone();
        let mail = tried(&store).await?;
        // It waits for whoever runs the server to put that right, and does not fail.
        assert_eq!((mail.state, mail.attempts), (MailState::Waiting, 0), "{number}: {mail:?}");
        assert!(sink.kept().is_empty(), "{number}");
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_wait_while_there_is_no_server() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let world = world(directory.path(), plain(port)).await?;
    request(&world, "marit").await?;
    let store = world.server.as_ref().context("it runs")?.store().clone();
    tried(&store).await?;
    let sink = SmtpSink::start(directory.path(), json!({"port": port}))?;
    settled(&store, &[MailState::Sent]).await?;
    let kept = sink.kept();
    assert_eq!((to(&kept, "adam@globex.example"), to(&kept, "olivia@globex.example")), (1, 1));
    assert_eq!(kept.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_off_comes_later_and_what_is_refused_never() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let sink = SmtpSink::start(directory.path(), json!({}))?;
    let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse()?));
    let config = Config {
        mail: MailTransport::Smtp(plain(sink.port())),
        clock: clock.clone(),
        ..Config::local(directory.path().join("server"))
    };
    let mut world = World::start_with(config).await?;
    let server = world.server.as_ref().context("it runs")?;
    let store = server.store().clone();
    let of = async |address: &str| {
        let all = outbox(&store).await;
        all.into_iter().find(|mail| mail.recipient == address).expect("a mail")
    };

    request_for(&world, "later@fjord-studio.example").await?;
    let put_off = tried(&store).await?;
    assert_eq!(put_off.recipient, "later@fjord-studio.example");
    assert!(put_off.last_error.as_deref().is_some_and(|why| why.contains("Come back later")));
    // Others do not wait for it.
    until("marit's", async || (to(&sink.kept(), "marit@fjord-studio.example") == 1).then_some(()))
        .await?;
    // Not before its time, however often the outbox is looked at.
    clock.pass(Duration::from_secs(59));
    server.changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(of("later@fjord-studio.example").await.state, MailState::Waiting);
    clock.pass(Duration::from_secs(1));
    server.changed();
    settled(&store, &[MailState::Sent]).await?;
    assert_eq!(to(&sink.kept(), "later@fjord-studio.example"), 1);

    let mut body = serde_json::to_value(world.request_to("ines"))?;
    body["partnerEmail"] = json!("never@kestrel-legal.example");
    call(&world, "adam", "POST", "/partnerships").json(body).send().await?;
    let refused = "never@kestrel-legal.example";
    settled(&store, &[MailState::Sent, MailState::Failed]).await?;
    let mail = of(refused).await;
    assert_eq!((mail.state, mail.attempts), (MailState::Failed, 1));
    assert!(mail.last_error.as_deref().is_some_and(|why| why.contains("No such user")), "{mail:?}");
    clock.pass(Duration::from_secs(7 * 24 * 60 * 60));
    server.changed();
    let metrics = reqwest::get(format!("{}/metrics", world.url())).await?.text().await?;
    assert!(metrics.contains("entente_mails{state=\"failed\"} 1"), "{metrics}");
    assert_eq!(of(refused).await.attempts, 1, "it is not tried for ever");
    // Somebody mended the address' server, they think.
    assert!(store.resend_mail(&mail.id, clock_now(&world)).await?);
    assert!(!store.resend_mail(&mail.id, clock_now(&world)).await?, "it is on its way");
    server.changed();
    settled(&store, &[MailState::Sent, MailState::Failed]).await?;
    assert_eq!(to(&sink.kept(), refused), 0);
    world.stop().await?;
    Ok(())
}

fn clock_now(world: &World) -> entente_domain::Timestamp {
    world.config.clock.now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_answer_was_not_heard_is_not_sent_again_by_itself() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let slow = json!({"delay": 3});
    let sink = SmtpSink::start(directory.path(), slow)?;
    let patience = Duration::from_secs(1);
    let world = world(directory.path(), SmtpConfig { patience, ..plain(sink.port()) }).await?;
    request(&world, "marit").await?;
    let store = world.server.as_ref().context("it runs")?.store().clone();
    let mails = settled(&store, &[MailState::Unconfirmed]).await?;
    assert_eq!(mails.len(), 2);
    let metrics = reqwest::get(format!("{}/metrics", world.url())).await?.text().await?;
    assert!(metrics.contains("entente_mails{state=\"unconfirmed\"} 2"), "{metrics}");
    // The server had it all the same, so a second one would be one too many.
    let kept = sink.kept();
    assert_eq!((to(&kept, "adam@globex.example"), to(&kept, "olivia@globex.example")), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_the_mail_that_is_under_way() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let sink = SmtpSink::start(directory.path(), json!({"delay": 1}))?;
    let mut world = world(directory.path(), plain(sink.port())).await?;
    request(&world, "marit").await?;
    until("one under way", async || (!sink.kept().is_empty()).then_some(())).await?;
    world.stop().await?;
    let kept = sink.kept();
    assert_eq!(kept.len(), 1, "the other one is left for the next start");
    let store = Store::open(&world.config.database_url()).await?;
    let states: Vec<MailState> = outbox(&store).await.iter().map(|mail| mail.state).collect();
    assert_eq!(states.iter().filter(|state| **state == MailState::Sent).count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == MailState::Waiting).count(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_over_one_postgresql_send_each_mail_once() -> Result<()> {
    const MAILS: usize = 150;
    let directory = tempfile::tempdir()?;
    let database = entente_testkit::database()?;
    let sink = SmtpSink::start(directory.path(), json!({}))?;
    let config = |name: &str| Config {
        database: Some(database.url()),
        secret_file: Some(directory.path().join("secret.key")),
        vault_file: Some(directory.path().join("vault.keys")),
        mail: MailTransport::Smtp(plain(sink.port())),
        ..Config::local(directory.path().join(name))
    };
    let store = Store::open(&database.url()).await?;
    let now = entente_server::Clock::now(&SystemClock);
    let mut write = store.write().await?;
    for number in 0..MAILS {
        let mail = Mail {
            recipient: format!("person-{number}@example.com"),
            subject: "Hello".into(),
            text_body: "Hello\n".into(),
            html_body: "<p>Hello</p>".into(),
        };
        queue_mail(write.connection(), "test/1", &mail, now).await?;
    }
    write.commit().await?;
    let mut servers = Vec::new();
    for name in ["one", "two", "three"] {
        servers.push(Server::start(config(name)).await?);
    }
    until("all of them", async || (sink.kept().len() >= MAILS).then_some(())).await?;
    settled(&store, &[MailState::Sent]).await?;
    let mut all: Vec<String> = sink.kept().iter().map(|mail| mail["to"][0].to_string()).collect();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!((count, all.len()), (MAILS, MAILS));
    for server in servers {
        server.stop().await;
    }
    store.close().await;
    Ok(())
}
