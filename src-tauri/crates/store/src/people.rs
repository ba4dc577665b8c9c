use std::collections::BTreeMap;

use entente_domain::{
    Actor, SendPolicy, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    Audience, Connection, ResourceKind, StoreError, Viewer,
    insert::{Bound, insert},
    read::Read,
    record_change,
    sql::{Statement, count, rows_in, select_in},
};

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Which roles may send requests.
    pub send_policy: SendPolicy,
    /// Whether an identity provider alone adds and removes its members.
    pub managed: bool,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Their id.
    pub id: UserId,
    /// Their workspace.
    pub workspace: WorkspaceId,
    /// Their mail address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: WorkspaceRole,
    /// Whether they can act.
    pub status: UserStatus,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last changed.
    pub updated_at: Timestamp,
    /// Counts changes of what they may see: what was seen under another number is read anew.
    pub view_number: i64,
    /// Counts their changes from 1.
    pub version: i64,
}

impl UserRow {
    /// The same user with another status.
    #[must_use]
    pub fn with(&self, status: UserStatus) -> Self {
        Self { status, ..self.clone() }
    }

    /// The user as the policy needs to know them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { user: self.id, workspace: self.workspace, role: self.role, status: self.status }
    }
}

const WORKSPACE: &str = "SELECT id, name, slug, send_policy, managed FROM workspaces WHERE ";
pub(crate) const USER: &str = "SELECT id, workspace_id, email, name, role, status, created_at, updated_at, view_number, version \
     FROM users WHERE ";

fn workspace_row(row: &AnyRow) -> Result<WorkspaceRow, StoreError> {
    let id: String = row.try_get("id")?;
    let policy: String = row.try_get("send_policy")?;
    Ok(WorkspaceRow {
        id: id.parse().map_err(|why| StoreError::inconsistent("workspaces", &id)(&why))?,
        name: row.try_get("name")?,
        slug: row.try_get("slug")?,
        send_policy: if policy == "users_and_above" {
            SendPolicy::UsersAndAbove
        } else {
            SendPolicy::AnyRole
        },
        managed: row.try_get::<i64, _>("managed")? != 0,
    })
}

pub(crate) fn user_row(row: &AnyRow) -> Result<UserRow, StoreError> {
    let read = Read::new("users", row)?;
    Ok(UserRow {
        id: read.parsed("id")?,
        workspace: read.parsed("workspace_id")?,
        email: read.text("email")?,
        name: read.text("name")?,
        role: read.parsed("role")?,
        status: read.parsed("status")?,
        created_at: read.moment("created_at")?,
        updated_at: read.moment("updated_at")?,
        view_number: read.number("view_number")?,
        version: read.number("version")?,
    })
}

/// One workspace, if there is such a one.
pub async fn workspace(
    connection: &mut Connection,
    id: WorkspaceId,
) -> Result<Option<WorkspaceRow>, StoreError> {
    let mut query = Statement::new(WORKSPACE);
    query.push("id = ").push_bind(id.to_string());
    query.build().fetch_optional(connection).await?.as_ref().map(workspace_row).transpose()
}

/// Those of the workspaces asked for that there are.
pub async fn workspaces_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = WorkspaceId>,
) -> Result<BTreeMap<WorkspaceId, WorkspaceRow>, StoreError> {
    let Some(query) =
        select_in(connection, WORKSPACE, "id", ids.into_iter().map(|id| id.to_string()))
    else {
        return Ok(BTreeMap::new());
    };
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| workspace_row(row).map(|found| (found.id, found))).collect()
}

/// Those of the users asked for that there are.
pub async fn users_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<BTreeMap<UserId, UserRow>, StoreError> {
    let Some(query) = select_in(connection, USER, "id", ids.into_iter().map(|id| id.to_string()))
    else {
        return Ok(BTreeMap::new());
    };
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| user_row(row).map(|found| (found.id, found))).collect()
}

/// What somebody is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName {
    /// Of which workspace they are.
    pub workspace: WorkspaceId,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
}

