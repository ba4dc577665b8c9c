//! Sessions that single sign-on began, and the access tokens they made.

use std::time::Duration;

use entente_domain::{ApiKeyId, SessionId, Timestamp, UserId, WorkspaceId};
use sqlx::any::AnyRow;

use crate::{Connection, StoreError, read::Read, sql::Statement};

/// How long an access token that has expired is told from one that never was.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

/// A text that the server sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedText {
    /// The id of the key that sealed it.
    pub key_id: String,
    /// The sealed bytes, as text.
    pub sealed: String,
}

impl SealedText {
    pub(crate) fn read(read: &Read<'_>) -> Result<Option<Self>, StoreError> {
        let (key_id, sealed) = (read.some_text("key_id")?, read.some_text("sealed")?);
        Ok(key_id.zip(sealed).map(|(key_id, sealed)| Self { key_id, sealed }))
    }

    pub(crate) fn columns(text: Option<&Self>) -> (Option<&str>, Option<&str>) {
        (text.map(|text| text.key_id.as_str()), text.map(|text| text.sealed.as_str()))
    }
}

/// A session; its tokens are not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The hash of what its refresh tokens share.
    pub family_hash: String,
    /// The hash of the refresh token that is good now.
    pub refresh_hash: String,
    /// The hash of the one before.
    pub previous_hash: Option<String>,
    /// The hash of the idempotency key of the request that took the one before.
    pub repeat_hash: Option<String>,
    /// When its refresh token was last taken for another, or made.
    pub rotated_at: Timestamp,
    /// When it ends unless it is refreshed.
    pub expires_at: Timestamp,
    /// Until when a refresh that is under way has it to itself.
    pub claimed_until: Option<Timestamp>,
    /// The provider's refresh token.
    pub provider_token: Option<SealedText>,
    /// When the provider last knew the user.
    pub confirmed_at: Timestamp,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was ended.
    pub ended_at: Option<Timestamp>,
    /// Counts its changes from 1.
    pub version: i64,
}

/// An access token of a session; the token itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRow {
    /// Its id among API keys.
    pub id: ApiKeyId,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Its hash.
    pub hash: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

const SESSION: &str = "SELECT id, user_id, family_hash, refresh_hash, previous_hash, repeat_hash, \
     rotated_at, expires_at, claimed_until, key_id, sealed, confirmed_at, created_at, ended_at, \
     version FROM sessions WHERE ";

fn session_row(row: &AnyRow) -> Result<SessionRow, StoreError> {
    let read = Read::new("sessions", row)?;
    Ok(SessionRow {
        id: read.parsed("id")?,
        user: read.parsed("user_id")?,
        family_hash: read.text("family_hash")?,
        refresh_hash: read.text("refresh_hash")?,
        previous_hash: read.some_text("previous_hash")?,
        repeat_hash: read.some_text("repeat_hash")?,
        rotated_at: read.moment("rotated_at")?,
        expires_at: read.moment("expires_at")?,
        claimed_until: read.some_moment("claimed_until")?,
        provider_token: SealedText::read(&read)?,
        confirmed_at: read.moment("confirmed_at")?,
        created_at: read.moment("created_at")?,
        ended_at: read.some_moment("ended_at")?,
        version: read.number("version")?,
    })
}

