//! What is kept beside partnerships, and the Activity Log.

use std::path::Path;

use entente_cache::{
    AccessRequestRecord, AccountRecord, ActivityQuery, ActivityRecord, Cache, Keeping,
    MemberRecord, PersonRecord, Record, RecordKey, RecordKind, ResourceQuery, Whole,
    WorkspaceRecord,
};
use entente_domain::{
    AccessRequestId, AccountId, AccountRole, GuestRole, PartnershipId, RequestState, Timestamp,
    UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use uuid::Uuid;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_780_000_000_000 + millis).expect("a moment")
}

fn person(number: u128, name: &str) -> PersonRecord {
    let email = format!("{}@fjord.example", name.to_lowercase().replace(' ', "."));
    PersonRecord { id: UserId::new(Uuid::from_u128(number)), name: name.into(), email }
}

fn workspace(number: u128, name: &str) -> WorkspaceRecord {
    WorkspaceRecord { id: WorkspaceId::new(Uuid::from_u128(number)), name: name.into() }
}

fn account(number: u128, application: &str, label: &str, role: AccountRole) -> Record {
    Record::Account(Box::new(AccountRecord {
        id: AccountId::new(Uuid::from_u128(number)),
        version: 1,
        application: application.into(),
        label: label.into(),
        url: "https://app.example.com".into(),
        workspace: workspace(1, "Lumen Robotics"),
        role: Some(role),
        partnership: None,
        owners: vec![person(1, "Uma Castillo")],
        created_at: at(0),
        last_login_at: None,
        allowed_actions: vec!["log_in".into()],
    }))
}

fn request(number: u128, sent: i64, state: RequestState) -> AccessRequestRecord {
    let mine = state == RequestState::Pending;
    AccessRequestRecord {
        id: AccessRequestId::new(Uuid::from_u128(number)),
        version: 1,
        state,
        partnership: PartnershipId::new(Uuid::from_u128(7)),
        account: AccountId::new(Uuid::from_u128(8)),
        application: "Figma".into(),
        label: "Brand".into(),
        host: workspace(1, "Lumen Robotics"),
        guest: workspace(2, "Fjord Studio"),
        member: person(number, "Nils Dahl"),
        role: GuestRole::Collaborator,
        requested_by: person(2, "Marit Solheim"),
        message: None,
        decided_by: None,
        decided_at: None,
        created_at: at(sent),
        allowed_actions: if mine { vec!["accept".into(), "decline".into()] } else { Vec::new() },
    }
}

fn member(number: u128, name: &str, status: UserStatus) -> Record {
    let person = person(number, name);
    Record::Member(Box::new(MemberRecord {
        id: person.id,
        version: 1,
        name: person.name,
        email: person.email,
        role: WorkspaceRole::User,
        status,
        created_at: at(0),
        allowed_actions: Vec::new(),
    }))
}

async fn cache(directory: &Path, records: &[Record]) -> Cache {
    let (cache, _) =
        Cache::open(&directory.join("cache.db"), &Keeping::Plain).await.expect("a cache");
    cache.apply(records, &[], Some("cursor"), at(1)).await.expect("applied");
    cache
}

fn all() -> ResourceQuery {
    ResourceQuery { limit: 100, ..ResourceQuery::default() }
}

async fn labels(cache: &Cache, query: ResourceQuery) -> Vec<String> {
    let found = cache.accounts(&query).await.expect("read");
    let total = cache.count(RecordKind::Account, &query).await.expect("counted");
    assert!(total as usize >= found.len());
    found.into_iter().map(|account| format!("{}/{}", account.application, account.label)).collect()
}

#[tokio::test]
async fn accounts_come_by_app_and_label_and_are_found_by_any_part() {
    let directory = tempfile::tempdir().expect("a directory");
    let records = [
        account(1, "Mailchimp", "EMEA", AccountRole::Owner),
        account(2, "Figma", "Brand", AccountRole::Manager),
        account(3, "Mailchimp", "APAC 100%", AccountRole::Collaborator),
    ];
    let cache = cache(directory.path(), &records).await;
    let order = ["Figma/Brand", "Mailchimp/APAC 100%", "Mailchimp/EMEA"];
    assert_eq!(labels(&cache, all()).await, order);
    let page = ResourceQuery { offset: 1, limit: 1, ..ResourceQuery::default() };
    assert_eq!(labels(&cache, page).await, order[1..2]);
    for (search, found) in
        [("chimp", 2), ("mail eme", 1), ("lumen", 3), ("0%", 1), ("\"", 0), ("a", 3), ("zz", 0)]
    {
        let query = ResourceQuery { search: search.into(), ..all() };
        assert_eq!(labels(&cache, query).await.len(), found, "{search:?}");
    }
    let owned = ResourceQuery { facets: vec!["account_owner".into()], ..all() };
    assert_eq!(labels(&cache, owned).await, ["Mailchimp/EMEA"]);
}

