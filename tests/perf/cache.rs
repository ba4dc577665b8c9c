//! What the client's cache costs: its queries at size (P5), and a first sync over HTTP (P6).
//!
//! `cache queries ROWS` fills an encrypted cache and asks it; `cache first-sync ROWS` runs a server in
//! a process of its own and syncs with it. Either prints one line of JSON for each figure.

#![allow(clippy::print_stdout, reason = "it prints figures")]

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use entente_api_client::{Client, ClientOptions};
use entente_cache::{
    Cache, CacheKey, Journal, Keeping, ListQuery, PartnershipRecord, PersonRecord, Record, Whole,
    WorkspaceRecord,
};
use entente_domain::{PartnershipId, Side, StateName, Timestamp, UserId, WorkspaceId};
use entente_server::{Clock as _, Config, DemoOptions, Server, SystemClock, seed};
use entente_sync::{Connectivity, Session, SessionConfig};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sqlx::{
    ConnectOptions as _, Connection as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["queries", rows] => queries(rows.parse()?).await,
        ["first-sync", rows] => first_sync(rows.parse()?).await,
        ["server", rows, directory] => serve(rows.parse()?, Path::new(directory)).await,
        _ => bail!("cache queries ROWS | cache first-sync ROWS"),
    }
}

const FIRST: [&str; 12] = [
    "Fjord", "Kestrel", "Alder", "Cobalt", "Maple", "Bright", "Harbor", "Nordic", "Summit",
    "Willow", "Granite", "Lumen",
];
const SECOND: [&str; 10] = [
    "Studio",
    "Legal",
    "Films",
    "Tax",
    "Media",
    "Agency",
    "Robotics",
    "Partners",
    "Logistics",
    "Consulting",
];
const STATES: [StateName; 8] = [
    StateName::Active,
    StateName::AwaitingApproval,
    StateName::AwaitingAcceptance,
    StateName::DeclinedByHost,
    StateName::DeclinedByGuest,
    StateName::Withdrawn,
    StateName::Expired,
    StateName::Removed,
];

fn pick<'a, T>(random: &mut StdRng, from: &'a [T]) -> &'a T {
    &from[random.random_range(0..from.len())]
}

fn record(number: u32, random: &mut StdRng) -> Result<PartnershipRecord> {
    let name = format!("{} {} {number}", pick(random, &FIRST), pick(random, &SECOND));
    let state = if random.random_bool(0.7) { StateName::Active } else { *pick(random, &STATES) };
    let person = |number: u32| PersonRecord {
        id: UserId::new(Uuid::from_u128(u128::from(number))),
        name: "Uma Castillo".into(),
        email: "uma@lumen.example".into(),
    };
    let at = Timestamp::from_unix_millis(1_780_000_000_000 + i64::from(number))?;
    let workspace = |number: u128, name: &str| WorkspaceRecord {
        id: WorkspaceId::new(Uuid::from_u128(number)),
        name: name.into(),
    };
    let waits = matches!(state, StateName::AwaitingApproval | StateName::AwaitingAcceptance);
    Ok(PartnershipRecord {
        id: PartnershipId::new(Uuid::from_u128(
            0x0199_0000_0000_7000_8000_0000_0000_0000 + u128::from(number),
        )),
        version: 1,
        side: if number.is_multiple_of(5) { Side::Guest } else { Side::Host },
        state,
        host: workspace(1, "Lumen Robotics"),
        guest: workspace(1_000 + u128::from(number), &name),
        partner_email: format!(
            "hello{number}@{}.example",
            name.split(' ').next().unwrap_or_default().to_lowercase()
        ),
        reason: Some(format!("They help us with the launch number {}", number % 1_000)),
        requested_by: person(1),
        owners: vec![person(1), person(2)],
        approved_automatically: false,
        created_at: at,
        updated_at: at,
        awaiting_since: waits.then_some(at),
        expires_at: waits.then_some(at),
        reminders_sent: 0,
        last_reminder_at: None,
        next_reminder_at: None,
        predecessor: None,
        history: Vec::new(),
        allowed_actions: vec!["withdraw".into(), "remind".into()],
    })
}

