//! What the cache keeps beside partnerships: accounts, who has which role on them, which are shared,
//! what is asked for, and the members of the workspace.

use entente_domain::{PartnershipId, Timestamp};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, CacheError, MemberRecord,
    PartnershipRecord, SharedAccountRecord,
    search::{fts_query, push_words, words},
};

/// The part of the schema that is here.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE resources (
        rowid INTEGER PRIMARY KEY,
        kind TEXT NOT NULL,
        id TEXT NOT NULL,
        account_id TEXT,
        partnership_id TEXT,
        user_id TEXT,
        facet TEXT NOT NULL,
        sort_key TEXT NOT NULL,
        search_key TEXT NOT NULL,
        awaits_me INTEGER NOT NULL,
        awaiting_since INTEGER,
        version INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        doc TEXT NOT NULL,
        UNIQUE (kind, id)
    );
    CREATE INDEX resources_by_name ON resources (kind, sort_key, id);
    CREATE INDEX resources_by_account ON resources (kind, account_id, sort_key, id);
    CREATE INDEX resources_by_partnership ON resources (kind, partnership_id, sort_key, id);
    CREATE INDEX resources_awaiting_me ON resources (awaiting_since, id) WHERE awaits_me = 1;
    CREATE VIRTUAL TABLE resource_texts USING fts5 (
        text, tokenize = 'trigram', detail = 'none', content = '', contentless_delete = 1
    );
";

/// What kind of thing a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// See [`PartnershipRecord`].
    Partnership,
    /// See [`AccountRecord`].
    Account,
    /// See [`SharedAccountRecord`].
    SharedAccount,
    /// See [`AccountUserRecord`].
    AccountUser,
    /// See [`AccessRequestRecord`].
    AccessRequest,
    /// See [`MemberRecord`].
    Member,
}

impl RecordKind {
    /// A word for it: `shared_account`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Partnership => "partnership",
            Self::Account => "account",
            Self::SharedAccount => "shared_account",
            Self::AccountUser => "account_user",
            Self::AccessRequest => "access_request",
            Self::Member => "member",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        [Self::Account, Self::SharedAccount, Self::AccountUser, Self::AccessRequest, Self::Member]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// Names a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// Of which kind.
    pub kind: RecordKind,
    /// Its id.
    pub id: String,
}

impl RecordKey {
    /// Names a partnership.
    #[must_use]
    pub fn partnership(id: PartnershipId) -> Self {
        Self { kind: RecordKind::Partnership, id: id.to_string() }
    }
}

/// Whatever the cache keeps of what the server told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A partnership.
    Partnership(Box<PartnershipRecord>),
    /// An account.
    Account(Box<AccountRecord>),
    /// An account shared through a partnership.
    SharedAccount(Box<SharedAccountRecord>),
    /// Somebody's role on an account.
    AccountUser(Box<AccountUserRecord>),
    /// A request for access.
    AccessRequest(Box<AccessRequestRecord>),
    /// A member of the workspace.
    Member(Box<MemberRecord>),
}

