//! The real program on a real desktop: its window through WebDriver, its notifications on the bus and
//! pressed in the notification service, its tray read and clicked over the bus, its keys in a real
//! keyring. Pictures of each step are kept in `target/test-output`.

#![cfg(target_os = "linux")]

mod banners;
mod certificates;
mod faults;
mod habits;
mod keyboard;
mod language;
mod links;
mod scim;
mod secrets;
mod setup;
mod sharing;
mod sign_in;
mod stage;
mod storage;
mod story;
mod tour;
mod tray;
mod updates;

use std::path::PathBuf;

use anyhow::Result;

/// The program, which `cargo xtask test` builds before the tests, or another one: `cargo xtask package
/// --check` names the packaged one.
fn program() -> Result<PathBuf> {
    if let Some(program) = std::env::var_os("ENTENTE_PROGRAM") {
        return Ok(program.into());
    }
    entente_tests::program("entente")
}
