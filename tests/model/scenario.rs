//! What happens in one world, batch after batch, each explained and looked at from all sides.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use entente_domain::{Action, StateName, UserId, UserStatus};
use serde_json::Value;

use crate::{
    attempt::{Attempt, Foreign},
    choose::Chooser,
    explain::{Done, describe, difference, explain},
    operation::{Batch, Operation, SECRET, Step},
    readers::{Copy, Snapshot, snapshot},
    reference::{DECISION, Partnership, Reference, Sight},
    world::{Servers, World},
};

/// How often everybody's view is compared: after so many batches, on the average.
const LOOKS: u64 = 20;
/// How long the change feed may take to tell what was committed.
const LAG: Duration = Duration::from_secs(10);

/// What happened in a world.
#[derive(Debug, Default)]
pub struct Told {
    /// All batches, to do them again.
    pub batches: Vec<Batch>,
    pub counts: Counts,
}

/// How much was done.
#[derive(Debug, Default, Clone)]
pub struct Counts {
    pub steps: u64,
    pub batches: u64,
    /// By operation: done, and refused.
    pub by_operation: BTreeMap<String, (u64, u64)>,
    pub busy: u64,
    pub pages: u64,
    pub anew: u64,
    pub views: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.batches += other.batches;
        for (name, (done, refused)) in &other.by_operation {
            let entry = self.by_operation.entry(name.clone()).or_default();
            *entry = (entry.0 + done, entry.1 + refused);
        }
        self.busy += other.busy;
        self.pages += other.pages;
        self.anew += other.anew;
        self.views += other.views;
    }

    fn count(&mut self, step: &Step, status: u16) {
        self.steps += 1;
        self.busy += u64::from(status == 503);
        let entry = self.by_operation.entry(name_of(&step.what)).or_default();
        if status < 400 { entry.0 += 1 } else { entry.1 += 1 }
    }
}

fn name_of(what: &Operation) -> String {
    match what {
        Operation::Take { action, .. } => action.to_string(),
        Operation::Decide { accept: true, .. } => "accept access".into(),
        Operation::Decide { accept: false, .. } => "decline access".into(),
        other => {
            let value = serde_json::to_value(other).unwrap_or_default();
            let name = value.as_object().and_then(|fields| fields.keys().next().cloned());
            name.or_else(|| value.as_str().map(str::to_owned)).unwrap_or_default()
        }
    }
}

/// Lets about so many steps happen in a new world. What happened is told also where it went wrong.
pub async fn live(
    servers: &Servers,
    foreign: &mut Foreign,
    chooser: &mut Chooser,
    steps: u64,
) -> (Told, Result<()>) {
    let mut told = Told::default();
    let lived = async {
        let mut world = World::make(servers, foreign.clone()).await?;
        while told.counts.steps < steps {
            let batch = chooser.batch(&world.now, &world.names());
            told.batches.push(batch.clone());
            let all = told.counts.batches % LOOKS == LOOKS - 1;
            happen(&mut world, &batch, all, &mut told.counts).await?;
        }
        look_around(&mut world, &mut told.counts).await?;
        *foreign = world.foreign();
        Ok(())
    };
    let lived = lived.await;
    (told, lived)
}

/// Lets the same happen again, looking around first and last, or after every batch.
pub async fn replay(servers: &Servers, batches: &[Batch], always: bool) -> Result<()> {
    let mut world = World::make(servers, Foreign::unknown()).await?;
    let mut counts = Counts::default();
    look_around(&mut world, &mut counts).await?;
    for (number, batch) in batches.iter().enumerate() {
        let last = number + 1 == batches.len();
        happen(&mut world, batch, always || last, &mut counts).await?;
    }
    Ok(())
}

async fn happen(
    world: &mut World<'_>,
    batch: &Batch,
    all: bool,
    counts: &mut Counts,
) -> Result<()> {
    counts.batches += 1;
    match batch {
        Batch::Pass(by) => {
            // Whoever expires requests has read the clock before: what is due is written at that time,
            // be it after the clock went on.
            if !world.now.due().is_empty() {
                settle(world).await?;
            }
            world.pass(*by);
        }
        Batch::Steps(steps) => at_once(world, steps, counts).await?,
    }
    if all {
        look_around(world, counts).await?;
    }
    Ok(())
}

