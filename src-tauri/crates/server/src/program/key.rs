use anyhow::{Result, bail};
use clap::Subcommand;
use entente_domain::ApiKeyId;
use entente_server::{Clock as _, Opened, SystemClock, add_key, revoke};
use secrecy::ExposeSecret as _;

use super::{days_long, one_user, place::Place, say};

#[derive(Subcommand)]
pub(crate) enum KeyCommand {
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

impl KeyCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Create { place, user, name, expires_in_days } => {
                let Opened { store, secret, .. } = place.open().await?;
                let user = one_user(&store, &user).await?;
                let now = SystemClock.now();
                let expires_at = expires_in_days.map(|days| now.after(days_long(days)));
                let (id, key) = add_key(&store, &secret, user.id, &name, expires_at, now).await?;
                say(&format!("{id}\n{}", key.expose_secret()))
            }
            Self::Revoke { place, id } => {
                let store = place.open().await?.store;
                if !revoke(&store, id, SystemClock.now()).await? {
                    bail!("there is no such key, or it was revoked before");
                }
                Ok(())
            }
        }
    }
}
