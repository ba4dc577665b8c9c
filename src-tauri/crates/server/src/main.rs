//! `entente-server`: the partnership API as a program.

use std::{io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use entente_domain::{ApiKeyId, WorkspaceId, WorkspaceRole};
use entente_server::{
    Clock as _, Config, DemoOptions, MailTransport, Opened, Running, Server, SmtpConfig, SmtpTls,
    SystemClock, add_key, add_user, add_workspace, disable_user, revoke, seed, set_role,
};
use entente_store::{Store, user_by_email};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

/// The partnership API of Entente.
#[derive(Parser)]
#[command(version, about)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests until it is told to stop.
    Serve(Serve),
    /// Serves sample workspaces from a throw-away database; prints their keys as one JSON line.
    Demo(Demo),
    /// Workspaces.
    #[command(subcommand)]
    Workspace(WorkspaceCommand),
    /// Users.
    #[command(subcommand)]
    User(UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
}

#[derive(Args)]
struct Place {
    /// Where the database, the server's secret and mails without SMTP are kept.
    #[arg(long, env = "ENTENTE_DATA")]
    data: Option<PathBuf>,
    /// sqlite://PATH; without it, entente.db in the data directory.
    #[arg(long, env = "ENTENTE_DATABASE")]
    database: Option<String>,
}

#[derive(Args)]
struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen.
    #[arg(long, env = "ENTENTE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many days a request awaits somebody before it expires.
    #[arg(long, env = "ENTENTE_DECISION_DAYS", default_value_t = 14)]
    decision_days: u32,
    /// The SMTP server; without it, mails become .eml files in the data directory.
    #[arg(long, env = "ENTENTE_SMTP_HOST")]
    smtp_host: Option<String>,
    /// The SMTP server's port.
    #[arg(long, env = "ENTENTE_SMTP_PORT", default_value_t = 587)]
    smtp_port: u16,
    /// How the connection to the SMTP server is protected.
    #[arg(long, env = "ENTENTE_SMTP_TLS", value_enum, default_value_t = Tls::Starttls)]
    smtp_tls: Tls,
    /// The SMTP user; the password is taken from ENTENTE_SMTP_PASSWORD.
    #[arg(long, env = "ENTENTE_SMTP_USER")]
    smtp_user: Option<String>,
    /// The address that mails come from.
    #[arg(long, env = "ENTENTE_MAIL_FROM", default_value = "entente@localhost.localdomain")]
    mail_from: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    /// From the first byte (port 465).
    Implicit,
    /// STARTTLS, which must succeed (port 587).
    Starttls,
    /// Not at all; for a server on the same machine.
    None,
}

#[derive(Args)]
struct Demo {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How many more partnerships of the host there are.
    #[arg(long, default_value_t = 0)]
    partnerships: u32,
    /// Chooses their names.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[derive(Subcommand)]
enum WorkspaceCommand {
    /// Adds a workspace and prints its workspace ID.
    Create {
        #[command(flatten)]
        place: Place,
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

#[derive(Subcommand)]
enum UserCommand {
    /// Adds a user and prints their id.
    Create {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
        /// The mail address.
        #[arg(long)]
        email: String,
        /// The name.
        #[arg(long)]
        name: String,
        /// owner, super_admin, admin, user, login_only or guest_user.
        #[arg(long, default_value = "user")]
        role: WorkspaceRole,
    },
    /// Changes a user's role.
    SetRole {
        #[command(flatten)]
        place: Place,
        /// The mail address.
        #[arg(long)]
        email: String,
        /// owner, super_admin, admin, user, login_only or guest_user.
        #[arg(long)]
        role: WorkspaceRole,
    },
    /// Ends what a user can do; they stay on record.
    Disable {
        #[command(flatten)]
        place: Place,
        /// The mail address.
        #[arg(long)]
        email: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Makes an API key and prints it once, with its id.
    Create {
        #[command(flatten)]
        place: Place,
        /// The mail address of the user whose key it is.
        #[arg(long)]
        user: String,
        /// What to call it.
        #[arg(long, default_value = "Desktop")]
        name: String,
        /// After how many days it ends; without it, it does not.
        #[arg(long)]
        expires_in_days: Option<u32>,
    },
    /// Ends an API key at once.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id, as `key create` printed it.
        #[arg(long)]
        id: ApiKeyId,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ENTENTE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Program::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve(serve) => {
            let server = Server::start(serve.config()?).await?;
            until_told_to_stop(server).await
        }
        Command::Demo(demo) => run_demo(demo).await,
        Command::Workspace(WorkspaceCommand::Create { place, name }) => {
            let store = place.open().await?.store;
            let row = add_workspace(&store, &name, SystemClock.now()).await?;
            say(&row.id.to_string())
        }
        Command::User(command) => run_user(command).await,
        Command::Key(command) => run_key(command).await,
    }
}

async fn run_user(command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Create { place, workspace, email, name, role } => {
            let store = place.open().await?.store;
            let now = SystemClock.now();
            let row = add_user(&store, workspace, &email, &name, role, now).await?;
            say(&row.id.to_string())
        }
        UserCommand::SetRole { place, email, role } => {
            let store = place.open().await?.store;
            let user = one_user(&store, &email).await?;
            Ok(set_role(&store, &user, role, SystemClock.now()).await?)
        }
        UserCommand::Disable { place, email } => {
            let store = place.open().await?.store;
            let user = one_user(&store, &email).await?;
            Ok(disable_user(&store, &user, SystemClock.now()).await?)
        }
    }
}

async fn run_key(command: KeyCommand) -> Result<()> {
    match command {
        KeyCommand::Create { place, user, name, expires_in_days } => {
            let Opened { store, secret, .. } = place.open().await?;
            let user = one_user(&store, &user).await?;
            let now = SystemClock.now();
            let expires_at = expires_in_days.map(|days| now.after(days_long(days)));
            let (id, key) = add_key(&store, &secret, user.id, &name, expires_at, now).await?;
            say(&format!("{id}\n{}", key.expose_secret()))
        }
        KeyCommand::Revoke { place, id } => {
            let store = place.open().await?.store;
            if !revoke(&store, id, SystemClock.now()).await? {
                bail!("there is no such key, or it was revoked before");
            }
            Ok(())
        }
    }
}

async fn one_user(store: &Store, email: &str) -> Result<entente_store::UserRow> {
    let mut found = user_by_email(&mut *store.read().await?, email).await?;
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some(_), false) => bail!("{email} is a user of several workspaces"),
        (None, _) => bail!("there is no user with the address {email}"),
    }
}