async fn at_once(world: &mut World<'_>, steps: &[Step], counts: &mut Counts) -> Result<()> {
    let names = world.names();
    let attempts: Vec<Attempt> = steps
        .iter()
        .filter(|step| step.who < names.users.len())
        .map(|step| Attempt::new(&world.now, &names, step.clone()))
        .collect();
    let seen = attempts.iter().map(|attempt| world.perform(&names, attempt));
    let seen = futures_util::future::try_join_all(seen).await?;
    let done: Vec<Done> =
        attempts.into_iter().zip(seen).map(|(attempt, seen)| Done { attempt, seen }).collect();
    for one in &done {
        counts.count(&one.attempt.step, one.seen.status);
        if matches!(one.attempt.step.what, Operation::Join { .. }) {
            world.joined(&one.seen)?;
        }
    }
    let found = world.found().await?;
    let explained = explain(&world.now, &names, &done, &found).map_err(|why| {
        let all: Vec<String> = done.iter().map(describe).collect();
        anyhow!("no order explains what happened at once:\n{}\n\n{why}", all.join("\n"))
    })?;
    world.now = explained.last().context("an end")?;
    world.now.audit.clear();
    world.now.mails.clear();
    Ok(())
}

/// Waits until the clock has decided what it has to, and compares what everybody sees by every way.
async fn look_around(world: &mut World<'_>, counts: &mut Counts) -> Result<()> {
    settle(world).await?;
    world.now.partnerships.values().try_for_each(decided_in_time)?;
    governable(&world.now)?;
    let people: Vec<(UserId, UserStatus)> =
        world.now.users.iter().map(|(id, user)| (*id, user.status)).collect();
    for (who, status) in people {
        let looked = look(world, who, status, counts).await;
        looked.with_context(|| format!("what {who} sees ({:?})", world.now.users.get(&who)))?;
    }
    Ok(())
}

