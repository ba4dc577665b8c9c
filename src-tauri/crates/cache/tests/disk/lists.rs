//! The list of partnerships against a plain sorted vector, however deep, narrowed or searched.

use std::collections::BTreeMap;

use entente_cache::{Cache, CacheKey, Keeping, ListQuery, PartnershipRecord, Record, RecordKey};
use entente_domain::{Side, StateName};

use crate::common::{at, record};

const ROWS: u128 = 4_000;
const STATES: [StateName; 4] =
    [StateName::Active, StateName::AwaitingApproval, StateName::Expired, StateName::Removed];

fn made(number: u128, version: i64) -> PartnershipRecord {
    // Many have the same name, and the order of names is not the order of numbers.
    let name = format!("{} Studio", char::from(b'a' + (number * 7 % 26) as u8));
    let step = (number * 31 + version as u128) as usize;
    PartnershipRecord {
        state: STATES[step % STATES.len()],
        side: if step.is_multiple_of(3) { Side::Guest } else { Side::Host },
        // The partner is the host to a guest: they must be told apart by name all the same.
        host: record(number, &name, 1).guest,
        ..record(number, &name, version)
    }
}

fn expected(all: &BTreeMap<u128, PartnershipRecord>, query: &ListQuery) -> (Vec<String>, usize) {
    let mut rows: Vec<_> = all
        .values()
        .filter(|row| query.side.is_none_or(|side| row.side == side))
        .filter(|row| query.states.is_empty() || query.states.contains(&row.state))
        .map(|row| (row.partner().name.to_lowercase(), row.id.to_string()))
        .collect();
    rows.sort();
    let total = rows.len();
    let part = rows.into_iter().skip(query.offset as usize).take(query.limit as usize);
    (part.map(|(_, id)| id).collect(), total)
}

async fn check(cache: &Cache, all: &BTreeMap<u128, PartnershipRecord>, when: &str) {
    let narrowed = [
        (None, vec![]),
        (Some(Side::Guest), vec![]),
        (None, vec![StateName::Active]),
        (Some(Side::Host), vec![StateName::Expired, StateName::Removed]),
        (None, vec![StateName::DeclinedByGuest]),
    ];
    for (side, states) in narrowed {
        for offset in [0, 10, 600, 1_000, 1_001, 1_500, 2_047, 3_333, 3_990, 4_000, 9_000] {
            let states = states.clone();
            let query = ListQuery { side, states, offset, limit: 20, ..ListQuery::default() };
            let page = cache.list(&query).await.expect("a page");
            let found: Vec<_> = page.rows.iter().map(|row| row.id.to_string()).collect();
            let (rows, total) = expected(all, &query);
            assert_eq!((found, page.total as usize), (rows, total), "{when}: {query:?}");
            assert!(!page.more);
        }
    }
}

async fn check_all(keeping: Keeping) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let (cache, _) = Cache::open(&path, &keeping).await.expect("a cache");
    let mut all = BTreeMap::new();
    let kept = |row: &PartnershipRecord| Record::Partnership(Box::new(row.clone()));
    for number in 1..=ROWS {
        all.insert(number, made(number, 1));
    }
    let rows: Vec<_> = all.values().map(kept).collect();
    cache.apply(&rows, &[], Some("c"), at(1)).await.expect("applied");
    check(&cache, &all, "filled").await;

    // Changes move rows between states, and some go and come: what is counted follows.
    for round in 0..40_u128 {
        let changed: Vec<u128> = (0..5).map(|step| 1 + (round * 97 + step * 811) % ROWS).collect();
        let mut upserts = Vec::new();
        for number in changed {
            let row = made(number, 2 + round as i64);
            upserts.push(kept(&row));
            all.insert(number, row);
        }
        let gone = 1 + (round * 53) % ROWS;
        let deletes = all.remove(&gone).map(|row| RecordKey::partnership(row.id));
        let deletes: Vec<_> = deletes.into_iter().collect();
        cache.apply(&upserts, &deletes, None, at(2)).await.expect("applied");
    }
    check(&cache, &all, "changed").await;

    let late: Vec<_> = (ROWS + 1..ROWS + 700).map(|number| made(number, 1)).collect();
    all.extend((ROWS + 1..).zip(late.clone()));
    cache.apply(&late.iter().map(kept).collect::<Vec<_>>(), &[], None, at(3)).await.expect("more");
    check(&cache, &all, "grown").await;
    let cache = match keeping {
        Keeping::Memory => cache,
        Keeping::Encrypted(_) | Keeping::Plain => {
            cache.close().await;
            let (cache, _) = Cache::open(&path, &keeping).await.expect("a cache");
            check(&cache, &all, "opened again").await;
            cache
        }
    };
    cache.purge().await.expect("purged");
    check(&cache, &BTreeMap::new(), "purged").await;
}

