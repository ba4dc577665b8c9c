//! The desktop's client core against a real server: in step, offline and back, cut off, blocked.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use entente_api_client::{Client, ClientOptions, ExtraCertificates};
use entente_cache::{Cache, Intent, IntentAction, Journal, Keeping, ListQuery, PartnershipRecord};
use entente_domain::{Action, PartnershipId, StateName};
use entente_server::{Clock as _, SystemClock};
use entente_sync::{Applying, Connectivity, Decision, Event, Session, SessionConfig};
use entente_tests::{Ground, World, on_both_engines};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use crate::{call, request, until};

on_both_engines![
    three_desks_see_each_step_as_it_happens,
    without_a_server_the_list_stays_and_what_was_missed_comes_after,
    where_streams_are_blocked_changes_are_asked_for,
    an_answer_that_was_lost_is_found_and_nothing_is_done_twice,
    a_decision_recorded_before_a_kill_is_settled_at_the_next_start,
    the_admin_who_comes_second_learns_who_was_first,
    a_user_who_was_removed_keeps_nothing_on_their_disk,
    a_demotion_takes_from_the_disk_what_is_not_theirs_any_more,
];

/// Somebody's desktop without its window.
pub struct Desk {
    pub session: Session,
    told: UnboundedReceiver<Event>,
    journal: Journal,
}

impl Desk {
    async fn open(world: &World, first: &str, directory: &Path) -> Result<Self> {
        Self::open_at(world, first, directory, world.url()).await
    }

    pub async fn open_at(
        world: &World,
        first: &str,
        directory: &Path,
        url: String,
    ) -> Result<Self> {
        Self::open_trusting(world, first, directory, url, ExtraCertificates::default()).await
    }

    /// The same, with somebody who vouches for servers beside those whom the system trusts.
    pub async fn open_trusting(
        world: &World,
        first: &str,
        directory: &Path,
        url: String,
        certificates: ExtraCertificates,
    ) -> Result<Self> {
        let options = ClientOptions {
            connect: Duration::from_secs(2),
            answer: Duration::from_secs(5),
            certificates,
            ..ClientOptions::default()
        };
        let client = Client::new(url.parse()?, world.person(first).key.clone(), options)?;
        let (cache, _) =
            Cache::open(&directory.join(first).join("cache.db"), &Keeping::Plain).await?;
        let (journal, _) =
            Journal::open(&directory.join(first).join("journal.db"), SystemClock.now()).await?;
        let config =
            SessionConfig { profile: first.into(), client, cache, journal: journal.clone() };
        let (session, told) = Session::start(config);
        Ok(Self { session, told, journal })
    }

    pub async fn until(&self, what: &str, is: impl Fn(&Connectivity) -> bool) -> Result<()> {
        let mut status = self.session.status();
        let seen = tokio::time::timeout(Duration::from_secs(20), status.wait_for(&is)).await;
        seen.with_context(|| format!("{what}: {:?}", self.session.status().borrow()))??;
        Ok(())
    }

    pub async fn live(&self) -> Result<()> {
        self.until("it gets live", |status| *status == Connectivity::Live).await
    }

    async fn state(&self, id: PartnershipId) -> Option<StateName> {
        self.session.cache().get(id).await.ok()?.map(|record| record.state)
    }

    pub async fn sees(&self, id: PartnershipId, state: StateName) -> Result<PartnershipRecord> {
        until(&format!("{} in the cache", state.as_str()), async || {
            let found = self.session.cache().get(id).await.ok()??;
            (found.state == state).then_some(found)
        })
        .await
    }

    pub fn decision(record: &PartnershipRecord, action: Action) -> Decision {
        Decision {
            partnership: record.id,
            version: record.version,
            action,
            note: None,
            agreed_terms: None,
        }
    }

    /// Ends it like a kill would leave it: nothing is told to anybody.
    pub async fn close(self) {
        let cache = self.session.cache().clone();
        self.session.stop().await;
        cache.close().await;
        self.journal.close().await;
    }
}

