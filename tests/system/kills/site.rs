//! An installation whose servers are real processes.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use entente_domain::{AccountId, Timestamp, WorkspaceId, WorkspaceRole};
use entente_server::{
    Config, NewAccount, Opened, Server, add_account, add_key, add_user, add_workspace,
};
use entente_store::{Engine, Store, UserRow};
use entente_testkit::{Postgres, SmtpSink};
use entente_tests::{Ground, Served};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How long a process may take to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many processes share a PostgreSQL; SQLite has one.
const PROCESSES: usize = 2;

/// Everything that is killed, and what it stands on.
pub struct Site {
    pub processes: Vec<Process>,
    pub sink: SmtpSink,
    view: Arc<View>,
    config: Config,
    cluster: Option<Postgres>,
    logs: tempfile::TempDir,
    _ground: Ground,
}

/// One process of the server, again and again.
pub struct Process {
    served: Served,
    started: usize,
    entrance: Arc<Entrance>,
}

/// Where a process can be asked.
#[derive(Default)]
pub struct Entrance {
    address: Mutex<Option<SocketAddr>>,
    /// Counts what it has answered.
    answered: watch::Sender<u64>,
    asked: AtomicUsize,
}

/// Somebody with a key.
pub struct Person {
    pub workspace: WorkspaceId,
    pub email: String,
    pub key: String,
}

/// The installation as whoever asks it knows it.
pub struct View {
    pub user: Person,
    pub admin: Person,
    pub other_admin: Person,
    /// Admins, each of a workspace of their own.
    pub guests: Vec<Person>,
    /// The user's, one for each guest.
    pub accounts: Vec<AccountId>,
    pub stopping: watch::Sender<bool>,
    entrances: Vec<Arc<Entrance>>,
    http: reqwest::Client,
    turn: AtomicUsize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

async fn person(
    opened: &Opened,
    workspace: WorkspaceId,
    name: &str,
    role: WorkspaceRole,
    at: Timestamp,
) -> Result<(UserRow, Person)> {
    let email = format!("{name}@{}.example", workspace.uuid().simple());
    let user = add_user(&opened.store, workspace, &email, name, role, at).await?;
    let (_, key) = add_key(&opened.store, &opened.secret, user.id, "Test", None, at).await?;
    let key = key.expose_secret().to_owned();
    let person = Person { workspace, email, key };
    Ok((user, person))
}

impl Site {
    /// Sets it up and starts it.
    pub async fn make(engine: Engine, guests: usize) -> Result<Self> {
        // A cluster of its own: it is killed, too.
        let cluster = (engine == Engine::Postgres).then(Postgres::start).transpose()?;
        let ground = match &cluster {
            Some(cluster) => Ground::on(cluster.database()?)?,
            None => Ground::new(engine)?,
        };
        let config = ground.config();
        let opened = Server::open(&config).await?;
        let at = config.clock.now();
        let host = add_workspace(&opened.store, "Globex", at).await?.id;
        let (owner, user) = person(&opened, host, "uma", WorkspaceRole::User, at).await?;
        let (_, admin) = person(&opened, host, "adam", WorkspaceRole::Admin, at).await?;
        let (_, other_admin) = person(&opened, host, "olga", WorkspaceRole::Admin, at).await?;
        let (mut people, mut accounts) = (Vec::new(), Vec::new());
        for number in 0..guests {
            let guest = add_workspace(&opened.store, &format!("Guest {number}"), at).await?.id;
            let name = format!("grace{number}");
            people.push(person(&opened, guest, &name, WorkspaceRole::Admin, at).await?.1);
            let account = NewAccount {
                owner: &owner,
                application: "Mail",
                label: &format!("Account {number}"),
                url: "https://mail.example/login",
                secrets: &[("password", SecretString::from("correct horse"))],
            };
            accounts.push(add_account(&opened.store, &opened.vault, account, at).await?.id);
        }
        opened.store.close().await;
        let entrances: Vec<Arc<Entrance>> =
            (0..if cluster.is_some() { PROCESSES } else { 1 }).map(|_| Arc::default()).collect();
        let view = Arc::new(View {
            user,
            admin,
            other_admin,
            guests: people,
            accounts,
            stopping: watch::Sender::new(false),
            entrances: entrances.clone(),
            http: reqwest::Client::builder().timeout(PATIENCE).build()?,
            turn: AtomicUsize::new(0),
        });
        let (logs, sink) = (tempfile::tempdir()?, SmtpSink::start(ground.path(), json!({}))?);
        let mut processes = Vec::new();
        for (number, entrance) in entrances.into_iter().enumerate() {
            let log = logs.path().join(format!("{number}-0"));
            let served = serve(&config, &sink, log)?;
            processes.push(Process { served, started: 0, entrance });
        }
        Ok(Self { processes, sink, view, config, cluster, logs, _ground: ground })
    }

