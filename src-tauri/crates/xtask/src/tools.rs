//! Cargo's companions, at the versions that are known to work.

use std::path::PathBuf;

use anyhow::Result;

use crate::shell::{command, is_there, output, run, say, target};

/// A program that `cargo install` brings.
pub struct Tool {
    name: &'static str,
    version: &'static str,
}

pub const NEXTEST: Tool = Tool { name: "cargo-nextest", version: "0.9.143" };
pub const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

impl Tool {
    /// The program: the one on the path, or one built into the target folder.
    pub fn get(&self) -> Result<PathBuf> {
        if is_there(self.name) && output(command(self.name).arg("--version")).is_some() {
            return Ok(self.name.into());
        }
        let root = target().join("tools");
        let built = root.join("bin").join(self.name);
        if !built.is_file() {
            say(&format!("Building {} {} (once)", self.name, self.version));
            let mut install = command(env!("CARGO"));
            install.args(["install", self.name, "--version", self.version]);
            install.args(["--locked", "--debug", "--quiet", "--root"]).arg(&root);
            run(&mut install)?;
        }
        Ok(built)
    }
}
