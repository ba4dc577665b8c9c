//! The program's commands, one file for each group of them.

mod account;
mod database;
mod demo;
mod key;
mod logs;
mod mail;
mod place;
mod scim;
mod serve;
mod settings;
mod sso;
mod user;
mod vault;
mod workspace;

use std::{io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use entente_store::{Store, UserRow, user_by_email};

/// The partnership API of Entente.
///
/// Each setting has one name: `smtp-host` in the file is ENTENTE_SMTP_HOST in the environment and
/// --smtp-host as a flag. A flag overrides the environment, and that the file.
#[derive(Parser)]
#[command(version, about)]
struct Program {
    /// The file with settings; without it, /etc/entente/server.toml if there is one.
    #[arg(long, env = settings::FILE_VARIABLE, global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    logs: logs::Logs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers requests until it is told to stop.
    Serve(Box<serve::Serve>),
    /// Serves sample workspaces from a throw-away database; prints their keys as one JSON line.
    Demo(demo::Demo),
    /// Prints the settings that `serve` would take and where each comes from, secrets hidden.
    Config(Box<serve::Serve>),
    /// Copies a SQLite database into a new file, also while a server runs on it.
    Backup(database::Backup),
    /// Puts such a copy in the place of the database; no server may run on it.
    Restore(database::Restore),
    /// Makes clients read everything anew, after a database was put back by other means.
    AfterRestore(database::AfterRestore),
    /// Brings the database up to date, as `serve` does at its start, and does no more.
    Migrate(database::Migrate),
    /// Workspaces.
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    /// Users.
    #[command(subcommand)]
    User(user::UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Accounts and their credentials.
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// The keys that seal credentials.
    #[command(subcommand)]
    Vault(vault::VaultCommand),
    /// Mails that are to be sent.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// Single sign-on with OpenID Connect.
    #[command(subcommand)]
    Sso(sso::SsoCommand),
    /// Tokens of identity providers.
    #[command(subcommand)]
    Scim(scim::ScimCommand),
}

/// Does what the arguments say.
pub(crate) async fn run() -> ExitCode {
    match try_run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logs::start_if_not_started();
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn try_run() -> Result<()> {
    let settings = settings::read(Program::command(), std::env::args_os().collect())?;
    let program = Program::from_arg_matches(&settings.matches).unwrap_or_else(|error| error.exit());
    program.logs.start()?;
    match program.command {
        Command::Serve(serve) => serve.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Config(serve) => {
            serve.config()?;
            say(settings.effective().trim_end())
        }
        Command::Backup(backup) => backup.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::AfterRestore(after) => after.run().await,
        Command::Migrate(migrate) => migrate.run().await,
        Command::Workspace(command) => command.run().await,
        Command::User(command) => command.run().await,
        Command::Key(command) => command.run().await,
        Command::Account(command) => command.run().await,
        Command::Vault(command) => command.run().await,
        Command::Mail(command) => command.run().await,
        Command::Sso(command) => command.run().await,
        Command::Scim(command) => command.run().await,
    }
}

/// Writes to standard output and does not mind if nobody reads it.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("standard output is closed")
}

/// The one user with a mail address.
async fn one_user(store: &Store, email: &str) -> Result<UserRow> {
    let mut found = user_by_email(&mut *store.read().await?, email).await?;
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some(_), false) => bail!("{email} is a user of several workspaces"),
        (None, _) => bail!("there is no user with the address {email}"),
    }
}

fn days_long(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}
