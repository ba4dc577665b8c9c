//! A cache is disposable and a journal is not: what is found damaged, older or newer.

use std::{fs, path::Path};

use entente_cache::{
    Cache, Intent, IntentAction, Journal, Keeping, ListQuery, Opened, Record, Whole,
};
use entente_domain::{Side, StateName};
use serde_json::json;

use crate::common::{at, kept, record};

async fn names(cache: &Cache, search: &str) -> Vec<String> {
    let query = ListQuery { search: search.into(), limit: 100, ..ListQuery::default() };
    let page = cache.list(&query).await.expect("a page");
    assert_eq!(page.total as usize, page.rows.len());
    page.rows.iter().map(|row| row.partner().name.clone()).collect()
}

async fn filled(path: &Path) -> Cache {
    let (cache, opened) = Cache::open(path, &Keeping::Plain).await.expect("a cache");
    assert_eq!(opened, Opened::Fresh);
    let rows = [kept(1, "Fjord Studio", 1), kept(2, "Ærø \"Film\" AND 100% (OR) *", 1)];
    let told = cache.apply(&rows, &[], Some("cursor-1"), at(5)).await.expect("applied");
    assert_eq!(told.len(), 2);
    cache
}

#[tokio::test]
async fn what_was_applied_is_there_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    filled(&path).await.close().await;
    let (cache, opened) = Cache::open(&path, &Keeping::Plain).await.expect("a cache");
    assert_eq!(opened, Opened::Existing);
    assert_eq!(cache.cursor().await.expect("read").as_deref(), Some("cursor-1"));
    assert_eq!(cache.as_of().await.expect("read"), Some(at(5)));
    assert_eq!(cache.count_awaiting_me().await.expect("read"), 2);
    assert_eq!(
        cache.get(record(1, "", 1).id).await.expect("read"),
        Some(record(1, "Fjord Studio", 1))
    );
}

#[tokio::test]
async fn a_damaged_or_newer_cache_is_begun_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let damage: [fn(&Path); 4] = [
        |path| fs::write(path, b"this is no database at all, whatever its name").expect("written"),
        |path| {
            let bytes = fs::read(path).expect("read");
            fs::write(path, &bytes[..bytes.len() / 2]).expect("cut short");
        },
        |path| {
            // The user version is at byte 60 of the header (SQLite file format, 1.3).
            let mut bytes = fs::read(path).expect("read");
            bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
            fs::write(path, &bytes).expect("written");
        },
        |path| {
            let mut bytes = fs::read(path).expect("read");
            // All pages but the first, which holds the schema.
            bytes[4_096..].fill(0xa5);
            fs::write(path, &bytes).expect("written");
        },
    ];
    for (number, damage) in damage.into_iter().enumerate() {
        let path = directory.path().join(format!("{number}.db"));
        filled(&path).await.close().await;
        damage(&path);
        let (cache, opened) =
            Cache::open(&path, &Keeping::Plain).await.expect("it opens all the same");
        assert!(matches!(opened, Opened::Rebuilt(_)), "{number}: {opened:?}");
        assert_eq!(cache.cursor().await.expect("read"), None, "{number}: a snapshot comes next");
        assert_eq!(names(&cache, "").await, Vec::<String>::new(), "{number}");
        cache.apply(&[kept(1, "Fjord Studio", 1)], &[], None, at(6)).await.expect("it works");
    }
}

#[tokio::test]
async fn damage_where_no_start_looks_is_found_by_looking_through() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let cache = filled(&path).await;
    cache.check().await.expect("it is sound");
    let many: Vec<Record> = (0..2_000).map(|number| kept(number, "Fjord Studio", 9)).collect();
    cache.apply(&many, &[], None, at(6)).await.expect("applied");
    cache.close().await;
    let mut bytes = fs::read(&path).expect("read");
    let from = bytes.len() / 2;
    bytes[from..from + 16 * 4_096].fill(0xa5);
    fs::write(&path, &bytes).expect("written");
    let (cache, opened) = Cache::open(&path, &Keeping::Plain).await.expect("a cache");
    assert_eq!(opened, Opened::Existing);
    let error = cache.check().await.expect_err("it is damaged");
    assert!(error.is_of_the_file(), "{error}");
}

#[tokio::test]
async fn older_news_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = filled(&directory.path().join("cache.db")).await;
    let newer = record(1, "Fjord Studio AS", 3);
    let update = [kept(1, "Fjord Studio AS", 3)];
    let told = cache.apply(&update, &[], None, at(6)).await.expect("applied");
    let before = told[0].before.as_ref().and_then(Record::as_partnership);
    assert_eq!(before.map(|before| before.version), Some(1));
    for late in [kept(1, "Fjord", 2), kept(1, "Fjord Studio AS", 3)] {
        assert_eq!(cache.apply(&[late], &[], None, at(7)).await.expect("applied"), []);
    }
    assert_eq!(cache.get(newer.id).await.expect("read"), Some(newer));
}

