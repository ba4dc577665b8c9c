//! Copies of what somebody sees, kept in step by the change feed alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::world::Servers;

/// Documents by type and id.
pub type Copy = BTreeMap<(String, String), Value>;

/// Somebody's copy, and the place in the feed up to which it goes.
#[derive(Debug, Default)]
pub struct Reader {
    cursor: Option<String>,
    pub copy: Copy,
    /// How many pages of changes were read, and how many times everything anew.
    pub pages: u64,
    pub anew: u64,
}

impl Reader {
    /// Reads all that changed; false if the key is not taken any more.
    pub async fn follow(&mut self, servers: &Servers, key: &str) -> Result<bool> {
        loop {
            let Some(cursor) = self.cursor.clone() else {
                match snapshot(servers, key, 7).await? {
                    Snapshot::All { copy, cursor } => {
                        (self.copy, self.cursor) = (copy, Some(cursor));
                        self.anew += 1;
                        // What changed while the pages were read is after the cursor.
                        continue;
                    }
                    // What they see changed while they read.
                    Snapshot::Again => continue,
                    Snapshot::Refused => return Ok(false),
                }
            };
            let path = format!("/changes?since={cursor}&page[size]=5");
            let answer = servers.get(key, &path).await?;
            match answer.status {
                200 => {}
                410 => {
                    self.cursor = None;
                    continue;
                }
                401 => return Ok(false),
                status => anyhow::bail!("{path}: {status} {}", answer.text),
            }
            self.pages += 1;
            for change in answer.body["data"].as_array().context("changes")? {
                apply(&mut self.copy, change)?;
            }
            let cursor = answer.body["meta"]["cursor"].as_str().context("a cursor")?;
            self.cursor = Some(cursor.to_owned());
            if answer.body["links"]["next"].is_null() {
                return Ok(true);
            }
        }
    }
}

fn apply(copy: &mut Copy, change: &Value) -> Result<()> {
    let text = |name: &str| change[name].as_str().map(str::to_owned).context("a change");
    let key = (text("type")?, text("id")?);
    match change["op"].as_str() {
        Some("upsert") => {
            ensure!(change["resource"]["id"] == change["id"], "a resource of its own: {change}");
            copy.insert(key, change["resource"].clone());
        }
        Some("delete") => {
            ensure!(change["resource"].is_null(), "nothing is told of what is gone: {change}");
            copy.remove(&key);
        }
        other => anyhow::bail!("what is {other:?}?"),
    }
    Ok(())
}

/// What reading everything came to.
pub enum Snapshot {
    /// All of it, and where to go on.
    All { copy: Copy, cursor: String },
    /// It changed so much that it has to be begun again.
    Again,
    /// The key is not taken any more.
    Refused,
}

/// Reads everything that somebody sees, in pages.
pub async fn snapshot(servers: &Servers, key: &str, size: usize) -> Result<Snapshot> {
    let mut copy = Copy::new();
    let mut path = format!("/changes?page[size]={size}");
    loop {
        let answer = servers.get(key, &path).await?;
        match answer.status {
            200 => {}
            401 => return Ok(Snapshot::Refused),
            410 => return Ok(Snapshot::Again),
            status => anyhow::bail!("{path}: {status} {}", answer.text),
        }
        for change in answer.body["data"].as_array().context("changes")? {
            apply(&mut copy, change)?;
        }
        match answer.body["links"]["next"].as_str() {
            Some(next) => {
                path = next.strip_prefix("/api/v1").context("a link")?.to_owned();
            }
            None => {
                let cursor = answer.body["meta"]["cursor"].as_str().context("a cursor")?;
                return Ok(Snapshot::All { copy, cursor: cursor.to_owned() });
            }
        }
    }
}
