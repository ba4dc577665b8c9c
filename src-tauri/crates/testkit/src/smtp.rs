use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::python_env;

/// An SMTP server of Python's (aiosmtpd) that keeps what it is sent. It ends when this is dropped.
#[derive(Debug)]
pub struct SmtpSink {
    child: Child,
    port: u16,
    kept: PathBuf,
}

impl SmtpSink {
    /// Starts one with settings that `tests/fixtures/python/smtp_sink.py` tells; what it is sent goes
    /// into a file in `directory`, which may be there from one before.
    pub fn start(directory: &Path, settings: Value) -> Result<Self> {
        let kept = directory.join("kept.jsonl");
        let mut settings = settings;
        settings["kept"] = json!(kept);
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).context("the project")?;
        let mut child = Command::new(python_env()?.join("bin/python"))
            .arg(root.join("tests/fixtures/python/smtp_sink.py"))
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the SMTP server of the tests could not be started")?;
        let mut line = String::new();
        let out = child.stdout.take().context("its output")?;
        BufReader::new(out).read_line(&mut line)?;
        let port = line.trim().parse().context("the SMTP server of the tests does not listen")?;
        Ok(Self { child, port, kept })
    }

    /// Where it listens, on loopback.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it was sent, oldest first: see the script for what is told of a mail.
    #[must_use]
    pub fn kept(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.kept).unwrap_or_default();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
