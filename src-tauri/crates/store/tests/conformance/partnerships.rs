use std::collections::BTreeSet;

use entente_domain::{
    Actor, Deadlines, Partnership, PartnershipId, Side, StateName, UserStatus, WorkspaceRole, sees,
};
use entente_store::{
    Engine, ListFilter, ListPosition, Origin, Sort, StoreError, UserRow, due_partnerships,
    get_partnership, hold_user, insert_partnership, list_partnerships, newest_of_pair,
    partnerships_by_id, partnerships_owned_by, save_owners, save_step, snapshot_page,
    transitions_of, update_user, visible_count,
};
use uuid::Uuid;

use crate::{
    Done,
    ground::{Ground, at, request, run},
    on_both_engines,
};

on_both_engines![
    a_partnership_comes_back_as_it_was_saved,
    a_step_from_another_version_is_a_conflict,
    of_parallel_requests_for_one_pair_one_is_stored,
    a_closed_partnership_leaves_the_pair_to_the_next,
    owners_are_saved_and_found,
    what_is_due_is_found_the_most_overdue_first,
    a_search_takes_what_is_typed_for_what_it_is,
    names_are_in_one_order_wherever_the_database_runs,
    pages_neither_skip_nor_repeat,
    a_snapshot_holds_page_by_page_what_somebody_sees,
    history_and_audit_are_not_changed,
    what_cannot_be_is_refused,
];

async fn a_partnership_comes_back_as_it_was_saved(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    let sender = ground.user(admin.workspace, "Uma Castillo", WorkspaceRole::User).await?;
    let sent = ground.request(&sender, guest.workspace).await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(get_partnership(&mut connection, sent.id).await?.as_ref(), Some(&sent));
    let unknown = PartnershipId::new(Uuid::now_v7());
    assert_eq!(get_partnership(&mut connection, unknown).await?, None);
    assert_eq!(partnerships_by_id(&mut connection, []).await?, []);
    let both = partnerships_by_id(&mut connection, [sent.id, unknown]).await?;
    assert_eq!(both, std::slice::from_ref(&sent));
    drop(connection);

    let deadlines = Deadlines::default();
    let mut write = ground.store.write().await?;
    let step = sent.clone().approve(&admin.actor(), deadlines, at(60))?;
    save_step(write.connection(), &sent, &step, &Origin::default()).await?;
    // Seen by its own transaction, and by nobody else before the end.
    let inside = get_partnership(write.connection(), sent.id).await?.expect("it");
    assert_eq!(inside, step.partnership);
    let outside = get_partnership(&mut *ground.store.read().await?, sent.id).await?;
    assert_eq!(outside, Some(sent.clone()));
    drop(write);
    let mut connection = ground.store.read().await?;
    assert_eq!(get_partnership(&mut connection, sent.id).await?, Some(sent.clone()), "undone");
    drop(connection);

    let mut write = ground.store.write().await?;
    save_step(write.connection(), &sent, &step, &Origin::default()).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let history = transitions_of(&mut connection, [sent.id]).await?.remove(&sent.id);
    let told: Vec<_> =
        history.expect("steps").into_iter().map(|step| (step.from, step.to, step.actor)).collect();
    let expected = [
        (None, StateName::AwaitingApproval, Some(sender.id)),
        (Some(StateName::AwaitingApproval), StateName::AwaitingAcceptance, Some(admin.id)),
    ];
    assert_eq!(told, expected);
    assert!(transitions_of(&mut connection, []).await?.is_empty());
    Ok(())
}

async fn a_step_from_another_version_is_a_conflict(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    let sender = ground.user(admin.workspace, "Uma Castillo", WorkspaceRole::User).await?;
    let sent = ground.request(&sender, guest.workspace).await?;
    let approve = sent.clone().approve(&admin.actor(), Deadlines::default(), at(60))?;
    let decline = sent.clone().decline(&admin.actor(), None, at(60))?;
    let mut write = ground.store.write().await?;
    save_step(write.connection(), &sent, &approve, &Origin::default()).await?;
    write.commit().await?;
    let mut write = ground.store.write().await?;
    let late = save_step(write.connection(), &sent, &decline, &Origin::default()).await;
    let late = late.expect_err("another was first");
    assert!(matches!(late, StoreError::Changed(id) if id == sent.id), "{late:?}");
    assert!(late.is_conflict() && !late.is_busy());
    drop(write);
    let now = get_partnership(&mut *ground.store.read().await?, sent.id).await?;
    assert_eq!(now, Some(approve.partnership));
    Ok(())
}

