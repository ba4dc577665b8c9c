use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use entente_store::{Engine, Store, StoreError};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Config, ServerSecret, Vault, VaultError,
    app::App,
    endpoints::router,
    expiry, following,
    mail::{self, Transport, TransportError},
};

/// How long a stop waits for answers that are under way.
const GRACE: Duration = Duration::from_secs(10);

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
    /// The keys that seal credentials cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
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
    app: Arc<App>,
    serving: JoinHandle<io::Result<()>>,
    workers: Vec<JoinHandle<()>>,
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

impl Server {
    /// Opens what a server stands on, without serving: for the first steps of an installation.
    pub async fn open(config: &Config) -> Result<Opened, StartError> {
        let data = |error| StartError::Data(config.data.clone(), error);
        make_private(&config.data).map_err(data)?;
        let in_data =
            |file: &Option<PathBuf>, name| file.clone().unwrap_or_else(|| config.data.join(name));
        let secret_file = in_data(&config.secret_file, "secret.key");
        let secret = ServerSecret::load_or_make(&secret_file)
            .map_err(|why| StartError::Data(secret_file, why))?;
        let vault = Vault::load_or_make(&in_data(&config.vault_file, "vault.keys"))?;
        Ok(Opened { store: Store::open(&config.database_url()).await?, secret, vault })
    }

    /// Opens the database, migrates it, and listens.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let opened = Self::open(&config).await?;
        let transport = Transport::new(&config.mail)?;
        let app = Arc::new(App::new(opened, config.clock.clone(), config.deadlines));
        let listen = |error| StartError::Listen(config.listen, error);
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let mut workers = vec![
            tokio::spawn(expiry::run(app.clone(), config.expiry_interval)),
            tokio::spawn(mail::run(app.clone(), transport)),
        ];
        if app.store.engine() == Engine::Postgres {
            workers.extend(following::start(&app));
        }
        let mut stopping = app.stopping.subscribe();
        let serving = tokio::spawn(
            axum::serve(tcp_nodelay(listener), router(app.clone()))
                .with_graceful_shutdown(async move {
                    let _ = stopping.wait_for(|stopping| *stopping).await;
                })
                .into_future(),
        );
        tracing::info!(%address, "listening");
        Ok(Running { address, app, serving, workers })
    }
}

/// Events are small and must not wait for more.
fn tcp_nodelay(
    listener: TcpListener,
) -> impl axum::serve::Listener<Io = tokio::net::TcpStream, Addr = SocketAddr> {
    use axum::serve::ListenerExt as _;
    listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its origin: `http://127.0.0.1:43211`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
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
        let mut serving = self.serving;
        if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
            serving.abort();
        }
        for worker in self.workers {
            let _ = worker.await;
        }
        if let Err(error) = self.app.store.end_leases().await {
            tracing::warn!(%error, "background work was not handed over; others wait for it");
        }
        self.app.store.close().await;
        tracing::info!("stopped");
    }
}
