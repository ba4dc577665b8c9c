//! How long the long checks are, and where their figures go.

use std::{env, fs, io::Write as _};

use anyhow::{Context as _, Result};
use serde_json::Value;

/// A number from the environment, or what the short form has.
pub fn size(name: &str, short: u64) -> Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} must be a number")),
        Err(_) => Ok(short),
    }
}

/// Tells what a check did: to who reads the output, and to the file that `ENTENTE_FIGURES` names.
pub fn tell(figures: &Value) -> Result<()> {
    println!("{figures}");
    let Some(path) = env::var_os("ENTENTE_FIGURES") else { return Ok(()) };
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    Ok(writeln!(file, "{figures}")?)
}
