//! Sealing what must not be readable in the database: credentials, signing secrets, refresh tokens.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use entente_domain::AccountId;
use entente_store::SealedText;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::keys::{hex, read_or_make, sync_parent, write_private};

const NONCE: usize = 24;

/// Why something could not be sealed or opened.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The file with the keys cannot be read or written.
    #[error("the vault's keys in {0} cannot be used: {1}")]
    Keys(PathBuf, #[source] io::Error),
    /// It was sealed under a key that is not in the file any more.
    #[error("the vault's key {0} is missing: restore it from a backup of the key file")]
    UnknownKey(String),
    /// It was changed, cut, or moved to another place since it was sealed.
    #[error("what was sealed under the vault's key {0} is damaged, or of another place")]
    Damaged(String),
}

/// Seals with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha) under 256-bit keys that are kept in a file
/// outside the database. Each sealed text is bound to its place, so that a row cannot be read in
/// another's stead.
///
/// The file has a line `<id> <key in base64>` for each key; the last one seals, all of them open. A key
/// whose line ends in `next` only opens, until it is its turn: so it can be brought to every machine
/// before anything is sealed under it.
pub struct Vault {
    path: PathBuf,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// When the file was written, and its length.
    stamp: Option<(SystemTime, u64)>,
    all: Vec<(String, [u8; 32])>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What is sealed, as text, and the id of the key that sealed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the key.
    pub key_id: String,
    /// Nonce, ciphertext and tag in base64.
    pub text: String,
}

impl From<SealedText> for Sealed {
    fn from(stored: SealedText) -> Self {
        Self { key_id: stored.key_id, text: stored.sealed }
    }
}

impl From<Sealed> for SealedText {
    fn from(sealed: Sealed) -> Self {
        Self { key_id: sealed.key_id, sealed: sealed.text }
    }
}

impl Vault {
    /// Reads the keys from a file, or makes it with a first key, readable by its owner only.
    pub fn load_or_make(path: &Path) -> Result<Self, VaultError> {
        let vault = Self { path: path.to_owned(), keys: Mutex::default() };
        read_or_make(path, || line().into_bytes())
            .map_err(|why| VaultError::Keys(path.to_owned(), why))?;
        vault.with_keys(|_| Ok(()))?;
        Ok(vault)
    }

    /// Adds a key that only opens for now, unless there is one; the id of it.
    pub fn prepare_key(&self) -> Result<String, VaultError> {
        let mut lines = self.lines()?;
        if !lines.iter().any(|line| is_next(line)) {
            lines.insert(0, format!("{} {NEXT}", line().trim_end()));
            self.replace(&lines)?;
        }
        let next = lines.iter().find(|line| is_next(line)).and_then(|line| line.split(' ').next());
        Ok(next.unwrap_or_default().to_owned())
    }

    /// Adds a key, or takes the one that was prepared, which seals from now on; the id of it. Other
    /// processes see it at their next use.
    pub fn add_key(&self) -> Result<String, VaultError> {
        let mut lines = self.lines()?;
        let new = match lines.iter().position(|line| is_next(line)) {
            Some(at) => lines.remove(at).trim_end_matches(NEXT).trim_end().to_owned(),
            None => line().trim_end().to_owned(),
        };
        lines.push(new);
        self.replace(&lines)?;
        self.current_key()
    }

    /// Forgets all keys that sealed before the one that seals. What they have sealed cannot be opened
    /// any more.
    pub fn drop_old_keys(&self) -> Result<(), VaultError> {
        let mut lines = self.lines()?;
        let last = lines.pop();
        lines.retain(|line| is_next(line));
        lines.extend(last);
        self.replace(&lines)
    }

    /// The ids of all keys, the one that seals at the end.
    pub fn key_ids(&self) -> Result<Vec<String>, VaultError> {
        self.with_keys(|keys| Ok(keys.iter().map(|(id, _)| id.clone()).collect()))
    }

