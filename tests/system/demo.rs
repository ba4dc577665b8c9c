use std::{collections::BTreeMap, path::Path};

use anyhow::{Context as _, Result, ensure};
use entente_domain::{
    AccountRole, Actor, Agreement, Deadlines, NewRequest, Note, Partnership, RequestState,
    SendPolicy, StateName, Step, TermsFacts, UserId, UserStatus,
};
use entente_server::{Config, DemoFacts, DemoOptions, Running, Server, open_demo, seed};
use entente_store::{
    AccountFilter, ActivityFilter, RequestFilter, TransitionRow, UserRow, access_requests_by_id,
    accounts_by_id, count_activities, grants_on, list_access_requests, list_accounts,
    list_activities, newest_of_pair, shares_of, snapshot_page, transitions_of, users_by_id,
};
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::Value;

async fn demo(directory: &Path, options: DemoOptions) -> Result<(Running, DemoFacts)> {
    let server = Server::start(Config::local(directory.to_owned())).await?;
    let facts = seed(&server, options).await?;
    Ok((server, facts))
}

fn actor(facts: &DemoFacts, first: &str) -> Actor {
    let user = facts.users.iter().find(|user| user.email.starts_with(first)).expect("a person");
    Actor { user: user.id, workspace: user.workspace, role: user.role, status: UserStatus::Live }
}