async fn three_desks_see_each_step_as_it_happens(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let uma = Desk::open(&world, "uma", ground.path()).await?;
    let mut adam = Desk::open(&world, "adam", ground.path()).await?;
    let marit = Desk::open(&world, "marit", ground.path()).await?;
    for desk in [&uma, &adam, &marit] {
        desk.live().await?;
    }
    let sent = uma.session.request(world.request_to("marit")).await?;
    let seen = adam.sees(sent.id, StateName::AwaitingApproval).await?;
    assert!(seen.awaits_me());
    assert_eq!(marit.state(sent.id).await, None, "the guest sees nothing yet");
    let told = loop {
        if let Event::Applied { changes, applying } = adam.told.recv().await.context("told")?
            && changes.iter().any(|change| {
                change.after.as_ref().is_some_and(|after| after.as_partnership().is_some())
            })
        {
            break applying;
        }
    };
    assert_eq!(told, Applying::Live);

    adam.session.decide(Desk::decision(&seen, Action::Approve)).await?;
    let seen = marit.sees(sent.id, StateName::AwaitingAcceptance).await?;
    assert_eq!(seen.reason, None, "the reason is not for the guest's disk either");
    let terms = marit.session.terms().await.map_err(|problem| anyhow::anyhow!(problem.message))?;
    let accept =
        Decision { agreed_terms: Some(terms.version), ..Desk::decision(&seen, Action::Accept) };
    marit.session.decide(accept).await?;
    for desk in [&uma, &adam, &marit] {
        desk.sees(sent.id, StateName::Active).await?;
        assert_eq!(desk.journal.unsettled("uma").await?, []);
    }
    Ok(())
}

async fn without_a_server_the_list_stays_and_what_was_missed_comes_after(
    ground: Ground,
) -> Result<()> {
    let mut world = ground.world().await?;
    let id: PartnershipId = request(&world, "marit").await?.parse()?;
    let desk = Desk::open(&world, "adam", ground.path()).await?;
    desk.live().await?;
    let seen = desk.sees(id, StateName::AwaitingApproval).await?;
    let address = world.server.as_ref().context("it runs")?.address();
    world.stop().await?;
    desk.until("it goes offline", |status| matches!(status, Connectivity::Offline { .. })).await?;
    let list = desk.session.cache().list(&ListQuery { limit: 9, ..ListQuery::default() }).await?;
    assert_eq!(list.total, 1);
    assert!(desk.session.cache().as_of().await?.is_some());
    let refused = desk.session.decide(Desk::decision(&seen, Action::Approve)).await;
    assert_eq!(refused.expect_err("nothing is sent offline").code, "offline");
    assert_eq!(desk.journal.unsettled("adam").await?, []);

    world.restart(address).await?;
    let path = format!("/partnerships/{id}/approve");
    call(&world, "olivia", "POST", &path).version(1).send().await?;
    desk.session.nudge();
    desk.live().await?;
    desk.sees(id, StateName::AwaitingAcceptance).await?;

    // A start without a server shows the same, at once.
    desk.close().await;
    world.stop().await?;
    let world_url = format!("http://{address}");
    let desk = Desk::open_at(&world, "adam", ground.path(), world_url).await?;
    assert_eq!(desk.state(id).await, Some(StateName::AwaitingAcceptance));
    desk.until("it is offline", |status| matches!(status, Connectivity::Offline { .. })).await
}

