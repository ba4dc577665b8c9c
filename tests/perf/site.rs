use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result};
use entente_domain::{ApiKeyId, SendPolicy, UserId, UserStatus, WorkspaceId, WorkspaceRole};
use entente_server::{
    Clock as _, Config, Opened, SCOPES, Server, SystemClock, add_workspace, new_key,
};
use entente_store::{
    Connection, KeyRow, UserRow, WorkspaceRow, insert_key, insert_people, insert_user,
};
use entente_testkit::{Database, Postgres};
use reqwest::RequestBuilder;
use secrecy::SecretString;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{program::Program, setting::Setting};

/// What a server that is measured stands on, and what is put there beforehand.
pub struct Site {
    opened: Opened,
    data: PathBuf,
    database: Option<Database>,
    // Last, so that they go when nothing stands on them any more.
    cluster: Option<Postgres>,
    _directory: TempDir,
}

/// Somebody with a key.
pub struct Somebody {
    pub user: UserRow,
    pub key: SecretString,
}

/// A server that runs, as a process of its own.
pub struct Served {
    pub program: Program,
    /// `127.0.0.1:43211`
    pub address: String,
    client: reqwest::Client,
}

impl Site {
    /// On SQLite.
    pub async fn on_sqlite() -> Result<Self> {
        Self::on(None).await
    }

    /// On a PostgreSQL of its own, which keeps what it is told as it does in use.
    pub async fn on_postgres() -> Result<Self> {
        Self::on(Some(Postgres::start_durable()?)).await
    }

    async fn on(cluster: Option<Postgres>) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let data = directory.path().join("server");
        let database = cluster.as_ref().map(Postgres::database).transpose()?;
        let url = database.as_ref().map(Database::url);
        let config = Config { database: url, ..Config::local(data.clone()) };
        let opened = Server::open(&config).await?;
        Ok(Self { opened, data, database, cluster, _directory: directory })
    }

    fn cluster(&self) -> Result<&Postgres> {
        self.cluster.as_ref().context("it is on PostgreSQL")
    }

    fn ask(&self, statement: &str) -> Result<String> {
        self.database.as_ref().context("it is on PostgreSQL")?.session()?.run(statement)
    }

    /// Where PostgreSQL's programs are.
    pub fn binaries(&self) -> Result<&Path> {
        Ok(self.cluster()?.binaries())
    }

    /// What PostgreSQL has logged.
    pub fn log(&self) -> Result<String> {
        Ok(self.cluster()?.log())
    }

    /// Whether all statements are to be logged, with their values.
    pub fn log_statements(&self, all: bool) -> Result<()> {
        let which = if all { "all" } else { "none" };
        self.ask(&format!("ALTER SYSTEM SET log_statement = '{which}';"))?;
        self.ask("SELECT pg_reload_conf();")?;
        // Each connection takes it up before its next statement.
        std::thread::sleep(Duration::from_millis(500));
        Ok(())
    }

    /// Another database in the same cluster.
    pub fn another_database(&self) -> Result<Database> {
        self.cluster()?.database()
    }

    /// Has PostgreSQL know its tables, and not do it while it is measured.
    pub fn tidy(&self) -> Result<()> {
        self.ask("VACUUM ANALYZE; CHECKPOINT;").map(drop)
    }

    /// What it stands on.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Adds a workspace.
    pub async fn workspace(&self, name: &str) -> Result<WorkspaceId> {
        Ok(add_workspace(&self.opened.store, name, SystemClock.now()).await?.id)
    }

    /// Adds users of a workspace, each with a key.
    pub async fn users(
        &self,
        workspace: WorkspaceId,
        role: WorkspaceRole,
        many: usize,
    ) -> Result<Vec<Somebody>> {
        let mut write = self.opened.store.write().await?;
        let mut users = Vec::with_capacity(many);
        for number in 0..many {
            let user = user(workspace, number, role);
            insert_user(write.connection(), &user).await?;
            users.push(self.with_key(write.connection(), user).await?);
        }
        write.commit().await?;
        Ok(users)
    }

    /// Adds workspaces, each with an Admin who has a key.
    pub async fn partners(&self, many: usize) -> Result<Vec<Somebody>> {
        let mut people = Vec::with_capacity(many);
        for number in 0..many {
            let id = WorkspaceId::new(Uuid::now_v7());
            let name = format!("Partner {number}");
            let (slug, send_policy) = (id.to_string(), SendPolicy::AnyRole);
            let workspace = WorkspaceRow { id, name, slug, send_policy, managed: false };
            people.push((workspace, user(id, number, WorkspaceRole::Admin)));
        }
        let mut write = self.opened.store.write().await?;
        insert_people(write.connection(), &people).await?;
        let mut admins = Vec::with_capacity(many);
        for (_, user) in people {
            admins.push(self.with_key(write.connection(), user).await?);
        }
        write.commit().await?;
        Ok(admins)
    }

    async fn with_key(&self, connection: &mut Connection, user: UserRow) -> Result<Somebody> {
        let key = new_key();
        let row = KeyRow {
            id: ApiKeyId::new(Uuid::now_v7()),
            user: user.id,
            name: "Measured".to_owned(),
            scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            created_at: user.created_at,
            expires_at: None,
            revoked_at: None,
            session: None,
        };
        insert_key(connection, &row, &self.opened.secret.hash(&key)).await?;
        Ok(Somebody { user, key })
    }

    /// Starts the server's program on it.
    pub fn serve(&self, setting: &Setting) -> Result<Served> {
        let data = self.data.clone().into_os_string();
        let mut arguments: Vec<OsString> = vec!["--data".into(), data];
        // One key may do as much as all.
        arguments.extend(["--key-rate", "0"].map(OsString::from));
        if let Some(database) = &self.database {
            arguments.extend(["--database".into(), database.url().into()]);
        }
        let (program, address) = Program::serve(&setting.program("entente-server")?, &arguments)?;
        Ok(Served { program, address, client: reqwest::Client::new() })
    }
}

fn user(workspace: WorkspaceId, number: usize, role: WorkspaceRole) -> UserRow {
    let (at, id) = (SystemClock.now(), UserId::new(Uuid::now_v7()));
    UserRow {
        id,
        workspace,
        email: format!("{id}@{workspace}.example"),
        name: format!("User {number}"),
        role,
        status: UserStatus::Live,
        created_at: at,
        updated_at: at,
        view_number: 0,
        version: 1,
    }
}

impl Served {
    /// Asks for something.
    pub fn get(&self, path: &str, key: &str) -> RequestBuilder {
        self.client.get(format!("http://{}/api/v1{path}", self.address)).bearer_auth(key)
    }

    /// Sends something, whatever the version is.
    pub fn post(&self, path: &str, key: &str) -> RequestBuilder {
        let url = format!("http://{}/api/v1{path}", self.address);
        self.client.post(url).bearer_auth(key).header("If-Match", "*")
    }

    /// How many attempts to write began again because another was in the way.
    pub async fn retries(&self) -> Result<f64> {
        let url = format!("http://{}/metrics", self.address);
        let metrics = self.client.get(url).send().await?.text().await?;
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("entente_write_retries_total "));
        line.context("the metric of retries")?.trim().parse().context("a number")
    }

    /// The version of the terms that are to be agreed to.
    pub async fn terms(&self, key: &str) -> Result<String> {
        let terms: Value = self.get("/terms", key).send().await?.json().await?;
        let version = terms["data"]["attributes"]["version"].as_str();
        Ok(version.context("a version of the terms")?.to_owned())
    }
}