async fn of_parallel_requests_for_one_pair_one_is_stored(ground: Ground) -> Done {
    const TIMES: usize = 16;
    let (admin, guest) = ground.pair().await?;
    let mut tries = Vec::new();
    for _ in 0..TIMES {
        let (store, actor, guest) = (ground.store.clone(), admin.actor(), guest.workspace);
        tries.push(tokio::spawn(async move {
            let step = request(&actor, guest, at(10));
            let mut write = store.write().await?;
            insert_partnership(write.connection(), &step, &Origin::default()).await?;
            write.commit().await
        }));
    }
    let mut stored = 0;
    for attempt in tries {
        match attempt.await? {
            Ok(()) => stored += 1,
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    assert_eq!(stored, 1);
    let mut connection = ground.store.read().await?;
    let count = visible_count(&mut connection, &admin.actor(), &ListFilter::default()).await?;
    assert_eq!(count, 1);
    Ok(())
}

async fn a_closed_partnership_leaves_the_pair_to_the_next(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    let pair = (admin.workspace, guest.workspace);
    let mut connection = ground.store.read().await?;
    assert_eq!(newest_of_pair(&mut connection, pair.0, pair.1).await?, None);
    drop(connection);
    let first = ground.request(&admin, guest.workspace).await?;
    let mut write = ground.store.write().await?;
    let second = request(&admin.actor(), guest.workspace, at(11));
    let taken = insert_partnership(write.connection(), &second, &Origin::default()).await;
    assert!(matches!(taken, Err(StoreError::PairTaken)), "{taken:?}");
    drop(write);
    let withdrawn = first.clone().withdraw(&admin.actor(), at(20))?;
    let mut write = ground.store.write().await?;
    save_step(write.connection(), &first, &withdrawn, &Origin::default()).await?;
    insert_partnership(write.connection(), &second, &Origin::default()).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let newest = newest_of_pair(&mut connection, pair.0, pair.1).await?.expect("one");
    assert_eq!(newest.id, second.partnership.id);
    // The other way round is another pair.
    assert_eq!(newest_of_pair(&mut connection, pair.1, pair.0).await?, None);
    Ok(())
}

async fn owners_are_saved_and_found(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    let uma = ground.user(admin.workspace, "Uma Castillo", WorkspaceRole::User).await?;
    let before = ground.request(&admin, guest.workspace).await?;
    let named = before.clone().name_owner(&uma.actor(), &admin.actor(), at(30))?;
    let mut write = ground.store.write().await?;
    save_owners(write.connection(), &before, &named).await?;
    let late = save_owners(write.connection(), &before, &named).await;
    assert!(matches!(late, Err(StoreError::Changed(_))), "{late:?}");
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let found = get_partnership(&mut connection, before.id).await?.expect("it");
    assert_eq!(found.owners, BTreeSet::from([admin.id, uma.id]));
    assert_eq!(partnerships_owned_by(&mut connection, uma.id).await?, std::slice::from_ref(&found));
    assert_eq!(partnerships_owned_by(&mut connection, guest.id).await?, []);
    let filter = ListFilter::default();
    assert_eq!(visible_count(&mut connection, &uma.actor(), &filter).await?, 1, "she sees it");
    drop(connection);
    let dismissed = found.clone().dismiss_owner(uma.id, &admin.actor(), at(40))?;
    let mut write = ground.store.write().await?;
    save_owners(write.connection(), &found, &dismissed).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(visible_count(&mut connection, &uma.actor(), &filter).await?, 0);
    assert_eq!(snapshot_page(&mut connection, &uma.actor(), None, 9).await?, []);
    Ok(())
}

async fn what_is_due_is_found_the_most_overdue_first(ground: Ground) -> Done {
    let (admin, _) = ground.pair().await?;
    let mut sent = Vec::new();
    let mut write = ground.store.write().await?;
    for number in 0..4 {
        let guest = ground_workspace(&mut write, number).await?;
        let step = request(&admin.actor(), guest, at(100 - number));
        insert_partnership(write.connection(), &step, &Origin::default()).await?;
        sent.insert(0, step.partnership);
    }
    write.commit().await?;
    let deadline = Deadlines::default().decision;
    let mut connection = ground.store.read().await?;
    let early = at(96).after(deadline);
    assert_eq!(due_partnerships(&mut connection, early, 9).await?, []);
    let on_time = due_partnerships(&mut connection, at(97).after(deadline), 9).await?;
    assert_eq!(ids(&on_time), ids(&sent[..1]), "the deadline itself is too late");
    let most = due_partnerships(&mut connection, at(200).after(deadline), 3).await?;
    assert_eq!(ids(&most).len(), 3);
    assert!(!ids(&most).contains(&sent[3].id), "the least overdue waits");
    Ok(())
}

async fn ground_workspace(
    write: &mut entente_store::Write,
    number: u64,
) -> Result<entente_domain::WorkspaceId, StoreError> {
    let id = entente_domain::WorkspaceId::new(Uuid::now_v7());
    let row = entente_store::WorkspaceRow {
        id,
        name: format!("Guest {number}"),
        slug: id.to_string(),
        send_policy: entente_domain::SendPolicy::AnyRole,
        managed: false,
    };
    entente_store::insert_workspace(write.connection(), &row, at(0)).await?;
    Ok(id)
}

fn ids(found: &[Partnership]) -> BTreeSet<PartnershipId> {
    found.iter().map(|partnership| partnership.id).collect()
}

const NAMES: &[&str] = &[
    "Zebra",
    "apple",
    "Äpfel",
    "Banana",
    "ÉCLAIR",
    "éclair 2",
    "100%",
    "100 per",
    "a_b",
    "axb",
    "bang!",
    "Ünder",
    "zebra",
    "中文",
];

async fn with_names(ground: &Ground) -> Result<Actor, Box<dyn std::error::Error + Send + Sync>> {
    let (admin, _) = ground.pair().await?;
    for name in NAMES {
        let guest = ground.workspace(name).await?;
        ground.request(&admin, guest.id).await?;
    }
    Ok(admin.actor())
}

async fn a_search_takes_what_is_typed_for_what_it_is(ground: Ground) -> Done {
    let actor = with_names(&ground).await?;
    let mut connection = ground.store.read().await?;
    for (search, found) in [
        ("zebra", 2),
        ("éclair", 2),
        ("ÉCLAIR", 2),
        ("äpfel", 1),
        ("üNDER", 1),
        ("%", 1),
        ("_", 1),
        ("!", 1),
        ("100%", 1),
        ("a_b", 1),
        ("中", 1),
        // The partner's address counts too, whatever its case.
        ("pat@GUEST", 14),
        ("nothing of that", 0),
        ("'; DROP TABLE meta; --", 0),
    ] {
        let filter = ListFilter { search: Some(search.into()), ..ListFilter::default() };
        let count = visible_count(&mut connection, &actor, &filter).await?;
        assert_eq!(count, found, "{search}");
    }
    Ok(())
}

async fn names_are_in_one_order_wherever_the_database_runs(ground: Ground) -> Done {
    let actor = with_names(&ground).await?;
    let mut connection = ground.store.read().await?;
    for descending in [false, true] {
        let mut expected: Vec<String> = NAMES.iter().map(|name| name.to_lowercase()).collect();
        expected.sort();
        if descending {
            expected.reverse();
        }
        let sort = Sort::Name { descending };
        let filter = ListFilter::default();
        let mut found: Vec<String> = Vec::new();
        let mut position = ListPosition::Offset(0);
        loop {
            let page =
                list_partnerships(&mut connection, &actor, &filter, sort, &position, 3).await?;
            let Some((last, name)) = page.last() else { break };
            position = ListPosition::After(name.clone(), last.id);
            found.extend(page.into_iter().map(|(_, name)| name));
        }
        assert_eq!(found, expected);
    }
    Ok(())
}

async fn pages_neither_skip_nor_repeat(ground: Ground) -> Done {
    let actor = with_names(&ground).await?;
    let mut connection = ground.store.read().await?;
    let filter = ListFilter {
        sides: vec![Side::Host],
        states: vec![StateName::AwaitingAcceptance, StateName::Active],
        ..ListFilter::default()
    };
    for sort in [
        Sort::Name { descending: false },
        Sort::UpdatedAt { descending: true },
        Sort::CreatedAt { descending: false },
    ] {
        for size in [1, 4, 50] {
            let mut seen = Vec::new();
            let mut position = ListPosition::Offset(0);
            loop {
                let page =
                    list_partnerships(&mut connection, &actor, &filter, sort, &position, size)
                        .await?;
                let Some((last, value)) = page.last() else { break };
                position = ListPosition::After(value.clone(), last.id);
                seen.extend(page.iter().map(|(partnership, _)| partnership.id));
            }
            let distinct: BTreeSet<_> = seen.iter().collect();
            assert_eq!((seen.len(), distinct.len()), (NAMES.len(), NAMES.len()), "{sort:?}");
            let offset = ListPosition::Offset(2);
            let page =
                list_partnerships(&mut connection, &actor, &filter, sort, &offset, size).await?;
            assert_eq!(page[0].0.id, seen[2], "a number leads to the same row");
        }
    }
    let mut seen = Vec::new();
    while let page = snapshot_page(&mut connection, &actor, seen.last().copied(), 3).await?
        && !page.is_empty()
    {
        seen.extend(page.iter().map(|partnership| partnership.id));
    }
    assert_eq!(seen.len(), NAMES.len());
    assert!(seen.is_sorted());
    for (filter, count) in [
        (ListFilter { awaiting_me: true, ..ListFilter::default() }, 0),
        (ListFilter { sides: vec![Side::Guest], ..ListFilter::default() }, 0),
        (ListFilter { states: vec![StateName::Removed], ..ListFilter::default() }, 0),
    ] {
        assert_eq!(visible_count(&mut connection, &actor, &filter).await?, count);
    }
    Ok(())
}

async fn a_snapshot_holds_page_by_page_what_somebody_sees(ground: Ground) -> Done {
    let (admin, _) = ground.pair().await?;
    let user = async |name| ground.user(admin.workspace, name, WorkspaceRole::User).await;
    let (sender, owner, other) = (user("Uma").await?, user("Otto").await?, user("Olga").await?);
    let mut all = Vec::new();
    for number in 0..12 {
        let other = ground.workspace(&format!("Workspace {number}")).await?;
        let role = WorkspaceRole::Admin;
        let theirs = ground.user(other.id, "Admin", role).await?;
        // The host of some, and the guest of others, a part of which their host has not approved.
        let sent = match number % 4 {
            0 => ground.request(&sender, other.id).await?,
            1 => ground.request(&admin, other.id).await?,
            2 => ground.request(&theirs, admin.workspace).await?,
            _ => {
                let by = ground.user(other.id, "User", WorkspaceRole::User).await?;
                ground.request(&by, admin.workspace).await?
            }
        };
        let now = if number < 8 && sent.host == admin.workspace {
            let after = sent.clone().name_owner(&owner.actor(), &admin.actor(), at(20))?;
            let mut write = ground.store.write().await?;
            save_owners(write.connection(), &sent, &after).await?;
            write.commit().await?;
            after
        } else {
            sent
        };
        all.push(now);
    }
    all.sort_by_key(|partnership| partnership.id);
    let mut connection = ground.store.read().await?;
    for (who, many) in [(&admin, 9), (&sender, 3), (&owner, 4), (&other, 0)] {
        let actor = who.actor();
        let seen: Vec<_> = all.iter().filter(|found| sees(&actor, found)).cloned().collect();
        assert_eq!(seen.len(), many, "{}", who.name);
        let mut read = Vec::new();
        loop {
            let after = read.last().map(|last: &Partnership| last.id);
            let page = snapshot_page(&mut connection, &actor, after, 2).await?;
            if page.is_empty() {
                break;
            }
            assert!(page.len() <= 2);
            read.extend(page);
        }
        assert_eq!(read, seen, "{}", who.name);
    }
    Ok(())
}

/// PostgreSQL finds transactions in each other's way by the pages of indexes, on which all that is new
/// is together.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_other_workspaces_are_not_in_each_others_way() -> Done {
    const AT_ONCE: usize = 8;
    let ground = Ground::new(Engine::Postgres).await?;
    let mut pairs = Vec::new();
    for _ in 0..AT_ONCE {
        pairs.push(ground.pair().await?);
    }
    for alone in [false, true] {
        let mut writing = Vec::new();
        for (admin, guest) in &pairs {
            let store = &ground.store;
            let mut write = if alone { store.write().await? } else { store.write_rows().await? };
            let (from, to) = if alone { (guest, admin) } else { (admin, guest) };
            newest_of_pair(write.connection(), from.workspace, to.workspace).await?;
            writing.push((write, request(&from.actor(), to.workspace, at(10))));
        }
        let mut in_the_way = 0;
        for (mut write, step) in writing {
            let sent = insert_partnership(write.connection(), &step, &Origin::default()).await;
            match async { sent.and(write.commit().await) }.await {
                Ok(()) => {}
                Err(error) if error.is_conflict() => in_the_way += 1,
                Err(error) => return Err(error.into()),
            }
        }
        // As if alone, they are: that is what the other way is for.
        assert_eq!(in_the_way > 0, alone, "{in_the_way} of {AT_ONCE}");
    }
    Ok(())
}

/// A request and the removal of who sends it: one of them sees the other.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_meanwhile_is_held_or_tried_again() -> Done {
    let ground = Ground::new(Engine::Postgres).await?;
    let (admin, guest) = ground.pair().await?;
    let sender = ground.user(admin.workspace, "Uma", WorkspaceRole::User).await?;
    let removed = UserRow { status: UserStatus::Disabled, ..sender.clone() };

    // The request comes first.
    let mut removal = ground.store.write().await?;
    assert_eq!(partnerships_owned_by(removal.connection(), sender.id).await?, []);
    let mut write = ground.store.write_rows().await?;
    let step = request(&sender.actor(), guest.workspace, at(10));
    insert_partnership(write.connection(), &step, &Origin::default()).await?;
    hold_user(write.connection(), &sender).await?;
    write.commit().await?;
    let late = update_user(removal.connection(), &sender, &removed, at(20)).await;
    assert!(late.expect_err("it has not seen the request").is_conflict());
    drop(removal);

    // The removal comes first.
    let mut removal = ground.store.write().await?;
    update_user(removal.connection(), &sender, &removed, at(20)).await?;
    removal.commit().await?;
    let mut write = ground.store.write_rows().await?;
    let late = hold_user(write.connection(), &sender).await;
    assert!(late.expect_err("they are removed").is_conflict());
    Ok(())
}

