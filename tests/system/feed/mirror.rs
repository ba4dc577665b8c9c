use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use entente_tests::World;
use serde_json::Value;
use tokio::{sync::Mutex, task::JoinHandle};

use crate::{call, until};

/// What a client would hold: all that it was told, applied.
#[derive(Debug, Clone, Default)]
pub struct Mirror {
    pub who: String,
    pub cursor: String,
    /// By type and id.
    pub held: BTreeMap<(String, String), Value>,
    pub upserts: usize,
    pub tombstones: usize,
    /// How often everything was read.
    pub snapshots: usize,
}

fn word(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl Mirror {
    /// Reads everything, in pages.
    pub async fn full(world: &World, who: &str) -> Result<Self> {
        let mut mirror = Self { who: who.to_owned(), ..Self::default() };
        mirror.read_all(world).await?;
        Ok(mirror)
    }

    async fn read_all(&mut self, world: &World) -> Result<()> {
        self.held.clear();
        self.snapshots += 1;
        let mut path = "/changes?page[size]=50".to_owned();
        loop {
            let page = call(world, &self.who, "GET", &path).send().await?;
            ensure!(page.status == 200, "{page:?}");
            for change in page.body["data"].as_array().context("changes")? {
                self.hold(change);
            }
            self.cursor = word(&page.body["meta"], "cursor");
            match page.body["links"]["next"].as_str() {
                Some(next) => path = next.trim_start_matches("/api/v1").to_owned(),
                None => return Ok(()),
            }
        }
    }

    fn hold(&mut self, change: &Value) {
        let key = (word(change, "type"), word(change, "id"));
        // What the caller may do now is of this moment, not of the change.
        self.held.insert(key, change["resource"]["attributes"].clone());
    }

    fn apply(&mut self, change: &Value) {
        if change["op"] == "delete" {
            self.tombstones += 1;
            self.held.remove(&(word(change, "type"), word(change, "id")));
        } else {
            self.upserts += 1;
            self.hold(change);
        }
    }

    /// Reads what changed since, in small pages; everything, where that is asked for.
    pub async fn catch_up(&mut self, world: &World) -> Result<()> {
        loop {
            let path = format!("/changes?since={}&page[size]=7", self.cursor);
            let page = call(world, &self.who, "GET", &path).send().await?;
            if page.status == 410 {
                return self.read_all(world).await;
            }
            ensure!(page.status == 200, "{page:?}");
            for change in page.body["data"].as_array().context("changes")? {
                self.apply(change);
            }
            self.cursor = word(&page.body["meta"], "cursor");
            if page.body["links"]["next"].is_null() {
                return Ok(());
            }
        }
    }

    pub fn holds(&self, kind: &str, id: &str) -> bool {
        self.held.contains_key(&(kind.to_owned(), id.to_owned()))
    }

    pub fn count(&self, kind: &str) -> usize {
        self.held.keys().filter(|(found, _)| found == kind).count()
    }
}

/// A mirror that is kept in step in the background.
pub struct Following {
    mirror: Arc<Mutex<Mirror>>,
    task: JoinHandle<Result<()>>,
}

impl Following {
    /// By asking again and again.
    pub async fn polls(world: &Arc<World>, who: &str) -> Result<Self> {
        let mirror = Arc::new(Mutex::new(Mirror::full(world, who).await?));
        let (world, kept) = (world.clone(), mirror.clone());
        let task = tokio::spawn(async move {
            loop {
                kept.lock().await.catch_up(&world).await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Ok(Self { mirror, task })
    }

    /// By the event stream, which is opened anew now and then from the last event on.
    pub async fn streams(world: &Arc<World>, who: &str) -> Result<Self> {
        let mirror = Arc::new(Mutex::new(Mirror::full(world, who).await?));
        let (world, kept) = (world.clone(), mirror.clone());
        let task = tokio::spawn(async move {
            let who = kept.lock().await.who.clone();
            let client = world.client(&who);
            loop {
                let cursor = kept.lock().await.cursor.clone();
                let Ok(mut stream) = client.events(&cursor).await else {
                    kept.lock().await.catch_up(&world).await?;
                    continue;
                };
                let mut left = 150;
                while left > 0
                    && let Some(Ok(event)) = stream.next().await
                {
                    let mut mirror = kept.lock().await;
                    mirror.apply(&serde_json::to_value(&event.change)?);
                    mirror.cursor = event.cursor;
                    left -= 1;
                }
            }
        });
        Ok(Self { mirror, task })
    }

    /// Gives it some time to hold what a full read gave; says what differs if it does not.
    pub async fn until_it_holds(self, full: &Mirror) -> Result<Mirror> {
        let same = until("the same as in a full read", async || {
            (self.mirror.lock().await.held == full.held).then_some(())
        })
        .await;
        let ended = self.task.is_finished();
        self.task.abort();
        let mirror = self.mirror.lock().await.clone();
        let differing: Vec<_> = full
            .held
            .iter()
            .filter(|(key, value)| mirror.held.get(*key) != Some(*value))
            .map(|(key, value)| (key, value, mirror.held.get(key)))
            .chain(
                mirror
                    .held
                    .iter()
                    .filter(|(key, _)| !full.held.contains_key(*key))
                    .map(|(key, value)| (key, &Value::Null, Some(value))),
            )
            .take(3)
            .collect();
        same.with_context(|| format!("ended {ended}; in full, followed: {differing:#?}"))?;
        Ok(mirror)
    }
}
