use entente_domain::{ScimTokenId, Timestamp, WorkspaceId, WorkspaceRole};
use sqlx::any::AnyRow;

use crate::{Connection, StoreError, read::Read, sql::Statement};

/// A token of an identity provider; its secret is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimTokenRow {
    /// Its id.
    pub id: ScimTokenId,
    /// The one workspace that it is good for.
    pub workspace: WorkspaceId,
    /// What the operator calls it.
    pub name: String,
    /// The highest role that it may give.
    pub highest_role: WorkspaceRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ScimTokenRow {
    /// Whether it is good for anything at a moment.
    #[must_use]
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > at)
    }
}

const TOKEN: &str = "SELECT id, workspace_id, name, highest_role, created_at, expires_at, revoked_at \
     FROM scim_tokens WHERE ";

fn token_row(row: &AnyRow) -> Result<ScimTokenRow, StoreError> {
    let read = Read::new("scim_tokens", row)?;
    Ok(ScimTokenRow {
        id: read.parsed("id")?,
        workspace: read.parsed("workspace_id")?,
        name: read.text("name")?,
        highest_role: read.parsed("highest_role")?,
        created_at: read.moment("created_at")?,
        expires_at: read.some_moment("expires_at")?,
        revoked_at: read.some_moment("revoked_at")?,
    })
}

/// Adds a token.
pub async fn insert_scim_token(
    connection: &mut Connection,
    row: &ScimTokenRow,
    hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO scim_tokens (id, workspace_id, name, hash, highest_role, created_at, \
         expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.id.to_string())
    .bind(row.workspace.to_string())
    .bind(&row.name)
    .bind(hash)
    .bind(row.highest_role.as_str())
    .bind(row.created_at.unix_millis())
    .bind(row.expires_at.map(Timestamp::unix_millis))
    .bind(row.revoked_at.map(Timestamp::unix_millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// The token with a hash.
pub async fn scim_token_by_hash(
    connection: &mut Connection,
    hash: &str,
) -> Result<Option<ScimTokenRow>, StoreError> {
    let mut query = Statement::new(TOKEN);
    query.push("hash = ").push_bind(hash.to_owned());
    query.build().fetch_optional(connection).await?.as_ref().map(token_row).transpose()
}

/// The tokens of a workspace, or all of them, the oldest first.
pub async fn list_scim_tokens(
    connection: &mut Connection,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<ScimTokenRow>, StoreError> {
    let mut query = Statement::new(TOKEN);
    match workspace {
        Some(workspace) => query.push("workspace_id = ").push_bind(workspace.to_string()),
        None => query.push("1 = 1"),
    };
    query.push(" ORDER BY id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(token_row).collect()
}

/// One token, if there is such a one.
pub async fn scim_token(
    connection: &mut Connection,
    id: ScimTokenId,
) -> Result<Option<ScimTokenRow>, StoreError> {
    let mut query = Statement::new(TOKEN);
    query.push("id = ").push_bind(id.to_string());
    query.build().fetch_optional(connection).await?.as_ref().map(token_row).transpose()
}

/// Ends a token at once; one that was ended before stays so.
pub async fn revoke_scim_token(
    connection: &mut Connection,
    id: ScimTokenId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE scim_tokens SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
        .bind(at.unix_millis())
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Leaves a workspace's members to an identity provider, or back to its Admins. What each member may
/// do to the others changes with it, so all of them read anew.
pub async fn set_managed(
    connection: &mut Connection,
    workspace: WorkspaceId,
    managed: bool,
) -> Result<(), StoreError> {
    let done = sqlx::query("UPDATE workspaces SET managed = $1 WHERE id = $2 AND managed <> $1")
        .bind(i64::from(managed))
        .bind(workspace.to_string())
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() == 1 {
        sqlx::query("UPDATE users SET view_number = view_number + 1 WHERE workspace_id = $1")
            .bind(workspace.to_string())
            .execute(connection)
            .await?;
    }
    Ok(())
}