#[tokio::test]
async fn what_waits_comes_oldest_first_and_goes_when_it_is_decided() {
    let directory = tempfile::tempdir().expect("a directory");
    let (young, old) =
        (request(11, 20, RequestState::Pending), request(12, 10, RequestState::Pending));
    let kept = |request: &AccessRequestRecord| Record::AccessRequest(Box::new(request.clone()));
    let cache = cache(directory.path(), &[kept(&young), kept(&old)]).await;
    assert_eq!(cache.requests_awaiting_me(10).await.expect("read"), [old.clone(), young.clone()]);
    assert_eq!(cache.count_awaiting_me().await.expect("counted"), 2);
    let decided = AccessRequestRecord {
        version: 2,
        state: RequestState::Accepted,
        allowed_actions: Vec::new(),
        ..old.clone()
    };
    let told = cache.apply(&[kept(&decided)], &[], None, at(2)).await.expect("applied");
    let before = told[0].before.as_ref().and_then(Record::as_access_request);
    assert_eq!(before, Some(&old));
    assert_eq!(cache.requests_awaiting_me(10).await.expect("read"), [young]);
    let late = cache.apply(&[kept(&old)], &[], None, at(3)).await.expect("applied");
    assert_eq!(late, [], "older news changes nothing");
}

#[tokio::test]
async fn a_tombstone_and_a_snapshot_take_away_what_is_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let records = [
        account(1, "Mailchimp", "EMEA", AccountRole::Owner),
        account(2, "Figma", "Brand", AccountRole::Manager),
        member(3, "Nils Dahl", UserStatus::Live),
        member(4, "Old Friend", UserStatus::Disabled),
    ];
    let cache = cache(directory.path(), &records).await;
    let live = ResourceQuery { facets: vec!["live".into()], ..all() };
    assert_eq!(cache.members(&live).await.expect("read").len(), 1);
    let gone = RecordKey { kind: RecordKind::Account, id: Uuid::from_u128(1).to_string() };
    let told = cache.apply(&[], std::slice::from_ref(&gone), None, at(2)).await.expect("applied");
    assert_eq!(told.len(), 1);
    assert!(told[0].after.is_none());
    assert_eq!(labels(&cache, ResourceQuery { search: "chimp".into(), ..all() }).await.len(), 0);
    let again = cache.apply(&[], &[gone], None, at(3)).await.expect("applied");
    assert_eq!(again, []);

    let generation = cache.begin_snapshot().await.expect("begun");
    let whole = Whole::Last(generation, "cursor-2".into());
    let told = cache.apply_snapshot(records[2..3].to_vec(), whole, at(4)).await.expect("applied");
    assert_eq!(told.len(), 2, "one account and one member are gone");
    assert_eq!(labels(&cache, all()).await.len(), 0);
    assert_eq!(cache.count(RecordKind::Member, &all()).await.expect("counted"), 1);
    cache.purge().await.expect("purged");
    assert_eq!(cache.count(RecordKind::Member, &all()).await.expect("counted"), 0);
}

fn activity(number: u128, millis: i64, event: &str, user: u128) -> ActivityRecord {
    ActivityRecord {
        id: Uuid::from_u128(number).to_string(),
        at: at(millis),
        event: event.into(),
        event_label: event.into(),
        account_label: None,
        application: Some("Figma".into()),
        user: Some(person(user, "Nils Dahl")),
        subject: None,
        location: None,
        os: None,
        device: None,
        detail: String::new(),
        partnership: None,
        account: None,
    }
}

#[tokio::test]
async fn the_activity_log_is_kept_once_filtered_and_counted_over_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let cache = cache(directory.path(), &[]).await;
    let day = 24 * 60 * 60 * 1_000;
    let entries = [
        activity(1, 0, "login", 1),
        activity(2, 10, "login", 2),
        activity(3, day + 5, "removed", 1),
        activity(4, 3 * day, "login", 1),
    ];
    assert_eq!(cache.newest_activity().await.expect("read"), None);
    assert_eq!(cache.keep_activities(&entries).await.expect("kept"), 4);
    assert_eq!(cache.keep_activities(&entries[2..]).await.expect("kept"), 0, "kept before");
    assert_eq!(cache.newest_activity().await.expect("read"), Some(at(3 * day)));
    let query = ActivityQuery { limit: 10, ..ActivityQuery::default() };
    let (rows, total) = cache.activities(&query).await.expect("read");
    assert_eq!((rows.first(), total), (Some(&entries[3]), 4), "the newest first");
    let narrow = ActivityQuery {
        event: Some("login".into()),
        user: Some(Uuid::from_u128(1).to_string()),
        to: Some(at(3 * day)),
        ..query.clone()
    };
    assert_eq!(cache.activities(&narrow).await.expect("read"), (vec![entries[0].clone()], 1));
    let series = cache.activity_series(&query, at(0), day).await.expect("counted");
    assert_eq!(series, [(at(0), 2), (at(day), 1), (at(3 * day), 1)]);
    let choices = cache.activity_choices(9).await.expect("read");
    assert_eq!(choices.applications, ["Figma"]);
    assert_eq!(choices.users.len(), 2, "each once: {choices:?}");
    assert_eq!(choices.accounts, [], "none of them is about an account");
    let renamed = |number, label: &str| ActivityRecord {
        account: Some(AccountId::new(Uuid::from_u128(7))),
        account_label: Some(label.into()),
        ..activity(number, i64::try_from(number).expect("small"), "shared", 1)
    };
    let entries = [renamed(20, "Design, new"), renamed(19, "Design")];
    cache.keep_activities(&entries).await.expect("kept");
    let accounts = cache.activity_choices(9).await.expect("read").accounts;
    let id = Uuid::from_u128(7).to_string();
    assert_eq!(accounts, [(id, "Figma".to_owned(), "Design, new".to_owned())], "as it is now");
}
