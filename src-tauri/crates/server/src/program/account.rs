use std::{
    io::{self, BufRead as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result, bail};
use clap::{Subcommand, ValueEnum};
use entente_domain::{AccountId, WorkspaceId};
use entente_server::{Clock as _, NewAccount, Opened, SystemClock, add_account, set_secret};
use entente_store::user_by_email;
use secrecy::{ExposeSecret as _, SecretString};

use super::{place::Place, say, settings::read_secret};

#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Adds an account and prints its id. Without files, the user name and the password are read from
    /// standard input, a line each.
    Create {
        #[command(flatten)]
        place: Place,
        /// The workspace ID.
        #[arg(long)]
        workspace: WorkspaceId,
        /// The mail address of its first Owner.
        #[arg(long)]
        owner: String,
        /// The app: "Mailchimp".
        #[arg(long)]
        application: String,
        /// What tells it from other accounts of the same app.
        #[arg(long)]
        label: String,
        /// Where one logs in; https only.
        #[arg(long)]
        url: String,
        /// A file with the user name.
        #[arg(long, requires = "password_file")]
        username_file: Option<PathBuf>,
        /// A file with the password.
        #[arg(long, requires = "username_file")]
        password_file: Option<PathBuf>,
    },
    /// Replaces a credential with a line from standard input, or with what a file holds.
    SetSecret {
        #[command(flatten)]
        place: Place,
        /// The account's id.
        #[arg(long)]
        account: AccountId,
        /// Which credential.
        #[arg(long = "type", value_enum)]
        secret_type: SecretType,
        /// A file with it.
        #[arg(long)]
        file: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SecretType {
    /// The user name.
    Username,
    /// The password.
    Password,
}

impl SecretType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Password => "password",
        }
    }
}

impl AccountCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::Create {
                place,
                workspace,
                owner,
                application,
                label,
                url,
                username_file,
                password_file,
            } => {
                let username = secret(username_file, "user name")?;
                let password = secret(password_file, "password")?;
                let Opened { store, vault, .. } = place.open().await?;
                let found = user_by_email(&mut *store.read().await?, &owner).await?;
                let Some(owner) = found.into_iter().find(|user| user.workspace == workspace) else {
                    bail!("there is no user with the address {owner} in that workspace");
                };
                let secrets = [("username", username), ("password", password)];
                let new = NewAccount {
                    owner: &owner,
                    application: &application,
                    label: &label,
                    url: &url,
                    secrets: &secrets,
                };
                let account = add_account(&store, &vault, new, SystemClock.now()).await?;
                say(&account.id.to_string())
            }
            Self::SetSecret { place, account, secret_type, file } => {
                let value = secret(file, secret_type.as_str())?;
                let Opened { store, vault, .. } = place.open().await?;
                let now = SystemClock.now();
                Ok(set_secret(&store, &vault, account, secret_type.as_str(), &value, now).await?)
            }
        }
    }
}

fn secret(file: Option<PathBuf>, what: &str) -> Result<SecretString> {
    let text = match file {
        Some(path) => read_secret(&path)?,
        None => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    let text = SecretString::from(text);
    if text.expose_secret().is_empty() {
        bail!("the {what} is empty");
    }
    Ok(text)
}
