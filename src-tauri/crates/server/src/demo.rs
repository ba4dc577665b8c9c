//! Sample workspaces and people: for `entente-server demo` and for the desktop program's first steps.

mod samples;

use std::time::Duration;

use entente_domain::{
    Actor, EmailAddress, NewRequest, Partnership, PartnershipId, Reason, SendPolicy, Step,
    Timestamp, UserId, WorkspaceId, WorkspaceRole,
};
use entente_store::{
    Origin, UserRow, WorkspaceRow, insert_partnership, save_step, user_by_email, workspaces_by_id,
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{Running, SetUpError, add_key, add_user, add_workspace, terms};
use samples::{GUESTS, HOST, Outcome, Sample};

/// What the sample holds beside its people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// Whether two requests are there already: one awaiting approval, one awaiting acceptance.
    pub requests: bool,
    /// How many more partnerships of the host there are, in all states.
    pub partnerships: u32,
    /// Chooses the names of those.
    pub seed: u64,
}

/// The sample's workspaces and people, the host's first.
#[derive(Debug)]
pub struct DemoFacts {
    /// The host workspace, then three guest workspaces.
    pub workspaces: Vec<DemoWorkspace>,
    /// The host's owner, Admin, user and login-only member, then each guest's Admin and user.
    pub users: Vec<DemoUser>,
}

/// A sample workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoWorkspace {
    /// Its workspace ID.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
}

/// A sample user with a key.
#[derive(Debug)]
pub struct DemoUser {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their role.
    pub role: WorkspaceRole,
    /// Their workspace.
    pub workspace: WorkspaceId,
    /// A fresh key.
    pub key: SecretString,
}

/// Puts the sample into an empty database.
pub async fn seed(server: &Running, options: DemoOptions) -> Result<DemoFacts, SetUpError> {
    let now = server.now();
    let mut workspaces = Vec::new();
    let mut people: Vec<UserRow> = Vec::new();
    for sample in std::iter::once(&HOST).chain(&GUESTS) {
        let workspace = add_workspace(server.store(), sample.name, now).await?;
        for (name, email, role) in sample.people {
            people.push(add_user(server.store(), workspace.id, email, name, *role, now).await?);
        }
        workspaces.push(workspace);
    }
    let facts = facts(server, &workspaces, people.clone()).await?;
    let (Some(host), Some(admin), Some(user)) = (workspaces.first(), people.get(1), people.get(2))
    else {
        return Ok(facts);
    };
    let mut book = Book { server, host, admin, user };
    if options.requests {
        for (guest, sample) in workspaces.iter().skip(1).zip(samples::REQUESTS) {
            book.add(guest, sample, ago(now, sample.age)).await?;
        }
    }
    for (name, sample) in samples::generated(options.seed).take(options.partnerships as usize) {
        let guest = add_workspace(server.store(), &name, now).await?;
        book.add(&guest, &sample, ago(now, sample.age)).await?;
    }
    server.changed();
    Ok(facts)
}

/// The sample without requests, as it was left the last time, or put there now. Keys are new.
pub async fn seed_or_reopen(server: &Running) -> Result<DemoFacts, SetUpError> {
    let mut people = Vec::new();
    for sample in std::iter::once(&HOST).chain(&GUESTS) {
        for (_, email, _) in sample.people {
            let mut connection = server.store().read().await?;
            people.extend(user_by_email(&mut connection, email).await?);
        }
    }
    if people.is_empty() {
        return seed(server, DemoOptions::default()).await;
    }
    let ids = people.iter().map(|person| person.workspace);
    let mut found = workspaces_by_id(&mut *server.store().read().await?, ids).await?;
    let mut workspaces: Vec<WorkspaceRow> = Vec::new();
    for person in &people {
        workspaces.extend(found.remove(&person.workspace));
    }
    facts(server, &workspaces, people).await
}