/// What users are called; those that there are of those asked for.
pub async fn names_of_people(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<BTreeMap<UserId, PersonName>, StoreError> {
    let columns = "id, workspace_id, name, email";
    let ids = ids.into_iter().map(|id| id.to_string()).collect();
    let rows: Vec<(String, String, String, String)> =
        rows_in(connection, columns, "users", "id", ids).await?;
    rows.into_iter()
        .map(|(id, workspace, name, email)| {
            let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("users", &id)(why);
            let workspace = workspace.parse().map_err(|why| bad(&why))?;
            let user = id.parse().map_err(|why| bad(&why))?;
            Ok((user, PersonName { workspace, name, email }))
        })
        .collect()
}

/// What workspaces are called; those that there are of those asked for.
pub async fn names_of_workspaces(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = WorkspaceId>,
) -> Result<BTreeMap<WorkspaceId, String>, StoreError> {
    let ids = ids.into_iter().map(|id| id.to_string()).collect();
    let rows: Vec<(String, String)> =
        rows_in(connection, "id, name", "workspaces", "id", ids).await?;
    rows.into_iter()
        .map(|(id, name)| {
            let workspace =
                id.parse().map_err(|why| StoreError::inconsistent("workspaces", &id)(&why))?;
            Ok((workspace, name))
        })
        .collect()
}

/// The live Admins of a workspace.
pub async fn admins_of(
    connection: &mut Connection,
    workspace: WorkspaceId,
) -> Result<Vec<UserRow>, StoreError> {
    let mut query = Statement::new(USER);
    query.push("status = 'live' AND workspace_id = ").push_bind(workspace.to_string());
    query.push(" ORDER BY id");
    let rows = query.build().fetch_all(connection).await?;
    let users: Vec<UserRow> = rows.iter().map(user_row).collect::<Result<_, _>>()?;
    Ok(users.into_iter().filter(|user| user.role.is_admin()).collect())
}

/// Users with a mail address, in whatever workspace.
pub async fn user_by_email(
    connection: &mut Connection,
    email: &str,
) -> Result<Vec<UserRow>, StoreError> {
    let mut query = Statement::new(USER);
    query.push("email = ").push_bind(email.to_owned());
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(user_row).collect()
}

const WORKSPACES: &str =
    "INSERT INTO workspaces (id, name, slug, send_policy, managed, created_at, folded_name)";

fn bind_workspace(query: Bound, row: &WorkspaceRow, at: Timestamp) -> Bound {
    query
        .bind(row.id.to_string())
        .bind(row.name.clone())
        .bind(row.slug.clone())
        .bind(policy_word(row.send_policy))
        .bind(i64::from(row.managed))
        .bind(at.unix_millis())
        .bind(folded(&row.name))
}

/// Adds a workspace.
pub async fn insert_workspace(
    connection: &mut Connection,
    row: &WorkspaceRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let bind = |query, row: &&WorkspaceRow| bind_workspace(query, row, at);
    Ok(insert(connection, WORKSPACES, &[row], bind).await?)
}

const USERS: &str = "INSERT INTO users (id, workspace_id, email, name, role, status, created_at, \
     updated_at, view_number, version, folded_email, folded_name)";

fn bind_user(query: Bound, row: &UserRow) -> Bound {
    query
        .bind(row.id.to_string())
        .bind(row.workspace.to_string())
        .bind(row.email.clone())
        .bind(row.name.clone())
        .bind(row.role.as_str())
        .bind(row.status.as_str())
        .bind(row.created_at.unix_millis())
        .bind(row.updated_at.unix_millis())
        .bind(row.view_number)
        .bind(row.version)
        .bind(folded(&row.email))
        .bind(folded(&row.name))
}

const fn policy_word(policy: SendPolicy) -> &'static str {
    match policy {
        SendPolicy::AnyRole => "any_role",
        SendPolicy::UsersAndAbove => "users_and_above",
    }
}

/// Changes who of a workspace may send requests; false if there is no such workspace.
pub async fn set_send_policy(
    connection: &mut Connection,
    workspace: WorkspaceId,
    policy: SendPolicy,
) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE workspaces SET send_policy = $1 WHERE id = $2")
        .bind(policy_word(policy))
        .bind(workspace.to_string())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Adds a user.
pub async fn insert_user(connection: &mut Connection, row: &UserRow) -> Result<(), StoreError> {
    insert(connection, USERS, &[row], |query, row| bind_user(query, row)).await?;
    user_changed(connection, row, row.created_at).await
}

/// Adds many workspaces and their first users, as old as those. They are not in the change log: nobody
/// can have read of them.
pub async fn insert_people(
    connection: &mut Connection,
    people: &[(WorkspaceRow, UserRow)],
) -> Result<(), StoreError> {
    insert(connection, WORKSPACES, people, |query, (workspace, user)| {
        bind_workspace(query, workspace, user.created_at)
    })
    .await?;
    Ok(insert(connection, USERS, people, |query, (_, user)| bind_user(query, user)).await?)
}

