//! The part of the Activity Log that was read: the newest entries without a gap, and what a person
//! looked at beyond them.

use entente_domain::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow};

use crate::{ActivityRecord, CacheError};

/// The part of the schema that is here.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE activities (
        id TEXT PRIMARY KEY,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,
        application TEXT,
        account_id TEXT,
        partnership_id TEXT,
        user_id TEXT,
        subject_id TEXT,
        doc TEXT NOT NULL
    );
    CREATE INDEX activities_by_time ON activities (at, id);
    CREATE INDEX activities_by_account ON activities (account_id, at, id);
    CREATE INDEX activities_by_partnership ON activities (partnership_id, at, id);
";

/// What the Activity Log is narrowed to, and which part of it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityQuery {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// Only of this app.
    pub application: Option<String>,
    /// Only of this account.
    pub account: Option<String>,
    /// Only of this partnership.
    pub partnership: Option<String>,
    /// Only by or to this user.
    pub user: Option<String>,
    /// Only this event.
    pub event: Option<String>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// What the Activity Log can be narrowed to: what its entries that were read are about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityChoices {
    /// The apps, by name.
    pub applications: Vec<String>,
    /// The accounts, each as it was called last: id, app, label.
    pub accounts: Vec<(String, String, String)>,
    /// Who did something, and to whom it was done: id and name.
    pub users: Vec<(String, String)>,
}

/// Keeps an entry: entries never change.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    record: &ActivityRecord,
) -> Result<bool, CacheError> {
    let id = |id: Option<&dyn ToString>| id.map(ToString::to_string);
    let done = sqlx::query(
        "INSERT INTO activities (id, at, event, application, account_id, partnership_id, user_id, \
         subject_id, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(&record.id)
    .bind(record.at.unix_millis())
    .bind(&record.event)
    .bind(&record.application)
    .bind(id(record.account.as_ref().map(|id| id as &dyn ToString)))
    .bind(id(record.partnership.as_ref().map(|id| id as &dyn ToString)))
    .bind(record.user.as_ref().map(|user| user.id.to_string()))
    .bind(record.subject.as_ref().map(|user| user.id.to_string()))
    .bind(serde_json::to_string(record)?)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

fn narrow(select: &mut QueryBuilder<Sqlite>, query: &ActivityQuery) {
    select.push(" FROM activities WHERE 1 = 1");
    if let Some(from) = query.from {
        select.push(" AND at >= ").push_bind(from.unix_millis());
    }
    if let Some(to) = query.to {
        select.push(" AND at < ").push_bind(to.unix_millis());
    }
    for (column, value) in [
        (" AND application = ", &query.application),
        (" AND account_id = ", &query.account),
        (" AND partnership_id = ", &query.partnership),
        (" AND event = ", &query.event),
    ] {
        if let Some(value) = value {
            select.push(column).push_bind(value.clone());
        }
    }
    if let Some(user) = &query.user {
        select.push(" AND (user_id = ").push_bind(user.clone());
        select.push(" OR subject_id = ").push_bind(user.clone()).push(")");
    }
}

/// What the log can be narrowed to, at most `most` of each.
pub(crate) async fn choices(pool: &SqlitePool, most: u32) -> Result<ActivityChoices, CacheError> {
    // SQLite takes the other columns from the row that has the greatest time.
    let applications = "SELECT DISTINCT application FROM activities WHERE application IS NOT NULL \
         ORDER BY application LIMIT $1";
    let accounts = "SELECT account_id, application, label FROM ( \
         SELECT account_id, application, doc ->> '$.account_label' AS label, MAX(at) \
         FROM activities WHERE account_id IS NOT NULL GROUP BY account_id) \
         WHERE application IS NOT NULL AND label IS NOT NULL \
         ORDER BY application, label, account_id LIMIT $1";
    let users = "SELECT id, name FROM (SELECT id, name, MAX(at) FROM ( \
         SELECT user_id AS id, doc ->> '$.user.name' AS name, at FROM activities \
         UNION ALL SELECT subject_id, doc ->> '$.subject.name', at FROM activities) \
         WHERE id IS NOT NULL GROUP BY id) ORDER BY name, id LIMIT $1";
    Ok(ActivityChoices {
        applications: sqlx::query_scalar(applications).bind(most).fetch_all(pool).await?,
        accounts: sqlx::query_as(accounts).bind(most).fetch_all(pool).await?,
        users: sqlx::query_as(users).bind(most).fetch_all(pool).await?,
    })
}

/// How many entries there are under a query.
pub(crate) async fn count(pool: &SqlitePool, query: &ActivityQuery) -> Result<u32, CacheError> {
    let mut count = QueryBuilder::new("SELECT COUNT(*)");
    narrow(&mut count, query);
    Ok(count.build_query_scalar().fetch_one(pool).await?)
}

/// A part of the log, the newest first.
pub(crate) async fn list(
    pool: &SqlitePool,
    query: &ActivityQuery,
) -> Result<Vec<ActivityRecord>, CacheError> {
    let mut select = QueryBuilder::new("SELECT doc");
    narrow(&mut select, query);
    select.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(query.limit);
    select.push(" OFFSET ").push_bind(query.offset);
    let rows = select.build().fetch_all(pool).await?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<ActivityRecord, CacheError> {
    let doc: &str = row.try_get("doc")?;
    Ok(serde_json::from_str(doc)?)
}

/// How many entries there are in each stretch of time, for a chart: `(begin, count)`, the oldest
/// first; stretches without any are left out.
pub(crate) async fn series(
    pool: &SqlitePool,
    query: &ActivityQuery,
    from: Timestamp,
    stretch: i64,
) -> Result<Vec<(Timestamp, u32)>, CacheError> {
    let mut select = QueryBuilder::new("SELECT (at - ");
    select.push_bind(from.unix_millis()).push(") / ").push_bind(stretch);
    select.push(" AS stretch, COUNT(*) AS n");
    narrow(&mut select, query);
    select.push(" GROUP BY stretch ORDER BY stretch");
    let rows = select.build().fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let number: i64 = row.try_get("stretch")?;
            let begin = from.unix_millis().saturating_add(number.saturating_mul(stretch));
            let begin = Timestamp::from_unix_millis(begin).unwrap_or(from);
            Ok((begin, row.try_get("n")?))
        })
        .collect()
}