async fn history_and_audit_are_not_changed(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    ground.request(&admin, guest.workspace).await?;
    for statement in [
        "UPDATE activities SET detail = 'x'",
        "DELETE FROM activities",
        "UPDATE transitions SET note = 'x'",
        "DELETE FROM transitions",
    ] {
        let mut write = ground.store.write().await?;
        let refused = run(write.connection(), statement).await.expect_err(statement);
        assert!(refused.to_string().contains("append-only"), "{statement}: {refused}");
    }
    Ok(())
}

async fn what_cannot_be_is_refused(ground: Ground) -> Done {
    let (admin, guest) = ground.pair().await?;
    ground.request(&admin, guest.workspace).await?;
    for statement in [
        "UPDATE partnerships SET state = 'asleep'",
        "UPDATE partnerships SET guest_id = host_id",
        "UPDATE partnerships SET guest_id = 'nobody'",
        "UPDATE users SET status = 'asleep'",
        "UPDATE workspaces SET send_policy = 'nobody'",
        "UPDATE workspaces SET name = NULL",
        "DELETE FROM workspaces",
    ] {
        let mut write = ground.store.write().await?;
        let refused = run(write.connection(), statement).await;
        assert!(refused.is_err(), "{statement}");
    }
    // A row that another program wrote is named as what it is.
    let mut write = ground.store.write().await?;
    run(write.connection(), "UPDATE partnerships SET partner_email = 'nobody'").await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let error = list_partnerships(
        &mut connection,
        &admin.actor(),
        &ListFilter::default(),
        Sort::CreatedAt { descending: true },
        &ListPosition::Offset(0),
        9,
    )
    .await
    .expect_err("not an address");
    assert!(matches!(error, StoreError::Inconsistent { table: "partnerships", .. }), "{error}");
    Ok(())
}