async fn run_demo(demo: Demo) -> Result<()> {
    let directory = tempfile::Builder::new()
        .prefix("entente-demo-")
        .tempdir()
        .context("no place for the throw-away database")?;
    let config = Config { listen: demo.listen, ..Config::local(directory.path().to_owned()) };
    let server = Server::start(config).await?;
    let options = DemoOptions { requests: true, partnerships: demo.partnerships, seed: demo.seed };
    let facts = seed(&server, options).await?;
    let workspaces: Vec<_> = facts
        .workspaces
        .iter()
        .map(|workspace| json!({"id": workspace.id, "name": workspace.name}))
        .collect();
    let users: Vec<_> = facts
        .users
        .iter()
        .map(|user| {
            json!({
                "email": user.email,
                "role": user.role,
                "workspaceId": user.workspace,
                "apiKey": user.key.expose_secret(),
            })
        })
        .collect();
    let line = json!({"url": server.url(), "workspaces": workspaces, "users": users});
    say(&line.to_string())?;
    until_told_to_stop(server).await
}

/// Writes to standard output and does not mind if nobody reads it.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("standard output is closed")
}

#[cfg(unix)]
async fn until_told_to_stop(server: Running) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    server.stop().await;
    Ok(())
}

#[cfg(not(unix))]
async fn until_told_to_stop(server: Running) -> Result<()> {
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}

fn days_long(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}

impl Place {
    fn config(&self) -> Result<Config> {
        let data = match &self.data {
            Some(data) => data.clone(),
            None => directories::ProjectDirs::from("app", "entente", "entente-server")
                .context("there is no home directory: name a data directory with --data")?
                .data_dir()
                .to_owned(),
        };
        Ok(Config { database: self.database.clone(), ..Config::local(data) })
    }

    async fn open(&self) -> Result<Opened> {
        Ok(Server::open(&self.config()?).await?)
    }
}

impl Serve {
    fn config(&self) -> Result<Config> {
        let mut config = self.place.config()?;
        config.listen = self.listen;
        config.deadlines.decision = days_long(self.decision_days);
        if let Some(host) = &self.smtp_host {
            let password = std::env::var("ENTENTE_SMTP_PASSWORD").unwrap_or_default();
            config.mail = MailTransport::Smtp(SmtpConfig {
                host: host.clone(),
                port: self.smtp_port,
                tls: match self.smtp_tls {
                    Tls::Implicit => SmtpTls::Implicit,
                    Tls::Starttls => SmtpTls::StartTls,
                    Tls::None => SmtpTls::None,
                },
                login: self.smtp_user.clone().map(|user| (user, SecretString::from(password))),
                from: self.mail_from.clone(),
            });
        }
        Ok(config)
    }
}
