use std::{
    fs, io,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entente_domain::Deadlines;
use secrecy::SecretString;

use crate::{Clock, Proxies, SessionTimes, StartError, SystemClock};

/// What a server needs to start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The server's own certificate; without it, a proxy is in front, or everybody is on loopback.
    pub tls: Option<TlsFiles>,
    /// Where `/metrics` is served to everybody; without it, where all is served, to loopback only.
    pub metrics_listen: Option<SocketAddr>,
    /// How much at once, how often, and for how long.
    pub limits: Limits,
    /// Who may tell for whom they ask.
    pub proxies: Proxies,
    /// `sqlite://PATH`; without it, `entente.db` in the data directory.
    pub database: Option<String>,
    /// Where the database, the server's secret and mails without SMTP are kept.
    pub data: PathBuf,
    /// The file with the secret under which API keys are stored; without it, `secret.key` in the data
    /// directory. Processes that share a database share it.
    pub secret_file: Option<PathBuf>,
    /// The file with the keys that seal credentials; without it, `vault.keys` in the data directory.
    /// Processes that share a database share it.
    pub vault_file: Option<PathBuf>,
    /// How mails leave.
    pub mail: MailTransport,
    /// Where events are sent.
    pub webhooks: WebhookConfig,
    /// How long requests and reminders wait.
    pub deadlines: Deadlines,
    /// How long the sessions of single sign-on last.
    pub sessions: SessionTimes,
    /// How often overdue requests are looked for.
    pub expiry_interval: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// A server on a free port of loopback that keeps everything in `data`.
    #[must_use]
    pub fn local(data: PathBuf) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
            metrics_listen: None,
            limits: Limits::default(),
            proxies: Proxies::default(),
            database: None,
            secret_file: None,
            vault_file: None,
            mail: MailTransport::Files(data.join("mail")),
            data,
            webhooks: WebhookConfig::default(),
            deadlines: Deadlines::default(),
            sessions: SessionTimes::default(),
            expiry_interval: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
        }
    }

    /// The file with the secret under which API keys are stored.
    #[must_use]
    pub fn secret_path(&self) -> PathBuf {
        self.secret_file.clone().unwrap_or_else(|| self.data.join("secret.key"))
    }

    /// The file with the keys that seal credentials.
    #[must_use]
    pub fn vault_path(&self) -> PathBuf {
        self.vault_file.clone().unwrap_or_else(|| self.data.join("vault.keys"))
    }

    /// Makes the data directory if there is none, for its owner only.
    pub fn make_data_directory(&self) -> Result<(), StartError> {
        make_private(&self.data).map_err(|why| StartError::Data(self.data.clone(), why))
    }

    /// The database's address.
    #[must_use]
    pub fn database_url(&self) -> String {
        self.database
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data.join("entente.db").display()))
    }
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)
}

/// What is allowed of webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookConfig {
    /// Whether they may be reached without TLS.
    pub allow_http: bool,
    /// Whether they may be on this machine or in its network. Whoever adds a webhook can then have the
    /// server knock there.
    pub allow_private: bool,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        Self { allow_http: false, allow_private: false, patience: Duration::from_secs(10) }
    }
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The file with the certificate and those between it and a root, in PEM.
    pub certificate: PathBuf,
    /// The file with its private key, in PEM.
    pub key: PathBuf,
}

/// How much a server does at once, how often, and for how long. Of the default, which is for an embedded
/// server, nobody is held up by how often they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at once; more wait to be taken.
    pub connections: usize,
    /// How long an answer may take to begin. Event streams and files go on after that.
    pub request: Duration,
    /// How often one key may ask.
    pub key: Option<KeyRate>,
    /// How often in a minute one address may ask without a key that is taken.
    pub failures: Option<NonZeroU32>,
}

/// How often one key may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRate {
    /// How often in a minute.
    pub a_minute: NonZeroU32,
    /// How often at once, after a pause.
    pub burst: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 16_384, request: Duration::from_secs(30), key: None, failures: None }
    }
}

/// How mails leave.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// As `.eml` files in a directory.
    Files(PathBuf),
    /// To an SMTP server.
    Smtp(SmtpConfig),
}

/// An SMTP server.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// The certificates (PEM) of an authority of one's own, trusted beside the usual ones.
    pub ca_file: Option<PathBuf>,
    /// The user and password, if it wants them.
    pub login: Option<(String, SecretString)>,
    /// The sender's address.
    pub from: String,
    /// How long it may take to greet, and then to take a mail.
    pub patience: Duration,
}

impl SmtpConfig {
    /// How long a server may usually take.
    pub const PATIENCE: Duration = Duration::from_secs(30);
}

/// How a connection to an SMTP server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all; for a server on the same machine.
    None,
    /// By STARTTLS (RFC 3207), which must succeed.
    StartTls,
    /// From the first byte (RFC 8314).
    Implicit,
}