/// Adds a session with its first access token.
pub async fn insert_session(
    connection: &mut Connection,
    row: &SessionRow,
    access: &AccessRow,
) -> Result<(), StoreError> {
    let (key_id, sealed) = SealedText::columns(row.provider_token.as_ref());
    sqlx::query(
        "INSERT INTO sessions (id, user_id, family_hash, refresh_hash, rotated_at, expires_at, \
         key_id, sealed, confirmed_at, created_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(row.id.to_string())
    .bind(row.user.to_string())
    .bind(&row.family_hash)
    .bind(&row.refresh_hash)
    .bind(row.rotated_at.unix_millis())
    .bind(row.expires_at.unix_millis())
    .bind(key_id)
    .bind(sealed)
    .bind(row.confirmed_at.unix_millis())
    .bind(row.created_at.unix_millis())
    .bind(row.version)
    .execute(&mut *connection)
    .await?;
    insert_access(connection, row, access).await
}

/// Saves what a refresh changed, unless somebody else changed the session meanwhile, and its new
/// access token, if there is one; false if somebody did.
pub async fn update_session(
    connection: &mut Connection,
    before: &SessionRow,
    after: &SessionRow,
    access: Option<&AccessRow>,
) -> Result<bool, StoreError> {
    let (key_id, sealed) = SealedText::columns(after.provider_token.as_ref());
    let done = sqlx::query(
        "UPDATE sessions SET refresh_hash = $1, previous_hash = $2, repeat_hash = $3, \
         rotated_at = $4, expires_at = $5, claimed_until = $6, key_id = $7, sealed = $8, \
         confirmed_at = $9, version = version + 1 \
         WHERE id = $10 AND version = $11 AND ended_at IS NULL",
    )
    .bind(&after.refresh_hash)
    .bind(&after.previous_hash)
    .bind(&after.repeat_hash)
    .bind(after.rotated_at.unix_millis())
    .bind(after.expires_at.unix_millis())
    .bind(after.claimed_until.map(Timestamp::unix_millis))
    .bind(key_id)
    .bind(sealed)
    .bind(after.confirmed_at.unix_millis())
    .bind(before.id.to_string())
    .bind(before.version)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() != 1 {
        return Ok(false);
    }
    if let Some(access) = access {
        // Its access tokens whose time has long been over make room for the new one. The last ones are
        // still known for what they are: requests that were sent with them may be on their way.
        sqlx::query("DELETE FROM api_keys WHERE session_id = $1 AND expires_at <= $2")
            .bind(after.id.to_string())
            .bind(after.rotated_at.before(KNOWN).unix_millis())
            .execute(&mut *connection)
            .await?;
        insert_access(connection, after, access).await?;
    }
    Ok(true)
}

async fn insert_access(
    connection: &mut Connection,
    session: &SessionRow,
    access: &AccessRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO api_keys (id, user_id, name, hash, scopes, created_at, expires_at, session_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(access.id.to_string())
    .bind(session.user.to_string())
    .bind("Single sign-on")
    .bind(&access.hash)
    .bind(access.scopes.join(" "))
    .bind(session.rotated_at.unix_millis())
    .bind(access.expires_at.unix_millis())
    .bind(session.id.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// The session whose refresh tokens share what has a hash.
pub async fn session_by_family(
    connection: &mut Connection,
    family_hash: &str,
) -> Result<Option<SessionRow>, StoreError> {
    let mut query = Statement::new(SESSION);
    query.push("family_hash = ").push_bind(family_hash.to_owned());
    query.build().fetch_optional(connection).await?.as_ref().map(session_row).transpose()
}

/// The session that made an access token with a hash.
pub async fn session_by_access(
    connection: &mut Connection,
    hash: &str,
) -> Result<Option<SessionRow>, StoreError> {
    let mut query = Statement::new(SESSION);
    query.push("id = (SELECT session_id FROM api_keys WHERE hash = ");
    query.push_bind(hash.to_owned()).push(")");
    query.build().fetch_optional(connection).await?.as_ref().map(session_row).transpose()
}

/// Ends a session and its access tokens at once; false if it was ended before.
pub async fn end_session(
    connection: &mut Connection,
    id: SessionId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    end(connection, "id = $2", &id.to_string(), at).await.map(|ended| ended == 1)
}

/// Ends all sessions of a user at once; gives how many.
pub async fn end_sessions_of(
    connection: &mut Connection,
    user: UserId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    end(connection, "user_id = $2", &user.to_string(), at).await
}

/// Ends all sessions of a workspace's users at once; gives how many.
pub async fn end_sessions_in(
    connection: &mut Connection,
    workspace: WorkspaceId,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let whose = "user_id IN (SELECT id FROM users WHERE workspace_id = $2)";
    end(connection, whose, &workspace.to_string(), at).await
}

/// What the provider gave is forgotten with the session.
async fn end(
    connection: &mut Connection,
    whose: &'static str,
    id: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut keys = Statement::new("UPDATE api_keys SET revoked_at = $1 ");
    keys.push("WHERE revoked_at IS NULL AND session_id IN (SELECT id FROM sessions WHERE ");
    keys.push(whose).push(")");
    keys.build().bind(at.unix_millis()).bind(id).execute(&mut *connection).await?;
    let mut sessions = Statement::new("UPDATE sessions SET ended_at = $1, ");
    sessions.push("key_id = NULL, sealed = NULL, version = version + 1 ");
    sessions.push("WHERE ended_at IS NULL AND ").push(whose);
    let done = sessions.build().bind(at.unix_millis()).bind(id).execute(connection).await?;
    Ok(done.rows_affected())
}

/// Forgets sessions that were over for so long, and their access tokens; gives how many.
pub async fn forget_sessions(
    connection: &mut Connection,
    over_for: Duration,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let before = now.before(over_for).unix_millis();
    sqlx::query(
        "DELETE FROM api_keys WHERE session_id IN \
         (SELECT id FROM sessions WHERE expires_at < $1 OR ended_at < $2)",
    )
    .bind(before)
    .bind(before)
    .execute(&mut *connection)
    .await?;
    let done = sqlx::query("DELETE FROM sessions WHERE expires_at < $1 OR ended_at < $2")
        .bind(before)
        .bind(before)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
