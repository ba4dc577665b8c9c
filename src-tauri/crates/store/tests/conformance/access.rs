use std::collections::BTreeSet;

use entente_domain::{
    AccessRequest, AccessRequestId, AccountRole, Grant, GuestRole, Message, Partnership,
    RequestState, SharedAccount, SharedAccountId, WorkspaceRole,
};
use entente_store::{
    AccountFilter, ActivityFilter, Event, NewActivity, Origin, PendingOn, RequestFilter, SEALED,
    SealedRow, SealedSecret, UserRow, access_requests_by_id, accounts_by_id, count_access_requests,
    count_accounts, count_activities, count_grants, count_shared, delete_grant, delete_shared,
    grants_by_id, grants_of, grants_on, grants_through, insert_access_request, insert_grant,
    insert_shared, list_access_requests, list_accounts, list_activities, list_grants, list_shared,
    note_login, owners_and_own, pending_requests, put_secret, record_activity, secrets_of,
    shared_by_id, shared_through, shares_of, update_access_request, update_grant,
};
use uuid::Uuid;

use crate::{
    Done,
    ground::{Ground, at, grant, run},
    on_both_engines,
};

on_both_engines![
    accounts_are_listed_for_those_who_have_a_role,
    a_role_is_given_once_and_changed_from_what_was_read,
    an_account_is_shared_once_and_a_role_hangs_on_it,
    a_member_is_asked_for_once_at_a_time,
    a_credential_is_set_anew_under_another_key,
    activities_are_told_to_whom_they_concern,
];

/// Adam owns an account that is shared with Marit, who manages it.
struct Shared {
    adam: UserRow,
    marit: UserRow,
    account: entente_domain::Account,
    partnership: Partnership,
    shared: SharedAccount,
    role: Grant,
}

impl Shared {
    async fn new(ground: &Ground) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (adam, marit) = ground.pair().await?;
        let account = ground.account(&adam, "Mailchimp", "EMEA 100%").await?;
        let partnership = ground.request(&adam, marit.workspace).await?;
        let shared = SharedAccount {
            id: SharedAccountId::new(Uuid::now_v7()),
            partnership: partnership.id,
            account: account.id,
            shared_by: adam.id,
            role: GuestRole::Manager,
            shared_at: at(30),
        };
        let role = grant(&account, &marit, AccountRole::Manager, Some(partnership.id));
        let mut write = ground.store.write().await?;
        assert!(insert_shared(write.connection(), &shared).await?);
        assert!(insert_grant(write.connection(), &role).await?);
        write.commit().await?;
        Ok(Self { adam, marit, account, partnership, shared, role })
    }
}

async fn accounts_are_listed_for_those_who_have_a_role(ground: Ground) -> Done {
    let (adam, marit) = ground.pair().await?;
    let uma = ground.user(adam.workspace, "Uma", WorkspaceRole::User).await?;
    let mut own = Vec::new();
    for number in 0..5 {
        own.push(ground.account(&uma, "Figma", &format!("Ähre {number}_%")).await?.id);
    }
    let filter = AccountFilter::default();
    let mut connection = ground.store.read().await?;
    for (who, count) in [(&uma, 5), (&adam, 0), (&marit, 0)] {
        assert_eq!(count_accounts(&mut connection, &who.actor(), &filter).await?, count);
    }
    let mut seen = Vec::new();
    loop {
        let after = seen.last().copied();
        let page = list_accounts(&mut connection, &uma.actor(), &filter, after, 0, 2).await?;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, own);
    for (search, count) in [("figma", 5), ("ÄHRE 1", 1), ("_%", 5), ("%_", 0), ("!", 0)] {
        let filter = AccountFilter { search: Some(search.into()), ..AccountFilter::default() };
        let found = count_accounts(&mut connection, &uma.actor(), &filter).await?;
        assert_eq!(found, count, "{search}");
    }
    let roles = vec![AccountRole::Collaborator];
    let filter = AccountFilter { roles, ..AccountFilter::default() };
    assert_eq!(count_accounts(&mut connection, &uma.actor(), &filter).await?, 0);
    drop(connection);

    let mut write = ground.store.write().await?;
    note_login(write.connection(), own[0], at(70)).await?;
    // Without an Owner it is for the Admins.
    let lost = grants_on(write.connection(), [own[1]]).await?.remove(0);
    delete_grant(write.connection(), &lost).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let found = accounts_by_id(&mut connection, own.iter().copied()).await?;
    assert_eq!((found.len(), found[&own[0]].last_login_at), (5, Some(at(70))));
    assert!(accounts_by_id(&mut connection, []).await?.is_empty());
    let filter = AccountFilter::default();
    let adams = list_accounts(&mut connection, &adam.actor(), &filter, None, 0, 9).await?;
    assert_eq!(adams, [own[1]]);
    Ok(())
}

