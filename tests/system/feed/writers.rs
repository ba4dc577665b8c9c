use std::{ops::AddAssign, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_domain::{
    Actor, Agreement, Deadlines, EmailAddress, NewRequest, Partnership, PartnershipId, SendPolicy,
    StateName, Step, TermsFacts, Timestamp, UserId, UserStatus, WorkspaceRole,
};
use entente_server::{NewAccount, Running, add_account, add_user, add_workspace};
use entente_store::{
    Engine, Origin, StoreError, UserRow, Write, insert_partnership, insert_user, save_owners,
    save_step, update_user, users_by_id,
};
use entente_tests::{Person, World};
use rand::RngExt as _;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use crate::{call, request};

/// What became of transactions.
#[derive(Debug, Default)]
pub struct Tally {
    pub committed: usize,
    pub rolled_back: usize,
    /// Given up because another was in the way.
    pub in_the_way: usize,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.committed += other.committed;
        self.rolled_back += other.rolled_back;
        self.in_the_way += other.in_the_way;
    }
}

fn actor(person: &Person, role: WorkspaceRole) -> Result<Actor> {
    let workspace = person.workspace.parse()?;
    Ok(Actor { user: person.id, workspace, role, status: UserStatus::Live })
}

fn member(world: &World, name: &str, at: Timestamp) -> Result<UserRow> {
    let id = Uuid::now_v7();
    Ok(UserRow {
        id: UserId::new(id),
        workspace: world.person("adam").workspace.parse()?,
        email: format!("{}@globex.example", id.simple()),
        name: name.to_owned(),
        role: WorkspaceRole::User,
        status: UserStatus::Live,
        created_at: at,
        updated_at: at,
        view_number: 0,
        version: 1,
    })
}

/// Adds a member of the host in a transaction that somebody else ends; gives their id.
pub async fn add_member(write: &mut Write, world: &World, name: &str) -> Result<String> {
    let now = world.server.as_ref().context("it runs")?.now();
    let row = member(world, name, now)?;
    insert_user(write.connection(), &row).await?;
    Ok(row.id.to_string())
}

/// One of the partnerships that a writer moves on: of the host with a workspace of the writer's own,
/// or of that workspace with Fjord Studio.
struct Pair {
    host_admin: Actor,
    guest_admin: Actor,
    email: EmailAddress,
    now: Option<Partnership>,
}

/// What a writer can do in one transaction.
enum Doing {
    Add(UserRow),
    Rename(usize, UserRow),
    Request(usize, Step),
    Move(Partnership, Step),
    Owners(Partnership, Partnership),
}

pub struct Writer {
    world: Arc<World>,
    uma: Actor,
    members: Vec<UserRow>,
    pairs: Vec<Pair>,
}

impl Writer {
    /// One with a workspace of its own.
    pub async fn new(world: Arc<World>, number: usize) -> Result<Self> {
        let server = world.server.as_ref().context("it runs")?;
        let now = server.now();
        let name = format!("Workspace {number}");
        let own = add_workspace(server.store(), &name, now).await?;
        let email = format!("admin@workspace-{number}.example");
        let role = WorkspaceRole::Admin;
        let admin = add_user(server.store(), own.id, &email, "Admin", role, now).await?.actor();
        let adam = actor(world.person("adam"), WorkspaceRole::Admin)?;
        let marit = actor(world.person("marit"), WorkspaceRole::Admin)?;
        let uma = actor(world.person("uma"), WorkspaceRole::User)?;
        let pairs = [(adam, admin), (admin, marit)]
            .into_iter()
            .map(|(host_admin, guest_admin)| {
                let email = EmailAddress::parse(&email)?;
                Ok(Pair { host_admin, guest_admin, email, now: None })
            })
            .collect::<Result<_>>()?;
        Ok(Self { world, uma, members: Vec::new(), pairs })
    }

    fn choose(&self, at: Timestamp) -> Result<Doing> {
        let mut random = rand::rng();
        let which = random.random_range(0..10);
        if which == 0 || self.members.is_empty() {
            return Ok(Doing::Add(member(&self.world, "Somebody", at)?));
        }
        if which < 3 {
            let index = random.random_range(0..self.members.len());
            let name = format!("Renamed {}", random.random_range(0..1_000));
            return Ok(Doing::Rename(
                index,
                UserRow { name, updated_at: at, ..self.members[index].clone() },
            ));
        }
        let index = random.random_range(0..self.pairs.len());
        let pair = &self.pairs[index];
        let deadlines = Deadlines::default();
        let (host, guest) = (&pair.host_admin, &pair.guest_admin);
        let Some(now) = pair.now.clone().filter(|now| now.state.name().holds_pair()) else {
            let new = NewRequest {
                id: PartnershipId::new(Uuid::now_v7()),
                guest: guest.workspace,
                partner_email: pair.email.clone(),
                reason: None,
                predecessor: pair.now.as_ref().map(|closed| closed.id),
            };
            let step = Partnership::request(new, host, SendPolicy::AnyRole, deadlines, at);
            return Ok(Doing::Request(index, step?));
        };
        let coin: bool = random.random();
        let is_uma = now.owners.contains(&self.uma.user);
        let before = now.clone();
        let step = match now.state.name() {
            StateName::AwaitingAcceptance if coin => {
                let terms = TermsFacts { version: "1".into(), hash: "00".into() };
                let agreement = Agreement { terms_version: "1".into(), agreed: true };
                now.accept(guest, &agreement, &terms, at)
            }
            StateName::AwaitingAcceptance => now.decline(guest, None, at),
            StateName::Active if host.workspace == self.uma.workspace && (coin || is_uma) => {
                let after = if is_uma {
                    now.dismiss_owner(self.uma.user, host, at)
                } else {
                    now.name_owner(&self.uma, host, at)
                };
                return Ok(Doing::Owners(before, after?));
            }
            StateName::Active => now.remove(host, at),
            _ => now.resend(host, deadlines, at),
        };
        Ok(Doing::Move(before, step?))
    }

