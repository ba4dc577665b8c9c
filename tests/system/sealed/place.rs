//! A place where a server keeps everything: its database, its files and its log.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use entente_domain::{AccountId, WorkspaceRole};
use entente_server::{
    Config, NewAccount, NewScimToken, Server, add_account, add_key, add_scim_token, add_user,
    add_workspace,
};
use entente_store::{Engine, Store};
use entente_testkit::Postgres;
use entente_tests::{Ground, Served, program};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::Row as _;

use super::{LABEL, PASSWORDS};

pub struct Place {
    pub accounts: Vec<AccountId>,
    pub key: String,
    pub scim_token: String,
    config: Config,
    served: Option<Served>,
    http: reqwest::Client,
    /// What the server logs, and what copies are made.
    logs: tempfile::TempDir,
    backups: tempfile::TempDir,
    ground: Ground,
    cluster: Option<Postgres>,
}

/// A credential as it is stored.
#[derive(Debug)]
pub struct SealedRow {
    pub account: String,
    pub kind: String,
    pub sealed: String,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
}

impl Place {
    pub async fn make(engine: Engine) -> Result<Self> {
        // A cluster of its own, whose files are looked through.
        let cluster = (engine == Engine::Postgres).then(Postgres::start).transpose()?;
        let ground = match &cluster {
            Some(cluster) => Ground::on(cluster.database()?)?,
            None => Ground::new(engine)?,
        };
        let config = ground.config();
        let opened = Server::open(&config).await?;
        let (store, at) = (&opened.store, config.clock.now());
        let workspace = add_workspace(store, "Globex", at).await?.id;
        let email = "adam@globex.example";
        let user = add_user(store, workspace, email, "Adam", WorkspaceRole::Admin, at).await?;
        let (_, key) = add_key(store, &opened.secret, user.id, "Test", None, at).await?;
        let mut accounts = Vec::new();
        for (number, password) in PASSWORDS.iter().enumerate() {
            let new = NewAccount {
                owner: &user,
                application: "Mail",
                label: &format!("{LABEL} {number}"),
                url: "https://mail.example/login",
                secrets: &[
                    ("username", SecretString::from("adam")),
                    ("password", SecretString::from(*password)),
                ],
            };
            accounts.push(add_account(store, &opened.vault, new, at).await?.id);
        }
        let highest_role = WorkspaceRole::Admin;
        let new = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
        let (_, token) = add_scim_token(store, &opened.secret, new, at).await?;
        opened.store.close().await;
        Ok(Self {
            accounts,
            key: key.expose_secret().to_owned(),
            scim_token: token.expose_secret().to_owned(),
            config,
            served: None,
            http: reqwest::Client::new(),
            logs: tempfile::tempdir()?,
            backups: tempfile::tempdir()?,
            ground,
            cluster,
        })
    }

    /// Starts the server as a process that logs all it can; gives its origin.
    pub async fn serve(&mut self) -> Result<String> {
        let number = fs::read_dir(self.logs.path())?.count();
        let log = self.logs.path().join(number.to_string());
        let more = ["--log", "trace", "--key-rate", "0"];
        let served = self.served.insert(Served::start(&self.config, &more, log)?);
        Ok(format!("http://{}", served.listens().await?))
    }

