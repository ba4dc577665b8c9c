use std::{fmt, str::FromStr};

use entente_domain::Timestamp;
use sqlx::{Row as _, any::AnyRow};
use uuid::Uuid;

use crate::{Connection, Store, StoreError, read::Read, skip_locked, sql::Statement};

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
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MailState {
    /// Its turn comes.
    Waiting,
    /// One worker sends it.
    Sending,
    /// The mail server took it.
    Sent,
    /// The mail server refused it for good.
    Failed,
    /// Whether the mail server took it is not known: the worker ended before it heard. It is not sent
    /// again by itself, so that nobody gets it twice.
    Unconfirmed,
}

impl MailState {
    /// All of them, in order.
    pub const ALL: &'static [Self] =
        &[Self::Waiting, Self::Sending, Self::Sent, Self::Failed, Self::Unconfirmed];

    /// The word that database and metrics use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for MailState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for MailState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|state| state.as_str() == text);
        found.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|state| state.as_str()).collect();
            format!("a mail is {}", all.join(", "))
        })
    }
}

/// A mail that a worker has claimed: nobody else sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// Its id; also its `Message-ID`, so that a second send can be told from a first.
    pub id: String,
    /// The mail.
    pub mail: Mail,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// How often sending it failed.
    pub attempts: i64,
    /// Until when the worker has it.
    pub until: Timestamp,
}

/// A mail as whoever runs the server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its id.
    pub id: String,
    /// What it tells of.
    pub cause: String,
    /// To whom.
    pub recipient: String,
    /// Where it stands.
    pub state: MailState,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
    /// How often sending it failed.
    pub attempts: i64,
    /// Why it was not sent, as the mail server said it.
    pub last_error: Option<String>,
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

/// Whether there is a mail whose time has come.
pub async fn has_due_mail(connection: &mut Connection, at: Timestamp) -> Result<bool, StoreError> {
    let found =
        sqlx::query("SELECT id FROM outbox WHERE state = 'waiting' AND next_at <= $1 LIMIT 1")
            .bind(at.unix_millis())
            .fetch_optional(connection)
            .await?;
    Ok(found.is_some())
}

/// How many mails there are in each state but sent.
pub async fn mails_by_state(
    connection: &mut Connection,
) -> Result<Vec<(MailState, i64)>, StoreError> {
    let mut counts = Vec::new();
    for state in MailState::ALL.iter().copied().filter(|state| *state != MailState::Sent) {
        // The word stands in the statement, so that it can be counted in the index of its state.
        let mut query = Statement::new("SELECT COUNT(*) AS n FROM outbox WHERE state = '");
        query.push(state).push("'");
        let row = query.build().fetch_one(&mut *connection).await?;
        counts.push((state, row.try_get("n")?));
    }
    Ok(counts)
}

/// Mails in some states, oldest first.
pub async fn list_mails(
    connection: &mut Connection,
    states: &[MailState],
) -> Result<Vec<OutboxRow>, StoreError> {
    let mut query = Statement::new(
        "SELECT id, cause, recipient, state, created_at, attempts, last_error FROM outbox \
         WHERE state IN (",
    );
    query.push_list(states.iter().map(|state| state.as_str())).push(") ORDER BY id");
    let rows =
        if states.is_empty() { Vec::new() } else { query.build().fetch_all(connection).await? };
    let row = |row: &AnyRow| {
        let read = Read::new("outbox", row)?;
        Ok(OutboxRow {
            id: read.text("id")?,
            cause: read.text("cause")?,
            recipient: read.text("recipient")?,
            state: read.parsed("state")?,
            created_at: read.moment("created_at")?,
            attempts: read.number("attempts")?,
            last_error: read.some_text("last_error")?,
        })
    };
    rows.iter().map(row).collect()
}