#[tokio::test]
async fn a_search_finds_parts_of_words_and_takes_nothing_for_an_operator() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = filled(&directory.path().join("cache.db")).await;
    for (search, found) in [
        ("jord", 1),
        ("FJORD stu", 1),
        ("fj", 1),
        ("film", 2),
        ("\"film\"", 1),
        ("100%", 1),
        ("(OR)", 1),
        ("%", 1),
        ("_", 0),
        ("ærø", 1),
        ("studio AND", 0),
        ("and", 1),
        ("'; DROP TABLE partnerships; --", 0),
        ("\" OR \"1\"=\"1", 0),
        ("hello2@", 1),
        ("*", 1),
        ("NEAR(fjord studio)", 0),
        ("\u{0}", 0),
    ] {
        assert_eq!(names(&cache, search).await.len(), found, "{search:?}");
    }
}

#[tokio::test]
async fn a_snapshot_keeps_what_is_there_until_its_last_page() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = filled(&directory.path().join("cache.db")).await;
    let generation = cache.begin_snapshot().await.expect("begun");
    let first = [kept(1, "Fjord Studio", 1)];
    let told = cache
        .apply_snapshot(first.to_vec(), Whole::Part(generation), at(8))
        .await
        .expect("applied");
    assert_eq!(told, [], "it was known");
    assert_eq!(names(&cache, "").await.len(), 2, "nothing is missing meanwhile");
    // What changes meanwhile is not lost with what is gone.
    cache.apply(&[kept(9, "Alder Films", 1)], &[], None, at(9)).await.expect("applied");
    let last = Whole::Last(generation, "cursor-2".into());
    let told =
        cache.apply_snapshot(vec![kept(3, "Kestrel", 1)], last, at(10)).await.expect("applied");
    let gone: Vec<_> = told.iter().filter(|one| one.after.is_none()).collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(names(&cache, "").await, ["Alder Films", "Fjord Studio", "Kestrel"]);
    assert_eq!(names(&cache, "ærø").await, Vec::<String>::new(), "nor found");
    assert_eq!(cache.cursor().await.expect("read").as_deref(), Some("cursor-2"));
}

#[tokio::test]
async fn a_purge_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.db");
    let cache = filled(&path).await;
    cache.purge().await.expect("purged");
    assert_eq!(names(&cache, "").await, Vec::<String>::new());
    assert_eq!(names(&cache, "film").await, Vec::<String>::new());
    assert_eq!(cache.cursor().await.expect("read"), None);
    cache.delete().await.expect("deleted");
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 0);
}

fn intent(id: &str) -> Intent {
    Intent {
        id: id.into(),
        profile: "p1".into(),
        action: IntentAction::Request,
        body: json!({"data": {"attributes": {"reason": "x"}}}),
        about: "Fjord Studio".into(),
        at: at(0),
    }
}

#[tokio::test]
async fn a_decision_is_unsettled_until_it_is_settled_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal.db");
    let (journal, _) = Journal::open(&path, at(0)).await.expect("a journal");
    journal.record_intent(&intent("a")).await.expect("recorded");
    journal.record_intent(&intent("b")).await.expect("recorded");
    assert!(journal.record_intent(&intent("a")).await.is_err(), "an id is used once");
    journal.close().await;
    let (journal, opened) = Journal::open(&path, at(1)).await.expect("a journal");
    assert_eq!(opened, Opened::Existing);
    assert_eq!(journal.unsettled("p1").await.expect("read"), [intent("a"), intent("b")]);
    assert!(journal.settle_intent("a").await.expect("settled"));
    assert!(!journal.settle_intent("a").await.expect("settled"), "only once");
    assert_eq!(journal.unsettled("p1").await.expect("read"), [intent("b")]);
    journal.mark_told(&["p1/x".into(), "p11/x".into()], at(2)).await.expect("told");
    journal.remove_profile("p1").await.expect("removed");
    assert_eq!(journal.unsettled("p1").await.expect("read"), []);
    assert_eq!(journal.told().await.expect("read").into_keys().collect::<Vec<_>>(), ["p11/x"]);
}

#[tokio::test]
async fn a_damaged_journal_is_set_aside_and_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("journal.db");
    fs::write(&path, b"not a database, but perhaps somebody can still read it").expect("written");
    let (journal, opened) = Journal::open(&path, at(5)).await.expect("a journal");
    assert!(matches!(opened, Opened::Rebuilt(_)), "{opened:?}");
    journal.record_intent(&intent("a")).await.expect("it works");
    let aside = directory.path().join(format!("journal.db.damaged-{}", at(5).unix_millis()));
    assert_eq!(fs::read(aside).expect("kept").len(), 54);
}

#[tokio::test]
async fn partners_are_known_by_who_speaks_for_the_other_side() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = filled(&directory.path().join("cache.db")).await;
    let mut asked = record(3, "Brightside", 1);
    asked.side = Side::Guest;
    asked.state = StateName::Active;
    cache
        .apply(&[Record::Partnership(Box::new(asked.clone()))], &[], None, at(6))
        .await
        .expect("applied");
    let known = cache.known_partners().await.expect("known");
    assert_eq!(known.len(), 3);
    let of = |id| known.iter().find(|one| one.id == id).expect("it is known");
    let hosted = of(record(1, "", 1).id);
    assert_eq!(
        (hosted.name.as_str(), hosted.email.as_str()),
        ("Fjord Studio", "hello1@guest.example")
    );
    let found = of(asked.id);
    assert_eq!((found.name.as_str(), found.email.as_str()), ("Globex", "uma@globex.example"));
    assert_eq!(
        (found.partner, found.state, found.sender),
        (asked.host.id, asked.state, asked.requested_by.id)
    );
}
