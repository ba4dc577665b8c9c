use std::collections::BTreeMap;

use entente_domain::{Timestamp, UserId, WebhookEvent, WebhookId, WorkspaceId};
use sqlx::{Row as _, any::AnyRow};
use uuid::Uuid;

use crate::{
    Connection, Store, StoreError,
    read::Read,
    skip_locked,
    sql::{Statement, select_in},
};

/// Where a workspace has its events sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRow {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Where to.
    pub url: String,
    /// What it is told of.
    pub events: Vec<WebhookEvent>,
    /// Who added it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// The id of the key that seals its secret.
    pub key_id: String,
    /// What signs its events, sealed.
    pub sealed: String,
}

const SELECT: &str = "SELECT id, workspace_id, url, events, created_by, created_at, key_id, sealed \
     FROM webhooks WHERE ";

fn webhook_row(row: &AnyRow) -> Result<WebhookRow, StoreError> {
    let read = Read::new("webhooks", row)?;
    let events = |text: &str| text.split_whitespace().map(str::parse).collect();
    Ok(WebhookRow {
        id: read.parsed("id")?,
        workspace: read.parsed("workspace_id")?,
        url: read.text("url")?,
        events: read.checked("events", events)?,
        created_by: read.parsed("created_by")?,
        created_at: read.moment("created_at")?,
        key_id: read.text("key_id")?,
        sealed: read.text("sealed")?,
    })
}

