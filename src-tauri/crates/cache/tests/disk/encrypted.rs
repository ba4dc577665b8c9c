//! What is on the disk can be read with the key only.

use std::{fs, path::Path};

use entente_cache::{
    ActivityQuery, ActivityRecord, Cache, CacheKey, Intent, IntentAction, Journal, Keeping,
    ListQuery, MeRecord, Opened, PersonRecord, Record, RecordKey, TermsRecord, Whole,
    WorkspaceRecord,
};
use entente_domain::{Timestamp, UserId, WorkspaceId};
use serde_json::json;
use uuid::Uuid;

use crate::common::{at, kept};

/// A word that nothing but the content has.
const MARK: &str = "Zwiebelturm";

/// Every file below a directory that holds a text, as it is or in UTF-16.
fn holding(directory: &Path, text: &str) -> Vec<String> {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(holding(&path, text));
            continue;
        }
        let bytes = fs::read(&path).expect("read").to_ascii_lowercase();
        let holds = |what: &[u8]| {
            let what = what.to_ascii_lowercase();
            bytes.windows(what.len()).any(|window| window == what)
        };
        if holds(text.as_bytes()) || holds(&wide) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn me() -> MeRecord {
    MeRecord {
        user: PersonRecord {
            id: UserId::new(Uuid::from_u128(1)),
            name: format!("{MARK} Berg"),
            email: "adam@globex.example".into(),
        },
        workspace: WorkspaceRecord { id: WorkspaceId::new(Uuid::from_u128(2)), name: MARK.into() },
        role: "workspace_admin".into(),
        may_send_requests: true,
        request_needs_reason: false,
    }
}

fn entry(number: u32) -> ActivityRecord {
    ActivityRecord {
        id: number.to_string(),
        at: at(i64::from(number)),
        event: "login".into(),
        event_label: "Login".into(),
        account_label: Some(MARK.into()),
        application: Some(MARK.into()),
        user: None,
        subject: None,
        location: None,
        os: None,
        device: None,
        detail: format!("{MARK} {number}"),
        partnership: None,
        account: None,
    }
}

/// Writes everything that a cache can hold, in every way in which it is written.
async fn fill(cache: &Cache) {
    cache.put_me(&me()).await.expect("put");
    let terms = TermsRecord { version: "1".into(), hash: "h".into(), text: MARK.into() };
    cache.put_terms(&terms).await.expect("put");
    let rows: Vec<Record> =
        (1..400).map(|number| kept(number, &format!("{MARK} {number}"), 1)).collect();
    cache.apply(&rows, &[], Some("cursor-1"), at(5)).await.expect("applied");
    let generation = cache.begin_snapshot().await.expect("begun");
    cache
        .apply_snapshot(rows[..300].to_vec(), Whole::Last(generation, "cursor-2".into()), at(6))
        .await
        .expect("applied");
    cache.keep_activities(&(1..50).map(entry).collect::<Vec<_>>()).await.expect("kept");
    let gone = RecordKey::partnership(kept_id(7));
    cache.apply(&[], &[gone], None, at(7)).await.expect("deleted");
    // A list that is sorted and searched may need temporary files.
    let query = ListQuery { search: MARK.into(), limit: 100, ..ListQuery::default() };
    assert_eq!(cache.list(&query).await.expect("a page").rows.len(), 100);
    let all = ActivityQuery { limit: 10, ..ActivityQuery::default() };
    assert_eq!(cache.activities(&all).await.expect("read").1, 49);
}

fn kept_id(number: u128) -> entente_domain::PartnershipId {
    entente_domain::PartnershipId::new(Uuid::from_u128(number))
}

#[tokio::test]
async fn an_encrypted_cache_shows_nothing_on_the_disk_open_or_closed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let key = CacheKey::random();
    let (cache, opened) =
        Cache::open(&path, &Keeping::Encrypted(key.clone())).await.expect("a cache");
    assert_eq!(opened, Opened::Fresh);
    fill(&cache).await;
    assert!(directory.path().join("cache.db-wal").exists(), "there is a log to look into");
    for text in [MARK, "guest.example", "partnerships", "SQLite format"] {
        assert_eq!(holding(directory.path(), text), Vec::<String>::new(), "{text}, open");
    }
    cache.close().await;
    for text in [MARK, "guest.example", "partnerships", "SQLite format"] {
        assert_eq!(holding(directory.path(), text), Vec::<String>::new(), "{text}, closed");
    }
    let (cache, opened) = Cache::open(&path, &Keeping::Encrypted(key)).await.expect("a cache");
    assert_eq!(opened, Opened::Existing);
    assert_eq!(cache.me().await.expect("read"), Some(me()));
    assert_eq!(cache.cursor().await.expect("read").as_deref(), Some("cursor-2"));
}

