use std::{collections::BTreeMap, fs::File, path::Path, process::Stdio};

use anyhow::{Context as _, Result};
use tokio::process::{Child, Command};

/// Processes that end with the lab, each with its output in a file.
#[derive(Debug, Default)]
pub(crate) struct Children(Vec<Child>);

/// A command with nothing of this process's environment but what programs need to be found.
pub(crate) fn command(
    program: impl AsRef<std::ffi::OsStr>,
    env: &BTreeMap<String, String>,
) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env).stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Children {
    pub(crate) fn start(&mut self, mut command: Command, log: &Path) -> Result<&mut Child> {
        let name = format!("{:?}", command.as_std().get_program());
        let file = File::create(log)?;
        command.stdout(file.try_clone()?).stderr(file);
        let child = command.spawn().with_context(|| format!("{name} could not be started"))?;
        self.0.push(child);
        self.0.last_mut().context("the one just pushed")
    }

    pub(crate) fn keep(&mut self, child: Child) {
        self.0.push(child);
    }
}
