//! The program's commands, one file for each group of them.

mod demo;
mod key;
mod place;
mod serve;
mod user;
mod workspace;

use std::{io::Write as _, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand};
use entente_store::{Store, UserRow, user_by_email};

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
    Serve(serve::Serve),
    /// Serves sample workspaces from a throw-away database; prints their keys as one JSON line.
    Demo(demo::Demo),
    /// Workspaces.
    #[command(subcommand)]
    Workspace(workspace::WorkspaceCommand),
    /// Users.
    #[command(subcommand)]
    User(user::UserCommand),
    /// API keys.
    #[command(subcommand)]
    Key(key::KeyCommand),
}

/// Does what the arguments say.
pub(crate) async fn run() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ENTENTE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Program::parse().command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Command {
    async fn run(self) -> Result<()> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Demo(demo) => demo.run().await,
            Self::Workspace(command) => command.run().await,
            Self::User(command) => command.run().await,
            Self::Key(command) => command.run().await,
        }
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
