use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use entente_domain::{Actor, Partnership, Timestamp, UserId, WorkspaceId};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    Connection, Engine, StoreError,
    insert::{Bound, insert},
    sql::Statement,
};

/// What a change log entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A partnership.
    Partnership,
    /// An account.
    Account,
    /// An account shared through a partnership.
    SharedAccount,
    /// One user's role on one account.
    AccountUser,
    /// A Manager's request for access.
    AccessRequest,
    /// A member of a workspace.
    User,
}

impl ResourceKind {
    /// All of them, in the order in which a snapshot tells them.
    pub const ALL: [Self; 6] = [
        Self::Partnership,
        Self::User,
        Self::Account,
        Self::SharedAccount,
        Self::AccountUser,
        Self::AccessRequest,
    ];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partnership => "partnership",
            Self::Account => "account",
            Self::SharedAccount => "shared_account",
            Self::AccountUser => "account_user",
            Self::AccessRequest => "access_request",
            Self::User => "user",
        }
    }
}

/// Some of the people of a workspace, as the change log names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// The Admins, whoever they are.
    Admins,
    /// Who sees the list of members.
    Members,
    /// One user.
    User(UserId),
}

impl Viewer {
    fn includes(self, actor: &Actor) -> bool {
        match self {
            Self::Admins => actor.role.is_admin(),
            Self::Members => entente_domain::sees_all_members(actor),
            Self::User(user) => user == actor.user,
        }
    }
}

impl fmt::Display for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admins => f.write_str("admins"),
            Self::Members => f.write_str("members"),
            Self::User(user) => user.fmt(f),
        }
    }
}

impl FromStr for Viewer {
    type Err = entente_domain::IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "admins" => Ok(Self::Admins),
            "members" => Ok(Self::Members),
            user => user.parse().map(Self::User),
        }
    }
}

/// Who sees a resource, by workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience(BTreeMap<WorkspaceId, BTreeSet<Viewer>>);

impl Audience {
    /// Nobody: the resource is not there.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Adds a viewer.
    pub fn add(&mut self, workspace: WorkspaceId, viewer: Viewer) {
        self.0.entry(workspace).or_default().insert(viewer);
    }

    /// Those of one workspace, parted by spaces.
    fn viewers(&self, workspace: WorkspaceId) -> String {
        let viewers = self.0.get(&workspace).into_iter().flatten().map(ToString::to_string);
        viewers.collect::<Vec<_>>().join(" ")
    }

    /// Who sees a partnership.
    #[must_use]
    pub fn of_partnership(partnership: &Partnership) -> Self {
        let mut audience = Self::default();
        audience.add(partnership.host, Viewer::Admins);
        audience.add(partnership.host, Viewer::User(partnership.requested_by));
        for owner in &partnership.owners {
            audience.add(partnership.host, Viewer::User(*owner));
        }
        if partnership.approval.is_some() {
            audience.add(partnership.guest, Viewer::Admins);
        }
        audience
    }
}

/// A place in the change log; places are in commit order, as far as the log is settled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    tx: i64,
    seq: i64,
}

impl Place {
    /// Behind every other.
    pub(crate) const LAST: Self = Self { tx: i64::MAX, seq: i64::MAX };

    /// Behind all that a transaction wrote.
    pub(crate) fn end_of(tx: i64) -> Self {
        Self { tx, seq: i64::MAX }
    }

    /// Where transactions are not numbered.
    pub(crate) fn of_seq(seq: i64) -> Self {
        Self { tx: 0, seq }
    }

    /// Adds that an entry is after this place, or whatever else the comparison says. SQLite does not
    /// number transactions, and finds entries by `seq` alone.
    pub(crate) fn compare(self, query: &mut Statement, engine: Engine, comparison: &'static str) {
        match engine {
            Engine::Sqlite => query.push("seq").push(comparison).push_bind(self.seq),
            Engine::Postgres => {
                query.push("(tx, seq)").push(comparison).push("(").push_bind(self.tx);
                query.push(", ").push_bind(self.seq).push(")")
            }
        };
    }

    /// How entries come in the order of their places.
    pub(crate) fn order(engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => " ORDER BY seq",
            Engine::Postgres => " ORDER BY tx, seq",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}

impl FromStr for Place {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (tx, seq) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { tx: tx.parse()?, seq: seq.parse()? })
    }
}

/// One entry of the change log: what changed, and who of the reader's workspace saw it before or sees
/// it since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its place.
    pub place: Place,
    /// What kind of resource changed.
    pub kind: ResourceKind,
    /// Which one.
    pub id: String,
    seen_before: Vec<Viewer>,
    seen_after: Vec<Viewer>,
}

impl ChangeRow {
    /// Whether somebody of the workspace saw the resource before this change.
    #[must_use]
    pub fn was_seen_by(&self, actor: &Actor) -> bool {
        self.seen_before.iter().any(|viewer| viewer.includes(actor))
    }

    /// Whether this change is told to somebody of the workspace, be it that the resource is gone.
    #[must_use]
    pub fn concerns(&self, actor: &Actor) -> bool {
        self.was_seen_by(actor) || self.seen_after.iter().any(|viewer| viewer.includes(actor))
    }
}

/// One entry of the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEntry {
    /// Something changed that this workspace sees.
    Change(WorkspaceId, ChangeRow),
    /// What a user may see or do changed, or one of their keys was ended.
    Caller(Place, UserId),
}

impl LogEntry {
    /// Its place.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Change(_, row) => row.place,
            Self::Caller(place, _) => *place,
        }
    }
}

/// The kind of an entry about who reads, which triggers add.
const CALLER: &str = "caller";