#[tokio::test]
async fn the_same_content_unencrypted_is_found_by_the_same_search() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let (cache, _) = Cache::open(&path, &Keeping::Plain).await.expect("a cache");
    fill(&cache).await;
    cache.close().await;
    assert_eq!(holding(directory.path(), MARK).len(), 1);
}

#[tokio::test]
async fn a_lost_or_wrong_key_and_another_way_of_keeping_begin_the_cache_anew() {
    let key = || Keeping::Encrypted(CacheKey::random());
    for (before, after) in [(key(), key()), (key(), Keeping::Plain), (Keeping::Plain, key())] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("cache.db");
        let (cache, _) = Cache::open(&path, &before).await.expect("a cache");
        fill(&cache).await;
        cache.close().await;
        let (cache, opened) = Cache::open(&path, &after).await.expect("it opens all the same");
        assert!(matches!(opened, Opened::Rebuilt(_)), "{before:?} to {after:?}: {opened:?}");
        assert_eq!(cache.cursor().await.expect("read"), None, "a snapshot comes next");
        fill(&cache).await;
    }
}

#[tokio::test]
async fn a_changed_byte_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let keeping = Keeping::Encrypted(CacheKey::random());
    for place in [20, 5_000, 60_000] {
        let (cache, _) = Cache::open(&path, &keeping).await.expect("a cache");
        fill(&cache).await;
        cache.close().await;
        let mut bytes = fs::read(&path).expect("read");
        bytes[place] ^= 1;
        fs::write(&path, bytes).expect("written");
        let (cache, opened) = Cache::open(&path, &keeping).await.expect("it opens all the same");
        // At once where every start reads, else by looking through.
        let is_begun_anew = matches!(opened, Opened::Rebuilt(_));
        assert_eq!(is_begun_anew, place < 60_000, "{place}: {opened:?}");
        let looked_through = cache.check().await.map_err(|error| error.is_of_the_file());
        assert_eq!(looked_through, if is_begun_anew { Ok(()) } else { Err(true) }, "{place}");
        cache.delete().await.expect("deleted");
    }
}

#[tokio::test]
async fn a_cache_in_memory_leaves_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("below/cache.db");
    let (cache, opened) = Cache::open(&path, &Keeping::Memory).await.expect("a cache");
    assert_eq!(opened, Opened::Fresh);
    fill(&cache).await;
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 0);
    cache.delete().await.expect("deleted");
}

fn intent(id: &str) -> Intent {
    Intent {
        id: id.into(),
        profile: "p1".into(),
        action: IntentAction::Request,
        body: json!({"data": {"attributes": {"reason": format!("{MARK} asks")}}}),
        about: MARK.into(),
        at: Timestamp::from_unix_millis(0).expect("a moment"),
    }
}

#[tokio::test]
async fn a_decision_on_its_way_is_sealed_and_gone_once_it_is_settled() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal.db");
    let keeping = Keeping::Encrypted(CacheKey::random());
    let (journal, _) = Journal::open(&path, at(0)).await.expect("a journal");
    let sealed = journal.sealed(&keeping);
    sealed.record_intent(&intent("a")).await.expect("recorded");
    assert_eq!(holding(directory.path(), MARK), Vec::<String>::new());
    journal.close().await;
    assert_eq!(holding(directory.path(), MARK), Vec::<String>::new());

    let (journal, _) = Journal::open(&path, at(1)).await.expect("a journal");
    let sealed = journal.sealed(&keeping);
    assert_eq!(sealed.unsettled("p1").await.expect("read"), [intent("a")]);
    assert_eq!(sealed.forget_unreadable("p1").await.expect("none"), 0);
    // With another key it cannot be read, and is forgotten when the person was told.
    let other = journal.sealed(&Keeping::Encrypted(CacheKey::random()));
    assert_eq!(other.unsettled("p1").await.expect("read"), []);
    assert_eq!(other.forget_unreadable("p1").await.expect("forgotten"), 1);
    assert_eq!(sealed.unsettled("p1").await.expect("read"), []);

    // Where there is no key it is as it is, until it is settled.
    journal.record_intent(&intent("b")).await.expect("recorded");
    assert_eq!(journal.unsettled("p1").await.expect("read"), [intent("b")]);
    assert!(journal.settle_intent("b").await.expect("settled"));
    journal.close().await;
    assert_eq!(holding(directory.path(), MARK), Vec::<String>::new());
}
