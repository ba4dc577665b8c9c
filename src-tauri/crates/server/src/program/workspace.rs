use anyhow::Result;
use clap::Subcommand;
use entente_server::{Clock as _, SystemClock, add_workspace};

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
}

impl WorkspaceCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Create { place, name } => {
                let store = place.open().await?.store;
                let row = add_workspace(&store, &name, SystemClock.now()).await?;
                say(&row.id.to_string())
            }
        }
    }
}
