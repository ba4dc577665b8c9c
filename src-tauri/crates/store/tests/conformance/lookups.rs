use entente_domain::{ApiKeyId, UserId, UserStatus, WorkspaceId, WorkspaceRole};
use entente_store::{
    KeyRow, StoreError, StoredAnswer, UserFilter, UserRow, admins_of, count_users,
    count_workspaces, forget_answers_before, insert_key, insert_user, key_by_hash, keys_of,
    list_users, load_answer, renew_view, revoke_key, save_answer, update_user, user_by_email,
    users_by_id, workspace, workspaces_by_id,
};
use uuid::Uuid;

use crate::{
    Done,
    ground::{Ground, at, user},
    on_both_engines,
};

on_both_engines![
    a_snapshot_is_of_one_moment,
    workspaces_and_users_are_found,
    a_user_is_saved_from_the_version_that_was_read,
    members_are_listed_searched_and_counted,
    an_address_is_in_a_workspace_once,
    a_key_is_found_by_its_hash_until_it_is_revoked,
    an_answer_is_kept_once_for_each_user_and_key,
];

async fn workspaces_and_users_are_found(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let mut connection = ground.store.read().await?;
    let found = workspace(&mut connection, adam.workspace).await?.expect("it");
    assert_eq!((found.name.as_str(), found.managed), ("Globex", true));
    let unknown = WorkspaceId::new(Uuid::now_v7());
    assert_eq!(workspace(&mut connection, unknown).await?, None);
    let both = [adam.workspace, marit.workspace, unknown];
    assert_eq!(workspaces_by_id(&mut connection, both).await?.len(), 2);
    assert!(workspaces_by_id(&mut connection, []).await?.is_empty());
    assert_eq!(count_workspaces(&mut connection).await?, 2);
    let users = users_by_id(&mut connection, [adam.id, UserId::new(Uuid::now_v7())]).await?;
    assert_eq!(users.into_values().collect::<Vec<_>>(), std::slice::from_ref(&adam));
    assert!(users_by_id(&mut connection, []).await?.is_empty());
    let admins = admins_of(&mut connection, adam.workspace).await?;
    assert_eq!(admins.iter().map(|admin| admin.id).collect::<Vec<_>>(), [adam.id]);
    assert_eq!(user_by_email(&mut connection, &adam.email).await?, [adam]);
    assert_eq!(user_by_email(&mut connection, "nobody@mail.example").await?, []);
    Ok(())
}

async fn a_user_is_saved_from_the_version_that_was_read(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let after = UserRow { role: WorkspaceRole::User, name: "Ádám".into(), ..adam.clone() };
    let mut write = ground.store.write().await?;
    update_user(write.connection(), &adam, &after, at(5)).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let now = users_by_id(&mut connection, [adam.id]).await?.remove(&adam.id).expect("Adam");
    assert_eq!((now.version, now.view_number, now.updated_at), (2, 1, at(5)));
    assert!(admins_of(&mut connection, adam.workspace).await?.is_empty());
    drop(connection);
    let mut write = ground.store.write().await?;
    let late = update_user(write.connection(), &adam, &after, at(6)).await;
    assert!(matches!(late, Err(StoreError::UserChanged(id)) if id == adam.id), "{late:?}");
    drop(write);
    let renamed = UserRow { name: "Adam".into(), ..now.clone() };
    let mut write = ground.store.write().await?;
    update_user(write.connection(), &now, &renamed, at(7)).await?;
    renew_view(write.connection(), [adam.id, adam.id]).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let now = users_by_id(&mut connection, [adam.id]).await?.remove(&adam.id).expect("Adam");
    // A name changes nothing of what they see.
    assert_eq!((now.version, now.view_number), (3, 3));
    Ok(())
}

async fn members_are_listed_searched_and_counted(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let host = adam.workspace;
    let names = ["Émile Zola", "100% Eager", "under_score", "Bang!", "İpek", "ÅSA"];
    for name in names {
        ground.user(host, name, WorkspaceRole::User).await?;
    }
    let gone = ground.user(host, "Gone", WorkspaceRole::User).await?;
    let disabled = UserRow { status: UserStatus::Disabled, ..gone.clone() };
    let mut write = ground.store.write().await?;
    update_user(write.connection(), &gone, &disabled, at(5)).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let all = UserFilter::default();
    assert_eq!(count_users(&mut connection, host, &all).await?, 8);
    assert_eq!(count_users(&mut connection, marit.workspace, &all).await?, 1);
    let mut seen: Vec<UserId> = Vec::new();
    loop {
        let page = list_users(&mut connection, host, &all, seen.last().copied(), 0, 3).await?;
        if page.is_empty() {
            break;
        }
        seen.extend(page.iter().map(|user| user.id));
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted());
    let third = list_users(&mut connection, host, &all, None, 2, 1).await?;
    assert_eq!(third[0].id, seen[2]);
    for (search, count) in [
        ("émile", 1),
        ("ÉMILE", 1),
        ("%", 1),
        ("_", 1),
        ("!", 1),
        ("åsa", 1),
        ("mail.EXAMPLE", 8),
        ("marit", 0),
    ] {
        let filter = UserFilter { search: Some(search.into()), ..UserFilter::default() };
        assert_eq!(count_users(&mut connection, host, &filter).await?, count, "{search}");
    }
    let live = UserFilter { statuses: vec![UserStatus::Live], ..UserFilter::default() };
    assert_eq!(count_users(&mut connection, host, &live).await?, 7);
    let email = Some(adam.email.to_uppercase());
    let by_email = UserFilter { email, ..UserFilter::default() };
    let found = list_users(&mut connection, host, &by_email, None, 0, 9).await?;
    assert_eq!(found, std::slice::from_ref(&adam));
    let only = UserFilter { only: Some(adam.id), ..UserFilter::default() };
    assert_eq!(list_users(&mut connection, host, &only, None, 0, 9).await?, [adam]);
    Ok(())
}

