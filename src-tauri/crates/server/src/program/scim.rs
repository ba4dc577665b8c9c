use anyhow::{Result, bail};
use clap::Subcommand;
use entente_domain::{ScimTokenId, WorkspaceId, WorkspaceRole};
use entente_server::{
    Clock as _, NewScimToken, Opened, RevokedScimToken, SystemClock, add_scim_token,
    end_scim_token, scim_tokens,
};
use secrecy::ExposeSecret as _;

use super::{days_long, place::Place, say};

#[derive(Subcommand)]
pub(crate) enum ScimCommand {
    /// Makes a token for a workspace's identity provider and prints it once, with its id. From then
    /// on the identity provider alone adds and removes the workspace's members.
    CreateToken {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
        /// What to call it.
        #[arg(long, default_value = "Identity provider")]
        name: String,
        /// The highest role that it may give: guest_user, login_only, user or admin.
        #[arg(long, default_value = "user")]
        highest_role: WorkspaceRole,
        /// After how many days it ends; without it, it does not.
        #[arg(long)]
        expires_in_days: Option<u32>,
    },
    /// Ends a token at once.
    RevokeToken {
        #[command(flatten)]
        place: Place,
        /// The token's id, as `scim create-token` printed it.
        #[arg(long)]
        id: ScimTokenId,
        /// If it was the workspace's last one, lets its Admins remove members again.
        #[arg(long)]
        unmanage: bool,
    },
    /// Prints the tokens, one a line: id, workspace ID, highest role, made, ends, state, name.
    List {
        #[command(flatten)]
        place: Place,
        /// Only those of this workspace.
        #[arg(long)]
        workspace: Option<WorkspaceId>,
    },
}

impl ScimCommand {
    pub(crate) async fn run(self) -> Result<()> {
        let now = SystemClock.now();
        match self {
            Self::CreateToken { place, workspace, name, highest_role, expires_in_days } => {
                let Opened { store, secret, .. } = place.open().await?;
                let expires_at = expires_in_days.map(|days| now.after(days_long(days)));
                let new = NewScimToken { workspace, name: &name, highest_role, expires_at };
                let (id, token) = add_scim_token(&store, &secret, new, now).await?;
                say(&format!("{id}\n{}", token.expose_secret()))
            }
            Self::RevokeToken { place, id, unmanage } => {
                let store = place.open().await?.store;
                match end_scim_token(&store, id, unmanage, now).await? {
                    RevokedScimToken::Unknown => bail!("there is no such token"),
                    RevokedScimToken::OthersLeft if unmanage => {
                        bail!("it is revoked, but the workspace has other tokens: revoke them too")
                    }
                    RevokedScimToken::OthersLeft => Ok(()),
                    RevokedScimToken::LastOne => say(
                        "It was the last one. Nobody adds or removes members of the workspace now; \
                         the same command with --unmanage lets its Admins do so.",
                    ),
                    RevokedScimToken::Unmanaged => Ok(()),
                }
            }
            Self::List { place, workspace } => {
                let store = place.open().await?.store;
                for token in scim_tokens(&store, workspace).await? {
                    let ends =
                        token.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
                    let state = match token.revoked_at {
                        Some(_) => "revoked",
                        None if token.is_live(now) => "live",
                        None => "expired",
                    };
                    say(&format!(
                        "{}\t{}\t{}\t{}\t{ends}\t{state}\t{}",
                        token.id, token.workspace, token.highest_role, token.created_at, token.name
                    ))?;
                }
                Ok(())
            }
        }
    }
}
