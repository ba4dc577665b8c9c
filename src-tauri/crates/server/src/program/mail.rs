use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use entente_server::{Clock as _, SystemClock};
use entente_store::{MailState, list_mails};

use super::{place::Place, say};

#[derive(Subcommand)]
pub(crate) enum MailCommand {
    /// Prints the mails that need a look: refused for good, or unconfirmed, as whether the mail server
    /// took them is not known. One line each: id, state, when it was queued, how often it was tried,
    /// recipient, cause, and why.
    List {
        #[command(flatten)]
        place: Place,
        /// Those in this state instead: waiting, sending, sent, failed or unconfirmed.
        #[arg(long)]
        state: Vec<MailState>,
    },
    /// Sends mails once more that were refused or are unconfirmed.
    Resend {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        which: Which,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// A mail's id, as `mail list` prints it.
    #[arg(long)]
    id: Vec<String>,
    /// All that are `failed`, or all that are `unconfirmed`.
    #[arg(long)]
    all: Option<MailState>,
}

impl MailCommand {
    pub(crate) async fn run(self) -> Result<()> {
        match self {
            Self::List { place, state } => {
                let store = place.open().await?.store;
                let troubled = [MailState::Failed, MailState::Unconfirmed];
                let states = if state.is_empty() { &troubled[..] } else { &state };
                for mail in list_mails(&mut *store.read().await?, states).await? {
                    // What a mail server said is one line here, whatever it held.
                    let why = mail.last_error.unwrap_or_default();
                    let why: String =
                        why.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
                    say(&format!(
                        "{}  {}  {}  {}  {}  {}  {}",
                        mail.id,
                        mail.state,
                        mail.created_at,
                        mail.attempts,
                        mail.recipient,
                        mail.cause,
                        why.trim()
                    ))?;
                }
                Ok(())
            }
            Self::Resend { place, which } => {
                let store = place.open().await?.store;
                let ids = match which.all {
                    Some(state) => {
                        let found = list_mails(&mut *store.read().await?, &[state]).await?;
                        found.into_iter().map(|mail| mail.id).collect()
                    }
                    None => which.id,
                };
                let now = SystemClock.now();
                for id in &ids {
                    if !store.resend_mail(id, now).await? {
                        bail!(
                            "{id} is no mail that was refused or is unconfirmed: see `mail list`"
                        );
                    }
                }
                say(&format!("{} queued", ids.len()))
            }
        }
    }
}
