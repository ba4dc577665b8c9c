use entente_domain::{ApiKeyId, SessionId, Timestamp, UserId};
use sqlx::any::AnyRow;

use crate::{Connection, StoreError, UserRow, people::user_row, read::Read, sql::select_in};

/// An API key; its secret is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The session that made it, for an access token.
    pub session: Option<SessionId>,
}

/// Adds a key.
pub async fn insert_key(
    connection: &mut Connection,
    row: &KeyRow,
    hash: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_keys (id, user_id, name, hash, scopes, created_at, expires_at, revoked_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.id.to_string())
    .bind(row.user.to_string())
    .bind(&row.name)
    .bind(hash)
    .bind(row.scopes.join(" "))
    .bind(row.created_at.unix_millis())
    .bind(row.expires_at.map(Timestamp::unix_millis))
    .bind(row.revoked_at.map(Timestamp::unix_millis))
    .execute(connection)
    .await?;
    Ok(())
}

const KEY: &str = "SELECT id, user_id, name, scopes, created_at, expires_at, revoked_at, session_id \
     FROM api_keys WHERE ";

fn key_row(row: &AnyRow) -> Result<KeyRow, StoreError> {
    let read = Read::new("api_keys", row)?;
    Ok(KeyRow {
        id: read.parsed("id")?,
        user: read.parsed("user_id")?,
        name: read.text("name")?,
        scopes: read.text("scopes")?.split_whitespace().map(str::to_owned).collect(),
        created_at: read.moment("created_at")?,
        expires_at: read.some_moment("expires_at")?,
        revoked_at: read.some_moment("revoked_at")?,
        session: read.some_parsed("session_id")?,
    })
}

/// The key with a hash, and its user.
pub async fn key_by_hash(
    connection: &mut Connection,
    hash: &str,
) -> Result<Option<(KeyRow, UserRow)>, StoreError> {
    let row = sqlx::query(
        "SELECT k.id AS key_id, k.name AS key_name, k.scopes, k.created_at AS key_created_at, \
         k.expires_at, k.revoked_at, k.session_id, \
         u.id, u.workspace_id, u.email, u.name, u.role, u.status, u.created_at, u.updated_at, \
         u.view_number, u.version \
         FROM api_keys k JOIN users u ON u.id = k.user_id WHERE k.hash = $1",
    )
    .bind(hash)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let user = user_row(&row)?;
    let read = Read::new("api_keys", &row)?;
    let key = KeyRow {
        id: read.parsed("key_id")?,
        user: user.id,
        name: read.text("key_name")?,
        scopes: read.text("scopes")?.split_whitespace().map(str::to_owned).collect(),
        created_at: read.moment("key_created_at")?,
        expires_at: read.some_moment("expires_at")?,
        revoked_at: read.some_moment("revoked_at")?,
        session: read.some_parsed("session_id")?,
    };
    Ok(Some((key, user)))
}

/// Some users' keys that were not revoked, the oldest first; not the access tokens of their sessions.
pub async fn keys_of(
    connection: &mut Connection,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Vec<KeyRow>, StoreError> {
    let users = users.into_iter().map(|id| id.to_string());
    let Some(mut query) = select_in(connection, KEY, "user_id", users) else {
        return Ok(Vec::new());
    };
    query.push(" AND revoked_at IS NULL AND session_id IS NULL ORDER BY id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(key_row).collect()
}

/// Ends all keys of a user at once.
pub async fn revoke_keys_of(
    connection: &mut Connection,
    user: UserId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE user_id = $2 AND revoked_at IS NULL")
        .bind(at.unix_millis())
        .bind(user.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends a key at once; false if there is none or it was ended before.
pub async fn revoke_key(
    connection: &mut Connection,
    id: ApiKeyId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL")
            .bind(at.unix_millis())
            .bind(id.to_string())
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}
