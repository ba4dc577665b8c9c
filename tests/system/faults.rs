//! What goes wrong on the wire: the client says what it is, tries again with pauses, and is back by
//! itself when it is over.

use std::{fs, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_api_client::ExtraCertificates;
use entente_domain::{Action, StateName};
use entente_server::{Clock as _, Config, ManualClock, SystemClock, TlsFiles};
use entente_store::Engine;
use entente_sync::Connectivity;
use entente_tests::{Authority, Fault, FaultProxy, Ground, World};
use rcgen::{CertificateParams, KeyPair};

use crate::{clients::Desk, request};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const JSON: &str = "Content-Type: application/json\r\n";
const HTML: &str = "Content-Type: text/html\r\n";

/// What is wrong, the word for it, and what the person reads.
fn faults() -> Vec<(Fault, &'static str, &'static str)> {
    let limited = r#"{"errors":[{"code":"rate_limited","title":"Too many requests",
        "detail":"Too many requests. Come back in a second.","status":429,"meta":{}}]}"#;
    let fault = r#"{"errors":[{"code":"internal","title":"Something went wrong here",
        "detail":"Something went wrong here.","status":500,"meta":{}}]}"#;
    let soon = "Retry-After: 1\r\n";
    vec![
        (Fault::Refused, "unreachable", "The server cannot be reached."),
        (Fault::Silent, "timed_out", "takes too long to answer"),
        (Fault::Slow, "timed_out", "takes too long to answer"),
        (Fault::Reset(1), "interrupted", "broke off"),
        (Fault::Reset(50), "interrupted", "broke off"),
        (Fault::Cut(1), "interrupted", "broke off"),
        (Fault::Cut(100_000), "interrupted", "broke off"),
        (
            Fault::answer("200 OK", JSON, "{\"data\": {\"id\": \"0199"),
            "not_entente",
            "it is not an Entente server",
        ),
        (Fault::answer("200 OK", JSON, "{\"data\": 7}"), "not_entente", "not an Entente server"),
        (Fault::answer("200 OK", HTML, "<p>Log in to the Wi-Fi"), "not_entente", "not an Entente"),
        (
            Fault::answer("429 Too Many Requests", &format!("{JSON}{soon}"), limited),
            "rate_limited",
            "Come back in a second.",
        ),
        (Fault::answer("429 Too Many Requests", &format!("{HTML}{soon}"), ""), "busy", "just now"),
        (Fault::answer("500 Oh", JSON, fault), "server_fault", "The server has a fault"),
        (Fault::answer("502 Bad Gateway", HTML, "<p>"), "server_fault", "The server has a fault."),
        (Fault::answer("503 Busy", &format!("{HTML}{soon}"), ""), "busy", "cannot answer just now"),
        (
            Fault::answer("307 Elsewhere", "Location: https://elsewhere.example/x\r\n", ""),
            "redirected",
            "https://elsewhere.example",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_on_the_wire_is_told_apart_and_got_over() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let world = ground.world().await?;
    let proxy = FaultProxy::start(&world).await?;
    let desk = Desk::open_at(&world, "adam", ground.path(), proxy.url()).await?;
    desk.live().await?;
    let mut guests = ["marit", "ines", "grace"].into_iter();
    for (fault, code, sentence) in faults() {
        proxy.set(fault.clone());
        desk.until(&format!("{fault:?} is {code}"), |status| match status {
            Connectivity::Offline { problem, .. } => {
                problem.code == code && problem.message.contains(sentence)
            }
            _ => false,
        })
        .await?;
        // It tries again, never at once.
        tokio::time::sleep(Duration::from_millis(700)).await;
        let asked = proxy.asked();
        let pauses: Vec<_> = asked.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(
            pauses.iter().all(|pause| *pause >= Duration::from_millis(200)),
            "{fault:?}: {pauses:?}"
        );
        let missed = match guests.next() {
            Some(guest) => Some(request(&world, guest).await?),
            None => None,
        };
        proxy.set(Fault::None);
        // It may ask for changes for a while where streams ended at once, again and again.
        let back = desk.until("it is back", Connectivity::is_online).await;
        back.with_context(|| format!("after {fault:?}"))?;
        if let Some(missed) = missed {
            desk.sees(missed.parse()?, StateName::AwaitingApproval).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_trusts_is_told_and_gets_no_key() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.self_signed(&key)?;
    let files = TlsFiles {
        certificate: ground.path().join("certificate.pem"),
        key: ground.path().join("key.pem"),
    };
    fs::write(&files.certificate, certificate.pem())?;
    fs::write(&files.key, key.serialize_pem())?;
    let world = World::start_with(Config { tls: Some(files), ..ground.config() }).await?;
    let server = world.server.as_ref().context("it runs")?.address();
    let proxy = FaultProxy::before(server).await?;
    let url = format!("https://{server}");
    let desk = Desk::open_at(&world, "adam", ground.path(), url).await?;
    desk.until("the certificate is refused", |status| match status {
        Connectivity::Offline { problem, .. } => {
            problem.code == "untrusted" && problem.message.contains("certificate is not trusted")
        }
        _ => false,
    })
    .await?;
    // Nor is a server taken for encrypted that is not.
    let plain = Desk::open_at(&world, "uma", ground.path(), proxy.url()).await?;
    plain.until("no plain server", |status| matches!(status, Connectivity::Offline { .. })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_may_vouch_for_its_servers_itself() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let authority = Authority::new(ground.path())?;
    let tls = Some(authority.server);
    let world = World::start_with(Config { tls, ..ground.config() }).await?;
    let url = format!("https://{}", world.server.as_ref().context("it runs")?.address());
    let desk = Desk::open_at(&world, "uma", ground.path(), url.clone()).await?;
    desk.until("nobody knows who vouches for it", |status| match status {
        Connectivity::Offline { problem, .. } => {
            problem.code == "untrusted" && problem.message.contains("certificate authority in the")
        }
        _ => false,
    })
    .await?;
    let known = ExtraCertificates::from_pem(&fs::read(authority.file)?)?;
    let desk = Desk::open_trusting(&world, "adam", ground.path(), url, known).await?;
    desk.live().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_by_a_day_changes_nothing() -> Result<()> {
    for ahead in [true, false] {
        let ground = Ground::new(Engine::Sqlite)?;
        let now = SystemClock.now();
        let there = if ahead { now.after(DAY) } else { now.before(DAY) };
        let clock = Arc::new(ManualClock::at(there));
        let world = World::start_with(Config { clock, ..ground.config() }).await?;
        let desk = Desk::open_at(&world, "adam", ground.path(), world.url()).await?;
        desk.live().await?;
        let id = request(&world, "marit").await?.parse()?;
        let seen = desk.sees(id, StateName::AwaitingApproval).await?;
        let decided = desk.session.decide(Desk::decision(&seen, Action::Approve)).await?;
        assert_eq!(decided.state, StateName::AwaitingAcceptance, "ahead: {ahead}");
        desk.sees(id, StateName::AwaitingAcceptance).await?;
        let as_of = desk.session.cache().as_of().await?.context("in step")?;
        assert!(as_of >= now && as_of < now.after(DAY), "as of a moment of this computer's");
        desk.close().await;
    }
    Ok(())
}