async fn a_role_is_given_once_and_changed_from_what_was_read(ground: Ground) -> Done {
    let Shared { adam, marit, account, partnership, role, .. } = Shared::new(&ground).await?;
    let again = grant(&account, &marit, AccountRole::Collaborator, Some(partnership.id));
    let mut write = ground.store.write().await?;
    assert!(!insert_grant(write.connection(), &again).await?, "she has one");
    let lower = Grant { role: AccountRole::Collaborator, version: 2, ..role };
    assert!(update_grant(write.connection(), &role, &lower).await?);
    assert!(!update_grant(write.connection(), &role, &lower).await?, "changed meanwhile");
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let connection = &mut *connection;
    assert_eq!(grants_by_id(connection, [role.id]).await?, [lower]);
    assert_eq!(grants_of(connection, [marit.id]).await?, [lower]);
    assert_eq!(grants_through(connection, partnership.id).await?, [lower]);
    assert_eq!(grants_on(connection, [account.id]).await?.len(), 2);
    assert_eq!(grants_on(connection, []).await?, []);
    let policy = owners_and_own(connection, [account.id], adam.id).await?;
    assert_eq!(policy.iter().map(|grant| grant.user).collect::<Vec<_>>(), [adam.id]);
    assert_eq!(owners_and_own(connection, [account.id], marit.id).await?.len(), 2);
    for (who, count) in [(&adam, 2), (&marit, 1)] {
        assert_eq!(count_grants(connection, &who.actor()).await?, count);
        let listed = list_grants(connection, &who.actor(), None, 9).await?;
        assert_eq!(u64::try_from(listed.len())?, count);
        let rest = list_grants(connection, &who.actor(), listed.first().copied(), 9).await?;
        assert_eq!(rest, listed[1..]);
    }
    Ok(())
}

async fn an_account_is_shared_once_and_a_role_hangs_on_it(ground: Ground) -> Done {
    let Shared { adam, marit, account, partnership, shared, role } = Shared::new(&ground).await?;
    let again = SharedAccount { id: SharedAccountId::new(Uuid::now_v7()), ..shared };
    let mut write = ground.store.write().await?;
    assert!(!insert_shared(write.connection(), &again).await?, "it is shared there");
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(shared_through(&mut connection, [partnership.id]).await?, [shared]);
    assert_eq!(shares_of(&mut connection, [account.id]).await?, [shared]);
    assert_eq!(shared_by_id(&mut connection, [shared.id, again.id]).await?, [shared]);
    for who in [&adam, &marit] {
        assert_eq!(count_shared(&mut connection, &who.actor()).await?, 1);
        assert_eq!(list_shared(&mut connection, &who.actor(), None, 9).await?, [shared.id]);
        let after = Some(shared.id);
        assert_eq!(list_shared(&mut connection, &who.actor(), after, 9).await?, []);
    }
    drop(connection);
    // No role outlives what it came through.
    let mut write = ground.store.write().await?;
    assert!(delete_shared(write.connection(), &shared).await.is_err());
    drop(write);
    for statement in [
        "UPDATE grants SET role = 'account_owner' WHERE partnership_id IS NOT NULL",
        "UPDATE grants SET partnership_id = NULL",
        "UPDATE grants SET role = 'account_friend'",
        "UPDATE shared_accounts SET role = 'account_owner'",
    ] {
        let mut write = ground.store.write().await?;
        assert!(run(write.connection(), statement).await.is_err(), "{statement}");
    }
    let mut write = ground.store.write().await?;
    delete_grant(write.connection(), &role).await?;
    delete_shared(write.connection(), &shared).await?;
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    assert_eq!(count_shared(&mut connection, &marit.actor()).await?, 0);
    assert_eq!(grants_of(&mut connection, [marit.id]).await?, []);
    Ok(())
}