impl Record {
    /// What it is, and its id.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        let (kind, id) = match self {
            Self::Partnership(record) => (RecordKind::Partnership, record.id.to_string()),
            Self::Account(record) => (RecordKind::Account, record.id.to_string()),
            Self::SharedAccount(record) => (RecordKind::SharedAccount, record.id.to_string()),
            Self::AccountUser(record) => (RecordKind::AccountUser, record.id.to_string()),
            Self::AccessRequest(record) => (RecordKind::AccessRequest, record.id.to_string()),
            Self::Member(record) => (RecordKind::Member, record.id.to_string()),
        };
        RecordKey { kind, id }
    }

    /// The partnership, if it is one.
    #[must_use]
    pub fn as_partnership(&self) -> Option<&PartnershipRecord> {
        match self {
            Self::Partnership(record) => Some(record),
            Self::Account(_)
            | Self::SharedAccount(_)
            | Self::AccountUser(_)
            | Self::AccessRequest(_)
            | Self::Member(_) => None,
        }
    }

    /// The access request, if it is one.
    #[must_use]
    pub fn as_access_request(&self) -> Option<&AccessRequestRecord> {
        match self {
            Self::AccessRequest(record) => Some(record),
            Self::Partnership(_)
            | Self::Account(_)
            | Self::SharedAccount(_)
            | Self::AccountUser(_)
            | Self::Member(_) => None,
        }
    }

    /// Counts its changes.
    #[must_use]
    pub fn version(&self) -> i64 {
        match self {
            Self::Partnership(record) => record.version,
            Self::Account(record) => record.version,
            Self::SharedAccount(record) => record.version,
            Self::AccountUser(record) => record.version,
            Self::AccessRequest(record) => record.version,
            Self::Member(record) => record.version,
        }
    }

    fn doc(&self) -> Result<String, serde_json::Error> {
        match self {
            Self::Partnership(record) => serde_json::to_string(record),
            Self::Account(record) => serde_json::to_string(record),
            Self::SharedAccount(record) => serde_json::to_string(record),
            Self::AccountUser(record) => serde_json::to_string(record),
            Self::AccessRequest(record) => serde_json::to_string(record),
            Self::Member(record) => serde_json::to_string(record),
        }
    }

    fn of_doc(kind: RecordKind, doc: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            RecordKind::Partnership => Self::Partnership(serde_json::from_str(doc)?),
            RecordKind::Account => Self::Account(serde_json::from_str(doc)?),
            RecordKind::SharedAccount => Self::SharedAccount(serde_json::from_str(doc)?),
            RecordKind::AccountUser => Self::AccountUser(serde_json::from_str(doc)?),
            RecordKind::AccessRequest => Self::AccessRequest(serde_json::from_str(doc)?),
            RecordKind::Member => Self::Member(serde_json::from_str(doc)?),
        })
    }
}

/// By what a record is found, sorted and narrowed.
#[derive(Default)]
struct Columns {
    account: Option<String>,
    partnership: Option<String>,
    user: Option<String>,
    /// The role, state or status that lists are narrowed to.
    facet: String,
    sort: String,
    search: String,
    awaiting_since: Option<Timestamp>,
}

fn columns(record: &Record) -> Columns {
    fn keys<const N: usize>(texts: [&str; N]) -> String {
        texts.map(str::to_lowercase).join("\n")
    }
    match record {
        Record::Partnership(_) => Columns::default(),
        Record::Account(account) => Columns {
            account: Some(account.id.to_string()),
            partnership: account.partnership.map(|id| id.to_string()),
            facet: account.role.map(|role| role.to_string()).unwrap_or_default(),
            sort: keys([&account.application, &account.label]),
            search: keys([&account.application, &account.label, &account.workspace.name]),
            ..Columns::default()
        },
        Record::SharedAccount(shared) => Columns {
            account: Some(shared.account.to_string()),
            partnership: Some(shared.partnership.to_string()),
            facet: shared.role.to_string(),
            sort: keys([&shared.application, &shared.label]),
            search: keys([&shared.application, &shared.label]),
            ..Columns::default()
        },
        Record::AccountUser(grant) => Columns {
            account: Some(grant.account.to_string()),
            partnership: grant.partnership.map(|id| id.to_string()),
            user: Some(grant.user.id.to_string()),
            facet: grant.role.to_string(),
            sort: keys([&grant.user.name, &grant.user.email]),
            search: keys([&grant.user.name, &grant.user.email, &grant.workspace.name]),
            ..Columns::default()
        },
        Record::AccessRequest(request) => Columns {
            account: Some(request.account.to_string()),
            partnership: Some(request.partnership.to_string()),
            user: Some(request.member.id.to_string()),
            facet: request.state.to_string(),
            sort: format!("{:020}", request.created_at.unix_millis()),
            search: keys([&request.member.name, &request.application, &request.label]),
            awaiting_since: request.allows("accept").then_some(request.created_at),
        },
        Record::Member(member) => Columns {
            user: Some(member.id.to_string()),
            facet: member.status.to_string(),
            sort: keys([&member.name, &member.email]),
            search: keys([&member.name, &member.email]),
            ..Columns::default()
        },
    }
}

