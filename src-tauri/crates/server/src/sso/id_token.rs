//! What an ID token must be before anything in it is believed (OpenID Connect Core 1.0, 3.1.3.7;
//! RFC 8725).

use std::time::Duration;

use entente_domain::Timestamp;
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// Signatures by a key that only the provider has. None, and none by a shared secret.
const ALLOWED: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far the provider's clock may be from this one.
const SKEW: Duration = Duration::from_secs(60);
/// The most bytes of a token.
const MOST: usize = 16 * 1024;
/// The most bytes of a subject (OpenID Connect Core 1.0, 2).
const LONGEST_SUBJECT: usize = 255;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TokenError {
    /// Signed by a key that is not among those known; there may be newer ones.
    #[error("it is signed by an unknown key")]
    UnknownKey,
    /// For good.
    #[error("{0}")]
    Refused(&'static str),
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    /// What the authorization request said. None for a token that came of a refresh: that it came is
    /// proof enough of when, and clocks that are apart sign nobody out.
    pub(crate) nonce: Option<&'a str>,
    pub(crate) now: Timestamp,
}

/// What a token says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Identity {
    pub(crate) subject: String,
    /// All claims.
    pub(crate) claims: Map<String, Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Checks a token against the keys of its issuer and what is expected of it.
pub(crate) fn verify(
    token: &str,
    keys: &[Jwk],
    expected: Expected<'_>,
) -> Result<Identity, TokenError> {
    let refused = TokenError::Refused;
    if token.len() > MOST {
        return Err(refused("it is too long"));
    }
    let header = decode_header(token).map_err(|_| refused("it cannot be read"))?;
    if !ALLOWED.contains(&header.alg) {
        return Err(refused("its algorithm is not allowed"));
    }
    if header.crit.is_some() {
        return Err(refused("it has a critical header"));
    }
    if header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(refused("it is a token of another kind"));
    }
    let key = DecodingKey::from_jwk(key_for(&header, keys)?)
        .map_err(|_| refused("its key cannot be used"))?;
    let claims = decode::<Map<String, Value>>(token, &key, &signature_only(header.alg))
        .map_err(|_| refused("its signature is wrong"))?
        .claims;
    let subject = check(&claims, expected)?;
    Ok(Identity { subject, claims })
}

/// The library checks times by a clock of its own, so the claims are checked here.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation
}

fn key_for<'a>(header: &Header, keys: &'a [Jwk]) -> Result<&'a Jwk, TokenError> {
    let mut fitting = keys.iter().filter(|key| fits(key, header.alg));
    let Some(id) = &header.kid else {
        // Without a name for it, there must be nothing to choose from.
        return match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(TokenError::Refused("it does not name its key")),
            (None, _) => Err(TokenError::UnknownKey),
        };
    };
    fitting.find(|key| key.common.key_id.as_ref() == Some(id)).ok_or(TokenError::UnknownKey)
}

/// Whether a key is of the algorithm's kind and meant for it.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match &key.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa,
        AlgorithmParameters::EllipticCurve(_) => AlgorithmFamily::Ec,
        AlgorithmParameters::OctetKeyPair(_) => AlgorithmFamily::Ed,
        _ => return false,
    };
    let is_meant =
        key.common.key_algorithm.is_none_or(|meant| meant == KeyAlgorithm::from(algorithm));
    let signs = matches!(&key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    kind == algorithm.family() && is_meant && signs
}