    fn server(&self) -> Result<&Running> {
        self.world.server.as_ref().context("it runs")
    }

    async fn write(&self, doing: &Doing, hold: Duration, is_lost: bool) -> Result<(), StoreError> {
        let Some(server) = &self.world.server else { return Ok(()) };
        let mut write = server.store().write().await?;
        let connection = write.connection();
        let origin = Origin::default();
        match doing {
            Doing::Add(row) => insert_user(connection, row).await?,
            Doing::Rename(index, row) => {
                update_user(connection, &self.members[*index], row, row.updated_at).await?;
            }
            Doing::Request(_, step) => insert_partnership(connection, step, &origin).await?,
            Doing::Move(before, step) => save_step(connection, before, step, &origin).await?,
            Doing::Owners(before, after) => save_owners(connection, before, after).await?,
        }
        tokio::time::sleep(hold).await;
        if is_lost { Ok(()) } else { write.commit().await }
    }

    fn done(&mut self, doing: Doing) {
        match doing {
            Doing::Add(row) => self.members.push(row),
            Doing::Rename(index, row) => {
                self.members[index] = UserRow { version: row.version + 1, ..row };
            }
            Doing::Request(index, step) => self.pairs[index].now = Some(step.partnership),
            Doing::Move(_, Step { partnership: after, .. }) | Doing::Owners(_, after) => {
                let mut moved = self.pairs.iter_mut().flat_map(|pair| &mut pair.now);
                if let Some(now) = moved.find(|now| now.id == after.id) {
                    *now = after;
                }
            }
        }
    }
}

/// Writes past the API, so that transactions take as long as they do: most are quick, some are held
/// open while later ones commit, and some come to nothing.
pub async fn write_at_random(mut writer: Writer, times: usize, longest: Duration) -> Result<Tally> {
    let mut tally = Tally::default();
    for _ in 0..times {
        let doing = writer.choose(writer.server()?.now())?;
        let (hold, is_lost, is_told) = {
            let mut random = rand::rng();
            let hold = match random.random_range(0..40) {
                0 => longest,
                1..10 => longest / random.random_range(10..100),
                _ => Duration::ZERO,
            };
            (hold, random.random_ratio(1, 8), random.random_ratio(1, 2))
        };
        match writer.write(&doing, hold, is_lost).await {
            Ok(()) if is_lost => tally.rolled_back += 1,
            Ok(()) => {
                tally.committed += 1;
                writer.done(doing);
                let server = writer.server()?;
                // Between processes, what nobody tells is found all the same.
                if is_told || server.store().engine() == Engine::Sqlite {
                    server.changed();
                }
            }
            Err(error) if error.is_conflict() => tally.in_the_way += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(tally)
}

/// Makes an active partnership of the host with Fjord Studio, and an account of Uma's.
pub async fn active(world: &mut World) -> Result<()> {
    world.add("uma", "Oscar Reyes", WorkspaceRole::User).await?;
    let id = request(world, "marit").await?;
    let path = format!("/partnerships/{id}");
    call(world, "adam", "POST", &format!("{path}/approve")).version(1).send().await?;
    let terms = call(world, "marit", "GET", "/terms").send().await?;
    let version = &terms.body["data"]["attributes"]["version"];
    let accept = call(world, "marit", "POST", &format!("{path}/accept")).version(2);
    let accept = accept.json(json!({"termsVersion": version, "agreed": true})).send().await?;
    anyhow::ensure!(accept.state() == "active", "{accept:?}");
    Ok(())
}

/// The partnership of the host with Fjord Studio.
pub async fn partnership(world: &World) -> Result<String> {
    let list = call(world, "adam", "GET", "/partnerships?search=fjord").send().await?;
    Ok(list.body["data"][0]["id"].as_str().context("a partnership")?.to_owned())
}

/// A new account of Uma's.
pub async fn account(world: &World) -> Result<String> {
    let server = world.server.as_ref().context("it runs")?;
    let uma = world.person("uma").id;
    let found = users_by_id(&mut *server.store().read().await?, [uma]).await?.remove(&uma);
    let owner = &found.context("Uma")?;
    let secrets = &[("password", SecretString::from("correct horse battery staple"))];
    let url = "https://app.example.com/login";
    let new = NewAccount { owner, application: "Mailchimp", label: "EMEA", url, secrets };
    Ok(add_account(server.store(), server.vault(), new, server.now()).await?.id.to_string())
}

/// Shares and unshares over the API, so that roles and what hangs on them come and go.
pub async fn share_at_random(world: Arc<World>, accounts: [String; 2], times: usize) -> Result<()> {
    let path = format!("/partnerships/{}/accounts", partnership(&world).await?);
    for number in 0..times {
        let account = &accounts[number % 2];
        let body = json!({"accountIds": [account], "role": "account_manager"});
        let shared = call(&world, "uma", "POST", &path).json(body).send().await?;
        anyhow::ensure!(matches!(shared.status, 201 | 409 | 503), "{shared:?}");
        let taken = call(&world, "uma", "DELETE", &format!("{path}/{account}")).send().await?;
        anyhow::ensure!(matches!(taken.status, 200 | 404 | 503), "{taken:?}");
    }
    Ok(())
}
