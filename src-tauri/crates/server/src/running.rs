use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use entente_store::{Engine, Hold, Store, StoreError};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Config, ServerSecret, Vault, VaultError,
    app::App,
    endpoints::{observers, router},
    expiry, following, hub,
    mail::{self, Transport, TransportError},
    rates,
    serving::Entrance,
    tls::{self, Certificate, TlsError, acceptor},
    webhooks::{self, Sender},
};

/// How long a stop waits for answers that are under way.
const GRACE: Duration = Duration::from_secs(10);

/// The most connections at once of those who read the metrics.
const OBSERVERS: usize = 64;

/// Why a server did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("the data directory {0} cannot be used: {1}")]
    Data(PathBuf, #[source] io::Error),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address is taken or not allowed.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// The server's certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys that seal credentials cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Events cannot be sent to webhooks: the system's certificates cannot be used.
    #[error("events cannot be sent to webhooks: {0}")]
    Webhooks(#[source] reqwest::Error),
    /// Mails cannot be sent as configured.
    #[error("mail is not configured right: {0}")]
    Mail(String),
}

impl From<TransportError> for StartError {
    fn from(error: TransportError) -> Self {
        Self::Mail(error.to_string())
    }
}

/// What a server stands on.
#[derive(Debug)]
pub struct Opened {
    /// The database, migrated.
    pub store: Store,
    /// Under which API keys are stored.
    pub secret: ServerSecret,
    /// What seals credentials.
    pub vault: Vault,
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A server that listens.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    metrics_address: Option<SocketAddr>,
    app: Arc<App>,
    certificate: Option<Arc<Certificate>>,
    serving: Vec<JoinHandle<()>>,
    workers: Vec<JoinHandle<()>>,
    _hold: Option<Hold>,
}

impl Server {
    /// Opens what a server stands on, without serving: for the first steps of an installation.
    pub async fn open(config: &Config) -> Result<Opened, StartError> {
        config.make_data_directory()?;
        let secret = ServerSecret::load_or_make(&config.secret_path())
            .map_err(|why| StartError::Data(config.secret_path(), why))?;
        let vault = Vault::load_or_make(&config.vault_path())?;
        Ok(Opened { store: Store::open(&config.database_url()).await?, secret, vault })
    }

    /// Opens the database, migrates it, and listens.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        config.make_data_directory()?;
        let hold = Hold::take(&config.database_url())?;
        let opened = Self::open(&config).await?;
        let transport = Transport::new(&config.mail)?;
        let sender = Sender::new(&config.webhooks).map_err(StartError::Webhooks)?;
        let certificate = config.tls.clone().map(Certificate::read).transpose()?.map(Arc::new);
        let app = Arc::new(App::new(opened, &config));
        let (listener, address) = listen(config.listen).await?;
        let mut entrances = vec![Entrance {
            listener,
            tls: certificate.clone().map(acceptor).transpose().map_err(TlsError::Settings)?,
            router: router(app.clone()),
            most: config.limits.connections,
        }];
        let mut metrics_address = None;
        if let Some(place) = config.metrics_listen {
            let (listener, address) = listen(place).await?;
            let router = observers(app.clone());
            entrances.push(Entrance { listener, tls: None, router, most: OBSERVERS });
            metrics_address = Some(address);
        }
        let mut workers = vec![
            tokio::spawn(expiry::run(app.clone(), config.expiry_interval)),
            tokio::spawn(mail::run(app.clone(), transport)),
            tokio::spawn(webhooks::run(app.clone(), sender)),
            tokio::spawn(rates::run(app.clone())),
            tokio::spawn(hub::run(app.clone())),
        ];
        if app.store.engine() == Engine::Postgres {
            workers.extend(following::start(&app));
        }
        if let Some(certificate) = certificate.clone() {
            workers.push(tokio::spawn(tls::watch(app.clone(), certificate)));
        }
        let serving =
            entrances.into_iter().map(|entrance| tokio::spawn(entrance.serve(app.clone())));
        let serving = serving.collect();
        tracing::info!(%address, tls = certificate.is_some(), "listening");
        if let Some(address) = metrics_address {
            tracing::info!(%address, "listening for those who read the metrics");
        }
        Ok(Running { address, metrics_address, app, certificate, serving, workers, _hold: hold })
    }
}

async fn listen(place: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen(place, error);
    let listener = TcpListener::bind(place).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `/metrics` is, if it has an address of its own.
    #[must_use]
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Its origin: `http://127.0.0.1:43211`.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Reads the certificate again, if it has one of its own.
    pub fn reload(&self) {
        if let Some(certificate) = &self.certificate {
            certificate.reload();
        }
    }

    /// Its database, for setting up.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.app.store
    }

    /// What seals credentials.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.app.vault
    }

    /// Under which keys are stored.
    #[must_use]
    pub fn secret(&self) -> &ServerSecret {
        &self.app.secret
    }

    /// Its clock's time.
    #[must_use]
    pub fn now(&self) -> entente_domain::Timestamp {
        self.app.clock.now()
    }

    /// Tells open event streams that something was changed past the API.
    pub fn changed(&self) {
        self.app.committed();
    }

    /// Finishes what it answers, ends event streams, closes the database.
    pub async fn stop(self) {
        self.app.stopping.send_replace(true);
        let end = tokio::time::Instant::now() + GRACE;
        for mut serving in self.serving {
            if tokio::time::timeout_at(end, &mut serving).await.is_err() {
                tracing::warn!("not everything was answered in time");
                serving.abort();
            }
        }
        // What they have under way has a grace of its own, and notes what became of it.
        for mut worker in self.workers {
            if tokio::time::timeout_at(end + 2 * GRACE, &mut worker).await.is_err() {
                tracing::error!("background work does not end; it is cut off");
                worker.abort();
            }
        }
        if let Err(error) = self.app.store.end_leases().await {
            tracing::warn!(%error, "background work was not handed over; others wait for it");
        }
        if tokio::time::timeout(GRACE, self.app.store.close()).await.is_err() {
            tracing::error!("the database is still in use; it is left as after a crash");
        }
        tracing::info!("stopped");
    }
}
