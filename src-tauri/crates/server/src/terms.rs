use std::sync::LazyLock;

use entente_domain::TermsFacts;
use entente_wire::TermsAttributes;
use sha2::{Digest as _, Sha256};

use crate::keys::hex;

/// The version of the text; it changes with every change of the text.
const VERSION: &str = "2026-11-01";
const TEXT: &str = include_str!("terms.txt");

static TERMS: LazyLock<TermsAttributes> = LazyLock::new(|| TermsAttributes {
    version: VERSION.into(),
    hash: hex(&Sha256::digest(TEXT.as_bytes())),
    text: TEXT.into(),
});

/// The current Terms of Service.
pub(crate) fn current() -> &'static TermsAttributes {
    &TERMS
}

/// What a consent stores of them.
pub(crate) fn facts() -> TermsFacts {
    TermsFacts { version: TERMS.version.clone(), hash: TERMS.hash.clone() }
}
