//! The texts of tokens, and what of them is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use rand::RngExt as _;
use secrecy::SecretString;

use crate::ServerSecret;

/// What the tokens begin with, so that people and secret scanners know them.
const ACCESS: &str = "entente_access_";
const REFRESH: &str = "entente_refresh_";
/// A refresh token: a half that all of a session share, by which one that was used before is known
/// for what it is, and a half of its own.
pub(super) struct RefreshToken {
    family: [u8; 32],
    own: [u8; 32],
}

impl RefreshToken {
    /// The first one of a session.
    pub(super) fn new() -> Self {
        Self { family: rand::rng().random(), own: rand::rng().random() }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text.trim().strip_prefix(REFRESH)?).ok()?;
        let bytes: [u8; 64] = bytes.try_into().ok()?;
        let (family, own) = bytes.split_first_chunk()?;
        Some(Self { family: *family, own: own.try_into().ok()? })
    }

    pub(super) fn text(&self) -> SecretString {
        let both = [self.family, self.own].concat();
        SecretString::from(format!("{REFRESH}{}", BASE64.encode(both)))
    }

    pub(super) fn family_hash(&self, secret: &ServerSecret) -> String {
        secret.hash(&SecretString::from(format!("{REFRESH}{}", BASE64.encode(self.family))))
    }

    pub(super) fn hash(&self, secret: &ServerSecret) -> String {
        secret.hash(&self.text())
    }

    /// The tokens after this one. They follow from it and the request's key, so that the same
    /// request again gets the same ones although none is kept.
    pub(super) fn next(&self, secret: &ServerSecret, key: &str) -> (Self, SecretString) {
        let derive = |what| secret.derive(what, &[&self.family, &self.own, key.as_bytes()]);
        let access = access_token(&derive("access token"));
        (Self { family: self.family, own: derive("refresh token") }, access)
    }
}

/// The first access token of a session.
pub(super) fn new_access_token() -> SecretString {
    access_token(&rand::rng().random())
}

fn access_token(bits: &[u8; 32]) -> SecretString {
    SecretString::from(format!("{ACCESS}{}", BASE64.encode(bits)))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn secret() -> ServerSecret {
        let data = tempfile::tempdir().expect("a directory");
        ServerSecret::load_or_make(&data.path().join("secret.key")).expect("a secret")
    }

    #[test]
    fn the_tokens_after_one_follow_from_it_the_key_and_the_secret() {
        let (secret, other) = (secret(), secret());
        let token = RefreshToken { family: [7; 32], own: [9; 32] };
        let of = |secret, key| {
            let (next, access) = token.next(secret, key);
            (next.text().expose_secret().to_owned(), access.expose_secret().to_owned())
        };
        let first = of(&secret, "one");
        assert_eq!(of(&secret, "one"), first);
        assert_ne!(of(&secret, "two"), first);
        assert_ne!(of(&other, "one"), first);
        let (refresh, access) = first;
        let parsed = RefreshToken::parse(&refresh).expect("a token");
        assert_eq!((parsed.family, parsed.own == token.own), (token.family, false));
        assert_eq!(parsed.family_hash(&secret), token.family_hash(&secret));
        let bits = BASE64.decode(access.strip_prefix(ACCESS).expect("the prefix")).expect("base64");
        assert_eq!(bits.len(), 32);
        assert_ne!(bits, parsed.own);
    }

    #[test]
    fn what_is_no_refresh_token_is_told_apart() {
        let good = RefreshToken { family: [7; 32], own: [9; 32] }.text();
        let good = good.expose_secret();
        assert!(RefreshToken::parse(&format!(" {good}\n")).is_some());
        for bad in ["", "entente_refresh_", "x", &good[..good.len() - 1], &good[1..]] {
            assert!(RefreshToken::parse(bad).is_none(), "{bad}");
        }
        assert!(RefreshToken::parse(&format!("{good}AAAA")).is_none());
    }
}
