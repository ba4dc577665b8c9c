//! How long a first sync over HTTP takes, beside the same rows put straight into the same tables.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use entente_api_client::{Client, ClientOptions};
use entente_cache::{Cache, CacheKey, Journal, Keeping};
use entente_server::{Clock as _, SystemClock};
use entente_sync::{Connectivity, Session, SessionConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::{line::Line, program::Program, setting::Setting};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(measure(setting))
}

async fn measure(setting: &Setting) -> Result<Vec<Line>> {
    let rows: u32 = setting.size(100_000, 300);
    let arguments = ["demo".to_owned(), "--partnerships".to_owned(), rows.to_string()];
    let mut demo = Program::start(&setting.program("entente-server")?, &arguments)?;
    let facts: Value = serde_json::from_str(&demo.line()?)?;
    let mut users = facts["users"].as_array().context("users")?.iter();
    let admin = users.find(|user| user["role"] == "workspace_admin").context("an Admin")?;
    let key = SecretString::from(admin["apiKey"].as_str().context("a key")?);

    let directory = tempfile::tempdir()?;
    let cache_key = CacheKey::random();
    let keeping = Keeping::Encrypted(cache_key.clone());
    let (cache, _) = Cache::open(&directory.path().join("cache.db"), &keeping).await?;
    let journal = directory.path().join("journal.db");
    let (journal, _) = Journal::open(&journal, SystemClock.now()).await?;
    let url = facts["url"].as_str().context("a URL")?.parse()?;
    let client = Client::new(url, key, ClientOptions::default())?;
    let before = forget_peak()?;
    let begun = Instant::now();
    let config = SessionConfig { profile: "p".into(), client, cache: cache.clone(), journal };
    let (session, mut told) = Session::start(config);
    // As the program does, whatever is told is taken.
    tokio::spawn(async move { while told.recv().await.is_some() {} });
    let mut status = session.status();
    let mut steps = 0;
    loop {
        status.changed().await?;
        match &*status.borrow_and_update() {
            Connectivity::FirstSync { .. } => steps += 1,
            Connectivity::Live | Connectivity::Polling => break,
            Connectivity::Connecting => {}
            other => bail!("the sync failed: {other:?}"),
        }
    }
    let synced = begun.elapsed();
    let grown = memory("VmHWM:")?.saturating_sub(before) as f64 / 1_024.0;
    session.stop().await;
    cache.close().await;
    let (count, inserted) = insert_bare(directory.path(), &cache_key).await?;

    let rate = |time: Duration| count as f64 / time.as_secs_f64();
    let rows = Line::new(format!("A first sync of {count}"), "rows a second", rate(synced));
    let memory = Line::new(format!("Memory that a first sync of {count} adds"), "MiB", grown);
    Ok(vec![
        rows.against("bare", rate(inserted))
            .at_least(0.5)
            .note(format!("{:.1} s, progress told {steps} times", synced.as_secs_f64())),
        memory.median_at_most(64.0),
    ])
}

/// The most memory that this process had is counted anew from what it has now, in KiB.
fn forget_peak() -> Result<u64> {
    fs::write("/proc/self/clear_refs", "5")?;
    memory("VmRSS:")
}

/// A figure of this process's memory, in KiB.
fn memory(name: &str) -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).context("its memory")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

/// The same rows into the same tables of an empty file, encrypted in the same way, as fast as SQLite
/// can: two statements of one transaction, in which nothing leaves SQLite.
async fn insert_bare(directory: &Path, key: &CacheKey) -> Result<(i64, Duration)> {
    let path = directory.join("bare.db");
    Cache::open(&path, &Keeping::Encrypted(key.clone())).await?.0.close().await;
    let key = format!("x'{}'", key.to_secret().expose_secret());
    let mut bare = SqliteConnectOptions::new()
        .filename(&path)
        .pragma("key", format!("\"{key}\""))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-8192")
        .connect()
        .await?;
    sqlx::query("ATTACH DATABASE $1 AS synced KEY $2")
        .bind(directory.join("cache.db").to_string_lossy().into_owned())
        .bind(key)
        .execute(&mut bare)
        .await?;
    let began = Instant::now();
    let mut write = bare.begin().await?;
    for statement in [
        "INSERT INTO partnerships SELECT * FROM synced.partnerships",
        "INSERT INTO texts (rowid, text) \
         SELECT rowid, search_key || char(10) || facet FROM synced.partnerships",
    ] {
        sqlx::query(statement).execute(&mut *write).await?;
    }
    write.commit().await?;
    let took = began.elapsed();
    let count =
        sqlx::query_scalar("SELECT COUNT(*) FROM partnerships").fetch_one(&mut bare).await?;
    bare.close().await?;
    Ok((count, took))
}