/// Adds a webhook.
pub async fn insert_webhook(
    connection: &mut Connection,
    row: &WebhookRow,
) -> Result<(), StoreError> {
    let events: Vec<&str> = row.events.iter().map(|event| event.as_str()).collect();
    sqlx::query(
        "INSERT INTO webhooks (id, workspace_id, url, events, created_by, created_at, key_id, sealed) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(row.id.to_string())
    .bind(row.workspace.to_string())
    .bind(&row.url)
    .bind(events.join(" "))
    .bind(row.created_by.to_string())
    .bind(row.created_at.unix_millis())
    .bind(&row.key_id)
    .bind(&row.sealed)
    .execute(connection)
    .await?;
    Ok(())
}

/// The webhooks of some workspaces, by their ids.
pub async fn webhooks_of(
    connection: &mut Connection,
    workspaces: impl IntoIterator<Item = WorkspaceId>,
) -> Result<Vec<WebhookRow>, StoreError> {
    let workspaces = workspaces.into_iter().map(|id| id.to_string());
    let Some(mut query) = select_in(connection, SELECT, "workspace_id", workspaces) else {
        return Ok(Vec::new());
    };
    query.push(" ORDER BY id");
    query.build().fetch_all(connection).await?.iter().map(webhook_row).collect()
}

/// One webhook, if there is such a one.
pub async fn webhook(
    connection: &mut Connection,
    id: WebhookId,
) -> Result<Option<WebhookRow>, StoreError> {
    let mut query = Statement::new(SELECT);
    query.push("id = ").push_bind(id.to_string());
    query.build().fetch_optional(connection).await?.as_ref().map(webhook_row).transpose()
}

/// Ends a webhook, with what is on its way to it.
pub async fn delete_webhook(connection: &mut Connection, id: WebhookId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM webhook_deliveries WHERE webhook_id = $1")
        .bind(id.to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM webhooks WHERE id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// An event for one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery<'a> {
    /// Which webhook.
    pub webhook: WebhookId,
    /// The event's id: the same for all webhooks of a workspace.
    pub event_id: Uuid,
    /// What happened.
    pub event: WebhookEvent,
    /// What is sent.
    pub body: &'a str,
    /// When it happened.
    pub at: Timestamp,
}

/// Puts an event on its way, in the transaction of its cause.
pub async fn queue_delivery(
    connection: &mut Connection,
    new: &NewDelivery<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, body, created_at, \
         next_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(Uuid::now_v7().to_string())
    .bind(new.webhook.to_string())
    .bind(new.event_id.to_string())
    .bind(new.event.as_str())
    .bind(new.body)
    .bind(new.at.unix_millis())
    .bind(new.at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

/// The last try to deliver something to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedDelivery {
    /// The event's id.
    pub event_id: String,
    /// What happened.
    pub event: WebhookEvent,
    /// Where it stands: `waiting` or `sending` if it is to be tried again.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// The HTTP status.
    pub status: Option<i64>,
    /// Why it was not delivered.
    pub error: Option<String>,
    /// When.
    pub tried_at: Timestamp,
}

/// How it stands with the deliveries to a webhook.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFacts {
    /// How many are on their way.
    pub undelivered: i64,
    /// The last try.
    pub last: Option<TriedDelivery>,
}

/// How it stands with the deliveries to some webhooks.
pub async fn delivery_facts(
    connection: &mut Connection,
    ids: &[WebhookId],
) -> Result<BTreeMap<WebhookId, DeliveryFacts>, StoreError> {
    let mut facts = BTreeMap::new();
    for id in ids {
        let undelivered = sqlx::query_scalar(
            "SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = $1 \
             AND state IN ('waiting', 'sending')",
        )
        .bind(id.to_string())
        .fetch_one(&mut *connection)
        .await?;
        let row = sqlx::query(
            "SELECT id, event_id, event_type, state, attempts, status, error, tried_at \
             FROM webhook_deliveries WHERE webhook_id = $1 AND tried_at IS NOT NULL \
             ORDER BY tried_at DESC, id DESC LIMIT 1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?;
        let last = row.as_ref().map(tried).transpose()?;
        facts.insert(*id, DeliveryFacts { undelivered, last });
    }
    Ok(facts)
}

fn tried(row: &AnyRow) -> Result<TriedDelivery, StoreError> {
    let read = Read::new("webhook_deliveries", row)?;
    Ok(TriedDelivery {
        event_id: read.text("event_id")?,
        event: read.parsed("event_type")?,
        state: read.text("state")?,
        attempts: read.number("attempts")?,
        status: row.try_get("status")?,
        error: read.some_text("error")?,
        tried_at: read.moment("tried_at")?,
    })
}

/// How many deliveries there are in each state but delivered.
pub async fn deliveries_by_state(
    connection: &mut Connection,
) -> Result<Vec<(&'static str, i64)>, StoreError> {
    let mut counts = Vec::new();
    for state in ["waiting", "sending", "given_up"] {
        // The word stands in the statement, so that it can be counted in the index of its state.
        let mut query =
            Statement::new("SELECT COUNT(*) AS n FROM webhook_deliveries WHERE state = '");
        query.push(state).push("'");
        let row = query.build().fetch_one(&mut *connection).await?;
        counts.push((state, row.try_get("n")?));
    }
    Ok(counts)
}

/// Forgets deliveries that ended long ago; gives how many.
pub async fn forget_deliveries_before(
    connection: &mut Connection,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let mut forgotten = 0;
    for statement in [
        "DELETE FROM webhook_deliveries WHERE state = 'delivered' AND tried_at < $1",
        "DELETE FROM webhook_deliveries WHERE state = 'given_up' AND tried_at < $1",
    ] {
        let done = sqlx::query(statement).bind(at.unix_millis()).execute(&mut *connection).await?;
        forgotten += done.rows_affected();
    }
    Ok(forgotten)
}

/// Whether there is a delivery whose time has come.
pub async fn has_due_delivery(
    connection: &mut Connection,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let found = sqlx::query(
        "SELECT id FROM webhook_deliveries WHERE state = 'waiting' AND next_at <= $1 LIMIT 1",
    )
    .bind(at.unix_millis())
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// A delivery that a process has claimed: nobody else makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its id.
    pub id: String,
    /// Which webhook.
    pub webhook: WebhookId,
    /// The event's id.
    pub event_id: String,
    /// What happened.
    pub event: WebhookEvent,
    /// What is sent.
    pub body: String,
    /// How often it was begun, this one included.
    pub attempts: i64,
    /// Until when the process has it.
    pub until: Timestamp,
}

/// Claims are one statement each, and hold whatever the isolation: of two processes that want the same
/// row, one finds it changed.
impl Store {
    /// Takes the delivery whose turn it is, for as long as it may take; of no webhook that is busy.
    pub async fn claim_delivery(
        &self,
        busy: &[WebhookId],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<ClaimedDelivery>, StoreError> {
        let mut connection = self.alone().acquire().await?;
        let mut query = Statement::new(
            "UPDATE webhook_deliveries SET state = 'sending', attempts = attempts + 1, \
             claimed_until = ",
        );
        query.push_bind(until.unix_millis()).push(
            " WHERE state = 'waiting' AND id = (SELECT id FROM webhook_deliveries \
             WHERE state = 'waiting' AND next_at <= ",
        );
        query.push_bind(now.unix_millis());
        if !busy.is_empty() {
            let busy = busy.iter().map(|id| id.to_string());
            query.push(" AND webhook_id NOT IN (").push_list(busy).push(")");
        }
        query.push(" ORDER BY next_at, id LIMIT 1").push(skip_locked(&connection));
        query.push(") RETURNING id, webhook_id, event_id, event_type, body, attempts");
        let Some(row) = query.build().fetch_optional(&mut *connection).await? else {
            return Ok(None);
        };
        let read = Read::new("webhook_deliveries", &row)?;
        Ok(Some(ClaimedDelivery {
            id: read.text("id")?,
            webhook: read.parsed("webhook_id")?,
            event_id: read.text("event_id")?,
            event: read.parsed("event_type")?,
            body: read.text("body")?,
            attempts: read.number("attempts")?,
            until,
        }))
    }

    /// Notes that an event was delivered.
    pub async fn delivered(
        &self,
        delivery: &ClaimedDelivery,
        status: u16,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE webhook_deliveries SET state = 'delivered', claimed_until = NULL, \
             tried_at = $1, status = $2, error = NULL WHERE id = $3",
        )
        .bind(at.unix_millis())
        .bind(i64::from(status))
        .bind(&delivery.id)
        .execute(self.alone())
        .await?;
        Ok(())
    }

    /// Notes that an event was not delivered, and when to try again; none gives it up.
    pub async fn not_delivered(
        &self,
        delivery: &ClaimedDelivery,
        status: Option<u16>,
        error: &str,
        next_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE webhook_deliveries SET state = $1, next_at = $2, claimed_until = NULL, \
             tried_at = $3, status = $4, error = $5 \
             WHERE id = $6 AND state = 'sending' AND claimed_until = $7",
        )
        .bind(if next_at.is_some() { "waiting" } else { "given_up" })
        .bind(next_at.unwrap_or(at).unix_millis())
        .bind(at.unix_millis())
        .bind(status.map(i64::from))
        .bind(error)
        .bind(&delivery.id)
        .bind(delivery.until.unix_millis())
        .execute(self.alone())
        .await?;
        Ok(())
    }

    /// Frees deliveries whose process did not come back in time: they are made again, or given up if
    /// they were begun as often as that.
    pub async fn free_deliveries(&self, most: i64, now: Timestamp) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "UPDATE webhook_deliveries SET \
             state = CASE WHEN attempts >= $1 THEN 'given_up' ELSE 'waiting' END, \
             claimed_until = NULL, tried_at = $2, status = NULL, \
             error = 'The server ended while it sent this.' \
             WHERE state = 'sending' AND claimed_until <= $3",
        )
        .bind(most)
        .bind(now.unix_millis())
        .bind(now.unix_millis())
        .execute(self.alone())
        .await?;
        Ok(done.rows_affected())
    }
}
