//! Servers, and worlds on them: three workspaces each, their people and accounts, and the reference
//! that goes along with them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use entente_domain::{Timestamp, UserId, WorkspaceId, WorkspaceRole};
use entente_server::{
    Config, ManualClock, NewAccount, Running, Server, SetUpError, add_account, add_key, add_user,
    add_workspace, set_role,
};
use entente_store::{Engine, UserRow, users_by_id};
use entente_testkit::Database;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{
    attempt::{Attempt, Foreign, Matching, Names, Seen},
    database,
    operation::{Operation, text},
    readers::Reader,
    reference::Reference,
};

/// When every world begins.
const START: &str = "2026-11-25T09:00:00Z";

/// The servers that worlds are on: one on SQLite, two that share a PostgreSQL.
pub struct Servers {
    pub running: Vec<Running>,
    pub clock: Arc<ManualClock>,
    http: reqwest::Client,
    turn: AtomicUsize,
    _directory: tempfile::TempDir,
    _database: Option<Database>,
}

/// A place in memory where there is one: what is lost with the machine need not be kept from it.
fn directory() -> Result<tempfile::TempDir> {
    let memory = PathBuf::from("/dev/shm");
    let mut directory = tempfile::Builder::new();
    directory.prefix("entente-model-");
    Ok(if memory.is_dir() { directory.tempdir_in(memory)? } else { directory.tempdir()? })
}

impl Servers {
    pub async fn start(engine: Engine) -> Result<Self> {
        let directory = directory()?;
        let clock = Arc::new(ManualClock::at(START.parse()?));
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(entente_testkit::database()?),
        };
        let mut running = Vec::new();
        for number in 0..if database.is_some() { 2 } else { 1 } {
            let mut config = Config::local(directory.path().join(format!("server-{number}")));
            config.database = database.as_ref().map(Database::url);
            config.secret_file = Some(directory.path().join("secret.key"));
            config.vault_file = Some(directory.path().join("vault.keys"));
            config.clock = clock.clone();
            config.expiry_interval = Duration::from_millis(100);
            running.push(Server::start(config).await?);
        }
        Ok(Self {
            running,
            clock,
            http: reqwest::Client::builder().http1_only().build()?,
            turn: AtomicUsize::new(0),
            _directory: directory,
            _database: database,
        })
    }

    pub fn first(&self) -> &Running {
        &self.running[0]
    }

    /// Whether the change feed may tell a moment later what was committed.
    pub fn may_lag(&self) -> bool {
        self.first().store().engine() == Engine::Postgres
    }

    fn url(&self) -> String {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.running[turn % self.running.len()].url()
    }

    /// Reads something.
    pub async fn get(&self, key: &str, path: &str) -> Result<Seen> {
        self.send(self.http.get(format!("{}/api/v1{path}", self.url())).bearer_auth(key)).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Seen> {
        let response = request.send().await?;
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let etag = etag.map(str::to_owned);
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = serde_json::from_value(body["errors"][0]["code"].clone()).ok();
        ensure!(status < 500 || status == 503, "a fault of the server: {status} {text}");
        ensure!(status < 400 || code.is_some(), "a refusal without a code: {status} {text}");
        Ok(Seen { status, code, etag, text, body })
    }

    pub async fn stop(self) {
        for server in self.running {
            server.stop().await;
        }
    }
}

/// The people of each workspace at first.
const PEOPLE: [&[WorkspaceRole]; 3] = [
    &[
        WorkspaceRole::Owner,
        WorkspaceRole::Admin,
        WorkspaceRole::User,
        WorkspaceRole::User,
        WorkspaceRole::LoginOnly,
    ],
    &[
        WorkspaceRole::SuperAdmin,
        WorkspaceRole::Admin,
        WorkspaceRole::User,
        WorkspaceRole::GuestUser,
    ],
    &[WorkspaceRole::Admin, WorkspaceRole::User],
];

/// Whose the accounts are, by the place of their Owner among the people.
const ACCOUNTS: [usize; 4] = [2, 1, 3, 5];