    pub fn kill(&mut self) -> Result<()> {
        self.served.take().context("it runs")?.kill()
    }

    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.logs.path().join("0"))?)
    }

    /// What is looked through, and whether it must hold what is in the database.
    pub fn folders(&self) -> Vec<(PathBuf, bool)> {
        let cluster = self.cluster.as_ref().map(|cluster| (cluster.directory().to_owned(), true));
        let mut folders = vec![
            (self.logs.path().to_owned(), false),
            (self.backups.path().to_owned(), true),
            (self.ground.path().to_owned(), cluster.is_none()),
        ];
        folders.extend(cluster);
        folders
    }

    /// The files that hold keys: they are outside the database.
    pub fn key_files(&self) -> Vec<PathBuf> {
        vec![self.config.secret_path(), self.config.vault_path()]
    }

    pub fn server_secret(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.config.secret_path())?)
    }

    pub fn vault_keys(&self) -> Result<Vec<Vec<u8>>> {
        let text = fs::read_to_string(self.config.vault_path())?;
        let keys = text.lines().filter_map(|line| line.split_whitespace().nth(1));
        keys.map(|key| Ok(STANDARD_NO_PAD.decode(key)?)).collect()
    }

    pub fn lose_vault(&self) -> Result<()> {
        Ok(fs::remove_file(self.config.vault_path())?)
    }

    /// Copies the database as whoever runs it does.
    pub fn back_up(&self) -> Result<()> {
        let copy = self.backups.path().join("copy");
        let Some(cluster) = &self.cluster else {
            self.run(&["backup", "--to", &copy.to_string_lossy()])?;
            return Ok(());
        };
        // What is still in memory goes into the files, too.
        self.ground.database().context("a database")?.session()?.run("CHECKPOINT;")?;
        let mut dump = Command::new(cluster.binaries().join("pg_dump"));
        dump.arg(self.config.database_url()).arg("--file").arg(copy);
        ensure!(dump.status()?.success(), "pg_dump failed");
        Ok(())
    }

    /// Runs the program on the place; gives what it prints.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut run = Command::new(program("entente-server")?);
        run.args(arguments).arg("--data").arg(&self.config.data);
        run.args(["--database", &self.config.database_url()]);
        let output = run.env("ENTENTE_CONFIG", "/dev/null").output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {told}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes something, under a key that gives the same answer again.
    pub async fn post(&self, url: &str, path: &str, body: &Value) -> Result<Value> {
        let post = self.http.post(format!("{url}/api/v1{path}")).bearer_auth(&self.key).json(body);
        let answer = post.header("Idempotency-Key", format!("once {path}")).send().await?;
        ensure!(answer.status() == 201, "{path}: {}", answer.text().await?);
        Ok(answer.json().await?)
    }

    /// The credentials of an account, as the API gives them.
    pub async fn secrets(&self, url: &str, account: &AccountId) -> Result<Answer> {
        let url = format!("{url}/api/v1/accounts/{account}/secrets");
        let answer = self.http.get(url).bearer_auth(&self.key).send().await?;
        Ok(Answer { status: answer.status().as_u16(), text: answer.text().await? })
    }

    pub async fn password(&self, url: &str, account: &AccountId) -> Result<Option<String>> {
        let answer = self.secrets(url, account).await?;
        let body: Value = serde_json::from_str(&answer.text)?;
        let all = body["data"].as_array().with_context(|| answer.text.clone())?;
        let is_password = |one: &&Value| one["attributes"]["secretType"] == "password";
        let password = all.iter().find(is_password);
        Ok(password.and_then(|one| one["attributes"]["value"].as_str()).map(str::to_owned))
    }

    async fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.config.database_url()).await?)
    }

    /// The credentials as they are stored.
    pub async fn sealed(&self) -> Result<Vec<SealedRow>> {
        let store = self.store().await?;
        let query = "SELECT account_id, secret_type, sealed FROM secrets";
        let rows = sqlx::query(query).fetch_all(&mut *store.read().await?).await?;
        store.close().await;
        let row = |row: &sqlx::any::AnyRow| {
            Ok(SealedRow {
                account: row.try_get("account_id")?,
                kind: row.try_get("secret_type")?,
                sealed: row.try_get("sealed")?,
            })
        };
        rows.iter().map(row).collect()
    }

    /// Puts something into a credential's place, past the server.
    pub async fn put(&self, account: &str, kind: &str, sealed: &str) -> Result<()> {
        let store = self.store().await?;
        let mut write = store.write().await?;
        let put = "UPDATE secrets SET sealed = $1 WHERE account_id = $2 AND secret_type = $3";
        let put = sqlx::query(put).bind(sealed).bind(account).bind(kind);
        ensure!(put.execute(write.connection()).await?.rows_affected() == 1, "one was put");
        write.commit().await?;
        store.close().await;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Before the database goes.
        drop(self.served.take());
    }
}