async fn a_snapshot_is_of_one_moment(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let mut snapshot = ground.store.snapshot().await?;
    let before = users_by_id(&mut snapshot, [adam.id]).await?;
    let renamed = UserRow { name: "Adam the Second".into(), ..adam.clone() };
    let mut write = ground.store.write().await?;
    update_user(write.connection(), &adam, &renamed, at(7)).await?;
    write.commit().await?;
    assert_eq!(users_by_id(&mut snapshot, [adam.id]).await?, before);
    drop(snapshot);
    let now = users_by_id(&mut *ground.store.snapshot().await?, [adam.id]).await?;
    assert_eq!(now[&adam.id].name, "Adam the Second");
    Ok(())
}

async fn an_address_is_in_a_workspace_once(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let again = UserRow { email: adam.email.clone(), ..user(adam.workspace, "A", adam.role) };
    let mut write = ground.store.write().await?;
    assert!(insert_user(write.connection(), &again).await.is_err());
    drop(write);
    let elsewhere = UserRow { workspace: marit.workspace, ..again };
    let mut write = ground.store.write().await?;
    insert_user(write.connection(), &elsewhere).await?;
    write.commit().await?;
    let found = user_by_email(&mut *ground.store.read().await?, &adam.email).await?;
    assert_eq!(found.len(), 2, "one in each");
    Ok(())
}

async fn a_key_is_found_by_its_hash_until_it_is_revoked(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let key = |name: &str, expires_at| KeyRow {
        id: ApiKeyId::new(Uuid::now_v7()),
        user: adam.id,
        name: name.into(),
        scopes: vec!["partnerships:read".into(), "users:read".into()],
        created_at: at(1),
        expires_at,
        revoked_at: None,
        session: None,
    };
    let (one, two) = (key("One", None), key("Two", Some(at(99))));
    let mut write = ground.store.write().await?;
    insert_key(write.connection(), &one, "hash-1").await?;
    insert_key(write.connection(), &two, "hash-2").await?;
    write.commit().await?;
    let mut write = ground.store.write().await?;
    assert!(insert_key(write.connection(), &key("Three", None), "hash-2").await.is_err());
    drop(write);
    let mut connection = ground.store.read().await?;
    let found = key_by_hash(&mut connection, "hash-2").await?;
    assert_eq!(found, Some((two.clone(), adam.clone())));
    assert_eq!(key_by_hash(&mut connection, "hash-3").await?, None);
    assert_eq!(keys_of(&mut connection, [adam.id]).await?, [one, two.clone()]);
    drop(connection);
    let mut write = ground.store.write().await?;
    assert!(revoke_key(write.connection(), two.id, at(50)).await?);
    assert!(!revoke_key(write.connection(), two.id, at(51)).await?, "it was before");
    assert!(!revoke_key(write.connection(), ApiKeyId::new(Uuid::now_v7()), at(50)).await?);
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(keys_of(&mut connection, [adam.id]).await?.len(), 1);
    let (revoked, _) = key_by_hash(&mut connection, "hash-2").await?.expect("kept");
    assert_eq!(revoked.revoked_at, Some(at(50)));
    Ok(())
}

async fn an_answer_is_kept_once_for_each_user_and_key(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let answer = |body: &str, etag: Option<&str>| StoredAnswer {
        request_hash: "hash".into(),
        key_id: None,
        status: 201,
        etag: etag.map(str::to_owned),
        body: body.into(),
    };
    let (first, other) = (answer("{\"a\": \"\u{e9}\"}", Some("\"1\"")), answer("", None));
    let mut write = ground.store.write().await?;
    assert_eq!(load_answer(write.connection(), adam.id, "key").await?, None);
    save_answer(write.connection(), adam.id, "key", &first, at(10)).await?;
    save_answer(write.connection(), marit.id, "key", &other, at(20)).await?;
    write.commit().await?;
    let mut write = ground.store.write().await?;
    assert!(save_answer(write.connection(), adam.id, "key", &other, at(30)).await.is_err());
    drop(write);
    let mut connection = ground.store.read().await?;
    assert_eq!(load_answer(&mut connection, adam.id, "key").await?, Some(first));
    assert_eq!(load_answer(&mut connection, marit.id, "key").await?, Some(other.clone()));
    drop(connection);
    // Of two at once, one keeps its answer, and the other is worth another try.
    let mut tries = Vec::new();
    for _ in 0..8 {
        let (store, answer) = (ground.store.clone(), other.clone());
        tries.push(tokio::spawn(async move {
            let mut write = store.write().await?;
            if load_answer(write.connection(), adam.id, "both").await?.is_some() {
                return Ok(false);
            }
            save_answer(write.connection(), adam.id, "both", &answer, at(40)).await?;
            write.commit().await.map(|()| true)
        }));
    }
    let mut kept = 0;
    for attempt in tries {
        match attempt.await? {
            Ok(is_kept) => kept += usize::from(is_kept),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(kept, 1);
    let mut upkeep = ground.store.upkeep().await?;
    assert_eq!(forget_answers_before(upkeep.connection(), at(20)).await?, 1);
    upkeep.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(load_answer(&mut connection, adam.id, "key").await?, None);
    assert!(load_answer(&mut connection, marit.id, "key").await?.is_some(), "not old enough");
    Ok(())
}