async fn facts(
    server: &Running,
    workspaces: &[WorkspaceRow],
    people: Vec<UserRow>,
) -> Result<DemoFacts, SetUpError> {
    let mut users = Vec::new();
    for person in people {
        let now = server.now();
        let (_, key) =
            add_key(server.store(), server.secret(), person.id, "Demo", None, now).await?;
        users.push(DemoUser {
            id: person.id,
            name: person.name,
            email: person.email,
            role: person.role,
            workspace: person.workspace,
            key,
        });
    }
    let workspaces =
        workspaces.iter().map(|row| DemoWorkspace { id: row.id, name: row.name.clone() }).collect();
    Ok(DemoFacts { workspaces, users })
}

fn ago(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_millis()).unwrap_or(0);
    Timestamp::from_unix_millis(now.unix_millis().saturating_sub(age)).unwrap_or(now)
}

/// Writes sample partnerships through the same transitions as everybody's.
struct Book<'a> {
    server: &'a Running,
    host: &'a WorkspaceRow,
    admin: &'a UserRow,
    user: &'a UserRow,
}

impl Book<'_> {
    async fn add(
        &mut self,
        guest: &WorkspaceRow,
        sample: &Sample,
        at: Timestamp,
    ) -> Result<(), SetUpError> {
        let deadlines = entente_domain::Deadlines::default();
        let new = NewRequest {
            id: PartnershipId::new(Uuid::now_v7()),
            guest: guest.id,
            partner_email: EmailAddress::parse(&sample.email(&guest.slug))
                .map_err(SetUpError::Email)?,
            reason: Some(Reason::parse(sample.reason).map_err(SetUpError::Name)?),
            predecessor: None,
        };
        debug_assert_eq!(self.host.id, self.user.workspace);
        let sender = self.user.actor();
        let Ok(step) = Partnership::request(new, &sender, SendPolicy::AnyRole, deadlines, at)
        else {
            return Ok(());
        };
        let mut write = self.server.store().write().await?;
        insert_partnership(write.connection(), &step, &Origin::default()).await?;
        let mut partnership = step.partnership;
        let later = at.after(Duration::from_secs(40 * 60));
        for next in self.steps(&partnership, guest, sample.outcome, later) {
            save_step(write.connection(), &partnership, &next, &Origin::default()).await?;
            partnership = next.partnership;
        }
        Ok(write.commit().await?)
    }

    /// The transitions that lead to an outcome. A sample that its own rules refuse stays where it
    /// is.
    fn steps(
        &self,
        partnership: &Partnership,
        guest: &WorkspaceRow,
        outcome: Outcome,
        at: Timestamp,
    ) -> Vec<Step> {
        let deadlines = entente_domain::Deadlines::default();
        let admin = self.admin.actor();
        let guest_admin = Actor { workspace: guest.id, ..admin };
        let mut steps: Vec<Step> = Vec::new();
        let mut then = |next: &dyn Fn(Partnership) -> Option<Step>| {
            let from = steps.last().map_or(partnership, |step| &step.partnership);
            let step = next(from.clone());
            steps.extend(step);
        };
        let approve = |p: Partnership| p.approve(&admin, deadlines, at).ok();
        let accept = |p: Partnership| {
            let terms = terms::facts();
            let agreement =
                entente_domain::Agreement { terms_version: terms.version.clone(), agreed: true };
            p.accept(&guest_admin, &agreement, &terms, at).ok()
        };
        match outcome {
            Outcome::AwaitingApproval => {}
            Outcome::AwaitingAcceptance => then(&approve),
            Outcome::Active => {
                then(&approve);
                then(&accept);
            }
            Outcome::DeclinedByHost => then(&|p| p.decline(&admin, None, at).ok()),
            Outcome::DeclinedByGuest => {
                then(&approve);
                then(&|p| p.decline(&guest_admin, None, at).ok());
            }
            Outcome::Withdrawn => then(&|p| p.withdraw(&self.user.actor(), at).ok()),
            Outcome::Removed => {
                then(&approve);
                then(&accept);
                then(&|p| p.remove(&admin, at).ok());
            }
        }
        steps
    }
}
