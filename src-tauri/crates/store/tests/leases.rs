//! Background work of several processes over one database.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use entente_domain::Timestamp;
use entente_store::Store;

#[tokio::test]
async fn work_is_taken_by_one_process_until_its_while_is_over_or_it_gives_it_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", directory.path().join("entente.db").display());
    let (one, two) =
        (Store::open(&url).await.expect("open"), Store::open(&url).await.expect("open"));
    let now: Timestamp = "2026-11-24T14:00:00Z".parse().expect("a moment");
    let minute = Duration::from_secs(60);
    assert!(one.lease("work", now, minute).await.expect("a lease"));
    assert!(!two.lease("work", now, minute).await.expect("a lease"), "one has it");
    assert!(two.lease("other", now, minute).await.expect("a lease"), "that is other work");
    let soon = now.after(Duration::from_secs(59));
    assert!(one.lease("work", soon, minute).await.expect("a lease"), "it keeps it");
    assert!(!two.lease("work", now.after(minute), minute).await.expect("a lease"), "it was kept");
    let later = soon.after(minute);
    assert!(two.lease("work", later, minute).await.expect("a lease"), "its while is over");
    assert!(!one.lease("work", later, minute).await.expect("a lease"));
    two.end_leases().await.expect("ended");
    assert!(one.lease("work", later, minute).await.expect("a lease"), "it was given back");
}
