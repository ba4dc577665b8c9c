use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Lines},
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

/// A program that is measured; it ends with this.
#[derive(Debug)]
pub struct Program {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    /// Where it keeps what is for a while only: it is ended too soon to tidy up.
    _temporary: TempDir,
}

#[allow(dead_code, reason = "every measure takes what it needs")]
impl Program {
    /// Starts it; what it logs goes to waste.
    pub fn start(path: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<Self> {
        Self::spawn(Command::new(path).args(arguments).stderr(Stdio::null()))
    }

    /// Starts `entente-server serve`, on any port; gives its address, too.
    pub fn serve(path: &Path, arguments: &[impl AsRef<OsStr>]) -> Result<(Self, String)> {
        let mut command = Command::new(path);
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(arguments);
        let mut program = Self::spawn(command.stderr(Stdio::piped()))?;
        let log = program.child.stderr.take().context("its log")?;
        let address = listening(log)?;
        Ok((program, address))
    }

    fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let temporary = tempfile::tempdir()?;
        let command = command.env("TMPDIR", temporary.path());
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{name} could not be started"))?;
        let out = BufReader::new(child.stdout.take().context("its output")?).lines();
        Ok(Self { child, out, _temporary: temporary })
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> Result<String> {
        Ok(self.out.next().context("it ended")??)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How many bytes of memory it has: its own, and its part of what it shares.
    pub fn memory(&self) -> Result<u64> {
        let path = format!("/proc/{}/smaps_rollup", self.id());
        let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = pss.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kib.with_context(|| format!("{path} is of an unknown form"))? * 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that the log names; what else is logged is read and goes to waste.
fn listening(log: ChildStderr) -> Result<String> {
    let mut lines = BufReader::new(log).lines();
    let mut said = String::new();
    let address = loop {
        let line = lines.next().with_context(|| format!("it ended: {said}"))??;
        let entry: Value = serde_json::from_str(&line).unwrap_or_default();
        let fields = if entry["fields"].is_object() { &entry["fields"] } else { &entry };
        match (fields["message"].as_str(), fields["address"].as_str()) {
            (Some("listening"), Some(address)) => break address.to_owned(),
            _ => said = line,
        }
    };
    thread::spawn(move || lines.for_each(drop));
    Ok(address)
}
