//! Sample workspaces and people: for `entente-server demo` and for the desktop program's first steps.

mod history;
mod mass;
mod samples;
mod story;

use std::{fs, io, path::Path};

use entente_domain::{
    EmailAddress, NewRequest, Partnership, PartnershipId, Reason, StateName, UserId, WorkspaceId,
    WorkspaceRole,
};
use entente_store::{
    Origin, UserRow, WorkspaceRow, insert_partnership, save_step, user_by_email, workspaces_by_id,
};
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use crate::{Config, Running, Server, SetUpError, StartError, add_key, add_user, add_workspace};
use history::{Cast, Plot, history};
use mass::Hosts;
use samples::{GUESTS, HOST, REQUESTS, SampleRequest, SampleWorkspace};
use story::{BEGAN, People};

/// What the sample holds beside its people and their accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// Whether something has happened already: a request awaits approval, one awaits acceptance, and
    /// accounts have been shared with the fourth guest for months.
    pub story: bool,
    /// How many more partnerships of the host there are, in all states.
    pub partnerships: u32,
    /// Chooses the names and states of those.
    pub seed: u64,
}

/// The sample's workspaces and people, the host's first.
#[derive(Debug)]
pub struct DemoFacts {
    /// The host workspace, then four guest workspaces.
    pub workspaces: Vec<DemoWorkspace>,
    /// The host's owner, Admin, user and login-only member, then each guest's Admin and others.
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
    let mut people = Vec::new();
    let mut workspaces = vec![add(server, &HOST, &mut people).await?];
    // Before the guests, so that accounts are there where all the people are.
    let accounts = story::accounts(server, &People(&people), options.seed).await?;
    for guest in &GUESTS {
        workspaces.push(add(server, guest, &mut people).await?);
    }
    let cast = People(&people);
    if options.story {
        for sample in &REQUESTS {
            let partnership = request(server, &cast, sample).await?;
            if partnership.state.name() == StateName::Active {
                story::sharing(server, &cast, &accounts, &partnership).await?;
            }
        }
    }
    let hosts = Hosts { user: cast.get("uma")?, admin: cast.get("adam")? };
    mass::add(server.store(), &hosts, options.partnerships, options.seed, now).await?;
    server.changed();
    facts(server, &workspaces, people).await
}

/// The demo's server on a directory of its own, with the sample as it was left there, or put there
/// now, without a story. What cannot be used any more is thrown away and made anew: it is a sample.
pub async fn open_demo(directory: &Path) -> Result<(Running, DemoFacts), DemoError> {
    match reopen(directory).await {
        Err(error) if error.is_of_the_data() => {
            tracing::warn!(%error, "the demo cannot be used any more and is made anew");
            fs::remove_dir_all(directory).map_err(DemoError::Directory)?;
            reopen(directory).await
        }
        done => done,
    }
}

/// Why the demo did not start.
#[derive(Debug, Error)]
pub enum DemoError {
    /// Its server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The sample could not be made or read.
    #[error("the sample could not be made: {0}")]
    Sample(#[from] SetUpError),
    /// Its old data is in the way.
    #[error("the demo's old data could not be removed: {0}")]
    Directory(#[source] io::Error),
}

impl DemoError {
    /// Whether it is what is stored that is at fault, so that without it all is well.
    fn is_of_the_data(&self) -> bool {
        match self {
            Self::Start(StartError::Store(error)) | Self::Sample(SetUpError::Store(error)) => {
                error.is_damage()
            }
            Self::Start(StartError::Vault(_)) | Self::Sample(SetUpError::Sample(_)) => true,
            Self::Start(StartError::Data(_, error)) => error.kind() == io::ErrorKind::InvalidData,
            Self::Start(_) | Self::Sample(_) | Self::Directory(_) => false,
        }
    }
}

async fn reopen(directory: &Path) -> Result<(Running, DemoFacts), DemoError> {
    let server = Server::start(Config::local(directory.to_owned())).await?;
    match seed_or_reopen(&server).await {
        Ok(facts) => Ok((server, facts)),
        Err(error) => {
            server.stop().await;
            Err(error.into())
        }
    }
}

async fn seed_or_reopen(server: &Running) -> Result<DemoFacts, SetUpError> {
    server.store().check().await?;
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
    let whole = std::iter::once(&HOST).chain(&GUESTS).flat_map(|sample| sample.people);
    if people.len() != whole.count() {
        return Err(SetUpError::Sample("some of its people are missing".into()));
    }
    let ids = people.iter().map(|person| person.workspace);
    let mut found = workspaces_by_id(&mut *server.store().read().await?, ids).await?;
    let mut workspaces: Vec<WorkspaceRow> = Vec::new();
    for person in &people {
        workspaces.extend(found.remove(&person.workspace));
    }
    facts(server, &workspaces, people).await
}

async fn add(
    server: &Running,
    sample: &SampleWorkspace,
    people: &mut Vec<UserRow>,
) -> Result<WorkspaceRow, SetUpError> {
    let (store, at) = (server.store(), server.now().before(BEGAN));
    let workspace = add_workspace(store, sample.name, at).await?;
    for (name, email, role) in sample.people {
        people.push(add_user(store, workspace.id, email, name, *role, at).await?);
    }
    Ok(workspace)
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

/// Adds a sample request of the host's user, step by step.
async fn request(
    server: &Running,
    people: &People<'_>,
    sample: &SampleRequest,
) -> Result<Partnership, SetUpError> {
    let partner = people.get(sample.partner)?;
    let new = NewRequest {
        id: PartnershipId::new(Uuid::now_v7()),
        guest: partner.workspace,
        partner_email: EmailAddress::parse(&partner.email).map_err(SetUpError::Email)?,
        reason: Some(Reason::parse(sample.reason).map_err(SetUpError::Name)?),
        predecessor: None,
    };
    let cast = Cast {
        sender: people.get("uma")?.actor(),
        host_admin: people.get("adam")?.actor(),
        guest_admin: partner.actor(),
    };
    let plot = Plot {
        outcome: sample.outcome,
        sent_at: server.now().before(sample.age),
        pace: sample.pace,
        note: None,
        reminded: None,
    };
    let origin = Origin::default();
    let mut write = server.store().write().await?;
    let mut last: Option<Partnership> = None;
    for step in history(new, &cast, &plot)? {
        match &last {
            None => insert_partnership(write.connection(), &step, &origin).await?,
            Some(before) => save_step(write.connection(), before, &step, &origin).await?,
        }
        last = Some(step.partnership);
    }
    write.commit().await?;
    last.ok_or_else(|| SetUpError::Sample("a request has no step".into()))
}
