use entente_domain::{Timestamp, UserId};
use sqlx::Row as _;

use crate::{Connection, StoreError};

/// The answer that a request with an idempotency key got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The hash of method, path and body.
    pub request_hash: String,
    /// The HTTP status.
    pub status: u16,
    /// The `ETag`.
    pub etag: Option<String>,
    /// The body; sealed if `key_id` is there.
    pub body: String,
    /// The id of the key that the body is sealed under; none if it is kept as it is.
    pub key_id: Option<String>,
}

/// The answer that was given to a user's key before.
pub async fn load_answer(
    connection: &mut Connection,
    user: UserId,
    key: &str,
) -> Result<Option<StoredAnswer>, StoreError> {
    let row = sqlx::query(
        "SELECT request_hash, status, etag, body, key_id FROM idempotent_answers \
         WHERE user_id = $1 AND idempotency_key = $2",
    )
    .bind(user.to_string())
    .bind(key)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let status: i64 = row.try_get("status")?;
    Ok(Some(StoredAnswer {
        request_hash: row.try_get("request_hash")?,
        status: u16::try_from(status)
            .map_err(|why| StoreError::inconsistent("idempotent_answers", key)(&why))?,
        etag: row.try_get("etag")?,
        body: row.try_get("body")?,
        key_id: row.try_get("key_id")?,
    }))
}

/// Keeps an answer, in the transaction of its effect.
pub async fn save_answer(
    connection: &mut Connection,
    user: UserId,
    key: &str,
    answer: &StoredAnswer,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO idempotent_answers (user_id, idempotency_key, request_hash, status, etag, body, \
         key_id, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(user.to_string())
    .bind(key)
    .bind(&answer.request_hash)
    .bind(i64::from(answer.status))
    .bind(&answer.etag)
    .bind(&answer.body)
    .bind(&answer.key_id)
    .bind(at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets old answers; gives how many.
pub async fn forget_answers_before(
    connection: &mut Connection,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM idempotent_answers WHERE at < $1")
        .bind(at.unix_millis())
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