    /// The lines of the file, those of keys that only open before the others.
    fn lines(&self) -> Result<Vec<String>, VaultError> {
        let failed = |why| VaultError::Keys(self.path.clone(), why);
        let text = fs::read_to_string(&self.path).map_err(failed)?;
        parse(&text).map_err(failed)?;
        Ok(ordered(&text).map(str::to_owned).collect())
    }

    /// Written aside and renamed, so that no reader finds half a file.
    fn replace(&self, lines: &[String]) -> Result<(), VaultError> {
        let failed = |why| VaultError::Keys(self.path.clone(), why);
        let text = format!("{}\n", lines.join("\n"));
        let aside = self.path.with_extension("new");
        let _ = fs::remove_file(&aside);
        write_private(&aside, text.as_bytes()).map_err(failed)?;
        fs::rename(&aside, &self.path).and_then(|()| sync_parent(&self.path)).map_err(failed)?;
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).stamp = None;
        Ok(())
    }

    /// The id of the key that seals.
    pub fn current_key(&self) -> Result<String, VaultError> {
        self.with_keys(|keys| keys.last().map(|(id, _)| id.clone()).ok_or_else(|| self.empty()))
    }

    /// Seals a text for a place, such as `secret/<account>/password`.
    pub fn seal(&self, place: &str, secret: &SecretString) -> Result<Sealed, VaultError> {
        let (key_id, key) =
            self.with_keys(|keys| keys.last().cloned().ok_or_else(|| self.empty()))?;
        let nonce: [u8; NONCE] = rand::rng().random();
        let message = Payload { msg: secret.expose_secret().as_bytes(), aad: place.as_bytes() };
        let sealed = XChaCha20Poly1305::new(&key.into())
            .encrypt(&XNonce::from(nonce), message)
            .map_err(|_| VaultError::Damaged(key_id.clone()))?;
        Ok(Sealed { key_id, text: BASE64.encode([&nonce[..], &sealed].concat()) })
    }

    /// Opens what was sealed for the same place.
    pub fn open(&self, place: &str, sealed: &Sealed) -> Result<SecretString, VaultError> {
        let id = &sealed.key_id;
        let key = self.with_keys(|keys| {
            let found = keys.iter().find(|(known, _)| known == id);
            found.map(|(_, key)| *key).ok_or_else(|| VaultError::UnknownKey(id.clone()))
        })?;
        let damaged = || VaultError::Damaged(id.clone());
        let bytes = BASE64.decode(&sealed.text).map_err(|_| damaged())?;
        let (nonce, message) = bytes.split_at_checked(NONCE).ok_or_else(damaged)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| damaged())?;
        let message = Payload { msg: message, aad: place.as_bytes() };
        let opened = XChaCha20Poly1305::new(&key.into())
            .decrypt(&XNonce::from(nonce), message)
            .map_err(|_| damaged())?;
        Ok(SecretString::from(String::from_utf8(opened).map_err(|_| damaged())?))
    }

    fn empty(&self) -> VaultError {
        let why = io::Error::new(io::ErrorKind::InvalidData, "it holds no key");
        VaultError::Keys(self.path.clone(), why)
    }

    /// The keys as the file has them now: read again when it was changed.
    fn with_keys<T>(
        &self,
        use_them: impl FnOnce(&[(String, [u8; 32])]) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let failed = |why| VaultError::Keys(self.path.clone(), why);
        let file = fs::metadata(&self.path).map_err(failed)?;
        let stamp = Some((file.modified().map_err(failed)?, file.len()));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.stamp != stamp {
            let text = fs::read_to_string(&self.path).map_err(failed)?;
            keys.all = parse(&text).map_err(failed)?;
            keys.stamp = stamp;
        }
        use_them(&keys.all)
    }
}

/// Where a credential of an account is sealed.
pub(crate) fn place_of_secret(account: AccountId, secret_type: &str) -> String {
    format!("secret/{account}/{secret_type}")
}

fn line() -> String {
    let (id, key): ([u8; 4], [u8; 32]) = (rand::rng().random(), rand::rng().random());
    format!("{} {}\n", hex(&id), BASE64.encode(key))
}

