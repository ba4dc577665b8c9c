use entente_domain::Timestamp;
use sqlx::{Row as _, any::AnyRow};
use uuid::Uuid;

use crate::{Connection, StoreError};

/// A mail to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub recipient: String,
    /// Its subject, on one line.
    pub subject: String,
    /// Its plain text.
    pub text_body: String,
    /// The same as HTML.
    pub html_body: String,
}

// What a mail says, and to whom, stays out of logs.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// A mail in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id; also its `Message-ID`, so that a second send can be told from a first.
    pub id: String,
    /// The mail.
    pub mail: Mail,
    /// How often sending it failed.
    pub attempts: i64,
}

/// Puts a mail into the outbox, in the transaction of its cause; at most one for each cause and
/// recipient.
pub async fn queue_mail(
    connection: &mut Connection,
    cause: &str,
    mail: &Mail,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (id, cause, recipient, subject, text_body, html_body, created_at, next_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (cause, recipient) DO NOTHING",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(cause)
    .bind(&mail.recipient)
    .bind(&mail.subject)
    .bind(&mail.text_body)
    .bind(&mail.html_body)
    .bind(at.unix_millis())
    .bind(at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

fn outbox_row(row: &AnyRow) -> Result<OutboxMail, StoreError> {
    Ok(OutboxMail {
        id: row.try_get("id")?,
        mail: Mail {
            recipient: row.try_get("recipient")?,
            subject: row.try_get("subject")?,
            text_body: row.try_get("text_body")?,
            html_body: row.try_get("html_body")?,
        },
        attempts: row.try_get("attempts")?,
    })
}

/// Mails whose time has come, oldest first.
pub async fn due_mails(
    connection: &mut Connection,
    at: Timestamp,
    most: i64,
) -> Result<Vec<OutboxMail>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, recipient, subject, text_body, html_body, attempts FROM outbox \
         WHERE sent_at IS NULL AND next_at <= $1 ORDER BY next_at, id LIMIT $2",
    )
    .bind(at.unix_millis())
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.iter().map(outbox_row).collect()
}

/// How many mails were not sent yet.
pub async fn unsent_mails(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE sent_at IS NULL")
        .fetch_one(connection)
        .await?)
}

/// Notes that a mail was sent.
pub async fn mark_sent(
    connection: &mut Connection,
    id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET sent_at = $1 WHERE id = $2")
        .bind(at.unix_millis())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that sending failed, and when to try again.
pub async fn postpone(
    connection: &mut Connection,
    id: &str,
    next_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET attempts = attempts + 1, next_at = $1 WHERE id = $2")
        .bind(next_at.unix_millis())
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}
