use std::{fs, io, path::PathBuf};

use entente_store::OutboxMail;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, MultiPart},
    transport::smtp::authentication::Credentials,
};
use secrecy::ExposeSecret as _;
use thiserror::Error;

use crate::{MailTransport, SmtpTls};

/// Why a mail was not sent.
#[derive(Debug, Error)]
pub(crate) enum TransportError {
    #[error("the mail cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("the address cannot be used: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the SMTP server refused or did not answer: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the file could not be written: {0}")]
    File(#[from] io::Error),
}

/// The way out for mails.
#[derive(Debug)]
pub(crate) enum Transport {
    Files(PathBuf),
    Smtp { smtp: Box<AsyncSmtpTransport<Tokio1Executor>>, from: Mailbox },
}

impl Transport {
    pub(crate) fn new(config: &MailTransport) -> Result<Self, TransportError> {
        match config {
            MailTransport::Files(directory) => {
                fs::create_dir_all(directory)?;
                Ok(Self::Files(directory.clone()))
            }
            MailTransport::Smtp(smtp) => {
                let builder = match smtp.tls {
                    SmtpTls::None => {
                        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
                    }
                    SmtpTls::StartTls => {
                        AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&smtp.host)?
                    }
                    SmtpTls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&smtp.host)?,
                };
                let mut builder = builder.port(smtp.port);
                if let Some((user, password)) = &smtp.login {
                    let password = password.expose_secret().to_owned();
                    builder = builder.credentials(Credentials::new(user.clone(), password));
                }
                Ok(Self::Smtp { smtp: Box::new(builder.build()), from: mailbox(&smtp.from)? })
            }
        }
    }

    /// Sends a mail; the id of its outbox row is its Message-ID, so a second send is known as such.
    pub(crate) async fn send(&self, mail: &OutboxMail) -> Result<(), TransportError> {
        match self {
            Self::Files(directory) => {
                let bytes = message(mail, mailbox("entente@localhost.localdomain")?)?.formatted();
                // Written aside and renamed, so that a reader never sees half a mail.
                let path = directory.join(format!("{}.eml", mail.id));
                let partial = path.with_extension("partial");
                tokio::fs::write(&partial, bytes).await?;
                tokio::fs::rename(&partial, &path).await?;
                Ok(())
            }
            Self::Smtp { smtp, from } => {
                smtp.send(message(mail, from.clone())?).await?;
                Ok(())
            }
        }
    }
}

fn mailbox(address: &str) -> Result<Mailbox, TransportError> {
    Ok(Mailbox::new(None, address.parse()?))
}

fn message(mail: &OutboxMail, from: Mailbox) -> Result<Message, TransportError> {
    Ok(Message::builder()
        .message_id(Some(format!("<{}@entente>", mail.id)))
        .from(from)
        .to(mailbox(&mail.mail.recipient)?)
        .subject(mail.mail.subject.clone())
        .multipart(MultiPart::alternative_plain_html(
            mail.mail.text_body.clone(),
            mail.mail.html_body.clone(),
        ))?)
}
