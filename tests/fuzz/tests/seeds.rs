//! Every seed, and all that a fuzzer ever found, is eaten by its target.
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::{fs, path::Path};

use entente_fuzz::TARGETS;

#[test]
fn seeds_and_past_findings_do_no_harm() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let folders = fs::read_dir(&seeds).expect("the seeds").count();
    assert_eq!(folders, TARGETS.len(), "a folder of seeds for each target, and no other");
    for (name, eat) in TARGETS {
        let mut eaten = 0;
        for file in fs::read_dir(seeds.join(name)).expect(name) {
            let data = fs::read(file.expect("a file").path()).expect("readable");
            eat(&data);
            // Cut short, as a broken connection leaves it.
            eat(data.get(..data.len() / 2).unwrap_or_default());
            eaten += 1;
        }
        assert!(eaten > 0, "{name} has no seed");
    }
}
