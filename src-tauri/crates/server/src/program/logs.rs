use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What is logged to standard error, and how.
#[derive(Args)]
pub(crate) struct Logs {
    /// error, warn, info, debug or trace, also by module: info,entente_server=debug.
    #[arg(
        long,
        env = "ENTENTE_LOG",
        default_value = "info,sqlx::postgres::notice=warn",
        global = true
    )]
    log: String,
    /// How a line of the log is written.
    #[arg(long, env = "ENTENTE_LOG_FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    log_format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// An object in JSON on each line.
    Json,
}

impl Logs {
    pub(crate) fn start(&self) -> Result<()> {
        let filter = EnvFilter::try_new(&self.log)
            .with_context(|| format!("the setting log cannot be {:?}", self.log))?;
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(io::stderr().is_terminal())
            .with_writer(io::stderr);
        match self.log_format {
            Format::Text => lines.init(),
            Format::Json => lines.json().flatten_event(true).with_span_list(false).init(),
        }
        Ok(())
    }
}

/// For what goes wrong before it is known how to log.
pub(crate) fn start_if_not_started() {
    let _ = tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
}
