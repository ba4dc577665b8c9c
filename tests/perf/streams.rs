//! What open event streams cost, and how soon they are told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use entente_domain::WorkspaceRole;
use secrecy::ExposeSecret as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Notify,
};

use crate::{line::Line, setting::Setting, site::Site};

/// How long it may take until all have been told, before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many connect at once.
const AT_ONCE: usize = 32;

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(measure(setting))
}

/// Each stream is of a user of their own, and all of them see what happens: no two get the same bytes.
async fn measure(setting: &Setting) -> Result<Vec<Line>> {
    let (many, times) = (setting.size(10_000, 200), setting.size(10, 3));
    let site = Site::on_sqlite().await?;
    let host = site.workspace("Globex").await?;
    let admins = site.users(host, WorkspaceRole::Admin, many).await?;
    let mut guests = Vec::new();
    for number in 0..times {
        guests.push(site.workspace(&format!("Guest {number}")).await?);
    }
    let server = site.serve(setting)?;

    // What the first streams bring about is not theirs.
    let heard = Arc::new(Heard::default());
    let keys: Vec<&str> = admins.iter().map(|admin| admin.key.expose_secret()).collect();
    let (warm, rest) = keys.split_at(many / 10);
    open(&server.address, warm, &heard).await?;
    let before = server.program.memory()?;
    open(&server.address, rest, &heard).await?;
    // What was needed to open them is given back.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = server.program.memory()?;
    let each = (after.saturating_sub(before)) as f64 / rest.len() as f64 / 1_024.0;

    let mut took = Vec::new();
    for (number, guest) in guests.into_iter().enumerate() {
        let begun = Instant::now();
        let request = serde_json::json!({
            "guestWorkspaceId": guest, "partnerEmail": "partner@guest.example",
        });
        let sent = server.post("/partnerships", keys[0]).json(&request).send().await?;
        ensure!(sent.status() == 201, "{sent:?}");
        heard.until((number + 1) * many).await?;
        took.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    let events = heard.events.load(Ordering::SeqCst);
    ensure!(events == times * many, "one event for each stream and request, not {events}");
    let memory = Line::new(format!("An open event stream, of {many}"), "KiB", each);
    let told = Line::of(format!("A request, sent and told to {many} Admins' streams"), "ms", &took);
    Ok(vec![memory.median_at_most(24.0), told.p99_at_most(1_000.0)])
}

/// Counts events.
#[derive(Default)]
struct Heard {
    events: AtomicUsize,
    ended: AtomicUsize,
    more: Notify,
}

impl Heard {
    async fn until(&self, wanted: usize) -> Result<()> {
        let all = async {
            while self.events.load(Ordering::SeqCst) < wanted {
                self.more.notified().await;
            }
        };
        let done = tokio::time::timeout(PATIENCE, all).await;
        let (events, ended) = (&self.events, &self.ended);
        done.with_context(|| format!("{events:?} of {wanted} events came, {ended:?} ended"))
    }
}

/// Opens a stream for each key.
async fn open(address: &str, keys: &[&str], heard: &Arc<Heard>) -> Result<()> {
    for keys in keys.chunks(AT_ONCE) {
        let mut opening = Vec::new();
        for key in keys {
            opening.push(tokio::spawn(connect(address.to_owned(), (*key).to_owned())));
        }
        for stream in opening {
            tokio::spawn(listen(stream.await??, heard.clone()));
        }
    }
    Ok(())
}

async fn connect(address: String, key: String) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(&address).await?;
    let head = format!(
        "GET /api/v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = [0; 1_024];
    let length = stream.read(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer[..length]);
    ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    Ok(stream)
}

async fn listen(mut stream: TcpStream, heard: Arc<Heard>) {
    const EVENT: &[u8] = b"event: change";
    let mut buffer = [0; 8_192];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        let events = buffer[..length].windows(EVENT.len()).filter(|part| *part == EVENT).count();
        if events > 0 {
            heard.events.fetch_add(events, Ordering::SeqCst);
            heard.more.notify_one();
        }
    }
    heard.ended.fetch_add(1, Ordering::SeqCst);
}
