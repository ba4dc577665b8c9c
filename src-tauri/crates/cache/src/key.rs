use std::fmt;

use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};

const BYTES: usize = 32;

/// The 256 bits that a file is encrypted with. They are used as they are: nothing is derived from a
/// password.
#[derive(Clone)]
pub struct CacheKey(SecretString);

impl CacheKey {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        use fmt::Write as _;
        let bits: [u8; BYTES] = rand::rng().random();
        let mut text = String::with_capacity(2 * BYTES);
        for byte in bits {
            let _ = write!(text, "{byte:02x}");
        }
        Self(text.into())
    }

    /// As one secret, for a keyring.
    #[must_use]
    pub fn to_secret(&self) -> SecretString {
        self.0.clone()
    }

    /// What [`Self::to_secret`] made; none if it is something else.
    #[must_use]
    pub fn from_secret(secret: &SecretString) -> Option<Self> {
        let text = secret.expose_secret();
        let is_key = text.len() == 2 * BYTES
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_key.then(|| Self(secret.clone()))
    }

    /// The value of SQLCipher's `key` pragma.
    pub(crate) fn pragma(&self) -> String {
        format!("\"x'{}'\"", self.0.expose_secret())
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CacheKey(…)")
    }
}

/// How a file is kept.
#[derive(Debug, Clone)]
pub enum Keeping {
    /// On the disk, encrypted.
    Encrypted(CacheKey),
    /// On the disk as it is: the person chose so, or it is a sample.
    Plain,
    /// Not on the disk at all: gone when it is closed.
    Memory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_256_random_bits_and_never_shown() {
        let key = CacheKey::random();
        let secret = key.to_secret();
        assert_eq!(secret.expose_secret().len(), 64);
        assert_ne!(secret.expose_secret(), CacheKey::random().to_secret().expose_secret());
        assert!(CacheKey::from_secret(&secret).is_some());
        assert!(!format!("{:?}", Keeping::Encrypted(key)).contains(secret.expose_secret()));
        for other in ["", "entente_key", &"0".repeat(63), &"g".repeat(64), &"A".repeat(64)] {
            assert!(CacheKey::from_secret(&other.to_owned().into()).is_none(), "{other}");
        }
    }
}
