use anyhow::Result;
use clap::Subcommand;
use entente_domain::{WorkspaceId, WorkspaceRole};
use entente_server::{Clock as _, SystemClock, add_user, disable_user, set_role};

use super::{one_user, place::Place, say};

#[derive(Subcommand)]
pub(crate) enum UserCommand {
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

impl UserCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Create { place, workspace, email, name, role } => {
                let store = place.open().await?.store;
                let now = SystemClock.now();
                let row = add_user(&store, workspace, &email, &name, role, now).await?;
                say(&row.id.to_string())
            }
            Self::SetRole { place, email, role } => {
                let store = place.open().await?.store;
                let user = one_user(&store, &email).await?;
                Ok(set_role(&store, &user, role, SystemClock.now()).await?)
            }
            Self::Disable { place, email } => {
                let store = place.open().await?.store;
                let user = one_user(&store, &email).await?;
                Ok(disable_user(&store, &user, SystemClock.now()).await?)
            }
        }
    }
}
