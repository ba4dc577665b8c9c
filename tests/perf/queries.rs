//! What it costs to ask the client's cache, which is encrypted as it is in use.

use std::time::Instant;

use anyhow::{Result, ensure};
use entente_cache::{
    Cache, CacheKey, Keeping, ListQuery, PartnershipRecord, PersonRecord, Record, Whole,
    WorkspaceRecord,
};
use entente_domain::{PartnershipId, Side, StateName, Timestamp, UserId, WorkspaceId};
use entente_server::{Clock as _, SystemClock};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use uuid::Uuid;

use crate::{line::Line, setting::Setting};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut lines = Vec::new();
        for (rows, most) in setting.size([(100_000, 5.0), (1_000_000, 10.0)], [(300, 50.0); 2]) {
            lines.extend(ask(rows, most).await?);
        }
        Ok(lines)
    })
}

/// So many rows a first sync writes at once.
const AT_ONCE: usize = 4_000;

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

/// Fills a cache, opens it anew and asks it in every way that the window does.
async fn ask(rows: u32, most: f64) -> Result<Vec<Line>> {
    let directory = tempfile::tempdir()?;
    let keeping = Keeping::Encrypted(CacheKey::random());
    let path = directory.path().join("cache.db");
    let (cache, _) = Cache::open(&path, &keeping).await?;
    let mut random = StdRng::seed_from_u64(1);
    let generation = cache.begin_snapshot().await?;
    let numbers: Vec<u32> = (0..rows).collect();
    for page in numbers.chunks(AT_ONCE) {
        let page: Vec<Record> = page
            .iter()
            .map(|number| Ok(Record::Partnership(Box::new(record(*number, &mut random)?))))
            .collect::<Result<_>>()?;
        cache.apply_snapshot(page, Whole::Part(generation), SystemClock.now()).await?;
    }
    cache.close().await;
    let (cache, _) = Cache::open(&path, &keeping).await?;

    let list = |search: &str, states: &[StateName], offset: u32| ListQuery {
        search: search.into(),
        states: states.to_vec(),
        offset,
        limit: 50,
        ..ListQuery::default()
    };
    let waiting = [StateName::AwaitingApproval, StateName::AwaitingAcceptance];
    type Ask<'a> = Box<dyn Fn(&mut StdRng) -> ListQuery + 'a>;
    let asks: [(&str, Ask); 9] = [
        ("first page", Box::new(|_| list("", &[], 0))),
        ("deep page", Box::new(|random| list("", &[], random.random_range(0..rows)))),
        ("filter", Box::new(|_| list("", &waiting, 0))),
        ("filter, deep", Box::new(|random| list("", &waiting, random.random_range(0..rows / 15)))),
        (
            "a text of one",
            Box::new(|random| list(&format!("hello{}@", random.random_range(0..rows)), &[], 0)),
        ),
        ("a text of many", Box::new(|random| list(pick::<&str>(random, &SECOND), &[], 0))),
        (
            "a text of many, filter",
            Box::new(|random| list(pick::<&str>(random, &SECOND), &waiting, 0)),
        ),
        (
            "two words",
            Box::new(|random| {
                let number = random.random_range(100..1_000);
                list(&format!("{} {number}", pick(random, &FIRST)), &[], 0)
            }),
        ),
        ("a text of none", Box::new(|_| list("zwiebelturm", &[], 0))),
    ];
    let mut lines = Vec::new();
    for (name, ask) in asks {
        let mut took = Vec::new();
        for number in 0..220 {
            let query = ask(&mut random);
            let begun = Instant::now();
            let page = cache.list(&query).await?;
            // The first ones make it warm.
            if number >= 20 {
                took.push(begun.elapsed().as_secs_f64() * 1_000.0);
            }
            ensure!(page.rows.len() <= 50, "a page has 50 rows");
        }
        lines.push(Line::of(format!("{name}, of {rows}"), "ms", &took).p99_at_most(most));
    }
    cache.close().await;
    Ok(lines)
}
