//! What one change costs with many partnerships, beside what it costs with few: from the request that
//! makes it, through the server and its event stream, into the cache of somebody else's desktop.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use entente_api_client::{Client, ClientOptions};
use entente_cache::{Cache, CacheKey, Journal, Keeping};
use entente_server::{Clock as _, SystemClock};
use entente_sync::{Connectivity, Event, Session, SessionConfig};
use reqwest::{Method, Url};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use crate::{
    line::{Line, median},
    program::Program,
    setting::Setting,
};

/// How long a first read of everything may take.
const PATIENCE: Duration = Duration::from_secs(3_600);
/// On how many partnerships something is changed.
const PARTNERSHIPS: usize = 50;

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(measure(setting))
}

async fn measure(setting: &Setting) -> Result<Vec<Line>> {
    let (few, many) = setting.size((1_000, 1_000_000), (200, 1_000));
    let small = Costs::of(setting, few).await?;
    let large = Costs::of(setting, many).await?;
    let against = format!("with {few}");
    let time =
        Line::of(format!("One change, asked for and in a cache of {many}"), "ms", &large.took);
    let bytes =
        Line::of(format!("One change, on the wire to a cache of {many}"), "B", &large.bytes);
    Ok(vec![
        time.against(&against, median(&small.took)).at_most(1.2),
        bytes.against(&against, median(&small.bytes)).at_most(1.2),
    ])
}

/// What changes cost.
struct Costs {
    /// Milliseconds.
    took: Vec<f64>,
    bytes: Vec<f64>,
}

impl Costs {
    async fn of(setting: &Setting, partnerships: u32) -> Result<Self> {
        let arguments = ["demo".to_owned(), "--partnerships".to_owned(), partnerships.to_string()];
        let mut demo = Program::start(&setting.program("entente-server")?, &arguments)?;
        let facts: Value = serde_json::from_str(&demo.line()?)?;
        let mut host = Host { facts, client: reqwest::Client::new(), admin: String::new() };
        host.admin = host.meet("workspace_admin").await?;
        let begun = Instant::now();
        let mut desk = Desk::open(&host).await?;
        println!("    {partnerships} partnerships read in {:.1} s", begun.elapsed().as_secs_f64());

        let mut costs = Self { took: Vec::new(), bytes: Vec::new() };
        let ids = host.some_active().await?;
        // The first ones make it warm.
        for (number, id) in ids.iter().cycle().take(setting.size(250, 20)).enumerate() {
            let (method, path) = host.change(id, (number / ids.len()) % 2 == 0);
            let bytes = desk.bytes.load(Ordering::SeqCst);
            let begun = Instant::now();
            host.send(method, &path).await?;
            desk.sees(id).await?;
            if number >= ids.len().min(setting.size(ids.len(), 5)) {
                costs.took.push(begun.elapsed().as_secs_f64() * 1_000.0);
                costs.bytes.push((desk.bytes.load(Ordering::SeqCst) - bytes) as f64);
            }
        }
        desk.session.stop().await;
        Ok(costs)
    }
}

/// The demo's host.
struct Host {
    facts: Value,
    client: reqwest::Client,
    /// The id of the Admin who makes the changes.
    admin: String,
}

impl Host {
    fn url(&self) -> Result<Url> {
        Ok(self.facts["url"].as_str().context("a URL")?.parse()?)
    }

    fn key(&self, role: &str) -> Result<&str> {
        let mut users = self.facts["users"].as_array().context("users")?.iter();
        let user = users.find(|user| user["role"] == role).context("somebody of that role")?;
        user["apiKey"].as_str().context("a key")
    }

    /// The id of somebody of a role.
    async fn meet(&self, role: &str) -> Result<String> {
        let me = self.client.get(self.url()?.join("/api/v1/me")?).bearer_auth(self.key(role)?);
        let me: Value = me.send().await?.json().await?;
        Ok(me["data"]["id"].as_str().context("an id")?.to_owned())
    }

    async fn send(&self, method: Method, path: &str) -> Result<Value> {
        let url = self.url()?.join(&format!("/api/v1{path}"))?;
        let request = self.client.request(method.clone(), url);
        let request = request.bearer_auth(self.key("workspace_admin")?);
        let request = if method == Method::POST {
            request.json(&json!({"userId": self.admin}))
        } else {
            request
        };
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status.is_success(), "{path}: {status} {body}");
        Ok(body)
    }

    /// Some active partnerships that the Admin does not own.
    async fn some_active(&self) -> Result<Vec<String>> {
        let path = format!("/partnerships?filter[state]=active&page[size]={PARTNERSHIPS}");
        let page = self.send(Method::GET, &path).await?;
        let rows = page["data"].as_array().context("rows")?.iter();
        let rows = rows.filter(|row| row["attributes"]["requestedBy"]["id"] != *self.admin);
        rows.map(|row| Ok(row["id"].as_str().context("an id")?.to_owned())).collect()
    }

    /// The Admin becomes a Partnership Owner, or ceases to be one.
    fn change(&self, id: &str, names: bool) -> (Method, String) {
        let path = format!("/partnerships/{id}/owners");
        if names {
            (Method::POST, path)
        } else {
            (Method::DELETE, format!("{path}/{}", self.admin))
        }
    }
}

/// The host's Owner at their desk, and what comes and goes there.
struct Desk {
    session: Session,
    told: UnboundedReceiver<Event>,
    bytes: Arc<AtomicU64>,
    _directory: tempfile::TempDir,
}

impl Desk {
    /// Opens it; gives it the time to read everything.
    async fn open(host: &Host) -> Result<Self> {
        let bytes: Arc<AtomicU64> = Arc::default();
        let server = host.url()?.socket_addrs(|| None)?.pop().context("an address")?;
        let url = format!("http://{}", count(server, Arc::clone(&bytes)).await?);
        let key = SecretString::from(host.key("workspace_owner")?);
        let client = Client::new(url.parse()?, key, ClientOptions::default())?;
        let directory = tempfile::tempdir()?;
        let keeping = Keeping::Encrypted(CacheKey::random());
        let (cache, _) = Cache::open(&directory.path().join("cache.db"), &keeping).await?;
        let journal = directory.path().join("journal.db");
        let (journal, _) = Journal::open(&journal, SystemClock.now()).await?;
        let config = SessionConfig { profile: "owner".into(), client, cache, journal };
        let (session, told) = Session::start(config);
        let mut status = session.status();
        let live = status.wait_for(|status| *status == Connectivity::Live);
        tokio::time::timeout(PATIENCE, live).await.context("it does not get live")??;
        Ok(Self { session, told, bytes, _directory: directory })
    }

    /// Waits until a change of a partnership is in the cache.
    async fn sees(&mut self, id: &str) -> Result<()> {
        let told = async {
            loop {
                let event = self.told.recv().await.context("the session ended")?;
                let Event::Applied { changes, .. } = event else { continue };
                let after =
                    changes.iter().filter_map(|change| change.after.as_ref()?.as_partnership());
                if after.map(|after| after.id.to_string()).collect::<BTreeSet<_>>().contains(id) {
                    return Ok(());
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), told).await.context("nothing was told")?
    }
}

/// Passes connections on, and counts what goes through them.
async fn count(server: SocketAddr, bytes: Arc<AtomicU64>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(server).await else { continue };
            // What is small must not wait for more.
            let _ = (near.set_nodelay(true), far.set_nodelay(true));
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(pass(near_in, far_out, bytes.clone()));
            tokio::spawn(pass(far_in, near_out, bytes.clone()));
        }
    });
    Ok(address)
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    bytes: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 64 * 1_024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        bytes.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