async fn a_member_is_asked_for_once_at_a_time(ground: Ground) -> Done {
    let Shared { adam, marit, account, partnership, .. } = Shared::new(&ground).await?;
    let hugo = ground.user(marit.workspace, "Hugo", WorkspaceRole::User).await?;
    let ask = || AccessRequest {
        id: AccessRequestId::new(Uuid::now_v7()),
        partnership: partnership.id,
        account: account.id,
        host: adam.workspace,
        guest: marit.workspace,
        member: hugo.id,
        role: GuestRole::Collaborator,
        requested_by: marit.id,
        message: Message::parse("May he?").ok(),
        state: RequestState::Pending,
        decided_by: None,
        decided_at: None,
        created_at: at(40),
        version: 1,
    };
    let mut tries = Vec::new();
    for _ in 0..8 {
        let (store, asked) = (ground.store.clone(), ask());
        tries.push(tokio::spawn(async move {
            let mut write = store.write().await?;
            let is_stored = insert_access_request(write.connection(), &asked).await?;
            write.commit().await.map(|()| is_stored.then_some(asked))
        }));
    }
    let mut stored = Vec::new();
    for attempt in tries {
        match attempt.await? {
            Ok(asked) => stored.extend(asked),
            Err(error) => assert!(error.is_conflict(), "{error}"),
        }
    }
    let [asked] = &stored[..] else { panic!("{stored:?}") };
    let mut connection = ground.store.read().await?;
    for on in [
        PendingOn::Partnership(partnership.id),
        PendingOn::Shared(partnership.id, account.id),
        PendingOn::User(hugo.id),
        PendingOn::User(marit.id),
        PendingOn::Manager(marit.id, account.id),
        PendingOn::Member(hugo.id, account.id),
    ] {
        let found = pending_requests(&mut connection, on).await?;
        assert_eq!(found, std::slice::from_ref(asked), "{on:?}");
    }
    assert_eq!(pending_requests(&mut connection, PendingOn::User(adam.id)).await?, []);
    let all = RequestFilter::default();
    let mine = RequestFilter { awaiting_me: true, ..RequestFilter::default() };
    for (who, filter, count) in [
        (&adam, &all, 1),
        (&adam, &mine, 1),
        (&marit, &all, 1),
        (&marit, &mine, 0),
        (&hugo, &all, 0),
    ] {
        assert_eq!(count_access_requests(&mut connection, &who.actor(), filter).await?, count);
    }
    let states = vec![RequestState::Accepted, RequestState::Declined];
    let decided = RequestFilter { states, accounts: vec![account.id], ..RequestFilter::default() };
    assert_eq!(count_access_requests(&mut connection, &adam.actor(), &decided).await?, 0);
    drop(connection);

    let accepted = asked.clone().ended(RequestState::Accepted, Some(adam.id), at(60));
    let mut write = ground.store.write().await?;
    assert!(update_access_request(write.connection(), asked, &accepted).await?);
    assert!(!update_access_request(write.connection(), asked, &accepted).await?, "decided");
    // Once decided, the next can be asked.
    let next = ask();
    assert!(insert_access_request(write.connection(), &next).await?);
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let found = access_requests_by_id(&mut connection, [asked.id]).await?;
    assert_eq!(found, [accepted]);
    let actor = adam.actor();
    let listed = list_access_requests(&mut connection, &actor, &all, None, 0, 1).await?;
    let after = listed.last().copied();
    let rest = list_access_requests(&mut connection, &actor, &all, after, 0, 9).await?;
    let both: BTreeSet<_> = listed.into_iter().chain(rest).collect();
    assert_eq!(both, BTreeSet::from([asked.id, next.id]));
    let listed = list_access_requests(&mut connection, &actor, &decided, None, 0, 9).await?;
    assert_eq!(listed, [asked.id]);
    Ok(())
}

