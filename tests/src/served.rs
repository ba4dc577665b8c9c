use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use entente_server::Config;
use serde_json::Value;

use crate::program;

/// How long it may take to listen on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is a process of its own, on a free port of loopback. It is killed with this.
#[derive(Debug)]
pub struct Served {
    child: Child,
    log: PathBuf,
}

impl Served {
    /// Starts one on the place that a configuration names, with some arguments more; its log goes into
    /// a file.
    pub fn start(config: &Config, arguments: &[&str], log: PathBuf) -> Result<Self> {
        let mut serve = Command::new(program("entente-server")?);
        serve.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(arguments);
        serve.arg("--data").arg(&config.data).args(["--database", &config.database_url()]);
        serve.env("ENTENTE_CONFIG", "/dev/null");
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
        let child = serve.spawn().context("the server could not be started")?;
        Ok(Self { child, log })
    }

    /// What it has logged so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    /// Where it listens, once it does.
    pub fn address(&mut self) -> Result<Option<SocketAddr>> {
        let log = self.log()?;
        let ended = self.child.try_wait()?;
        ensure!(ended.is_none(), "it ended by itself ({ended:?}): {log}");
        let lines = log.lines().map_while(|line| serde_json::from_str::<Value>(line).ok());
        let mut told = lines.filter(|line| line["message"] == "listening");
        Ok(told.find_map(|line| line["address"].as_str()?.parse().ok()))
    }

    /// Waits until it listens.
    pub async fn listens(&mut self) -> Result<SocketAddr> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(address) = self.address()? {
                return Ok(address);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("it does not listen: {}", self.log()?)
    }

    /// Kills it with SIGKILL; an error if it had ended by itself.
    pub fn kill(&mut self) -> Result<()> {
        let ended = self.child.try_wait()?;
        self.child.kill()?;
        self.child.wait()?;
        ensure!(ended.is_none(), "it ended by itself ({ended:?}): {}", self.log()?);
        Ok(())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