/// All that somebody may see.
async fn all(server: &Running, actor: &Actor) -> Result<Vec<Partnership>> {
    let mut connection = server.store().read().await?;
    let mut found = Vec::new();
    loop {
        let after = found.last().map(|last: &Partnership| last.id);
        let page = snapshot_page(&mut connection, actor, after, 500).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

async fn person(server: &Running, id: UserId) -> Result<UserRow> {
    let mut connection = server.store().read().await?;
    users_by_id(&mut connection, [id]).await?.remove(&id).context("a person who is not there")
}

/// Goes through a recorded history with the rules of today.
async fn replay(
    server: &Running,
    end: &Partnership,
    history: &[TransitionRow],
) -> Result<Partnership> {
    let deadlines = Deadlines::default();
    let mut now: Option<Partnership> = None;
    for row in history {
        let by = match row.actor {
            Some(actor) => Some(person(server, actor).await?.actor()),
            None => None,
        };
        let user = || by.context("a person's turn");
        let step: Step = match (now.take(), row.to) {
            (None, _) => {
                let new = NewRequest {
                    id: end.id,
                    guest: end.guest,
                    partner_email: end.partner_email.clone(),
                    reason: end.reason.clone(),
                    predecessor: end.predecessor,
                };
                Partnership::request(new, &user()?, SendPolicy::AnyRole, deadlines, row.at)?
            }
            (Some(now), to) if row.from == Some(to) => now.remind(&user()?, deadlines, row.at)?,
            (Some(now), StateName::AwaitingAcceptance) => {
                now.approve(&user()?, deadlines, row.at)?
            }
            (Some(now), StateName::Active) => {
                let terms = end.consent.as_ref().context("a consent")?;
                let terms = TermsFacts {
                    version: terms.terms_version.clone(),
                    hash: terms.terms_hash.clone(),
                };
                let agreement = Agreement { terms_version: terms.version.clone(), agreed: true };
                now.accept(&user()?, &agreement, &terms, row.at)?
            }
            (Some(now), StateName::DeclinedByHost | StateName::DeclinedByGuest) => {
                let note = row.note.as_deref().map(Note::parse).transpose()?;
                now.decline(&user()?, note, row.at)?
            }
            (Some(now), StateName::Withdrawn) => now.withdraw(&user()?, row.at)?,
            (Some(now), StateName::Expired) => now.expire(row.at).context("an expiry in time")?,
            (Some(now), StateName::Removed) => now.remove(&user()?, row.at)?,
            (Some(_), StateName::AwaitingApproval) => anyhow::bail!("nothing leads back there"),
        };
        ensure!((step.transition.from, step.transition.to) == (row.from, row.to), "{row:?}");
        now = Some(step.partnership);
    }
    now.context("a history")
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_partnerships_are_what_their_histories_lead_to() -> Result<()> {
    const MANY: u32 = 1_500;
    let directory = tempfile::tempdir()?;
    let options = DemoOptions { partnerships: MANY, seed: 7, ..DemoOptions::default() };
    let (server, facts) = demo(directory.path(), options).await?;
    let owner = actor(&facts, "olivia");
    let found = all(&server, &owner).await?;
    assert_eq!(found.len(), MANY as usize);
    let ids = || found.iter().map(|partnership| partnership.id);
    let mut connection = server.store().read().await?;
    let mut histories = BTreeMap::new();
    for some in ids().collect::<Vec<_>>().chunks(500) {
        histories.extend(transitions_of(&mut connection, some.iter().copied()).await?);
    }
    let mut states: BTreeMap<StateName, usize> = BTreeMap::new();
    let mut steps = 0;
    for partnership in &found {
        let history = &histories[&partnership.id];
        steps += history.len() as u64;
        assert_eq!(&replay(&server, partnership, history).await?, partnership);
        assert!(history.is_sorted_by_key(|row| row.at), "{history:?}");
        assert!(partnership.updated_at < server.now());
        *states.entry(partnership.state.name()).or_default() += 1;
        // Nobody has access without approval and then consent (invariant 3).
        if let Some(consent) = &partnership.consent {
            let approval = partnership.approval.context("approved before")?;
            assert!(approval.at <= consent.at);
            assert_eq!(person(&server, consent.by).await?.workspace, partnership.guest);
        }
        let has_consent = partnership.consent.is_some();
        let needs = matches!(partnership.state.name(), StateName::Active | StateName::Removed);
        assert_eq!(has_consent, needs, "{partnership:?}");
        if partnership.state.waiting().is_some() {
            assert!(partnership.expire(server.now()).is_none(), "it should have expired");
        }
    }
    assert_eq!(states.len(), StateName::ALL.len(), "every state: {states:?}");
    // The audit has each transition, and the roles that Owners were given.
    let activities = count_activities(&mut connection, &owner, &ActivityFilter::default()).await?;
    let filter = AccountFilter::default();
    let mut accounts = 0;
    for first in ["olivia", "adam", "uma"] {
        let actor = actor(&facts, first);
        accounts += list_accounts(&mut connection, &actor, &filter, None, 0, 100).await?.len();
    }
    assert_eq!(activities, steps + accounts as u64);
    let one = ActivityFilter { partnerships: ids().take(1).collect(), ..Default::default() };
    let told = list_activities(&mut connection, &owner, &one, None, 0, 100).await?;
    let history = &histories[&found[0].id];
    assert!(told.iter().rev().map(|row| row.at).eq(history.iter().map(|row| row.at)));
    // A guest's Admin sees theirs once it is approved, and no other.
    for partnership in found.iter().take(100) {
        let approved = partnership.approval.is_some();
        let mut admins =
            entente_store::admins_of(&mut connection, partnership.guest).await?.into_iter();
        let admin = admins.next().context("an Admin")?.actor();
        assert_eq!(all(&server, &admin).await?.len(), usize::from(approved));
    }
    drop(connection);
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_makes_the_same_partnerships() -> Result<()> {
    let mut told = Vec::new();
    for seed in [1, 1, 2] {
        let directory = tempfile::tempdir()?;
        let options = DemoOptions { partnerships: 50, seed, ..DemoOptions::default() };
        let (server, facts) = demo(directory.path(), options).await?;
        let found = all(&server, &actor(&facts, "olivia")).await?;
        let mut facts: Vec<_> = found
            .iter()
            .map(|partnership| (partnership.partner_email.clone(), partnership.state.name()))
            .collect();
        facts.sort();
        told.push(facts);
        server.stop().await;
    }
    assert_eq!(told[0], told[1]);
    assert_ne!(told[0], told[2]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_a_partnership_that_is_at_work() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let options = DemoOptions { story: true, ..DemoOptions::default() };
    let (server, facts) = demo(directory.path(), options).await?;
    let uma = actor(&facts, "uma");
    let mut connection = server.store().read().await?;
    for (first, state) in [
        ("grace", Some(StateName::AwaitingApproval)),
        ("ines", Some(StateName::AwaitingAcceptance)),
        ("marit", None),
        ("priya", Some(StateName::Active)),
    ] {
        let guest = actor(&facts, first).workspace;
        let found = newest_of_pair(&mut connection, uma.workspace, guest).await?;
        assert_eq!(found.map(|found| found.state.name()), state, "{first}");
    }

    // Every guest's role hangs on an active partnership, on an account that an Owner of it shared
    // there, and on a live member (invariant 5).
    let filter = AccountFilter::default();
    let mut roles = Vec::new();
    for first in ["olivia", "adam", "uma"] {
        let actor = actor(&facts, first);
        let accounts = list_accounts(&mut connection, &actor, &filter, None, 0, 100).await?;
        for account in accounts_by_id(&mut connection, accounts).await?.into_values() {
            assert!(account.url.starts_with("https://"), "{}", account.url);
            let shares = shares_of(&mut connection, [account.id]).await?;
            let grants = grants_on(&mut connection, [account.id]).await?;
            assert!(grants.iter().any(|grant| grant.role == AccountRole::Owner));
            for grant in grants.iter().filter(|grant| grant.partnership.is_some()) {
                let shared =
                    shares.iter().find(|shared| Some(shared.partnership) == grant.partnership);
                let shared = shared.context("shared there")?;
                let through = newest_of_pair(&mut connection, grant.host, grant.workspace).await?;
                let through = through.context("a partnership")?;
                assert_eq!(
                    (through.id, through.state.name()),
                    (shared.partnership, StateName::Active)
                );
                assert!(through.owners.contains(&shared.shared_by));
                assert!(grants.iter().any(|owner| {
                    owner.user == shared.shared_by && owner.role == AccountRole::Owner
                }));
                let member = person(&server, grant.user).await?;
                assert_eq!((member.workspace, member.status), (through.guest, UserStatus::Live));
                roles.push(grant.role);
            }
        }
    }
    assert!(roles.contains(&AccountRole::Manager) && roles.contains(&AccountRole::Collaborator));

    let filter = RequestFilter::default();
    let mut states = BTreeMap::<RequestState, usize>::new();
    for asker in ["priya", "tomas"] {
        let actor = actor(&facts, asker);
        let ids = list_access_requests(&mut connection, &actor, &filter, None, 0, 100).await?;
        for request in access_requests_by_id(&mut connection, ids).await? {
            assert!(request.state != RequestState::Closed);
            *states.entry(request.state).or_default() += 1;
        }
    }
    assert_eq!(states[&RequestState::Pending], 2);
    assert!(states[&RequestState::Accepted] > 1 && states[&RequestState::Declined] > 0);

    let owner = actor(&facts, "olivia");
    let filter = ActivityFilter::default();
    let told = list_activities(&mut connection, &owner, &filter, None, 0, 500).await?;
    let days = |index: usize| server.now().since(told[index].at).as_secs() / 86_400;
    assert!(days(0) < 2 && days(told.len() - 1) > 90 && told.len() > 60, "months of activity");
    assert!(told.iter().filter(|row| row.origin.device.is_some()).count() > 40);
    drop(connection);

    // Who may log in reads the credential; who may not, does not.
    let ask = async |first: &str, path: &str| -> Result<(StatusCode, Value)> {
        let user = facts.users.iter().find(|user| user.email.starts_with(first)).expect("a person");
        let url = format!("{}/api/v1{path}", server.url());
        let request = reqwest::Client::new().get(url).bearer_auth(user.key.expose_secret());
        let answer = request.send().await?;
        Ok((answer.status(), answer.json().await?))
    };
    let (_, listed) = ask("priya", "/accounts").await?;
    let account = listed["data"][0]["id"].as_str().context("an account")?.to_owned();
    let path = format!("/accounts/{account}/secrets?filter[secretType]=password");
    let (status, secret) = ask("priya", &path).await?;
    assert_eq!(status, StatusCode::OK, "{secret}");
    assert_eq!(secret["data"][0]["attributes"]["value"].as_str().map(str::len), Some(20));
    assert_eq!(ask("marit", &path).await?.0, StatusCode::NOT_FOUND);
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_goes_on_where_it_was_left_and_is_made_anew_if_it_cannot() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let place = directory.path().join("server");
    let open = async || -> Result<(String, usize)> {
        let (server, facts) = open_demo(&place).await?;
        let uma = actor(&facts, "uma");
        let mut connection = server.store().read().await?;
        let filter = AccountFilter::default();
        let accounts = list_accounts(&mut connection, &uma, &filter, None, 0, 100).await?.len();
        drop(connection);
        server.stop().await;
        Ok((uma.user.to_string(), accounts))
    };
    let (first, accounts) = open().await?;
    assert!(accounts > 2, "there is something to share");
    assert_eq!(open().await?, (first.clone(), accounts), "the same people");
    let file = place.join("entente.db");
    let whole = std::fs::read(&file)?;
    // The checksum of the first migration follows its name and the time of its installation.
    let name = b"partnerships20";
    let checksum = whole.windows(name.len()).position(|window| window == name);
    let checksum = checksum.context("the migration's name")? + "partnerships".len() + 19;
    let mut rewritten = whole.clone();
    rewritten[checksum] ^= 1;
    let mut torn = whole.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 8_192].fill(0xA5);
    for (what, damaged) in [
        ("another schema", rewritten),
        ("no database", b"not a database, and longer than a header of one would be".repeat(9)),
        ("the half of it", whole[..whole.len() / 2].to_vec()),
        ("pages of rubbish", torn),
    ] {
        let before = open().await?;
        std::fs::write(&file, damaged)?;
        let after = open().await.context(what)?;
        assert_ne!(after.0, before.0, "{what}: it was made anew");
        assert_eq!(after.1, accounts, "{what}");
    }
    Ok(())
}