async fn a_credential_is_set_anew_under_another_key(ground: Ground) -> Done {
    let (adam, _) = ground.pair().await?;
    let account = ground.account(&adam, "Figma", "Brand").await?;
    let sealed = |secret_type: &str, key_id: &str| SealedSecret {
        account: account.id,
        secret_type: secret_type.into(),
        key_id: key_id.into(),
        sealed: format!("sealed under {key_id}"),
    };
    let mut write = ground.store.write().await?;
    for secret in [sealed("username", "k1"), sealed("password", "k1"), sealed("password", "k2")] {
        put_secret(write.connection(), &secret, at(1)).await?;
    }
    write.commit().await?;
    let mut connection = ground.store.read().await?;
    let found = secrets_of(&mut connection, account.id).await?;
    assert_eq!(found, [sealed("password", "k2"), sealed("username", "k1")]);
    let column = &SEALED[0];
    let old = column.not_under(&mut connection, "k2", 9).await?;
    assert_eq!(old.len(), 1);
    assert_eq!(column.place_of(&old[0]), format!("secret/{}/username", account.id));
    assert_eq!(column.not_under(&mut connection, "k3", 1).await?.len(), 1);
    drop(connection);
    let mut write = ground.store.write().await?;
    let connection = write.connection();
    let stale = SealedRow { sealed: "as it was once".into(), ..old[0].clone() };
    assert!(
        !column.replace(connection, &stale, "k3", "new").await?,
        "it is not the one that was read"
    );
    assert!(column.replace(connection, &old[0], "k3", "new").await?);
    assert_eq!(column.counts(connection).await?, [("k2".into(), 1), ("k3".into(), 1)]);
    for column in SEALED {
        column.not_under(connection, "k3", 1).await?;
    }
    Ok(())
}

async fn activities_are_told_to_whom_they_concern(ground: Ground) -> Done {
    let Shared { adam, marit, account, partnership, .. } = Shared::new(&ground).await?;
    let uma = ground.user(adam.workspace, "Uma", WorkspaceRole::User).await?;
    let origin = Origin {
        location: Some("203.0.113.7".into()),
        os: Some("Debian".into()),
        device: Some("Tür".into()),
    };
    let mut write = ground.store.write().await?;
    for number in 0..6 {
        // All at one moment: their ids part them.
        let login = NewActivity {
            guest: Some(marit.workspace),
            guest_sees: number % 2 == 0,
            partnership: Some(partnership.id),
            ..NewActivity::on(Event::CredentialRead, &account, Some(marit.id), at(80))
        };
        record_activity(write.connection(), &login, &origin).await?;
    }
    write.commit().await?;
    let events = vec![Event::CredentialRead];
    let filter = ActivityFilter { events, ..ActivityFilter::default() };
    let mut connection = ground.store.read().await?;
    for (who, count) in [(&adam, 6), (&marit, 3), (&uma, 0)] {
        assert_eq!(count_activities(&mut connection, &who.actor(), &filter).await?, count);
    }
    let actor = adam.actor();
    let mut seen = Vec::new();
    loop {
        let last: Option<&entente_store::ActivityRow> = seen.last();
        let after = last.map(|row| (row.at, row.id.clone()));
        let page = list_activities(&mut connection, &actor, &filter, after, 0, 4).await?;
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|row| row.origin == origin && row.actor == Some(marit.id)));
    let distinct: BTreeSet<_> = seen.iter().map(|row| &row.id).collect();
    assert_eq!(distinct.len(), 6);
    let narrowed = |change: &dyn Fn(&mut ActivityFilter)| {
        let mut filter = filter.clone();
        change(&mut filter);
        filter
    };
    for (filter, count) in [
        (narrowed(&|filter| filter.from = Some(at(80))), 6),
        (narrowed(&|filter| filter.to = Some(at(80))), 0),
        (narrowed(&|filter| filter.applications = vec!["Mailchimp".into(), "X".into()]), 6),
        (narrowed(&|filter| filter.applications = vec!["'".into()]), 0),
        (narrowed(&|filter| filter.accounts = vec![account.id]), 6),
        (narrowed(&|filter| filter.users = vec![marit.id]), 6),
        (narrowed(&|filter| filter.users = vec![uma.id]), 0),
        (narrowed(&|filter| filter.partnerships = vec![partnership.id]), 6),
    ] {
        assert_eq!(count_activities(&mut connection, &actor, &filter).await?, count, "{filter:?}");
    }
    Ok(())
}