async fn settle(world: &mut World<'_>) -> Result<()> {
    for _ in 0..400 {
        let found = world.found().await?;
        for due in world.now.due() {
            if found.partnerships.get(&due).is_some_and(|one| one.state == StateName::Expired) {
                world.now.expire(due);
            }
        }
        if let Some(difference) = difference(&world.now, &found) {
            bail!("the clock changed more than it had to:\n{difference}");
        }
        world.now.audit.clear();
        world.now.mails.clear();
        if world.now.due().is_empty() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    bail!("requests whose deadline has come do not expire")
}

/// Invariant 9, by the history: nobody decided at the deadline or after it.
fn decided_in_time(partnership: &Partnership) -> Result<()> {
    let mut since = partnership.created_at;
    for one in &partnership.history {
        if one.from == Some(one.to) {
            continue;
        }
        let waited =
            matches!(one.from, Some(StateName::AwaitingApproval | StateName::AwaitingAcceptance));
        let late = one.at >= since + DECISION;
        ensure!(
            !waited || late == (one.to == StateName::Expired),
            "a decision and its deadline: {partnership:?}"
        );
        since = one.at;
    }
    Ok(())
}

/// Invariant 10: where there is an Admin, every open partnership and every account is somebody's to
/// govern.
fn governable(now: &Reference) -> Result<()> {
    for (id, partnership) in &now.partnerships {
        let mut admins = now.admins(partnership.host);
        let Some(admin) = admins.next() else { continue };
        let Sight(sight) = now.sight_of_partnership(*id, admin);
        let words = &sight.unwrap_or_default()["meta"]["allowedActions"];
        let open = crate::reference::is_open(partnership.state);
        let names = words.as_array().is_some_and(|words| words.contains(&"name_owner".into()));
        ensure!(names == open, "{id} can be governed while it is open");
    }
    for (id, account) in &now.accounts {
        let somebody = now.users.keys().any(|who| now.governs(*who, *id));
        let no_admin = now.admins(account.workspace).next().is_none();
        ensure!(somebody || no_admin, "{id} can be governed");
    }
    Ok(())
}

async fn look(
    world: &World<'_>,
    who: UserId,
    status: UserStatus,
    counts: &mut Counts,
) -> Result<()> {
    let key = world.key(who)?;
    let servers = world.servers;
    let mut reader = world.readers.get(&who).context("a reader")?.lock().await;
    let (pages, anew) = (reader.pages, reader.anew);
    let begun = Instant::now();
    let copy = loop {
        let taken = reader.follow(servers, &key).await?;
        ensure!(taken == (status == UserStatus::Live), "a key goes with its user");
        if !taken {
            return Ok(());
        }
        let Snapshot::All { copy, .. } = snapshot(servers, &key, 100).await? else {
            bail!("everything can be read while nothing changes")
        };
        match left_behind(&reader.copy, &copy) {
            None => break copy,
            // What commits on PostgreSQL is told once all that began before it is over.
            Some(_) if servers.may_lag() && begun.elapsed() < LAG => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Some(why) => bail!(why),
        }
    };
    counts.pages += reader.pages - pages;
    counts.anew += reader.anew - anew;
    let expected = world.now.sights(who);
    let mut seen: BTreeMap<String, &Value> = BTreeMap::new();
    for document in copy.values() {
        seen.insert(crate::reference::key(document), document);
    }
    for (at, document) in &seen {
        let guest = document["attributes"]["side"] == "guest";
        ensure!(!guest || !document.to_string().contains(SECRET), "a guest reads why: {document}");
        let sight = Sight(expected.get(at).cloned());
        sight.is_in(document).map_err(|why| anyhow!("{at}: {}", why.0))?;
    }
    for at in expected.keys() {
        ensure!(seen.contains_key(at), "they see nothing of {at}");
    }
    counts.views += 1;
    if counts.views.is_multiple_of(4) {
        lists(world, &key, &seen).await?;
    }
    if counts.views.is_multiple_of(7) {
        parts(world, who, &key).await?;
    }
    Ok(())
}

/// What the change feed has not told, or has told wrongly; none where a copy is in step.
fn left_behind(had: &Copy, there: &Copy) -> Option<String> {
    let mut text = String::new();
    for at in had.keys().chain(there.keys().filter(|at| !had.contains_key(*at))) {
        let (had, there) = (had.get(at), there.get(at));
        if had != there {
            let _ = write!(text, "the feed left {at:?} at\n{had:?}\ninstead of\n{there:?}\n");
        }
    }
    (!text.is_empty()).then_some(text)
}

/// The lists hold what the snapshot holds, and count it.
async fn lists(world: &World<'_>, key: &str, seen: &BTreeMap<String, &Value>) -> Result<()> {
    for (path, kind) in [
        ("/partnerships", "partnership"),
        ("/accounts", "account"),
        ("/users", "user"),
        ("/access-requests", "access_request"),
    ] {
        let answer = world.servers.get(key, &format!("{path}?page[size]=100")).await?;
        let of_kind: Vec<&Value> =
            seen.values().copied().filter(|document| document["type"] == kind).collect();
        let listed = answer.body["data"].as_array().context("a list")?;
        let total = answer.body["meta"]["page"]["total"].as_u64();
        ensure!(total == Some(of_kind.len() as u64), "{path}: {total:?} of {}", of_kind.len());
        for document in listed {
            ensure!(of_kind.contains(&document), "{path}: {document}");
        }
        ensure!(listed.len() == of_kind.len().min(100), "{path}: {}", listed.len());
    }
    Ok(())
}

/// What belongs to a partnership: members, accounts, impact, and the audit as this one may read it.
async fn parts(world: &World<'_>, who: UserId, key: &str) -> Result<()> {
    let now = &world.now;
    for (id, partnership) in &now.partnerships {
        let path = format!("/partnerships/{id}");
        let (sees, active) = (now.sees(who, partnership), partnership.state == StateName::Active);
        let shared = world.servers.get(key, &format!("{path}/accounts?page[size]=100")).await?;
        let expected = now.shares.keys().filter(|place| place.0 == *id);
        let expected = expected.filter(|place| now.sees_share(who, **place)).count();
        if expected > 0 || sees {
            let listed = shared.body["data"].as_array().context("shared accounts")?;
            ensure!(listed.len() == expected, "{path}: {expected} accounts: {}", shared.text);
        } else {
            ensure!(shared.text == world.names().not_found, "{path}: {}", shared.text);
        }
        let members = world.servers.get(key, &format!("{path}/members")).await?;
        let manages = sees && now.manages_members(who, *id);
        let expected: std::collections::BTreeSet<UserId> = now
            .grants
            .iter()
            .filter(|(_, grant)| grant.through == Some(*id))
            .map(|((_, user), _)| *user)
            .collect();
        if !sees {
            ensure!(members.text == world.names().not_found, "{path}: {}", members.text);
        } else if !manages {
            ensure!(members.status == 403, "{path}: {}", members.text);
        } else if !active {
            ensure!(members.status == 409, "{path}: {}", members.text);
        } else {
            let total = members.body["meta"]["page"]["total"].as_u64();
            ensure!(total == Some(expected.len() as u64), "{path}: {}", members.text);
        }
        let impact = world.servers.get(key, &format!("{path}/impact")).await?;
        if sees && active && now.actions(who, partnership).contains(&Action::Remove) {
            let told = &impact.body["data"]["attributes"];
            let grants = now.grants.values().filter(|grant| grant.through == Some(*id)).count();
            ensure!(told["grants"] == grants, "{path}: {grants} roles: {}", impact.text);
            ensure!(told["members"] == expected.len(), "{path}: {}", impact.text);
        }
    }
    let activities = world.servers.get(key, "/activities?page[size]=100").await?;
    for entry in activities.body["data"].as_array().context("activities")? {
        let about = &entry["attributes"];
        let Some(id) = about["partnershipId"].as_str() else { continue };
        let partnership = now.partnerships.get(&id.parse()?).context("one of this world's")?;
        // Whoever governs an account knows what happened on it.
        let through_account = about["accountId"].is_string();
        ensure!(now.sees(who, partnership) || through_account, "the audit tells of {entry}");
        let doer = about["user"]["id"].as_str().map(str::parse).transpose()?;
        let told = about["location"].is_string();
        let may = now.is_told_where(who, doer, partnership.host);
        ensure!(may || !told, "a guest is told where somebody of the host is: {entry}");
    }
    Ok(())
}