/// Forgets mails that were sent long ago; gives how many.
pub async fn forget_mails_before(
    connection: &mut Connection,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM outbox WHERE state = 'sent' AND sent_at < $1")
        .bind(at.unix_millis())
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

/// Claims are one statement each, and hold whatever the isolation: of two workers that want the same
/// row, one finds it changed.
impl Store {
    /// Takes the mail whose turn it is, for as long as sending it may take.
    pub async fn claim_mail(
        &self,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedMail>, StoreError> {
        let mut connection = self.alone().acquire().await?;
        let mut query = Statement::new("UPDATE outbox SET state = 'sending', claimed_until = ");
        query.push_bind(until.unix_millis()).push(
            " WHERE state = 'waiting' AND id = (SELECT id FROM outbox WHERE state = 'waiting' \
             AND next_at <= ",
        );
        query.push_bind(now.unix_millis()).push(" ORDER BY next_at, id LIMIT 1");
        query
            .push(skip_locked(&connection))
            .push(") RETURNING id, recipient, subject, text_body, html_body, created_at, attempts");
        let claim = query.build();
        let Some(row) = claim.fetch_optional(&mut *connection).await? else { return Ok(None) };
        let read = Read::new("outbox", &row)?;
        Ok(Some(ClaimedMail {
            id: read.text("id")?,
            mail: Mail {
                recipient: read.text("recipient")?,
                subject: read.text("subject")?,
                text_body: read.text("text_body")?,
                html_body: read.text("html_body")?,
            },
            created_at: read.moment("created_at")?,
            attempts: read.number("attempts")?,
            until,
        }))
    }

    /// Notes that a mail was sent, even if that became known too late for the claim.
    pub async fn mail_sent(&self, mail: &ClaimedMail, at: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = 'sent', sent_at = $1, claimed_until = NULL, \
             last_error = NULL WHERE id = $2",
        )
        .bind(at.unix_millis())
        .bind(&mail.id)
        .execute(self.alone())
        .await?;
        Ok(())
    }

    /// Notes that a mail was not sent, and when it is its turn again.
    pub async fn mail_postponed(
        &self,
        mail: &ClaimedMail,
        next_at: Timestamp,
        attempts: i64,
        why: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = 'waiting', next_at = $1, attempts = $2, last_error = $3, \
             claimed_until = NULL WHERE id = $4 AND state = 'sending' AND claimed_until = $5",
        )
        .bind(next_at.unix_millis())
        .bind(attempts)
        .bind(why)
        .bind(&mail.id)
        .bind(mail.until.unix_millis())
        .execute(self.alone())
        .await?;
        Ok(())
    }

    /// Notes that a mail will not be sent: refused for good, or nobody knows.
    pub async fn mail_ended(
        &self,
        mail: &ClaimedMail,
        state: MailState,
        why: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE outbox SET state = $1, attempts = attempts + 1, last_error = $2, \
             claimed_until = NULL WHERE id = $3 AND state = 'sending' AND claimed_until = $4",
        )
        .bind(state.as_str())
        .bind(why)
        .bind(&mail.id)
        .bind(mail.until.unix_millis())
        .execute(self.alone())
        .await?;
        Ok(())
    }

    /// Takes note of mails whose worker did not come back in time; gives their ids.
    pub async fn mails_left_unconfirmed(&self, now: Timestamp) -> Result<Vec<String>, StoreError> {
        let ids = sqlx::query_scalar(
            "UPDATE outbox SET state = 'unconfirmed', claimed_until = NULL, \
             last_error = 'the server ended while it sent this mail' \
             WHERE state = 'sending' AND claimed_until <= $1 RETURNING id",
        )
        .bind(now.unix_millis())
        .fetch_all(self.alone())
        .await?;
        Ok(ids)
    }

    /// Sends a mail that failed, or that nobody knows of, once more; false if there is no such mail.
    pub async fn resend_mail(&self, id: &str, now: Timestamp) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE outbox SET state = 'waiting', attempts = 0, next_at = $1 \
             WHERE id = $2 AND state IN ('failed', 'unconfirmed')",
        )
        .bind(now.unix_millis())
        .bind(id)
        .execute(self.alone())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