/// Some workspaces that nobody else knows, on servers that others use too.
pub struct World<'a> {
    pub servers: &'a Servers,
    workspaces: Vec<WorkspaceId>,
    pub keys: BTreeMap<UserId, SecretString>,
    pub readers: BTreeMap<UserId, Arc<Mutex<Reader>>>,
    pub now: Reference,
    /// The entries of the audit that were compared already.
    known: BTreeSet<String>,
    foreign: Foreign,
    terms: String,
    not_found: String,
}

impl<'a> World<'a> {
    /// Makes a world; `foreign` is something of another one.
    pub async fn make(servers: &'a Servers, foreign: Foreign) -> Result<Self> {
        let server = servers.first();
        let (store, at) = (server.store(), server.now());
        let mut workspaces = Vec::new();
        let mut people: Vec<UserRow> = Vec::new();
        let mut keys = BTreeMap::new();
        for (number, roles) in PEOPLE.iter().enumerate() {
            let name = format!("=Workspace <{number}>");
            let workspace = again(async || add_workspace(store, &name, at).await).await?;
            for role in *roles {
                let (user, key) = somebody(server, workspace.id, *role, people.len()).await?;
                keys.insert(user.id, key);
                people.push(user);
            }
            workspaces.push(workspace.id);
        }
        for owner in ACCOUNTS {
            let owner = people.get(owner).context("an owner")?;
            let secret = SecretString::from("correct horse");
            again(async || {
                let new = NewAccount {
                    owner,
                    application: "@Mail <app>",
                    label: "+EMEA",
                    url: "https://app.example.com/login",
                    secrets: &[("password", secret.clone())],
                };
                add_account(store, server.vault(), new, at).await
            })
            .await?;
        }
        let mut world = Self {
            servers,
            workspaces,
            readers: keys.keys().map(|id| (*id, Arc::default())).collect(),
            keys,
            now: Reference::new(at.unix_millis()),
            known: BTreeSet::new(),
            foreign,
            terms: String::new(),
            not_found: String::new(),
        };
        // What setting up came to is where the reference begins.
        let mut now = world.found().await?;
        now.audit.clear();
        now.mails.clear();
        world.now = now;
        let key = world.key(people[0].id)?;
        let terms = servers.get(&key, "/terms").await?;
        world.terms = terms.body["data"]["attributes"]["version"].as_str().unwrap_or("").into();
        let nothing = format!("/partnerships/{}", Foreign::unknown().partnership);
        world.not_found = servers.get(&key, &nothing).await?.text;
        Ok(world)
    }

    /// The ids behind the numbers, as things stand.
    pub fn names(&self) -> Names {
        Names {
            workspaces: self.workspaces.clone(),
            users: self.now.users.keys().copied().collect(),
            accounts: self.now.accounts.keys().copied().collect(),
            partnerships: self.now.partnerships.keys().copied().collect(),
            requests: self.now.requests.keys().copied().collect(),
            foreign: self.foreign.clone(),
            terms: self.terms.clone(),
            not_found: self.not_found.clone(),
        }
    }

    /// Something of this world, for another one to ask for.
    pub fn foreign(&self) -> Foreign {
        let unknown = Foreign::unknown();
        Foreign {
            // Requests can be sent to every workspace that there is.
            workspace: unknown.workspace,
            user: self.now.users.keys().next().copied().unwrap_or(unknown.user),
            account: self.now.accounts.keys().next().copied().unwrap_or(unknown.account),
            partnership: self
                .now
                .partnerships
                .keys()
                .next()
                .copied()
                .unwrap_or(unknown.partnership),
            request: self.now.requests.keys().next().copied().unwrap_or(unknown.request),
        }
    }

    pub fn key(&self, who: UserId) -> Result<String> {
        Ok(self.keys.get(&who).context("a key")?.expose_secret().to_owned())
    }

    /// What is in the database.
    pub async fn found(&mut self) -> Result<Reference> {
        let store = self.servers.first().store();
        database::read(store, &self.workspaces, &self.now, &mut self.known).await
    }

