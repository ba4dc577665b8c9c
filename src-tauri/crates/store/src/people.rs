use std::collections::BTreeMap;

use entente_domain::{
    Actor, SendPolicy, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use sqlx::{Any, QueryBuilder, Row as _, any::AnyRow};

use crate::{Connection, StoreError};

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
    /// Counts changes of their role and status: what was seen under another number is read anew.
    pub view_number: i64,
}

impl UserRow {
    /// The user as the policy needs to know them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { user: self.id, workspace: self.workspace, role: self.role, status: self.status }
    }
}

const WORKSPACE: &str = "SELECT id, name, slug, send_policy FROM workspaces WHERE ";
const USER: &str =
    "SELECT id, workspace_id, email, name, role, status, view_number FROM users WHERE ";

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
    })
}

pub(crate) fn user_row(row: &AnyRow) -> Result<UserRow, StoreError> {
    let id: String = row.try_get("id")?;
    let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("users", &id)(why);
    let workspace: String = row.try_get("workspace_id")?;
    let role: String = row.try_get("role")?;
    let status: String = row.try_get("status")?;
    Ok(UserRow {
        id: id.parse().map_err(|why| bad(&why))?,
        workspace: workspace.parse().map_err(|why| bad(&why))?,
        email: row.try_get("email")?,
        name: row.try_get("name")?,
        role: role.parse().map_err(|why| bad(&why))?,
        status: status.parse().map_err(|why| bad(&why))?,
        view_number: row.try_get("view_number")?,
    })
}

/// One workspace, if there is such a one.
pub async fn workspace(
    connection: &mut Connection,
    id: WorkspaceId,
) -> Result<Option<WorkspaceRow>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(WORKSPACE);
    query.push("id = ").push_bind(id.to_string());
    query.build().fetch_optional(connection).await?.as_ref().map(workspace_row).transpose()
}

/// Those of the workspaces asked for that there are.
pub async fn workspaces_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = WorkspaceId>,
) -> Result<BTreeMap<WorkspaceId, WorkspaceRow>, StoreError> {
    let Some(mut query) = select_by_id(WORKSPACE, ids.into_iter().map(|id| id.to_string())) else {
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
    let Some(mut query) = select_by_id(USER, ids.into_iter().map(|id| id.to_string())) else {
        return Ok(BTreeMap::new());
    };
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| user_row(row).map(|found| (found.id, found))).collect()
}

/// `SELECT ... WHERE id IN (...)`; none if there is nothing to ask for.
pub(crate) fn select_by_id(
    select: &'static str,
    ids: impl Iterator<Item = String>,
) -> Option<QueryBuilder<Any>> {
    select_in(select, "id", ids)
}

/// `SELECT ... WHERE column IN (...)`; none if there is nothing to ask for.
pub(crate) fn select_in(
    select: &'static str,
    column: &'static str,
    ids: impl Iterator<Item = String>,
) -> Option<QueryBuilder<Any>> {
    let mut query = QueryBuilder::<Any>::new(select);
    query.push(column).push(" IN (");
    let mut any = false;
    {
        let mut list = query.separated(", ");
        for id in ids {
            any = true;
            list.push_bind(id);
        }
    }
    query.push(")");
    any.then_some(query)
}

/// The live Admins of a workspace.
pub async fn admins_of(
    connection: &mut Connection,
    workspace: WorkspaceId,
) -> Result<Vec<UserRow>, StoreError> {
    let mut query = QueryBuilder::<Any>::new(USER);
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
    let mut query = QueryBuilder::<Any>::new(USER);
    query.push("email = ").push_bind(email.to_owned());
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(user_row).collect()
}

/// Adds a workspace.
pub async fn insert_workspace(
    connection: &mut Connection,
    row: &WorkspaceRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO workspaces (id, name, slug, send_policy, created_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row.id.to_string())
    .bind(&row.name)
    .bind(&row.slug)
    .bind(match row.send_policy {
        SendPolicy::AnyRole => "any_role",
        SendPolicy::UsersAndAbove => "users_and_above",
    })
    .bind(at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds a user.
pub async fn insert_user(
    connection: &mut Connection,
    row: &UserRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (id, workspace_id, email, name, role, status, created_at, view_number) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.id.to_string())
    .bind(row.workspace.to_string())
    .bind(&row.email)
    .bind(&row.name)
    .bind(row.role.as_str())
    .bind(row.status.as_str())
    .bind(at.unix_millis())
    .bind(row.view_number)
    .execute(connection)
    .await?;
    Ok(())
}

/// Changes a user's role; what they saw before is told anew.
pub async fn set_role(
    connection: &mut Connection,
    user: UserId,
    role: WorkspaceRole,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE users SET role = $1, view_number = view_number + 1 WHERE id = $2")
            .bind(role.as_str())
            .bind(user.to_string())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes whether a user can act.
pub async fn set_status(
    connection: &mut Connection,
    user: UserId,
    status: UserStatus,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE users SET status = $1, view_number = view_number + 1 WHERE id = $2")
            .bind(status.as_str())
            .bind(user.to_string())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// How many workspaces there are.
pub async fn count_workspaces(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM workspaces").fetch_one(connection).await?)
}
