//! What is parsed from outside, as functions that take any bytes. Each says with a panic what must
//! never be: a fuzzer looks for such bytes (`cargo xtask fuzz`), and `tests/seeds.rs` feeds the seeds,
//! among them all that was ever found.

mod addresses;
mod documents;
mod events;
mod links;
mod scim;

/// A target: what it is called, and what eats the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("wire-documents", documents::wire_documents),
    ("event-stream", events::event_stream),
    ("deep-links", links::deep_links),
    ("scim-filters", scim::filters),
    ("scim-bodies", scim::bodies),
    ("addresses", addresses::addresses),
];

/// The target with a name.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8])> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, eat)| *eat)
}