/// A proxy in front of the server that does what networks do.
struct Proxy {
    address: SocketAddr,
    /// Refuses event streams, as some proxies do.
    blocks_streams: Arc<AtomicBool>,
    /// Passes so many writes on and drops their answers.
    swallows_answers: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Proxy {
    async fn start(world: &World) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let proxy = Self {
            address: listener.local_addr()?,
            blocks_streams: Arc::default(),
            swallows_answers: Arc::default(),
            writes: Arc::default(),
        };
        let server = world.server.as_ref().context("it runs")?.address();
        let blocks = proxy.blocks_streams.clone();
        let swallows = proxy.swallows_answers.clone();
        let writes = proxy.writes.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (blocks, swallows, writes) = (blocks.clone(), swallows.clone(), writes.clone());
                tokio::spawn(async move {
                    let _ = pass(stream, server, &blocks, &swallows, &writes).await;
                });
            }
        });
        Ok(proxy)
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One request a connection: reads it whole, passes it on, and copies the answer until its end.
async fn pass(
    mut client: TcpStream,
    server: SocketAddr,
    blocks: &AtomicBool,
    swallows: &AtomicUsize,
    writes: &AtomicUsize,
) -> Result<()> {
    let mut request = Vec::new();
    let head = loop {
        let mut buffer = [0; 4_096];
        let read = client.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..read]);
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
    };
    let text = String::from_utf8_lossy(&request[..head]).to_lowercase();
    let length: usize = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(Ok(0), str::parse)?;
    while request.len() < head + 4 + length {
        let mut buffer = [0; 4_096];
        let read = client.read(&mut buffer).await?;
        request.extend_from_slice(&buffer[..read]);
    }
    if text.contains("/api/v1/events") && blocks.load(Ordering::SeqCst) {
        let page = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        return Ok(client.write_all(page.as_bytes()).await?);
    }
    let mut upstream = TcpStream::connect(server).await?;
    // One request a connection keeps this proxy simple.
    let start = request.windows(2).position(|two| two == b"\r\n").unwrap_or(0);
    upstream.write_all(&request[..start]).await?;
    upstream.write_all(b"\r\nConnection: close").await?;
    upstream.write_all(&request[start..]).await?;
    if text.starts_with("post") {
        writes.fetch_add(1, Ordering::SeqCst);
        let left = swallows.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left.is_ok() {
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await?;
            return Ok(());
        }
    }
    tokio::io::copy(&mut upstream, &mut client).await?;
    Ok(())
}

async fn where_streams_are_blocked_changes_are_asked_for(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let proxy = Proxy::start(&world).await?;
    proxy.blocks_streams.store(true, Ordering::SeqCst);
    let desk = Desk::open_at(&world, "adam", ground.path(), proxy.url()).await?;
    desk.until("it polls", |status| *status == Connectivity::Polling).await?;
    let id: PartnershipId = request(&world, "marit").await?.parse()?;
    let seen = desk.sees(id, StateName::AwaitingApproval).await?;
    desk.session.decide(Desk::decision(&seen, Action::Approve)).await?;
    Ok(())
}

async fn an_answer_that_was_lost_is_found_and_nothing_is_done_twice(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let proxy = Proxy::start(&world).await?;
    let mut desk = Desk::open_at(&world, "uma", ground.path(), proxy.url()).await?;
    desk.live().await?;
    proxy.swallows_answers.store(1, Ordering::SeqCst);
    let lost = desk.session.request(world.request_to("marit")).await;
    assert_eq!(lost.expect_err("the answer is lost").code, "outcome_unknown");
    let settled = loop {
        let told = desk.told.recv().await.context("told")?;
        if let Event::Settled { about, intent, refused } = told {
            break (about, intent, refused);
        }
    };
    assert_eq!(settled.2, None, "{settled:?}");
    assert_eq!(settled.1.action, IntentAction::Request);
    let id: PartnershipId = settled.0.context("which")?.id.parse()?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    assert_eq!(desk.journal.unsettled("uma").await?, []);
    assert_eq!(proxy.writes.load(Ordering::SeqCst), 2, "sent twice, with one key");
    let list = call(&world, "adam", "GET", "/partnerships").send().await?;
    assert_eq!(list.body["meta"]["page"]["total"], 1, "and stored once");
    Ok(())
}