/// Saves a user's address, name, role and status; what they saw before is told anew where role or
/// status changed.
pub async fn update_user(
    connection: &mut Connection,
    before: &UserRow,
    after: &UserRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let view = i64::from(before.role != after.role || before.status != after.status);
    let done = sqlx::query(
        "UPDATE users SET email = $1, name = $2, role = $3, status = $4, updated_at = $5, \
         view_number = view_number + $6, version = version + 1, folded_email = $7, \
         folded_name = $8 WHERE id = $9 AND version = $10",
    )
    .bind(&after.email)
    .bind(&after.name)
    .bind(after.role.as_str())
    .bind(after.status.as_str())
    .bind(at.unix_millis())
    .bind(view)
    .bind(folded(&after.email))
    .bind(folded(&after.name))
    .bind(before.id.to_string())
    .bind(before.version)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::UserChanged(before.id));
    }
    user_changed(connection, after, at).await
}

/// Keeps a user as they were read until the transaction ends; an error if they were changed since.
pub async fn hold_user(connection: &mut Connection, user: &UserRow) -> Result<(), StoreError> {
    // Written, not only locked: who changes them meanwhile, as if alone, must begin again.
    let done = sqlx::query("UPDATE users SET version = version WHERE id = $1 AND version = $2")
        .bind(user.id.to_string())
        .bind(user.version)
        .execute(connection)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::UserChanged(user.id)) }
}

/// Members are kept when they are removed, so that nobody ever learns that one is gone.
async fn user_changed(
    connection: &mut Connection,
    row: &UserRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let mut audience = Audience::nobody();
    audience.add(row.workspace, Viewer::Members);
    audience.add(row.workspace, Viewer::User(row.id));
    record_change(connection, ResourceKind::User, row.id, &audience, &audience, at).await
}

/// What some users may see has changed in more than rows: they read it anew.
pub async fn renew_view(
    connection: &mut Connection,
    users: impl IntoIterator<Item = UserId>,
) -> Result<(), StoreError> {
    for user in users {
        sqlx::query("UPDATE users SET view_number = view_number + 1 WHERE id = $1")
            .bind(user.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Only those with one of these; empty means all.
    pub statuses: Vec<UserStatus>,
    /// Only those whose name or address holds this.
    pub search: Option<String>,
    /// Only the one with this address, whatever its case.
    pub email: Option<String>,
    /// Only this one.
    pub only: Option<UserId>,
}

fn members(query: &mut Statement, workspace: WorkspaceId, filter: &UserFilter) {
    query.push(" FROM users u WHERE u.workspace_id = ").push_bind(workspace.to_string());
    if !filter.statuses.is_empty() {
        query
            .push(" AND u.status IN (")
            .push_list(filter.statuses.iter().map(|status| status.as_str()))
            .push(")");
    }
    if let Some(search) = &filter.search {
        let pattern = like(search);
        query.push(" AND (u.folded_name LIKE ").push_bind(pattern.clone());
        query.push(" ESCAPE '!' OR u.folded_email LIKE ").push_bind(pattern);
        query.push(" ESCAPE '!')");
    }
    if let Some(only) = filter.only {
        query.push(" AND u.id = ").push_bind(only.to_string());
    }
    if let Some(email) = &filter.email {
        query.push(" AND u.folded_email = ").push_bind(folded(email));
    }
}

/// A text as it is searched for and sorted by.
pub(crate) fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// What `LIKE ... ESCAPE '!'` takes for folded texts that hold `search`.
pub(crate) fn like(search: &str) -> String {
    let text = folded(search);
    format!("%{}%", text.replace('!', "!!").replace('%', "!%").replace('_', "!_"))
}

/// How many members a workspace has under a filter.
pub async fn count_users(
    connection: &mut Connection,
    workspace: WorkspaceId,
    filter: &UserFilter,
) -> Result<u64, StoreError> {
    count(connection, |query| members(query, workspace, filter)).await
}

/// A page of a workspace's members, by id: after one, or after so many rows.
pub async fn list_users(
    connection: &mut Connection,
    workspace: WorkspaceId,
    filter: &UserFilter,
    after: Option<UserId>,
    offset: u64,
    most: u32,
) -> Result<Vec<UserRow>, StoreError> {
    let mut query = Statement::new(
        "SELECT u.id, u.workspace_id, u.email, u.name, u.role, u.status, u.created_at, \
         u.updated_at, u.view_number, u.version",
    );
    members(&mut query, workspace, filter);
    let query = query.page("u.id", after, offset, most);
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(user_row).collect()
}

/// How many workspaces there are.
pub async fn count_workspaces(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM workspaces").fetch_one(connection).await?)
}
