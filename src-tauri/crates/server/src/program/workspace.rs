use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use entente_domain::{SendPolicy, WorkspaceId};
use entente_server::{Clock as _, SystemClock, add_workspace, set_send_policy};

use super::{place::Place, say};

#[derive(Subcommand)]
pub(crate) enum WorkspaceCommand {
    /// Adds a workspace and prints its workspace ID.
    Create {
        #[command(flatten)]
        place: Place,
        /// Its name.
        #[arg(long)]
        name: String,
    },
    /// Changes a workspace's settings.
    Set {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
        /// Who may ask for partnerships.
        #[arg(long, value_enum)]
        send_policy: Senders,
    },
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Senders {
    /// Whoever is of the workspace.
    AnyRole,
    /// Those whose role is user or above.
    UsersAndAbove,
}

impl WorkspaceCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Create { place, name } => {
                let store = place.open().await?.store;
                let row = add_workspace(&store, &name, SystemClock.now()).await?;
                say(&row.id.to_string())
            }
            Self::Set { place, workspace, send_policy } => {
                let store = place.open().await?.store;
                let policy = match send_policy {
                    Senders::AnyRole => SendPolicy::AnyRole,
                    Senders::UsersAndAbove => SendPolicy::UsersAndAbove,
                };
                Ok(set_send_policy(&store, workspace, policy).await?)
            }
        }
    }
}
