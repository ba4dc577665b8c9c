use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use entente_server::{Config, MailTransport, Running, Server, SmtpConfig, SmtpTls};
use secrecy::SecretString;

use super::{days_long, place::Place, settings::read_secret};

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen.
    #[arg(long, env = "ENTENTE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How many days a request awaits somebody before it expires.
    #[arg(long, env = "ENTENTE_DECISION_DAYS", default_value_t = 14)]
    decision_days: u32,
    /// The SMTP server; without it, mails become .eml files in the data directory.
    #[arg(long, env = "ENTENTE_SMTP_HOST")]
    smtp_host: Option<String>,
    /// The SMTP server's port.
    #[arg(long, env = "ENTENTE_SMTP_PORT", default_value_t = 587)]
    smtp_port: u16,
    /// How the connection to the SMTP server is protected.
    #[arg(long, env = "ENTENTE_SMTP_TLS", value_enum, default_value_t = Tls::Starttls)]
    smtp_tls: Tls,
    /// The SMTP user.
    #[arg(long, env = "ENTENTE_SMTP_USER")]
    smtp_user: Option<String>,
    /// Their password; other users of the machine see flags, so use one of the other ways.
    #[arg(long, env = "ENTENTE_SMTP_PASSWORD", hide_env_values = true)]
    smtp_password: Option<SecretString>,
    /// A file with their password.
    #[arg(long, env = "ENTENTE_SMTP_PASSWORD_FILE")]
    smtp_password_file: Option<PathBuf>,
    /// The address that mails come from.
    #[arg(long, env = "ENTENTE_MAIL_FROM", default_value = "entente@localhost.localdomain")]
    mail_from: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Tls {
    /// From the first byte (port 465).
    Implicit,
    /// STARTTLS, which must succeed (port 587).
    Starttls,
    /// Not at all; for a server on the same machine.
    None,
}

impl Serve {
    pub(crate) async fn run(self) -> Result<()> {
        let server = Server::start(self.config()?).await?;
        until_told_to_stop(server).await
    }

    /// The configuration of the server.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut config = self.place.config()?;
        config.listen = self.listen;
        config.deadlines.decision = days_long(self.decision_days);
        if let Some(host) = &self.smtp_host {
            let password = match (&self.smtp_password, &self.smtp_password_file) {
                (Some(_), Some(_)) => {
                    bail!("smtp-password and smtp-password-file are both set: keep one")
                }
                (Some(password), None) => password.clone(),
                (None, Some(path)) => read_secret(path)?.into(),
                (None, None) => SecretString::default(),
            };
            config.mail = MailTransport::Smtp(SmtpConfig {
                host: host.clone(),
                port: self.smtp_port,
                tls: match self.smtp_tls {
                    Tls::Implicit => SmtpTls::Implicit,
                    Tls::Starttls => SmtpTls::StartTls,
                    Tls::None => SmtpTls::None,
                },
                login: self.smtp_user.clone().map(|user| (user, password)),
                from: self.mail_from.clone(),
            });
        }
        Ok(config)
    }
}

/// Serves until the process is told to stop, and stops cleanly.
#[cfg(unix)]
pub(crate) async fn until_told_to_stop(server: Running) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result?,
    }
    server.stop().await;
    Ok(())
}

/// Serves until the process is told to stop, and stops cleanly.
#[cfg(not(unix))]
pub(crate) async fn until_told_to_stop(server: Running) -> Result<()> {
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}
