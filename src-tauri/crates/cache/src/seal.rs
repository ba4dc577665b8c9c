use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use rand::RngExt as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::{CacheError, CacheKey};

const NONCE: usize = 24;

/// Seals single documents, for a file that must open also while its key is not to be had.
/// XChaCha20-Poly1305, bound to the document's id.
#[derive(Clone)]
pub(crate) struct Seal(XChaCha20Poly1305);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

impl Seal {
    /// One key is for one purpose: this one follows from the cache's.
    pub(crate) fn new(key: &CacheKey) -> Self {
        let secret = key.to_secret();
        let derived = Sha256::new()
            .chain_update(b"entente journal 1\0")
            .chain_update(secret.expose_secret())
            .finalize();
        Self(XChaCha20Poly1305::new(&derived))
    }

    pub(crate) fn close(&self, text: &[u8], id: &str) -> Result<Vec<u8>, CacheError> {
        let nonce: [u8; NONCE] = rand::rng().random();
        let sealed = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: id.as_bytes() })
            .map_err(|_| CacheError::Damaged("a document could not be sealed".into()))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// What was sealed under the same key and id; none if it is anything else.
    pub(crate) fn open(&self, sealed: &[u8], id: &str) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: id.as_bytes() }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_under_its_key_and_id_only() {
        let seal = Seal::new(&CacheKey::random());
        let sealed = seal.close(b"They film our launch", "one").expect("sealed");
        assert_eq!(seal.open(&sealed, "one").as_deref(), Some(&b"They film our launch"[..]));
        assert_eq!(seal.open(&sealed, "two"), None);
        assert_eq!(Seal::new(&CacheKey::random()).open(&sealed, "one"), None);
        for place in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[place] ^= 1;
            assert_eq!(seal.open(&flipped, "one"), None, "{place}");
        }
        assert_eq!(seal.open(&sealed[..10], "one"), None);
    }
}
