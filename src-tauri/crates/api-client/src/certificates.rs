use std::fmt;

use reqwest::{Certificate, ClientBuilder};
use thiserror::Error;

/// Certificates of authorities that are trusted beside the system's own: an organisation's.
#[derive(Clone, Default)]
pub struct ExtraCertificates(Vec<Certificate>);

/// Why a file holds no such certificate. Its text is a whole sentence for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// It is something else, or in another form.
    #[error(
        "This file holds no certificate in the PEM form, which begins with \
         \"-----BEGIN CERTIFICATE-----\". Ask your Admin for the file in that form."
    )]
    NotPem,
    /// It has the form, and something else in it.
    #[error("The certificate in this file is damaged. Ask your Admin for the file once more.")]
    Damaged,
}

impl CertificateError {
    /// A word from a closed list.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotPem => "no_certificate",
            Self::Damaged => "damaged_certificate",
        }
    }
}

impl ExtraCertificates {
    /// Reads a PEM file with one certificate or several.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        let found = Certificate::from_pem_bundle(pem).map_err(|_| CertificateError::NotPem)?;
        if found.is_empty() {
            return Err(CertificateError::NotPem);
        }
        let found = Self(found);
        // What is in it is read only here.
        let client = found.add_to(reqwest::Client::builder()).build();
        client.map(|_| found).map_err(|_| CertificateError::Damaged)
    }

    pub(crate) fn add_to(&self, builder: ClientBuilder) -> ClientBuilder {
        if self.0.is_empty() { builder } else { builder.tls_certs_merge(self.0.iter().cloned()) }
    }
}

impl fmt::Debug for ExtraCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExtraCertificates").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn a_file_that_is_no_certificate_is_told_from_one_that_is_damaged() {
        let key = KeyPair::generate().expect("a key");
        let made = CertificateParams::default().self_signed(&key).expect("a certificate").pem();
        assert!(ExtraCertificates::from_pem(made.as_bytes()).is_ok());
        assert!(ExtraCertificates::from_pem([made.as_str(), &made].concat().as_bytes()).is_ok());

        let key = key.serialize_pem();
        for other in [b"".as_slice(), b"\x30\x82\x01\x0a\x02\x82", b"# a note", key.as_bytes()] {
            let error = ExtraCertificates::from_pem(other).err();
            assert_eq!(error, Some(CertificateError::NotPem), "{other:?}");
        }
        let cut = made.replace("MI", "MM");
        assert_ne!(cut, made);
        let error = ExtraCertificates::from_pem(cut.as_bytes()).err();
        assert_eq!(error, Some(CertificateError::Damaged));
    }
}
