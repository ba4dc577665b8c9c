//! The server's own certificate.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use thiserror::Error;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject as _},
        },
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

use crate::{TlsFiles, app::App};

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// The protocols that are spoken over TLS, the better one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
pub(crate) const HTTP2: &[u8] = b"h2";

/// Why a certificate cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("the file {0} cannot be read: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The file holds no certificate or key in PEM.
    #[error("the file {0} holds no {1} in PEM: {2}")]
    Pem(PathBuf, &'static str, #[source] pem::Error),
    /// The key is of another certificate, or of an unknown kind.
    #[error("the certificate in {0} and the key in {1} do not go together: {2}")]
    Pair(PathBuf, PathBuf, #[source] rustls::Error),
    /// The library for TLS refuses its settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[source] rustls::Error),
}

/// A certificate with its key, read again when the files have changed.
pub(crate) struct Certificate {
    files: TlsFiles,
    seen: Mutex<Stamp>,
    current: RwLock<Arc<CertifiedKey>>,
}

/// When the files were written.
type Stamp = [Option<SystemTime>; 2];

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificate {
    pub(crate) fn read(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = Mutex::new(stamp(&files));
        let current = RwLock::new(Arc::new(pair(&files)?));
        Ok(Self { files, seen, current })
    }

    /// Reads the files again; what is in use stays if they cannot be used.
    pub(crate) fn reload(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp(&self.files);
        match pair(&self.files) {
            Ok(pair) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(pair);
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }

    /// Reads the files again if they were written since.
    pub(crate) fn reload_if_changed(&self) {
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) != stamp(&self.files) {
            self.reload();
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Reads the files again whenever they have changed, until the server stops.
pub(crate) async fn watch(app: Arc<App>, certificate: Arc<Certificate>) {
    let mut stopping = app.stopping.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => certificate.reload_if_changed(),
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Takes TLS 1.2 and 1.3, and HTTP/2 or HTTP/1.1 as the client prefers.
pub(crate) fn acceptor(certificate: Arc<Certificate>) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn stamp(files: &TlsFiles) -> Stamp {
    [&files.certificate, &files.key].map(|path| fs::metadata(path).ok()?.modified().ok())
}

fn pair(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let TlsFiles { certificate, key } = files;
    let bytes = |path: &Path| fs::read(path).map_err(|why| TlsError::File(path.to_owned(), why));
    let chain = CertificateDer::pem_slice_iter(&bytes(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|why| TlsError::Pem(certificate.clone(), "certificate", why))?;
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|why| TlsError::Pem(key.clone(), "private key", why))?;
    CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .map_err(|why| TlsError::Pair(certificate.clone(), key.clone(), why))
}