/// Logs a change, in its transaction, for every workspace that saw the resource before or sees it
/// after.
pub async fn record_change(
    connection: &mut Connection,
    kind: ResourceKind,
    id: impl fmt::Display,
    before: &Audience,
    after: &Audience,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = id.to_string();
    let workspaces: BTreeSet<WorkspaceId> =
        before.0.keys().chain(after.0.keys()).copied().collect();
    let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
    let bind = |query: Bound, workspace: &WorkspaceId| {
        query
            .bind(at.unix_millis())
            .bind(workspace.to_string())
            .bind(kind.as_str())
            .bind(id.clone())
            .bind(before.viewers(*workspace))
            .bind(after.viewers(*workspace))
    };
    Ok(insert(connection, CHANGES, &workspaces, bind).await?)
}

const CHANGES: &str =
    "INSERT INTO changes (at, workspace_id, kind, resource_id, seen_before, seen_after)";

fn viewers(row: &AnyRow, column: &str, place: Place) -> Result<Vec<Viewer>, StoreError> {
    let text: String = row.try_get(column)?;
    let viewers = text.split_whitespace().map(str::parse).collect::<Result<_, _>>();
    viewers.map_err(|why| StoreError::inconsistent("changes", place)(&why))
}

fn place(row: &AnyRow) -> Result<Place, StoreError> {
    Ok(Place { tx: row.try_get("tx")?, seq: row.try_get("seq")? })
}

fn change_row(row: &AnyRow) -> Result<ChangeRow, StoreError> {
    let place = place(row)?;
    let kind: String = row.try_get("kind")?;
    Ok(ChangeRow {
        place,
        kind: ResourceKind::ALL.into_iter().find(|known| known.as_str() == kind).ok_or_else(
            || StoreError::inconsistent("changes", place)(&"it is of an unknown kind"),
        )?,
        id: row.try_get("resource_id")?,
        seen_before: viewers(row, "seen_before", place)?,
        seen_after: viewers(row, "seen_after", place)?,
    })
}

fn log_entry(row: &AnyRow) -> Result<LogEntry, StoreError> {
    let place = place(row)?;
    let bad = |why: &dyn fmt::Display| StoreError::inconsistent("changes", place)(why);
    if row.try_get::<String, _>("kind")? == CALLER {
        let user: String = row.try_get("resource_id")?;
        return Ok(LogEntry::Caller(place, user.parse().map_err(|why| bad(&why))?));
    }
    let workspace: String = row.try_get("workspace_id")?;
    let workspace = workspace.parse().map_err(|why| bad(&why))?;
    Ok(LogEntry::Change(workspace, change_row(row)?))
}

fn most(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// What changed for a workspace after `since` and up to `upto`, in commit order, at most so many.
pub async fn changes_between(
    connection: &mut Connection,
    workspace: WorkspaceId,
    since: Place,
    upto: Place,
    rows: usize,
) -> Result<Vec<ChangeRow>, StoreError> {
    let found = sqlx::query(
        "SELECT tx, seq, kind, resource_id, seen_before, seen_after FROM changes \
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND (tx, seq) <= ($4, $5) \
         AND kind <> $6 ORDER BY tx, seq LIMIT $7",
    )
    .bind(workspace.to_string())
    .bind(since.tx)
    .bind(since.seq)
    .bind(upto.tx)
    .bind(upto.seq)
    .bind(CALLER)
    .bind(most(rows))
    .fetch_all(connection)
    .await?;
    found.iter().map(change_row).collect()
}

/// All entries after a place, in the order of their places, at most so many. What is beyond the place
/// up to which the log is settled can still get others before it.
pub async fn log_after(
    connection: &mut Connection,
    since: Place,
    rows: usize,
) -> Result<Vec<LogEntry>, StoreError> {
    let engine = Engine::of(connection);
    let mut query = Statement::new(
        "SELECT tx, seq, workspace_id, kind, resource_id, seen_before, seen_after FROM changes WHERE ",
    );
    since.compare(&mut query, engine, " > ");
    query.push(Place::order(engine)).push(" LIMIT ").push_bind(most(rows));
    query.build().fetch_all(connection).await?.iter().map(log_entry).collect()
}

const PRUNED: &str = "changes_pruned";

/// The place up to which entries were forgotten: a reader that stands before it has missed some.
pub async fn pruned(connection: &mut Connection) -> Result<Place, StoreError> {
    let place: Option<String> = sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
        .bind(PRUNED)
        .fetch_optional(connection)
        .await?;
    place.map_or_else(
        || Ok(Place::default()),
        |place| place.parse().map_err(|why| StoreError::inconsistent("meta", PRUNED)(&why)),
    )
}

/// How many entries are forgotten at once, so that nobody waits long.
const PRUNED_AT_ONCE: i64 = 10_000;

/// Forgets entries from before a moment, those that come first; gives how many. They can be more than
/// are forgotten at once.
pub async fn prune_changes_before(
    connection: &mut Connection,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let engine = Engine::of(connection);
    // Entries about who reads are as old as what is beside them.
    let mut oldest = Statement::new("SELECT tx, seq, at FROM changes WHERE kind <> ");
    oldest.push_bind(CALLER);
    oldest.push(Place::order(engine)).push(" LIMIT ").push_bind(PRUNED_AT_ONCE);
    let mut last = None;
    for row in oldest.build().fetch_all(&mut *connection).await? {
        if row.try_get::<i64, _>("at")? >= at.unix_millis() {
            break;
        }
        last = Some(place(&row)?);
    }
    let Some(place) = last else { return Ok(0) };
    let mut delete = Statement::new("DELETE FROM changes WHERE ");
    place.compare(&mut delete, engine, " <= ");
    let done = delete.build().execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(PRUNED)
    .bind(place.to_string())
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}
