use std::time::Duration;

use entente_domain::{ApiKeyId, UserId, WorkspaceRole};
use entente_store::{
    Audience, Connection, Engine, KeyRow, LogEntry, Place, ResourceKind, StoreError, UserRow,
    Viewer, changes_between, has_between, has_unsettled, insert_key, log_after,
    prune_changes_before, pruned, record_change, renew_view, revoke_key, revoke_keys_of,
    update_user, users_by_id,
};
use uuid::Uuid;

use crate::{
    Done,
    ground::{Ground, at},
    on_both_engines,
};

on_both_engines![
    a_change_is_logged_for_those_who_saw_it_or_see_it,
    a_page_of_the_log_goes_on_where_the_last_one_ended,
    what_is_not_committed_is_not_settled,
    the_oldest_is_forgotten_and_its_place_is_kept,
    another_epoch_is_another_database,
    who_may_see_something_else_is_in_the_log,
];

async fn log(
    connection: &mut Connection,
    id: &str,
    before: &Audience,
    after: &Audience,
    seconds: u64,
) -> Result<(), StoreError> {
    record_change(connection, ResourceKind::Partnership, id, before, after, at(seconds)).await
}

async fn a_change_is_logged_for_those_who_saw_it_or_see_it(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let uma = ground.user(adam.workspace, "Uma", WorkspaceRole::User).await?;
    let since = ground.store.settled_closely(&mut *ground.store.read().await?).await?;
    let mut seen = Audience::nobody();
    seen.add(adam.workspace, Viewer::Admins);
    seen.add(adam.workspace, Viewer::User(uma.id));
    let mut sees = Audience::nobody();
    sees.add(marit.workspace, Viewer::Members);
    let mut write = ground.store.write().await?;
    log(write.connection(), "one", &seen, &sees, 1).await?;
    log(write.connection(), "none", &Audience::nobody(), &Audience::nobody(), 1).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let upto = ground.store.settled_closely(&mut connection).await?;
    assert!(upto > since);
    assert!(!has_unsettled(&mut connection, upto).await?);
    let told = changes_between(&mut connection, adam.workspace, since, upto, 9).await?;
    let [change] = &told[..] else { panic!("{told:?}") };
    assert_eq!((change.kind, change.id.as_str()), (ResourceKind::Partnership, "one"));
    assert!(change.was_seen_by(&adam.actor()) && change.was_seen_by(&uma.actor()));
    let other = ground.user(adam.workspace, "Otto", WorkspaceRole::User).await?;
    assert!(!change.was_seen_by(&other.actor()) && !change.concerns(&other.actor()));
    assert!(change.concerns(&uma.actor()), "who saw it is told that it is gone");
    let told = changes_between(&mut connection, marit.workspace, since, upto, 9).await?;
    assert_eq!(told.len(), 1);
    assert!(!told[0].was_seen_by(&marit.actor()), "new to them");
    assert!(told[0].concerns(&marit.actor()));
    assert!(has_between(&mut connection, since, upto).await?);
    assert!(!has_between(&mut connection, upto, upto).await?);
    Ok(())
}

async fn a_page_of_the_log_goes_on_where_the_last_one_ended(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let mut audience = Audience::nobody();
    audience.add(adam.workspace, Viewer::Admins);
    let mut since = ground.store.settled_closely(&mut *ground.store.read().await?).await?;
    // Several in one transaction, and several transactions.
    for transaction in 0..4 {
        let mut write = ground.store.write().await?;
        for number in 0..5 {
            let id = format!("{transaction}.{number}");
            log(write.connection(), &id, &audience, &audience, 1).await?;
        }
        write.commit().await?;
    }
    let mut connection = ground.store.read().await?;
    let upto = ground.store.settled_closely(&mut connection).await?;
    let mut told = Vec::new();
    loop {
        let page = changes_between(&mut connection, adam.workspace, since, upto, 3).await?;
        let Some(last) = page.last() else { break };
        // A cursor is text in between.
        since = last.place.to_string().parse::<Place>()?;
        assert_eq!(since, last.place);
        told.extend(page.into_iter().map(|change| change.id));
    }
    let expected: Vec<String> =
        (0..4).flat_map(|one| (0..5).map(move |two| format!("{one}.{two}"))).collect();
    assert_eq!(told, expected);
    for bad in ["", "1", "1.", ".1", "1.x", "1.2.3"] {
        assert!(bad.parse::<Place>().is_err(), "{bad}");
    }
    Ok(())
}

