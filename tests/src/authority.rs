use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use entente_server::TlsFiles;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An organisation's own certificate authority, which no system knows, and a server's certificate
/// that it signed.
pub struct Authority {
    /// Its certificate, in the PEM form.
    pub file: PathBuf,
    /// The server's, for 127.0.0.1.
    pub server: TlsFiles,
}

impl Authority {
    /// Makes both, as files in a directory.
    pub fn new(directory: &Path) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let own = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let server_key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let server = params.signed_by(&server_key, &issuer)?;
        let made = Self {
            file: directory.join("authority.pem"),
            server: TlsFiles {
                certificate: directory.join("server.pem"),
                key: directory.join("server-key.pem"),
            },
        };
        fs::write(&made.file, own.pem())?;
        fs::write(&made.server.certificate, server.pem())?;
        fs::write(&made.server.key, server_key.serialize_pem())?;
        Ok(made)
    }
}
