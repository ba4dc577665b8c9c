use std::{fmt, fs, io, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What a key begins with, so that people and secret scanners know one.
const PREFIX: &str = "entente_";

/// What a token of an identity provider begins with.
const SCIM_PREFIX: &str = "entente_scim_";

/// The server's own secret: keys are stored as their HMAC-SHA256 under it, so that a stolen database
/// gives no way to try keys.
#[derive(Clone)]
pub struct ServerSecret([u8; 32]);

impl fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerSecret(…)")
    }
}

impl ServerSecret {
    /// Reads it from a file, or makes it, readable by its owner only.
    pub fn load_or_make(path: &Path) -> io::Result<Self> {
        let bytes = read_or_make(path, || rand::rng().random::<[u8; 32]>().to_vec())?;
        bytes.try_into().map(Self).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, "the server's secret does not hold 32 bytes")
        })
    }

    /// The hash under which a key is stored, in hexadecimal.
    #[must_use]
    pub fn hash(&self, key: &SecretString) -> String {
        hex(&mac(&self.0, &[key.expose_secret().as_bytes()]))
    }

    /// 256 bits for a purpose that follow from some parts, and that nobody can tell without this
    /// secret.
    pub(crate) fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        mac(&mac(&self.0, &[b"derive\0", purpose.as_bytes()]), parts)
    }
}

/// HMAC-SHA256 over some parts, of which only the last may vary in length.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key of any length is fine for HMAC, so this cannot fail with 32 bytes.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// What a private file holds; it is made if there is none. It is there in full or not at all, whoever
/// is killed meanwhile, and the same for all who make it at the same time.
pub(crate) fn read_or_make(path: &Path, make: impl FnOnce() -> Vec<u8>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let aside = path.with_extension(format!("{:016x}.new", rand::rng().random::<u64>()));
    write_private(&aside, &make())?;
    let put = match fs::hard_link(&aside, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Not every file system has links.
        Err(_) => fs::rename(&aside, path),
        linked => linked,
    };
    let _ = fs::remove_file(&aside);
    put.and_then(|()| sync_parent(path))?;
    fs::read(path)
}

#[cfg(unix)]
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    // What it seals or hashes would be lost with it.
    file.sync_all()
}

#[cfg(not(unix))]
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)
}

/// Makes sure that a file's name is kept, too.
#[cfg(unix)]
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A new key of 256 random bits, as text.
#[must_use]
pub fn new_key() -> SecretString {
    new_secret(PREFIX)
}

/// A new token of an identity provider, of 256 random bits, as text.
#[must_use]
pub(crate) fn new_scim_token() -> SecretString {
    new_secret(SCIM_PREFIX)
}

/// The one place that writes a secret.
fn new_secret(prefix: &str) -> SecretString {
    let bits: [u8; 32] = rand::rng().random();
    SecretString::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bits)))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_256_bits_and_is_never_the_same() {
        let (one, other) = (new_key(), new_key());
        assert_ne!(one.expose_secret(), other.expose_secret());
        let bits = URL_SAFE_NO_PAD
            .decode(one.expose_secret().strip_prefix(PREFIX).expect("the prefix"))
            .expect("base64");
        assert_eq!(bits.len(), 32);
    }

    #[test]
    fn the_secret_stays_the_same_and_a_damaged_one_is_refused() {
        let data = tempfile::tempdir().expect("a directory");
        let path = data.path().join("secret.key");
        let key = new_key();
        let first = ServerSecret::load_or_make(&path).expect("made").hash(&key);
        assert_eq!(ServerSecret::load_or_make(&path).expect("read").hash(&key), first);
        fs::write(&path, b"short").expect("written");
        assert!(ServerSecret::load_or_make(&path).is_err());
    }

    #[test]
    fn all_that_start_at_once_have_the_same_secret() {
        let key = new_key();
        for _ in 0..20 {
            let data = tempfile::tempdir().expect("a directory");
            let path = data.path().join("secret.key");
            let load = || ServerSecret::load_or_make(&path).expect("made or read").hash(&key);
            let hashes: Vec<String> = std::thread::scope(|threads| {
                let started: Vec<_> = (0..8).map(|_| threads.spawn(load)).collect();
                started.into_iter().map(|one| one.join().expect("it ends")).collect()
            });
            assert!(hashes.iter().all(|hash| *hash == hashes[0]));
            assert_eq!(fs::read_dir(data.path()).expect("a directory").count(), 1, "nothing else");
        }
    }
}
