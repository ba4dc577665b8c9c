use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    time::Duration,
};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use entente_server::{
    Config, ForwardedHeader, KeyRate, MailTransport, Proxies, Running, Server, SessionTimes,
    SmtpConfig, SmtpTls, TlsFiles,
};
use entente_store::count_workspaces;
use ipnet::IpNet;
use secrecy::SecretString;

use super::{days_long, place::Place, settings::read_secret};

#[derive(Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    place: Place,
    /// Where to listen.
    #[arg(long, env = "ENTENTE_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// The file with the server's certificate and those between it and a root, in PEM; without it,
    /// a proxy speaks TLS.
    #[arg(long, env = "ENTENTE_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// The file with the certificate's private key, in PEM.
    #[arg(long, env = "ENTENTE_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Where /metrics is served to everybody who can connect; without it, on the address of the API, to
    /// loopback only.
    #[arg(long, env = "ENTENTE_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
    /// The most connections at once; more wait to be taken.
    #[arg(long, env = "ENTENTE_MAX_CONNECTIONS", default_value_t = 16_384)]
    max_connections: usize,
    /// How many seconds an answer may take to begin; event streams go on after that.
    #[arg(long, env = "ENTENTE_REQUEST_TIMEOUT", default_value_t = 30)]
    request_timeout: u64,
    /// How many requests a minute one key may make; 0 for as many as it likes.
    #[arg(long, env = "ENTENTE_KEY_RATE", default_value_t = 600)]
    key_rate: u32,
    /// How many of them at once, after a pause.
    #[arg(long, env = "ENTENTE_KEY_BURST", default_value_t = NonZeroU32::MIN.saturating_add(99))]
    key_burst: NonZeroU32,
    /// How many requests a minute one address may make without a key that is taken; 0 for as many as
    /// it likes.
    #[arg(long, env = "ENTENTE_FAILURE_RATE", default_value_t = 30)]
    failure_rate: u32,
    /// The proxies that are trusted to tell for whom they ask: 10.0.0.0/8,192.0.2.7.
    #[arg(long, env = "ENTENTE_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// The header in which they tell it.
    #[arg(long, env = "ENTENTE_FORWARDED_HEADER", value_enum, default_value_t = Header::XForwardedFor)]
    forwarded_header: Header,
    /// How many days a request awaits somebody before it expires.
    #[arg(long, env = "ENTENTE_DECISION_DAYS", default_value_t = 14)]
    decision_days: u32,
    /// How many minutes an access token of single sign-on is good.
    #[arg(long, env = "ENTENTE_ACCESS_MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    access_minutes: u32,
    /// After how many days without use a session of single sign-on ends.
    #[arg(long, env = "ENTENTE_SESSION_DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    session_days: u32,
    /// How many hours sessions go on while their identity provider does not answer.
    #[arg(long, env = "ENTENTE_PROVIDER_SILENCE_HOURS", default_value_t = 24)]
    provider_silence_hours: u32,
    /// The SMTP server; without it, mails become .eml files in the data directory.
    #[arg(long, env = "ENTENTE_SMTP_HOST")]
    smtp_host: Option<String>,
    /// The SMTP server's port.
    #[arg(long, env = "ENTENTE_SMTP_PORT", default_value_t = 587)]
    smtp_port: u16,
    /// How the connection to the SMTP server is protected.
    #[arg(long, env = "ENTENTE_SMTP_TLS", value_enum, default_value_t = Tls::Starttls)]
    smtp_tls: Tls,
    /// A file with the certificates (PEM) of an authority of one's own that the SMTP server's is from.
    #[arg(long, env = "ENTENTE_SMTP_CA_FILE")]
    smtp_ca_file: Option<PathBuf>,
    /// How many seconds the SMTP server may take to greet, and then to take a mail.
    #[arg(long, env = "ENTENTE_SMTP_PATIENCE", default_value_t = SmtpConfig::PATIENCE.as_secs(),
          value_parser = clap::value_parser!(u64).range(1..=600))]
    smtp_patience: u64,
    /// The SMTP user.
    #[arg(long, env = "ENTENTE_SMTP_USER")]
    smtp_user: Option<String>,
    /// Their password; other users of the machine see flags, so use one of the other ways.
    #[arg(long, env = "ENTENTE_SMTP_PASSWORD", hide_env_values = true)]
    smtp_password: Option<SecretString>,
    /// A file with their password.
    #[arg(long, env = "ENTENTE_SMTP_PASSWORD_FILE")]
    smtp_password_file: Option<PathBuf>,
    /// Whether webhooks may be reached without TLS: true or false.
    #[arg(long, env = "ENTENTE_WEBHOOKS_ALLOW_HTTP", default_value_t = false,
          action = clap::ArgAction::Set)]
    webhooks_allow_http: bool,
    /// Whether webhooks may be on this machine or in its network: whoever adds one can then have the
    /// server knock there.
    #[arg(long, env = "ENTENTE_WEBHOOKS_ALLOW_PRIVATE", default_value_t = false,
          action = clap::ArgAction::Set)]
    webhooks_allow_private: bool,
    /// The address that mails come from.
    #[arg(long, env = "ENTENTE_MAIL_FROM", default_value = "entente@localhost.localdomain")]
    mail_from: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Header {
    /// X-Forwarded-For, as most proxies write it.
    XForwardedFor,
    /// Forwarded, as in RFC 7239.
    Forwarded,
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
        if count_workspaces(&mut *server.store().read().await?).await? == 0 {
            tracing::info!(
                "nobody is here yet: `entente-server workspace create --name NAME` makes a \
                 workspace, `entente-server user create --workspace ID --email ADDRESS --name NAME \
                 --role owner` its Owner, `entente-server key create --user ADDRESS` their key"
            );
        }
        until_told_to_stop(server).await
    }

    /// The configuration of the server.
    pub(crate) fn config(&self) -> Result<Config> {
        let mut config = self.place.config()?;
        config.listen = self.listen;
        config.tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                Some(TlsFiles { certificate: certificate.clone(), key: key.clone() })
            }
            (None, None) => None,
            (Some(_), None) => bail!("tls-cert is set without tls-key"),
            (None, Some(_)) => bail!("tls-key is set without tls-cert"),
        };
        config.metrics_listen = self.metrics_listen;
        config.limits.connections = self.max_connections;
        config.limits.request = Duration::from_secs(self.request_timeout);
        config.limits.key = NonZeroU32::new(self.key_rate)
            .map(|a_minute| KeyRate { a_minute, burst: self.key_burst });
        config.limits.failures = NonZeroU32::new(self.failure_rate);
        config.proxies = Proxies {
            trusted: self.trusted_proxies.clone(),
            header: match self.forwarded_header {
                Header::XForwardedFor => ForwardedHeader::XForwardedFor,
                Header::Forwarded => ForwardedHeader::Forwarded,
            },
        };
        config.deadlines.decision = days_long(self.decision_days);
        config.sessions = SessionTimes {
            access: Duration::from_secs(u64::from(self.access_minutes) * 60),
            refresh: days_long(self.session_days),
            silence: Duration::from_secs(u64::from(self.provider_silence_hours) * 60 * 60),
        };
        config.webhooks.allow_http = self.webhooks_allow_http;
        config.webhooks.allow_private = self.webhooks_allow_private;
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
                ca_file: self.smtp_ca_file.clone(),
                patience: Duration::from_secs(self.smtp_patience),
                login: self.smtp_user.clone().map(|user| (user, password)),
                from: self.mail_from.clone(),
            });
        }
        Ok(config)
    }
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "it is neither a network like 10.0.0.0/8 nor an address".to_owned())
}

/// Serves until the process is told to stop, and stops cleanly; told a second time, it ends at once.
/// SIGHUP reads the certificate again.
#[cfg(unix)]
pub(crate) async fn until_told_to_stop(server: Running) -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => server.reload(),
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => Ok(()),
        _ = terminate.recv() => at_once(),
        _ = interrupt.recv() => at_once(),
    }
}

/// Serves until the process is told to stop, and stops cleanly; told a second time, it ends at once.
#[cfg(not(unix))]
pub(crate) async fn until_told_to_stop(server: Running) -> Result<()> {
    tokio::signal::ctrl_c().await?;
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => Ok(()),
        told = tokio::signal::ctrl_c() => told.map_err(Into::into).and_then(|()| at_once()),
    }
}

fn at_once() -> Result<()> {
    tracing::warn!("told to stop a second time: what was being answered is cut off");
    std::process::exit(1)
}