#[tokio::test]
async fn every_part_of_an_encrypted_list_is_the_part_of_a_sorted_one() {
    check_all(Keeping::Encrypted(CacheKey::random())).await;
}

#[tokio::test]
async fn every_part_of_a_list_in_memory_is_the_part_of_a_sorted_one() {
    check_all(Keeping::Memory).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_read_while_changes_come_in() {
    for keeping in [Keeping::Memory, Keeping::Plain] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("cache.db");
        let (cache, _) = Cache::open(&path, &keeping).await.expect("a cache");
        let rows: Vec<_> =
            (1..=2_000).map(|number| Record::Partnership(Box::new(made(number, 1)))).collect();
        cache.apply(&rows, &[], None, at(1)).await.expect("applied");
        let writing = tokio::spawn({
            let cache = cache.clone();
            async move {
                for version in 2..60 {
                    let row = Record::Partnership(Box::new(made(5, version)));
                    cache.apply(&[row], &[], None, at(version)).await.expect("applied");
                }
            }
        });
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let cache = cache.clone();
                tokio::spawn(async move {
                    for offset in [0, 1_200, 1_900].repeat(10) {
                        let query = ListQuery { offset, limit: 50, ..ListQuery::default() };
                        assert_eq!(cache.list(&query).await.expect("a page").rows.len(), 50);
                    }
                })
            })
            .collect();
        for done in readers {
            done.await.expect("read");
        }
        writing.await.expect("written");
    }
}

#[tokio::test]
async fn a_search_that_finds_too_many_says_so_and_a_narrowed_one_finds_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let (cache, _) = Cache::open(&path, &Keeping::Plain).await.expect("a cache");
    let all: BTreeMap<_, _> = (1..=ROWS).map(|number| (number, made(number, 1))).collect();
    let rows: Vec<_> = all.values().map(|row| Record::Partnership(Box::new(row.clone()))).collect();
    cache.apply(&rows, &[], None, at(1)).await.expect("applied");
    let query = |search: &str, states: &[StateName]| ListQuery {
        search: search.into(),
        states: states.to_vec(),
        limit: 1_000,
        ..ListQuery::default()
    };
    let common = cache.list(&query("studio", &[])).await.expect("a page");
    assert_eq!((common.rows.len(), common.total, common.more), (100, 100, true));
    let name = |row: &PartnershipRecord| row.partner().name.clone();
    assert!(common.rows.is_sorted_by_key(name));
    let one = cache.list(&query("hello77@", &[])).await.expect("a page");
    assert_eq!((one.rows, one.more), (vec![all[&77].clone()], false));
    let state = all[&77].state;
    let other = STATES.into_iter().find(|other| *other != state).expect("another");
    assert_eq!(cache.list(&query("hello77@", &[state])).await.expect("a page").total, 1);
    assert_eq!(cache.list(&query("hello77@", &[other])).await.expect("a page").total, 0);
    // What stands for a facet in the index is no text, and a text that reads like it no facet.
    assert_eq!(cache.list(&query("=00", &[])).await.expect("a page").total, 0);
    let reason = (0..16).map(|facet| format!("={facet:02} ")).collect::<String>() + "thf nor";
    let odd = PartnershipRecord { reason: Some(reason), version: 2, ..all[&77].clone() };
    let odd = Record::Partnership(Box::new(odd));
    cache.apply(&[odd], &[], None, at(2)).await.expect("applied");
    assert_eq!(cache.list(&query("hello77@", &[other])).await.expect("a page").total, 0);
    assert_eq!(cache.list(&query("=00", &[])).await.expect("a page").total, 1);
    // It has all parts of the word, and not the word.
    assert_eq!(cache.list(&query("thf nor", &[])).await.expect("a page").total, 1);
    assert_eq!(cache.list(&query("northf", &[])).await.expect("a page").total, 0);
}