    pub fn view(&self) -> Arc<View> {
        self.view.clone()
    }

    /// The database, past the processes.
    pub async fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.config.database_url()).await?)
    }

    fn log(&self, number: usize) -> PathBuf {
        self.logs.path().join(format!("{number}-{}", self.processes[number].started))
    }

    /// Waits until a process listens, and then until it has answered somebody.
    pub async fn until_it_answers(&mut self, number: usize) -> Result<()> {
        let process = &mut self.processes[number];
        let address = process.served.listens().await?;
        *process.entrance.place() = Some(address);
        let mut answered = process.entrance.answered.subscribe();
        let known = *answered.borrow_and_update();
        let answers = tokio::time::timeout(PATIENCE, answered.wait_for(|now| *now > known));
        answers.await.context("it does not answer")??;
        Ok(())
    }

    /// Kills a process with SIGKILL; gives whether it was answering somebody.
    pub fn kill(&mut self, number: usize) -> Result<bool> {
        let process = &mut self.processes[number];
        let was_asked = process.entrance.asked.load(Ordering::SeqCst) > 0;
        process.served.kill()?;
        *process.entrance.place() = None;
        Ok(was_asked)
    }

    /// Starts a process anew on what the one before left.
    pub fn start(&mut self, number: usize) -> Result<()> {
        self.processes[number].started += 1;
        let log = self.log(number);
        self.processes[number].served = serve(&self.config, &self.sink, log)?;
        Ok(())
    }

    /// Kills PostgreSQL, and starts it again after a while.
    pub async fn crash_database(&mut self, after: Duration) -> Result<()> {
        let mut cluster = self.cluster.take().context("a PostgreSQL")?;
        let crashed = tokio::task::spawn_blocking(move || {
            cluster.crash()?;
            std::thread::sleep(after);
            cluster.resume()?;
            anyhow::Ok(cluster)
        });
        self.cluster = Some(crashed.await??);
        Ok(())
    }
}

fn serve(config: &Config, sink: &SmtpSink, log: PathBuf) -> Result<Served> {
    let port = sink.port().to_string();
    let smtp = ["--smtp-host", "127.0.0.1", "--smtp-port", &port, "--smtp-tls", "none"];
    let more = ["--smtp-patience", "10", "--key-rate", "0"];
    Served::start(config, &[&smtp[..], &more].concat(), log)
}

impl Entrance {
    fn place(&self) -> std::sync::MutexGuard<'_, Option<SocketAddr>> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a request for as long as it is not answered.
struct Asking<'a>(&'a Entrance);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asked.fetch_sub(1, Ordering::SeqCst);
    }
}

impl View {
    /// A process that listens, as far as is known.
    fn entrance(&self) -> Option<(&Entrance, String)> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let count = self.entrances.len();
        (0..count).find_map(|next| {
            let entrance = &self.entrances[(turn + next) % count];
            let address = (*entrance.place())?;
            Some((&**entrance, format!("http://{address}")))
        })
    }

    /// Where somebody listens, once one does.
    pub async fn origin(&self) -> String {
        loop {
            if let Some((_, origin)) = self.entrance() {
                return origin;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Sends a request once; none if there was no answer, or one that says to try again.
    pub async fn try_once(
        &self,
        make: impl FnOnce(&reqwest::Client, &str) -> reqwest::RequestBuilder,
        was_sent: &AtomicBool,
    ) -> Result<Option<Answer>> {
        let Some((entrance, origin)) = self.entrance() else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            return Ok(None);
        };
        let request = make(&self.http, &format!("{origin}/api/v1"));
        entrance.asked.fetch_add(1, Ordering::SeqCst);
        let asking = Asking(entrance);
        let answer = async {
            let response = request.send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.text().await?))
        };
        let answer = answer.await;
        drop(asking);
        let Ok((status, text)) = answer else {
            was_sent.store(true, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            return Ok(None);
        };
        entrance.answered.send_modify(|count| *count += 1);
        let body: Value = serde_json::from_str(&text).context(text)?;
        let code = &body["errors"][0]["code"];
        // While PostgreSQL is away every request fails; what is still being answered can be asked for.
        if status >= 500 || status == 429 || code == "request_in_progress" {
            let is_away = self.entrances.len() > 1;
            ensure!(is_away || status < 500 || status == 503, "a fault: {status} {body}");
            was_sent.store(true, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Ok(None);
        }
        Ok(Some(Answer { status, body }))
    }

    /// Reads something, however often that takes.
    pub async fn get(&self, key: &str, path: &str) -> Result<Value> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let get = |http: &reqwest::Client, base: &str| {
                http.get(format!("{base}{path}")).bearer_auth(key)
            };
            if let Some(answer) = self.try_once(get, &AtomicBool::new(false)).await? {
                ensure!(answer.status == 200, "{path}: {answer:?}");
                return Ok(answer.body);
            }
        }
        bail!("{path}: nobody answers")
    }
}
