//! Whether it can be trusted: the long checks, each in a short form unless the environment asks for
//! more. `cargo xtask verify` runs them in full.

mod attempt;
mod choose;
mod database;
mod explain;
mod operation;
mod readers;
mod reference;
mod rules;
mod scenario;
mod shrink;
mod world;
