use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use entente_domain::WebhookId;
use hmac::{Hmac, KeyInit as _, Mac as _};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use crate::keys::hex;

/// A new secret that signs events: 256 random bits.
pub(crate) fn new_secret() -> SecretString {
    let bits: [u8; 32] = rand::rng().random();
    SecretString::from(format!("whsec_{}", BASE64.encode(bits)))
}

/// Where a webhook's secret is sealed.
pub(crate) fn place_of_webhook(id: WebhookId) -> String {
    format!("webhook/{id}")
}

/// What the header `Entente-Signature` says: when it was signed, in seconds since 1970, and the
/// HMAC-SHA256 of `timestamp.body` under the secret as it was told, in hexadecimal.
pub(super) fn sign(secret: &SecretString, seconds: i64, body: &str) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) else {
        return String::new();
    };
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1764000000.{"a":1}' | openssl dgst -sha256 -hmac whsec_test
        let secret = SecretString::from("whsec_test");
        assert_eq!(
            sign(&secret, 1_764_000_000, r#"{"a":1}"#),
            "t=1764000000,v1=c862972147a4361237a5bcb4f74195e2e5d448641115622fe658a65985c5ae8c"
        );
    }

    #[test]
    fn secrets_differ_and_can_be_told_from_others() {
        let (one, other) = (new_secret(), new_secret());
        assert!(one.expose_secret().starts_with("whsec_") && one.expose_secret().len() == 49);
        assert_ne!(one.expose_secret(), other.expose_secret());
    }
}
