use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Subcommand;
use entente_domain::WorkspaceId;
use entente_server::{
    Clock as _, NewProvider, Opened, SystemClock, provider_of, remove_provider, set_provider,
    unbind,
};
use secrecy::SecretString;

use super::{one_user, place::Place, say, settings::read_secret};

#[derive(Subcommand)]
pub(crate) enum SsoCommand {
    /// Sets the OpenID provider of a workspace, in place of what was set before.
    Set {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
        /// The provider's issuer, exactly as it calls itself: https://login.example.com.
        #[arg(long)]
        issuer: String,
        /// What the provider calls this server.
        #[arg(long)]
        client_id: String,
        /// A file with the client's secret; without it, the client is a public one.
        #[arg(long)]
        client_secret_file: Option<PathBuf>,
        /// A mail domain whose members sign in there; can be given several times.
        #[arg(long, required = true)]
        domain: Vec<String>,
        /// What to ask the provider for. With offline_access, it is asked again at every refresh
        /// whether the person is still let in.
        #[arg(long, default_value = "openid email profile offline_access")]
        scopes: String,
        /// The claim that holds the mail address.
        #[arg(long, default_value = "email")]
        email_claim: String,
        /// Take its mail addresses as verified although it does not say so: for a provider that only
        /// its own Admins can give addresses at.
        #[arg(long)]
        trust_email: bool,
    },
    /// Prints the OpenID provider of a workspace.
    Show {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
    },
    /// Removes the OpenID provider of a workspace; who signed in there is signed out.
    Remove {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
    },
    /// Forgets which account at the provider a user is, and signs them out: their next sign-in goes
    /// by the mail address again.
    Unbind {
        #[command(flatten)]
        place: Place,
        /// The mail address.
        #[arg(long)]
        user: String,
    },
}

impl SsoCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Set {
                place,
                workspace,
                issuer,
                client_id,
                client_secret_file,
                domain,
                scopes,
                email_claim,
                trust_email,
            } => {
                let client_secret = client_secret_file
                    .as_deref()
                    .map(read_secret)
                    .transpose()?
                    .map(SecretString::from);
                let new = NewProvider {
                    issuer,
                    client_id,
                    client_secret,
                    scopes,
                    domains: domain,
                    email_claim,
                    trusts_email: trust_email,
                };
                let Opened { store, vault, .. } = place.open().await?;
                let now = SystemClock.now();
                let row = set_provider(&store, &vault, workspace, new, now).await?;
                say(&row.id.to_string())
            }
            Self::Show { place, workspace } => {
                let store = place.open().await?.store;
                let Some(row) = provider_of(&store, workspace).await? else {
                    bail!("this workspace has no single sign-on");
                };
                say(&format!(
                    "issuer = {:?}\nclient-id = {:?}\nclient-secret = {}\ndomains = {:?}\n\
                     scopes = {:?}\nemail-claim = {:?}\ntrust-email = {}",
                    row.issuer,
                    row.client_id,
                    if row.client_secret.is_some() { "(sealed)" } else { "(none)" },
                    row.domains,
                    row.scopes,
                    row.email_claim,
                    row.trusts_email,
                ))
            }
            Self::Remove { place, workspace } => {
                let store = place.open().await?.store;
                if !remove_provider(&store, workspace, SystemClock.now()).await? {
                    bail!("this workspace has no single sign-on");
                }
                Ok(())
            }
            Self::Unbind { place, user } => {
                let store = place.open().await?.store;
                let user = one_user(&store, &user).await?;
                if !unbind(&store, user.id, SystemClock.now()).await? {
                    bail!("this user has not signed in through a provider");
                }
                Ok(())
            }
        }
    }
}