async fn queries(rows: u32) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let keeping = Keeping::Encrypted(CacheKey::random());
    let path = directory.path().join("cache.db");
    let (cache, _) = Cache::open(&path, &keeping).await?;
    let mut random = StdRng::seed_from_u64(1);
    let generation = cache.begin_snapshot().await?;
    let began = Instant::now();
    let numbers: Vec<u32> = (0..rows).collect();
    for page in numbers.chunks(500) {
        let page: Vec<Record> = page
            .iter()
            .map(|number| Ok(Record::Partnership(Box::new(record(*number, &mut random)?))))
            .collect::<Result<_>>()?;
        let whole = Whole::Part(generation);
        cache.apply_snapshot(&page, whole, SystemClock.now()).await?;
    }
    let filled = began.elapsed();
    cache.close().await;
    let size = std::fs::metadata(&path)?.len();
    eprintln!("{rows} rows, {} MiB, filled in {filled:?}", size >> 20);
    let began = Instant::now();
    let (cache, _) = Cache::open(&path, &keeping).await?;
    eprintln!("opened in {:?}", began.elapsed());

    let list = |search: &str, states: &[StateName], offset: u32| ListQuery {
        search: search.into(),
        states: states.to_vec(),
        offset,
        limit: 50,
        ..ListQuery::default()
    };
    let waiting = [StateName::AwaitingApproval, StateName::AwaitingAcceptance];
    type Ask<'a> = Box<dyn Fn(&mut StdRng) -> ListQuery + 'a>;
    let asks: Vec<(&str, Ask)> = vec![
        ("first page", Box::new(|_| list("", &[], 0))),
        ("deep page", Box::new(|random| list("", &[], random.random_range(0..rows)))),
        ("filter", Box::new(|_| list("", &waiting, 0))),
        ("filter, deep", Box::new(|random| list("", &waiting, random.random_range(0..rows / 15)))),
        (
            "text of one",
            Box::new(|random| list(&format!("hello{}@", random.random_range(0..rows)), &[], 0)),
        ),
        ("text of many", Box::new(|random| list(pick::<&str>(random, &SECOND), &[], 0))),
        (
            "text of many, filter",
            Box::new(|random| list(pick::<&str>(random, &SECOND), &waiting, 0)),
        ),
        (
            "two words",
            Box::new(|random| {
                list(
                    &format!("{} {}", pick(random, &FIRST), random.random_range(100..1_000)),
                    &[],
                    0,
                )
            }),
        ),
        ("two letters", Box::new(|_| list("fj", &[], 0))),
        ("text of none", Box::new(|_| list("zwiebelturm", &[], 0))),
    ];
    for (name, ask) in asks {
        let began = Instant::now();
        cache.list(&ask(&mut random)).await?;
        let first = began.elapsed();
        let mut took = Vec::new();
        for _ in 0..200 {
            let query = ask(&mut random);
            let began = Instant::now();
            let page = cache.list(&query).await?;
            took.push(began.elapsed());
            ensure!(page.rows.len() <= 50);
        }
        let (median, p99) = spread(took);
        let figure = json!({
            "name": format!("P5 {name}, {rows} rows"),
            "medianMs": millis(median), "p99Ms": millis(p99), "firstMs": millis(first),
        });
        println!("{figure}");
    }
    Ok(())
}

fn spread(mut took: Vec<Duration>) -> (Duration, Duration) {
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share).round() as usize];
    (at(0.5), at(0.99))
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// A server of its own process, so that its memory is not counted. It ends with its standard input.
async fn serve(rows: u32, directory: &Path) -> Result<()> {
    let server = Server::start(Config::local(directory.to_owned())).await?;
    let options = DemoOptions { story: false, partnerships: rows, seed: 1 };
    let facts = seed(&server, options).await?;
    let adam = facts.users.iter().find(|user| user.email.starts_with("adam@")).context("Adam")?;
    println!("{}", json!({"url": server.url(), "key": adam.key.expose_secret()}));
    std::io::stdout().flush()?;
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    server.stop().await;
    Ok(())
}

/// The most memory that this process ever had, in KiB.
fn peak() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}

async fn first_sync(rows: u32) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut server = Command::new(std::env::current_exe()?)
        .args(["server", &rows.to_string()])
        .arg(directory.path().join("server"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().context("its output")?).read_line(&mut line)?;
    let line: Value = serde_json::from_str(&line)?;
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();

    let key = CacheKey::random();
    let keeping = Keeping::Encrypted(key.clone());
    let (cache, _) = Cache::open(&directory.path().join("cache.db"), &keeping).await?;
    let (journal, _) =
        Journal::open(&directory.path().join("journal.db"), SystemClock.now()).await?;
    let client = Client::new(
        text("url").parse()?,
        secrecy::SecretString::from(text("key")),
        ClientOptions::default(),
    )?;
    let before = peak()?;
    let began = Instant::now();
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
    let synced = began.elapsed();
    let grown = peak()?.saturating_sub(before);
    session.stop().await;

    cache.close().await;
    let (count, inserted) = insert_bare(directory.path(), &key).await?;
    drop(server.stdin.take());
    server.wait()?;
    let figure = json!({
        "name": format!("P6 first sync, {count} rows"),
        "seconds": synced.as_secs_f64(), "bareSeconds": inserted.as_secs_f64(),
        "ratio": inserted.as_secs_f64() / synced.as_secs_f64(),
        "grownKiB": grown, "progressSteps": steps,
    });
    println!("{figure}");
    Ok(())
}

/// The same rows into the same tables of an empty file, encrypted in the same way, as fast as SQLite
/// can: two statements of one transaction, in which nothing leaves SQLite.
async fn insert_bare(directory: &Path, key: &CacheKey) -> Result<(i64, Duration)> {
    let path = directory.join("bare.db");
    Cache::open(&path, &Keeping::Encrypted(key.clone())).await?.0.close().await;
    let pragma = format!("\"x'{}'\"", key.to_secret().expose_secret());
    let mut bare = SqliteConnectOptions::new()
        .filename(&path)
        .pragma("key", pragma)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", "-8192")
        .connect()
        .await?;
    sqlx::query("ATTACH DATABASE $1 AS synced")
        .bind(directory.join("cache.db").to_string_lossy().into_owned())
        .execute(&mut bare)
        .await?;
    let began = Instant::now();
    let mut write = bare.begin().await?;
    for statement in [
        "INSERT INTO partnerships SELECT * FROM synced.partnerships",
        "INSERT INTO texts (rowid, text, facet) \
         SELECT rowid, search_key, facet FROM synced.partnerships",
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