/// Keeps a record; none if it is older than, or the same as, what is known. Gives what was known.
pub(crate) async fn upsert(
    connection: &mut SqliteConnection,
    record: &Record,
    generation: i64,
) -> Result<Option<Option<Record>>, CacheError> {
    let key = record.key();
    let before = stored(&mut *connection, &key).await?;
    if let Some((rowid, known)) = &before
        && (known.version() > record.version() || known == record)
    {
        sqlx::query("UPDATE resources SET generation = $1 WHERE rowid = $2")
            .bind(generation)
            .bind(rowid)
            .execute(connection)
            .await?;
        return Ok(None);
    }
    let columns = columns(record);
    let rowid: i64 = sqlx::query_scalar(
        "INSERT INTO resources (kind, id, account_id, partnership_id, user_id, facet, sort_key, \
         search_key, awaits_me, awaiting_since, version, generation, doc) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (kind, id) DO UPDATE SET account_id = excluded.account_id, \
         partnership_id = excluded.partnership_id, user_id = excluded.user_id, \
         facet = excluded.facet, sort_key = excluded.sort_key, search_key = excluded.search_key, \
         awaits_me = excluded.awaits_me, awaiting_since = excluded.awaiting_since, \
         version = excluded.version, generation = excluded.generation, doc = excluded.doc \
         RETURNING rowid",
    )
    .bind(key.kind.word())
    .bind(&key.id)
    .bind(&columns.account)
    .bind(&columns.partnership)
    .bind(&columns.user)
    .bind(&columns.facet)
    .bind(&columns.sort)
    .bind(&columns.search)
    .bind(columns.awaiting_since.is_some())
    .bind(columns.awaiting_since.map(Timestamp::unix_millis))
    .bind(record.version())
    .bind(generation)
    .bind(record.doc()?)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("INSERT OR REPLACE INTO resource_texts (rowid, text) VALUES ($1, $2)")
        .bind(rowid)
        .bind(&columns.search)
        .execute(connection)
        .await?;
    Ok(Some(before.map(|(_, known)| known)))
}

/// Forgets a record; gives what was known.
pub(crate) async fn remove(
    connection: &mut SqliteConnection,
    key: &RecordKey,
) -> Result<Option<Record>, CacheError> {
    let Some((rowid, known)) = stored(&mut *connection, key).await? else { return Ok(None) };
    for statement in
        ["DELETE FROM resource_texts WHERE rowid = $1", "DELETE FROM resources WHERE rowid = $1"]
    {
        sqlx::query(statement).bind(rowid).execute(&mut *connection).await?;
    }
    Ok(Some(known))
}

/// What an older generation left.
pub(crate) async fn of_before(
    connection: &mut SqliteConnection,
    generation: i64,
) -> Result<Vec<RecordKey>, CacheError> {
    let rows = sqlx::query("SELECT kind, id FROM resources WHERE generation < $1")
        .bind(generation)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(RecordKey { kind: kind_of(row)?, id: row.try_get("id")? })).collect()
}

fn kind_of(row: &SqliteRow) -> Result<RecordKind, CacheError> {
    let word: &str = row.try_get("kind")?;
    let unknown = || sqlx::Error::Protocol(format!("a resource is of the unknown kind {word}"));
    Ok(RecordKind::of_word(word).ok_or_else(unknown)?)
}

async fn stored(
    connection: &mut SqliteConnection,
    key: &RecordKey,
) -> Result<Option<(i64, Record)>, CacheError> {
    let row = sqlx::query("SELECT rowid, doc FROM resources WHERE kind = $1 AND id = $2")
        .bind(key.kind.word())
        .bind(&key.id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        let doc: &str = row.try_get("doc")?;
        Ok((row.try_get("rowid")?, Record::of_doc(key.kind, doc)?))
    })
    .transpose()
}