/// Ends the line of a key that only opens for now.
const NEXT: &str = "next";

fn is_next(line: &str) -> bool {
    line.split_whitespace().nth(2) == Some(NEXT)
}

/// The lines, those of keys that only open before the others, so that the last one seals.
fn ordered(text: &str) -> impl Iterator<Item = &str> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().filter(|line| is_next(line)).chain(lines().filter(|line| !is_next(line)))
}

fn parse(text: &str) -> io::Result<Vec<(String, [u8; 32])>> {
    let bad = || io::Error::new(io::ErrorKind::InvalidData, "a line is not `<id> <key>`");
    ordered(text)
        .map(|line| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            let ([id, key] | [id, key, NEXT]) = parts[..] else { return Err(bad()) };
            let key = BASE64.decode(key).map_err(|_| bad())?;
            Ok((id.to_owned(), key.try_into().map_err(|_| bad())?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let data = tempfile::tempdir().expect("a directory");
        let vault = Vault::load_or_make(&data.path().join("vault.keys")).expect("a vault");
        (data, vault)
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only_and_undamaged_only() {
        let (_data, vault) = vault();
        let secret = SecretString::from("correct horse");
        let sealed = vault.seal("a/1", &secret).expect("sealed");
        assert!(!sealed.text.contains("horse"));
        assert_ne!(vault.seal("a/1", &secret).expect("sealed").text, sealed.text);
        assert_eq!(vault.open("a/1", &sealed).expect("open").expose_secret(), "correct horse");
        assert!(matches!(vault.open("a/2", &sealed), Err(VaultError::Damaged(_))));
        for place in 0..sealed.text.len() {
            let mut text = sealed.text.clone().into_bytes();
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).expect("text");
            let changed = Sealed { text, ..sealed.clone() };
            assert!(vault.open("a/1", &changed).is_err(), "a changed character at {place}");
        }
        let short = Sealed { text: "AAAA".into(), ..sealed };
        assert!(vault.open("a/1", &short).is_err());
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_opens_until_it_is_dropped() {
        let (_data, vault) = vault();
        let secret = SecretString::from("x");
        let old = vault.seal("p", &secret).expect("sealed");
        // Another process over the same file.
        let other = Vault::load_or_make(&vault.path).expect("the same vault");
        other.add_key().expect("added");
        let new = vault.seal("p", &secret).expect("sealed");
        assert_ne!(new.key_id, old.key_id);
        assert!(vault.open("p", &old).is_ok());
        vault.drop_old_keys().expect("dropped");
        assert!(matches!(other.open("p", &old), Err(VaultError::UnknownKey(_))));
        assert!(other.open("p", &new).is_ok());
    }

    #[test]
    fn a_prepared_key_opens_and_seals_only_when_it_is_its_turn() {
        let (data, vault) = vault();
        let first = vault.current_key().expect("a key");
        let next = vault.prepare_key().expect("prepared");
        assert_eq!(vault.prepare_key().expect("the same"), next);
        assert_eq!(vault.current_key().expect("a key"), first);
        // Another machine has got the file, and is not told of the turn yet.
        let copy = data.path().join("copy.keys");
        fs::copy(&vault.path, &copy).expect("copied");
        let other = Vault::load_or_make(&copy).expect("a vault");
        assert_eq!(vault.add_key().expect("taken"), next);
        let secret = SecretString::from("x");
        let sealed = vault.seal("p", &secret).expect("sealed");
        assert_eq!(sealed.key_id, next);
        assert!(other.open("p", &sealed).is_ok());
        assert!(vault.open("p", &other.seal("p", &secret).expect("sealed")).is_ok());
        vault.drop_old_keys().expect("dropped");
        assert_eq!(vault.key_ids().expect("ids"), [next]);
    }

    #[cfg(unix)]
    #[test]
    fn the_keys_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_data, vault) = vault();
        vault.add_key().expect("added");
        let mode = fs::metadata(&vault.path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