async fn what_is_not_committed_is_not_settled(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let mut audience = Audience::nobody();
    audience.add(adam.workspace, Viewer::Admins);
    let store = &ground.store;
    let since = store.settled_closely(&mut *store.read().await?).await?;
    let mut early = store.write().await?;
    log(early.connection(), "early", &audience, &audience, 1).await?;
    if store.engine() == Engine::Postgres {
        // It commits first, and must not be told first.
        let mut late = store.write().await?;
        log(late.connection(), "late", &audience, &audience, 1).await?;
        late.commit().await?;
    }
    let mut connection = store.read().await?;
    let upto = store.settled_closely(&mut connection).await?;
    assert_eq!(changes_between(&mut connection, adam.workspace, since, upto, 9).await?, []);
    let is_waiting = has_unsettled(&mut connection, upto).await?;
    assert_eq!(is_waiting, store.engine() == Engine::Postgres);
    early.commit().await?;
    let upto = store.settled_closely(&mut connection).await?;
    let told = changes_between(&mut connection, adam.workspace, since, upto, 9).await?;
    let ids: Vec<&str> = told.iter().map(|change| change.id.as_str()).collect();
    match store.engine() {
        Engine::Sqlite => assert_eq!(ids, ["early"]),
        Engine::Postgres => assert_eq!(ids, ["early", "late"]),
    }
    assert!(store.settled(&mut connection).await? >= upto, "what is settled stays so");
    assert!(store.is_reached(&mut connection, upto).await?);
    let beyond: Place = "9000000000000000000.1".parse()?;
    assert!(!store.is_reached(&mut connection, beyond).await?);
    // Undone, it holds nothing back.
    let mut undone = store.write().await?;
    log(undone.connection(), "undone", &audience, &audience, 1).await?;
    drop(undone);
    for _ in 0..100 {
        let upto = store.settled_closely(&mut connection).await?;
        if !has_unsettled(&mut connection, upto).await? {
            let told = changes_between(&mut connection, adam.workspace, since, upto, 9).await?;
            assert_eq!(told.len(), ids.len());
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it holds the log back");
}

async fn the_oldest_is_forgotten_and_its_place_is_kept(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let mut audience = Audience::nobody();
    audience.add(adam.workspace, Viewer::User(UserId::new(Uuid::now_v7())));
    let begin = pruned(&mut *ground.store.read().await?).await?;
    assert_eq!(begin, Place::default());
    // Says nothing of when it was.
    let mut write = ground.store.write().await?;
    renew_view(write.connection(), [adam.id]).await?;
    write.commit().await?;
    for seconds in [100, 200, 300] {
        let mut write = ground.store.write().await?;
        log(write.connection(), &seconds.to_string(), &audience, &audience, seconds).await?;
        write.commit().await?;
    }
    let prune = async |seconds| {
        let mut upkeep = ground.store.upkeep().await?;
        let done = prune_changes_before(upkeep.connection(), at(seconds)).await?;
        upkeep.commit().await.map(|()| done)
    };
    // What its members were added with is older.
    assert_eq!(prune(250).await?, 5);
    assert_eq!(prune(250).await?, 0);
    let mut connection = ground.store.read().await?;
    let kept_from = pruned(&mut connection).await?;
    let upto = ground.store.settled_closely(&mut connection).await?;
    let told = changes_between(&mut connection, adam.workspace, kept_from, upto, 9).await?;
    assert_eq!(told.iter().map(|change| change.id.as_str()).collect::<Vec<_>>(), ["300"]);
    drop(connection);
    assert_eq!(prune(301).await?, 1);
    let mut connection = ground.store.read().await?;
    let upto = ground.store.settled_closely(&mut connection).await?;
    assert!(upto >= pruned(&mut connection).await?, "with nothing left it does not begin anew");
    assert!(ground.store.is_reached(&mut connection, upto).await?);
    Ok(())
}

async fn who_may_see_something_else_is_in_the_log(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let store = &ground.store;
    let since = store.settled_closely(&mut *store.read().await?).await?;
    let mut write = store.write().await?;
    let connection = write.connection();
    let key = KeyRow {
        id: ApiKeyId::new(Uuid::now_v7()),
        user: adam.id,
        name: "Key".into(),
        scopes: Vec::new(),
        created_at: at(0),
        expires_at: None,
        revoked_at: None,
        session: None,
    };
    insert_key(connection, &key, "hash").await?;
    let renamed = UserRow { name: "Adam Castillo".into(), ..adam.clone() };
    update_user(connection, &adam, &renamed, at(1)).await?;
    // Neither of these is about what he may do.
    assert_eq!(callers(connection, since).await?, []);
    renew_view(connection, [adam.id]).await?;
    assert_eq!(callers(connection, since).await?, [adam.id]);
    let before = users_by_id(connection, [adam.id]).await?.remove(&adam.id).expect("he");
    let demoted = UserRow { role: WorkspaceRole::User, ..before.clone() };
    update_user(connection, &before, &demoted, at(2)).await?;
    assert_eq!(callers(connection, since).await?, [adam.id; 2]);
    assert!(revoke_key(connection, key.id, at(3)).await?);
    revoke_keys_of(connection, adam.id, at(3)).await?;
    assert_eq!(callers(connection, since).await?, [adam.id; 3], "once for each key");
    write.commit().await?;
    // It is told to nobody: only the two changes of the member are.
    let mut connection = store.read().await?;
    let upto = store.settled_closely(&mut connection).await?;
    let told = changes_between(&mut connection, adam.workspace, since, upto, 9).await?;
    assert_eq!(told.iter().map(|change| change.kind).collect::<Vec<_>>(), [ResourceKind::User; 2]);
    Ok(())
}

async fn callers(connection: &mut Connection, since: Place) -> Result<Vec<UserId>, StoreError> {
    let log = log_after(connection, since, 99).await?;
    let callers = log.into_iter().filter_map(|entry| match entry {
        LogEntry::Caller(_, user) => Some(user),
        LogEntry::Change(..) => None,
    });
    Ok(callers.collect())
}

async fn another_epoch_is_another_database(ground: Ground) -> Done {
    let epoch = ground.store.epoch();
    let again = entente_store::Store::open(&ground.url).await?;
    assert_eq!(again.epoch(), epoch, "the same, whoever opens it");
    again.renew_epoch().await?;
    assert_ne!(again.epoch(), epoch);
    let reopened = entente_store::Store::open(&ground.url).await?;
    assert_eq!(reopened.epoch(), again.epoch());
    for store in [again, reopened] {
        store.close().await;
    }
    Ok(())
}