async fn a_decision_recorded_before_a_kill_is_settled_at_the_next_start(
    ground: Ground,
) -> Result<()> {
    let world = ground.world().await?;
    let ids = [request(&world, "marit").await?, request(&world, "ines").await?];
    let [sent, unsent] = [ids[0].parse::<PartnershipId>()?, ids[1].parse::<PartnershipId>()?];
    let path = ground.path().join("adam/journal.db");
    std::fs::create_dir_all(ground.path().join("adam"))?;
    let (journal, _) = Journal::open(&path, SystemClock.now()).await?;
    let intent = |id: &str, partnership| -> Intent {
        Intent {
            id: id.into(),
            profile: "adam".into(),
            action: IntentAction::Act { action: Action::Approve, partnership, version: 1 },
            body: json!({}),
            about: "Somebody".into(),
            at: SystemClock.now(),
        }
    };
    // Two kills: one after the server answered and before that was noted, one before it was sent.
    for (id, partnership) in [("k1", sent), ("k2", unsent)] {
        journal.record_intent(&intent(id, partnership)).await?;
    }
    let body = json!({});
    world.client("adam").act(Action::Approve, sent, 1, &body, "k1").await?;
    journal.close().await;

    let desk = Desk::open(&world, "adam", ground.path()).await?;
    desk.live().await?;
    for id in [sent, unsent] {
        let found = desk.sees(id, StateName::AwaitingAcceptance).await?;
        assert_eq!(found.history.len(), 2, "requested, and approved once");
    }
    assert_eq!(desk.journal.unsettled("adam").await?, []);
    Ok(())
}

async fn the_admin_who_comes_second_learns_who_was_first(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let id: PartnershipId = request(&world, "marit").await?.parse()?;
    let desk = Desk::open(&world, "adam", ground.path()).await?;
    desk.live().await?;
    let seen = desk.sees(id, StateName::AwaitingApproval).await?;

    // A reminder changes the version and not what was decided on.
    call(&world, "uma", "POST", &format!("/partnerships/{id}/remind")).send().await?;
    let approved = desk.session.decide(Desk::decision(&seen, Action::Approve)).await?;
    assert_eq!(approved.state, StateName::AwaitingAcceptance);

    let other: PartnershipId = request(&world, "ines").await?.parse()?;
    let seen = desk.sees(other, StateName::AwaitingApproval).await?;
    let path = format!("/partnerships/{other}/decline");
    call(&world, "olivia", "POST", &path).version(1).send().await?;
    let late = desk.session.decide(Desk::decision(&seen, Action::Approve)).await;
    let late = late.expect_err("Olivia was first");
    assert!(late.message.starts_with("Olivia Okafor changed it before you."), "{late}");
    desk.sees(other, StateName::DeclinedByHost).await?;
    Ok(())
}

async fn a_user_who_was_removed_keeps_nothing_on_their_disk(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let id: PartnershipId = request(&world, "marit").await?.parse()?;
    let mut desk = Desk::open(&world, "olivia", ground.path()).await?;
    desk.live().await?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    let server = world.server.as_ref().context("it runs")?;
    let email = &world.person("olivia").email;
    let user = entente_store::user_by_email(&mut *server.store().read().await?, email).await?;
    entente_server::disable_user(server.store(), &user[0], server.now()).await?;
    server.changed();
    desk.until("signed out", |status| matches!(status, Connectivity::SignedOut { .. })).await?;
    while desk.told.recv().await.context("told")? != Event::Purged {}
    assert_eq!(desk.state(id).await, None);
    assert_eq!(desk.session.cache().cursor().await?, None);
    Ok(())
}

async fn a_demotion_takes_from_the_disk_what_is_not_theirs_any_more(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let id: PartnershipId = request(&world, "marit").await?.parse()?;
    let desk = Desk::open(&world, "olivia", ground.path()).await?;
    desk.live().await?;
    desk.sees(id, StateName::AwaitingApproval).await?;
    let server = world.server.as_ref().context("it runs")?;
    let email = &world.person("olivia").email;
    let user = entente_store::user_by_email(&mut *server.store().read().await?, email).await?;
    let role = entente_domain::WorkspaceRole::User;
    entente_server::set_role(server.store(), &user[0], role, server.now()).await?;
    server.changed();
    until("an empty cache", async || desk.state(id).await.is_none().then_some(())).await?;
    desk.live().await
}
