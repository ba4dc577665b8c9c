use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    thread::available_parallelism,
};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

/// What a measure needs beside the server's program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "every measure names what it needs")]
pub enum Need {
    /// PostgreSQL.
    Database,
    /// The desktop program, and a desktop for it.
    Window,
    /// Chromium.
    Browser,
    /// The package that people install.
    Package,
}

impl Need {
    /// As `cargo xtask bench` knows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Window => "window",
            Self::Browser => "browser",
            Self::Package => "package",
        }
    }
}

/// Where things are that are measured, and how large they are to be.
#[derive(Debug)]
pub struct Setting {
    quick: bool,
    programs: PathBuf,
}

#[allow(dead_code, reason = "every measure takes what it needs")]
impl Setting {
    /// The programs of the same build as this one.
    pub fn new(quick: bool) -> Result<Self> {
        let this = env::current_exe()?;
        let programs = this.ancestors().nth(2).context("it is in target/PROFILE/examples")?;
        Ok(Self { quick, programs: programs.to_owned() })
    }

    /// Whether sizes are to be small.
    pub fn is_quick(&self) -> bool {
        self.quick
    }

    /// A size: the one that counts, or the small one.
    pub fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// One of the programs that were built with this one.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        built(self.programs.join(name))
    }

    /// The desktop program as people get it, or what it is measured against.
    pub fn shipped(&self, name: &str) -> Result<PathBuf> {
        built(self.target().join("ship").join(name))
    }

    /// The target folder.
    pub fn target(&self) -> &Path {
        self.programs.parent().unwrap_or(&self.programs)
    }
}

fn built(program: PathBuf) -> Result<PathBuf> {
    let program = program.with_extension(env::consts::EXE_EXTENSION);
    ensure!(program.is_file(), "{} is missing: run cargo xtask bench", program.display());
    Ok(program)
}

/// On what it was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    cores: usize,
    /// How many programs wanted to run when it began, on average over a minute; where it is known.
    load: Option<f64>,
}

impl Machine {
    pub fn look() -> Self {
        let load = fs::read_to_string("/proc/loadavg").ok();
        let load = load.and_then(|text| text.split_whitespace().next()?.parse().ok());
        Self { cores: available_parallelism().map_or(1, usize::from), load }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measured on {} cores", self.cores)?;
        match self.load {
            Some(load) => write!(f, ", the load was {load} when it began"),
            None => Ok(()),
        }
    }
}