    /// Moves the clock.
    pub fn pass(&mut self, by: i64) {
        let by = by.max(0);
        self.servers.clock.pass(Duration::from_millis(by.unsigned_abs()));
        self.now.now += by;
        let now = self.now.now;
        self.now.answers.retain(|_, answer| now - answer.at <= crate::reference::ANSWERS);
    }

    /// Does a step, and says what came of it.
    pub async fn perform(&self, names: &Names, attempt: &Attempt) -> Result<Seen> {
        let server = self.servers.first();
        match &attempt.step.what {
            Operation::SetRole { user, role } => {
                let id = names.user(*user);
                again(async || {
                    let found = users_by_id(&mut *server.store().read().await?, [id]).await?;
                    let Some(row) = found.get(&id) else { return Ok(()) };
                    set_role(server.store(), row, *role, server.now()).await
                })
                .await?;
                Ok(made(json!({})))
            }
            Operation::Join { workspace, role } => {
                let number = self.keys.len();
                let workspace = names.workspace(*workspace);
                let (user, key) = somebody(server, workspace, *role, number).await?;
                Ok(made(json!({"data": {
                    "id": user.id, "email": user.email, "key": key.expose_secret(),
                }})))
            }
            Operation::Follow => {
                let who = names.user(attempt.step.who);
                let Some(reader) = self.readers.get(&who) else { return Ok(made(json!({}))) };
                reader.lock().await.follow(self.servers, &self.key(who)?).await?;
                Ok(made(json!({})))
            }
            _ => self.send(names, attempt).await,
        }
    }

    async fn send(&self, names: &Names, attempt: &Attempt) -> Result<Seen> {
        let url = format!("{}/api/v1{}", self.servers.url(), attempt.path);
        let key = self.keys.get(&names.user(attempt.step.who)).context("a key")?;
        let mut request =
            self.servers.http.request(attempt.method.clone(), url).bearer_auth(key.expose_secret());
        if let Some(body) = &attempt.body {
            request = request.json(body);
        }
        match attempt.version {
            Some(Matching::Any) => request = request.header("If-Match", "*"),
            Some(Matching::Exactly(version)) => {
                request = request.header("If-Match", format!("\"{version}\""));
            }
            None => {}
        }
        if let Some(key) = attempt.step.key {
            request = request.header("Idempotency-Key", format!("key-{key}"));
        }
        self.servers.send(request).await
    }

    /// Whoever joined is one of the people from now on.
    pub fn joined(&mut self, seen: &Seen) -> Result<()> {
        let id: UserId = seen.body["data"]["id"].as_str().context("an id")?.parse()?;
        let key = seen.body["data"]["key"].as_str().context("a key")?;
        self.keys.insert(id, SecretString::from(key));
        self.readers.insert(id, Arc::default());
        Ok(())
    }
}

fn made(body: Value) -> Seen {
    Seen { status: 200, code: None, etag: None, text: body.to_string(), body }
}

async fn somebody(
    server: &Running,
    workspace: WorkspaceId,
    role: WorkspaceRole,
    number: usize,
) -> Result<(UserRow, SecretString)> {
    let (store, at): (_, Timestamp) = (server.store(), server.now());
    let email = format!("user-{number}-{}@people.example", workspace.uuid().simple());
    let email = format!("{}{email}", uuid::Uuid::now_v7().simple());
    let local: String = email.chars().take(60).collect();
    let email = format!("{local}@people.example");
    let name = format!("={number} {}", text(1));
    let user = again(async || add_user(store, workspace, &email, &name, role, at).await).await?;
    let secret = server.secret();
    let key = again(async || add_key(store, secret, user.id, "Model", None, at).await).await?;
    Ok((user, key.1))
}

/// What meets others is done again, as the server does it.
async fn again<T>(mut what: impl AsyncFnMut() -> Result<T, SetUpError>) -> Result<T> {
    for _ in 0..50 {
        match what().await {
            Ok(done) => return Ok(done),
            Err(SetUpError::Store(error)) if error.is_conflict() => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("others were in the way fifty times")
}
