//! One target under libFuzzer; which one, the environment says.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fn(&[u8])> = OnceLock::new();

fuzz_target!(|data: &[u8]| {
    let eat = TARGET.get_or_init(|| {
        let name = std::env::var("ENTENTE_FUZZ").unwrap_or_default();
        entente_fuzz::target(&name).expect("ENTENTE_FUZZ names a target")
    });
    eat(data);
});
