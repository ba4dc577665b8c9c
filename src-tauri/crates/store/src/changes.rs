use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use entente_domain::{Actor, Partnership, Timestamp, UserId, WorkspaceId};
use sqlx::{
    Any, Row as _,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use crate::{Connection, StoreError};

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

    /// Binds both of its numbers.
    pub(crate) fn bind(
        self,
        query: Query<'static, Any, AnyArguments>,
    ) -> Query<'static, Any, AnyArguments> {
        query.bind(self.tx).bind(self.seq)
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

/// One entry of the change log: what changed, and who of the reader's workspace saw it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its place.
    pub place: Place,
    /// What kind of resource changed.
    pub kind: ResourceKind,
    /// Which one.
    pub id: String,
    seen_before: Vec<Viewer>,
}

impl ChangeRow {
    /// Whether somebody of the workspace saw the resource before this change.
    #[must_use]
    pub fn was_seen_by(&self, actor: &Actor) -> bool {
        self.seen_before.iter().any(|viewer| viewer.includes(actor))
    }
}

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
    for workspace in workspaces {
        let seen: Vec<String> =
            before.0.get(&workspace).into_iter().flatten().map(ToString::to_string).collect();
        sqlx::query(
            "INSERT INTO changes (at, workspace_id, kind, resource_id, seen_before) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(at.unix_millis())
        .bind(workspace.to_string())
        .bind(kind.as_str())
        .bind(&id)
        .bind(seen.join(" "))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

fn change_row(row: &AnyRow) -> Result<ChangeRow, StoreError> {
    let place = Place { tx: row.try_get("tx")?, seq: row.try_get("seq")? };
    let bad = |why: &dyn fmt::Display| StoreError::inconsistent("changes", place)(why);
    let kind: String = row.try_get("kind")?;
    let seen: String = row.try_get("seen_before")?;
    Ok(ChangeRow {
        place,
        kind: ResourceKind::ALL
            .into_iter()
            .find(|known| known.as_str() == kind)
            .ok_or_else(|| bad(&"it is of an unknown kind"))?,
        id: row.try_get("resource_id")?,
        seen_before: seen
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|why| bad(&why))?,
    })
}

/// What changed for a workspace after `since` and up to `upto`, in commit order, at most `most`.
pub async fn changes_between(
    connection: &mut Connection,
    workspace: WorkspaceId,
    since: Place,
    upto: Place,
    most: usize,
) -> Result<Vec<ChangeRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT tx, seq, kind, resource_id, seen_before FROM changes \
         WHERE workspace_id = $1 AND (tx, seq) > ($2, $3) AND (tx, seq) <= ($4, $5) \
         ORDER BY tx, seq LIMIT $6",
    )
    .bind(workspace.to_string())
    .bind(since.tx)
    .bind(since.seq)
    .bind(upto.tx)
    .bind(upto.seq)
    .bind(i64::try_from(most).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    rows.iter().map(change_row).collect()
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
    let rows = sqlx::query("SELECT tx, seq, at FROM changes ORDER BY tx, seq LIMIT $1")
        .bind(PRUNED_AT_ONCE)
        .fetch_all(&mut *connection)
        .await?;
    let mut last = None;
    for row in rows {
        if row.try_get::<i64, _>("at")? >= at.unix_millis() {
            break;
        }
        last = Some(Place { tx: row.try_get("tx")?, seq: row.try_get("seq")? });
    }
    let Some(place) = last else { return Ok(0) };
    let done = place
        .bind(sqlx::query("DELETE FROM changes WHERE (tx, seq) <= ($1, $2)"))
        .execute(&mut *connection)
        .await?;
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
