//! Who follows the change feed over every restart of the servers.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use entente_api_client::{ApiError, Client, ClientOptions};
use entente_wire::{Change, Operation};
use secrecy::SecretString;
use serde_json::Value;
use tokio::{sync::Mutex, task::JoinHandle};

use super::site::View;

/// After so many events of a stream it is opened anew.
const EVENTS: usize = 100;

/// What somebody holds, by type and id. What they may do with it is of a moment, not of a change.
pub type Held = BTreeMap<(String, String), Value>;

/// Everything, read at once.
pub async fn full(view: &View, key: &str) -> Result<Held> {
    let mut told = Told::default();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        if told.read_all(&client(view, key).await?).await.is_ok() {
            return Ok(told.held);
        }
    }
    bail!("everything cannot be read")
}

async fn client(view: &View, key: &str) -> Result<Client> {
    let address = view.origin().await.parse()?;
    Ok(Client::new(address, SecretString::from(key), ClientOptions::default())?)
}

/// What was told, and how.
#[derive(Debug, Default, Clone)]
pub struct Told {
    pub held: Held,
    cursor: Option<String>,
    pub changes: u64,
    /// How often it went on after the feed broke off.
    pub resumed: u64,
    /// How often everything was read.
    pub anew: u64,
}

impl Told {
    async fn read_all(&mut self, client: &Client) -> Result<(), ApiError> {
        self.held.clear();
        let mut next = None;
        loop {
            let page = client.snapshot(next.as_deref()).await?;
            page.data.into_iter().for_each(|change| self.apply(change));
            next = page.links.next;
            if next.is_none() {
                self.cursor = Some(page.meta.cursor);
                self.anew += 1;
                return Ok(());
            }
        }
    }

    fn apply(&mut self, change: Change) {
        let key = (format!("{:?}", change.r#type), change.id);
        let resource = change.resource.and_then(|told| serde_json::to_value(told).ok());
        match (change.op, resource) {
            (Operation::Upsert, Some(resource)) => {
                self.held.insert(key, resource["attributes"].clone());
            }
            _ => {
                self.held.remove(&key);
            }
        }
    }
}

/// Reads what changed, and then what changes.
async fn follow(told: &Mutex<Told>, client: &Client) -> Result<(), ApiError> {
    let cursor = {
        let mut told = told.lock().await;
        let Some(cursor) = told.cursor.clone() else { return told.read_all(client).await };
        let page = client.changes(&cursor).await?;
        told.changes += page.data.len() as u64;
        page.data.into_iter().for_each(|change| told.apply(change));
        told.cursor = Some(page.meta.cursor.clone());
        if page.links.next.is_some() {
            return Ok(());
        }
        page.meta.cursor
    };
    let mut stream = client.events(&cursor).await?;
    for _ in 0..EVENTS {
        let event = stream.next().await.ok_or(ApiError::Interrupted)??;
        let mut told = told.lock().await;
        told.changes += 1;
        told.apply(event.change);
        told.cursor = Some(event.cursor);
    }
    Ok(())
}

/// Somebody who follows in the background.
pub struct Follower {
    key: String,
    told: Arc<Mutex<Told>>,
    task: JoinHandle<Result<()>>,
}

impl Follower {
    pub fn start(view: Arc<View>, key: String) -> Self {
        let told: Arc<Mutex<Told>> = Arc::default();
        let (kept, whose) = (told.clone(), key.clone());
        let task = tokio::spawn(async move {
            loop {
                let client = client(&view, &whose).await?;
                let failed = loop {
                    if let Err(failed) = follow(&kept, &client).await {
                        break failed;
                    }
                };
                let mut told = kept.lock().await;
                match failed.code() {
                    "cursor_expired" => told.cursor = None,
                    _ if failed.retryable() => told.resumed += u64::from(told.cursor.is_some()),
                    code => bail!("{code}: {failed}"),
                }
                drop(told);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Self { key, told, task }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// Gives it some time to hold what a full read gave.
    pub async fn until_it_holds(self, full: &Held, patience: Duration) -> Result<Told> {
        let begun = Instant::now();
        while self.told.lock().await.held != *full {
            if self.task.is_finished() {
                self.task.await??;
                bail!("it does not follow any more");
            }
            ensure!(begun.elapsed() < patience, "{}", difference(&*self.told.lock().await, full));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.task.abort();
        Ok(self.told.lock().await.clone())
    }
}

fn difference(told: &Told, full: &Held) -> String {
    let all = full.keys().chain(told.held.keys());
    let mut differing = all.filter(|at| full.get(at) != told.held.get(at));
    let first = differing.next().map(|at| (at, full.get(at), told.held.get(at)));
    format!("the feed has a gap: in full, followed: {first:?}, and {} more", differing.count())
}
