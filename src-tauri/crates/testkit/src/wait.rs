use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer; an error that names what was waited for when it takes too long.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    let mut last = None;
    while begun.elapsed() < PATIENCE {
        match ask().await {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => {}
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    match last {
        Some(error) => Err(error.context(format!("waited too long for {what}"))),
        None => bail!("waited too long for {what}"),
    }
}
