//! How the window looks: its size, and what axe finds in it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::Window;
use crate::until;

/// Waits until nothing moves, then asks axe about everything that is shown.
const CHECK: &str = "const done = arguments[arguments.length - 1];
    const still = document.getAnimations().map((one) => one.finished.catch(() => {}));
    Promise.all(still)
      .then(() => axe.run(document, { resultTypes: ['violations', 'incomplete'] }))
      .then(
        (found) => done({ violations: found.violations, rules: found.passes.length }),
        (error) => done({ error: String(error) }),
      );";

impl Window {
    /// Makes the window's content so large, from the display's corner on.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.driver.set_window_rect(0, 0, width, height).await?;
        until(&format!("a window of {width} by {height}"), async || {
            let size = self.run("return [window.innerWidth, window.innerHeight]").await?;
            Ok((size == json!([width, height])).then_some(()))
        })
        .await
    }

    /// What axe finds wrong in what is shown: the rule, what it says, and where.
    pub async fn faults(&self, axe: &str) -> Result<Vec<String>> {
        if self.run("return typeof window.axe").await? == "undefined" {
            self.run(&format!("{axe}; window.axe = axe;")).await?;
        }
        let found = self.driver.execute_async(CHECK, Vec::new()).await?.json().clone();
        if let Some(error) = found["error"].as_str() {
            anyhow::bail!("axe failed: {error}");
        }
        let rules = found["rules"].as_u64().unwrap_or_default();
        anyhow::ensure!(rules > 0, "axe looked at nothing");
        let violations = found["violations"].as_array().context("axe gives a list")?;
        Ok(violations.iter().map(told).collect())
    }
}

fn told(violation: &Value) -> String {
    let nodes = violation["nodes"].as_array().cloned().unwrap_or_default();
    let at: Vec<String> = nodes
        .iter()
        .map(|node| {
            let why = node["any"][0]["message"].as_str().unwrap_or_default();
            format!("{} ({why})", node["html"].as_str().unwrap_or_default())
        })
        .collect();
    format!("{}: {}: {}", violation["id"], violation["help"], at.join("; "))
}