/// Checks the claims; the subject.
fn check(claims: &Map<String, Value>, expected: Expected<'_>) -> Result<String, TokenError> {
    let refused = |why| Err(TokenError::Refused(why));
    let claims = Claims::deserialize(claims)
        .map_err(|_| TokenError::Refused("it lacks a claim, or one cannot be read"))?;
    if claims.iss != expected.issuer {
        return refused("it is of another issuer");
    }
    let (ours, several) = match &claims.aud {
        Audience::One(one) => (one == expected.client_id, false),
        Audience::Several(all) => (all.iter().any(|aud| aud == expected.client_id), all.len() > 1),
    };
    if !ours {
        return refused("it is for another client");
    }
    if claims.azp.as_ref().map_or(several, |azp| azp != expected.client_id) {
        return refused("it was given to another client");
    }
    if let Some(nonce) = expected.nonce {
        let now = seconds(expected.now);
        let skew = SKEW.as_secs_f64();
        if now >= claims.exp + skew {
            return refused("it has expired");
        }
        if claims.iat > now + skew || claims.nbf.is_some_and(|nbf| nbf > now + skew) {
            return refused("it is from the future: the clocks are apart");
        }
        if claims.nonce.as_deref() != Some(nonce) {
            return refused("it answers another request");
        }
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
        return refused("its subject is empty or too long");
    }
    Ok(claims.sub)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of four-digit years fit 53 bits")]
fn seconds(at: Timestamp) -> f64 {
    at.unix_millis() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer as _, Pkcs8V1Der},
        rand::SystemRandom,
        rsa::{KeyPair, KeySize},
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
    };
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, encode};
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.globex.example";
    const CLIENT: &str = "entente";
    const NOW: i64 = 1_795_528_800;

    fn expected() -> Expected<'static> {
        Expected {
            issuer: ISSUER,
            client_id: CLIENT,
            nonce: Some("n-0S6_WzA2Mj"),
            now: Timestamp::from_unix_millis(NOW * 1_000).expect("a time"),
        }
    }

    fn claims() -> Value {
        json!({
            "iss": ISSUER, "sub": "ana", "aud": CLIENT, "nonce": "n-0S6_WzA2Mj",
            "iat": NOW - 5, "exp": NOW + 300,
        })
    }

    /// The same claims but some; null takes one away.
    fn but(changed: Value) -> Value {
        let mut all = claims();
        for (name, value) in changed.as_object().expect("an object") {
            let all = all.as_object_mut().expect("an object");
            all.insert(name.clone(), value.clone());
            all.retain(|_, value| !value.is_null());
        }
        all
    }

    struct Signer {
        key: EncodingKey,
        public: Jwk,
        header: Header,
    }

    impl Signer {
        fn new(key: EncodingKey, algorithm: Algorithm, id: &str) -> Self {
            let mut public = Jwk::from_encoding_key(&key, algorithm).expect("a public key");
            public.common.key_id = Some(id.into());
            let header = Header { kid: Some(id.into()), ..Header::new(algorithm) };
            Self { key, public, header }
        }

        fn elliptic(id: &str) -> Self {
            let der = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            );
            let der = der.expect("a key");
            Self::new(EncodingKey::from_ec_der(der.as_ref()), Algorithm::ES256, id)
        }

        fn rsa(id: &str, algorithm: Algorithm) -> Self {
            let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
            let der: Pkcs8V1Der<'_> = pair.as_der().expect("its form");
            // The library wants what PKCS #8 wraps.
            Self::new(EncodingKey::from_rsa_der(&der.as_ref()[26..]), algorithm, id)
        }

        fn sign(&self, claims: &Value) -> String {
            encode(&self.header, claims, &self.key).expect("signed")
        }
    }

    fn refusal(done: Result<Identity, TokenError>) -> &'static str {
        match done {
            Err(TokenError::Refused(why)) => why,
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn a_good_token_is_believed_whatever_signs_it() {
        for signer in [
            Signer::elliptic("e"),
            Signer::rsa("r", Algorithm::RS256),
            Signer::rsa("p", Algorithm::PS384),
        ] {
            let keys = [Signer::elliptic("other").public, signer.public.clone()];
            let found = verify(&signer.sign(&claims()), &keys, expected()).expect("believed");
            assert_eq!(found.subject, "ana");
        }
    }

    #[test]
    fn each_claim_must_be_as_expected() {
        let signer = Signer::elliptic("e");
        let keys = [signer.public.clone()];
        let check = |changed: Value| verify(&signer.sign(&but(changed)), &keys, expected());
        for good in [
            json!({"aud": [CLIENT]}),
            json!({"aud": [CLIENT, "other"], "azp": CLIENT}),
            json!({"azp": CLIENT}),
            json!({"exp": NOW - 59}),
            json!({"exp": f64::from(300) + 1_795_528_800.5}),
            json!({"iat": NOW + 59, "nbf": NOW + 59}),
        ] {
            assert!(check(good.clone()).is_ok(), "{good}");
        }
        for (bad, why) in [
            (json!({"iss": format!("{ISSUER}/")}), "another issuer"),
            (json!({"aud": "other"}), "for another client"),
            (json!({"aud": []}), "for another client"),
            (json!({"aud": [CLIENT, "other"]}), "given to another client"),
            (json!({"azp": "other"}), "given to another client"),
            (json!({"exp": NOW - 60}), "expired"),
            (json!({"exp": -1e300}), "expired"),
            (json!({"iat": NOW + 61}), "future"),
            (json!({"nbf": NOW + 61}), "future"),
            (json!({"nonce": "other"}), "another request"),
            (json!({"nonce": null}), "another request"),
            (json!({"sub": ""}), "subject"),
            (json!({"sub": "x".repeat(256)}), "subject"),
            (json!({"sub": null}), "lacks a claim"),
            (json!({"sub": 7}), "lacks a claim"),
            (json!({"exp": null}), "lacks a claim"),
            (json!({"exp": "soon"}), "lacks a claim"),
            (json!({"iat": null}), "lacks a claim"),
            (json!({"aud": null}), "lacks a claim"),
        ] {
            let found = refusal(check(bad.clone()));
            assert!(found.contains(why), "{bad}: {found}");
        }
        let refreshed = Expected { nonce: None, ..expected() };
        for good in [json!({"nonce": null}), json!({"exp": NOW - 999}), json!({"iat": NOW + 999})] {
            let token = signer.sign(&but(good));
            assert!(verify(&token, &keys, refreshed).is_ok(), "a refresh is of now");
        }
        for bad in [json!({"iss": "x"}), json!({"aud": "x"}), json!({"azp": "x"})] {
            let token = signer.sign(&but(bad));
            assert!(verify(&token, &keys, refreshed).is_err(), "and of the same client");
        }
    }

    #[test]
    fn an_unsigned_token_and_one_signed_with_the_public_key_are_refused() {
        let signer = Signer::rsa("r", Algorithm::RS256);
        let keys = [signer.public.clone()];
        let encoded = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        for alg in ["none", "None", "NONE", ""] {
            let header = encoded(&json!({"alg": alg, "kid": "r"}));
            let token = format!("{header}.{}.", encoded(&claims()));
            assert_eq!(refusal(verify(&token, &keys, expected())), "it cannot be read", "{alg}");
        }
        // The public key as everybody can read it, taken for a shared secret.
        let AlgorithmParameters::RSA(public) = &signer.public.algorithm else { panic!("RSA") };
        let public = URL_SAFE_NO_PAD.decode(&public.n).expect("base64");
        let header = Header { kid: Some("r".into()), ..Header::new(Algorithm::HS256) };
        let forged =
            encode(&header, &claims(), &EncodingKey::from_secret(&public)).expect("signed");
        let why = refusal(verify(&forged, &keys, expected()));
        assert_eq!(why, "its algorithm is not allowed");
        // The provider's own set holds a shared secret: it is no key for anybody's token.
        let secret = EncodingKey::from_secret(b"shared");
        let mut shared = Jwk::from_encoding_key(&secret, Algorithm::HS256).expect("a key");
        shared.common.key_id = Some("r".into());
        let forged = encode(&header, &claims(), &secret).expect("signed");
        let why = refusal(verify(&forged, &[shared.clone()], expected()));
        assert_eq!(why, "its algorithm is not allowed");
        assert_eq!(
            verify(&signer.sign(&claims()), &[shared], expected()),
            Err(TokenError::UnknownKey)
        );
    }

    #[test]
    fn the_key_is_the_one_that_is_named_and_meant_for_it() {
        let signer = Signer::elliptic("e");
        let check = |header: Header, keys: &[Jwk]| {
            let token = encode(&header, &claims(), &signer.key).expect("signed");
            verify(&token, keys, expected())
        };
        let unnamed = Header { kid: None, ..signer.header.clone() };
        let named = signer.header.clone();
        let other = Signer::elliptic("other").public;
        let rsa = Signer::rsa("r", Algorithm::RS256).public;
        assert!(check(unnamed.clone(), &[signer.public.clone(), rsa.clone()]).is_ok());
        let two = [signer.public.clone(), other.clone()];
        assert_eq!(refusal(check(unnamed.clone(), &two)), "it does not name its key");
        assert_eq!(check(unnamed, std::slice::from_ref(&rsa)), Err(TokenError::UnknownKey));
        assert_eq!(check(named.clone(), &[other.clone(), rsa]), Err(TokenError::UnknownKey));
        assert_eq!(check(named.clone(), &[]), Err(TokenError::UnknownKey));
        let mut taken = other;
        taken.common.key_id = Some("e".into());
        assert_eq!(refusal(check(named.clone(), &[taken])), "its signature is wrong");
        let mut to_encrypt = signer.public.clone();
        to_encrypt.common.public_key_use = Some(PublicKeyUse::Encryption);
        assert_eq!(check(named.clone(), &[to_encrypt]), Err(TokenError::UnknownKey));
        let mut of_another = signer.public.clone();
        of_another.common.key_algorithm = Some(KeyAlgorithm::ES384);
        assert_eq!(check(named, &[of_another]), Err(TokenError::UnknownKey));
    }

    #[test]
    fn what_is_no_id_token_is_refused() {
        let signer = Signer::elliptic("e");
        let keys = [signer.public.clone()];
        let good = signer.sign(&claims());
        let mut changed = good.clone().into_bytes();
        let place = good.find('.').expect("parts") + 5;
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("text");
        assert_eq!(refusal(verify(&changed, &keys, expected())), "its signature is wrong");
        for text in ["", "a.b", "a.b.c", "..", "a.b.c.d.e", "\u{0}.\u{0}.\u{0}"] {
            assert_eq!(refusal(verify(text, &keys, expected())), "it cannot be read", "{text:?}");
        }
        let huge = signer.sign(&but(json!({"note": "x".repeat(20_000)})));
        assert_eq!(refusal(verify(&huge, &keys, expected())), "it is too long");
        let with = |header: Header| encode(&header, &claims(), &signer.key).expect("signed");
        let access = with(Header { typ: Some("at+jwt".into()), ..signer.header.clone() });
        assert_eq!(refusal(verify(&access, &keys, expected())), "it is a token of another kind");
        let critical = with(Header { crit: Some(vec!["b64".into()]), ..signer.header.clone() });
        assert_eq!(refusal(verify(&critical, &keys, expected())), "it has a critical header");
    }
}