/// What a list of one kind is narrowed to, and which part of it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceQuery {
    /// Words that all must be in its texts.
    pub search: String,
    /// Only of this account.
    pub account: Option<String>,
    /// Only of this partnership.
    pub partnership: Option<String>,
    /// Only of this user.
    pub user: Option<String>,
    /// Only those with one of these roles, states or statuses; empty means all.
    pub facets: Vec<String>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

fn narrow(
    select: &mut QueryBuilder<Sqlite>,
    kind: RecordKind,
    query: &ResourceQuery,
    words: &[String],
) {
    select.push(" FROM resources r WHERE kind = ").push_bind(kind.word());
    for (column, value) in [
        (" AND account_id = ", &query.account),
        (" AND partnership_id = ", &query.partnership),
        (" AND user_id = ", &query.user),
    ] {
        if let Some(value) = value {
            select.push(column).push_bind(value.clone());
        }
    }
    if !query.facets.is_empty() {
        select.push(" AND facet IN (");
        let mut list = select.separated(", ");
        for facet in &query.facets {
            list.push_bind(facet.clone());
        }
        select.push(")");
    }
    if let Some(fts) = fts_query(words) {
        select
            .push(" AND r.rowid IN (SELECT rowid FROM resource_texts WHERE resource_texts MATCH ");
        select.push_bind(fts).push(")");
    }
    push_words(select, words);
}

/// How many there are of one kind under a query.
pub(crate) async fn count(
    pool: &sqlx::SqlitePool,
    kind: RecordKind,
    query: &ResourceQuery,
) -> Result<u32, CacheError> {
    let words = words(&query.search);
    let mut count = QueryBuilder::new("SELECT COUNT(*)");
    narrow(&mut count, kind, query, &words);
    Ok(count.build_query_scalar().fetch_one(pool).await?)
}

/// A part of the list of one kind, in its order.
pub(crate) async fn list<T: DeserializeOwned + Serialize>(
    pool: &sqlx::SqlitePool,
    kind: RecordKind,
    query: &ResourceQuery,
) -> Result<Vec<T>, CacheError> {
    let words = words(&query.search);
    let mut select = QueryBuilder::new("SELECT doc");
    narrow(&mut select, kind, query, &words);
    select.push(" ORDER BY sort_key, id LIMIT ").push_bind(query.limit);
    select.push(" OFFSET ").push_bind(query.offset);
    docs(&select.build().fetch_all(pool).await?)
}

/// One of a kind.
pub(crate) async fn one<T: DeserializeOwned>(
    pool: &sqlx::SqlitePool,
    kind: RecordKind,
    id: &str,
) -> Result<Option<T>, CacheError> {
    let rows = sqlx::query("SELECT doc FROM resources WHERE kind = $1 AND id = $2")
        .bind(kind.word())
        .bind(id)
        .fetch_all(pool)
        .await?;
    Ok(docs(&rows)?.pop())
}

/// The access requests that wait for this user, oldest first.
pub(crate) async fn awaiting_me(
    pool: &sqlx::SqlitePool,
    most: u32,
) -> Result<Vec<AccessRequestRecord>, CacheError> {
    let rows = sqlx::query(
        "SELECT doc FROM resources WHERE awaits_me = 1 ORDER BY awaiting_since, id LIMIT $1",
    )
    .bind(most)
    .fetch_all(pool)
    .await?;
    docs(&rows)
}

fn docs<T: DeserializeOwned>(rows: &[SqliteRow]) -> Result<Vec<T>, CacheError> {
    rows.iter()
        .map(|row| {
            let doc: &str = row.try_get("doc")?;
            Ok(serde_json::from_str(doc)?)
        })
        .collect()
}
