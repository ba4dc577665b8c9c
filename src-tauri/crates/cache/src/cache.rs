use std::path::{Path, PathBuf};

use entente_domain::{
    AccessRequestId, AccountId, PartnershipId, Side, StateName, Timestamp, WorkspaceId,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityQuery, ActivityRecord,
    CacheError, Keeping, KnownPartner, MeRecord, MemberRecord, Opened, PartnershipRecord, Record,
    RecordKey, RecordKind, ResourceQuery, SharedAccountRecord, TermsRecord, activity, known,
    open::{Pools, delete, make_directory_of},
    resource,
    search::{fts_query, short_words, words},
};

/// The schema's version; a file of another one is rebuilt.
const VERSION: i64 = 2;

const SCHEMA: &str = "
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE partnerships (
        rowid INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        partner_id TEXT NOT NULL,
        name_key TEXT NOT NULL,
        search_key TEXT NOT NULL,
        side TEXT NOT NULL,
        state TEXT NOT NULL,
        holds_pair INTEGER NOT NULL,
        awaits_me INTEGER NOT NULL,
        awaiting_since INTEGER,
        version INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        doc TEXT NOT NULL
    );
    CREATE INDEX partnerships_by_name ON partnerships (name_key, id);
    CREATE INDEX partnerships_by_state ON partnerships (state, name_key, id);
    CREATE INDEX partnerships_by_partner ON partnerships (partner_id);
    CREATE INDEX partnerships_awaiting_me ON partnerships (awaiting_since) WHERE awaits_me = 1;
    CREATE VIRTUAL TABLE texts USING fts5 (
        text, tokenize = 'trigram', content = '', contentless_delete = 1
    );
";

/// One profile's read models.
#[derive(Debug, Clone)]
pub struct Cache {
    pools: Pools,
    path: PathBuf,
}

/// What a change did to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// As it was known before.
    pub before: Option<Record>,
    /// As it is known now.
    pub after: Option<Record>,
}

/// What a list is narrowed to, and which part of it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Words that all must be in the partner's name, address or reason.
    pub search: String,
    /// Only this end.
    pub side: Option<Side>,
    /// Only these states; empty means all.
    pub states: Vec<StateName>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its rows, by the partner's name.
    pub rows: Vec<PartnershipRecord>,
    /// How many rows the whole list has.
    pub total: u32,
}

/// Whether what is applied is all there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// A page of a snapshot; more come.
    Part(i64),
    /// The last page of a snapshot: what was in none of its pages is gone. The cursor goes on.
    Last(i64, String),
}

impl Cache {
    /// Opens a profile's file. One that is damaged, older, newer or kept otherwise is deleted and begun
    /// anew; for what a person must put right there is an error.
    pub async fn open(path: &Path, keeping: &Keeping) -> Result<(Self, Opened), CacheError> {
        if matches!(keeping, Keeping::Memory) {
            return Ok((Self::try_open(path, keeping).await?, Opened::Fresh));
        }
        make_directory_of(path)?;
        let fresh = !path.exists();
        let why = match Self::try_open(path, keeping).await {
            Ok(cache) => {
                return Ok((cache, if fresh { Opened::Fresh } else { Opened::Existing }));
            }
            Err(error) if error.is_of_the_file() => error.to_string(),
            Err(error) => return Err(error),
        };
        tracing::warn!(why, "the cache is begun anew");
        delete(path)?;
        Ok((Self::try_open(path, keeping).await?, Opened::Rebuilt(why)))
    }

    async fn try_open(path: &Path, keeping: &Keeping) -> Result<Self, CacheError> {
        let pools = Pools::open(path, keeping).await?;
        let set_up = Self::set_up(&pools).await;
        if let Err(error) = set_up {
            pools.close().await;
            return Err(error);
        }
        Ok(Self { pools, path: path.to_owned() })
    }

    async fn set_up(pools: &Pools) -> Result<(), CacheError> {
        let mut write = pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *write).await?;
        match version {
            VERSION => {}
            0 => {
                for schema in [SCHEMA, resource::SCHEMA, activity::SCHEMA] {
                    sqlx::raw_sql(schema).execute(&mut *write).await?;
                }
                sqlx::raw_sql("PRAGMA user_version = 2").execute(&mut *write).await?;
            }
            other => return Err(CacheError::OtherVersion(other)),
        }
        // A file that says it has this version and lacks what belongs to it is damaged.
        sqlx::query("SELECT doc, generation FROM partnerships LIMIT 1")
            .fetch_optional(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }

    /// Closes it.
    pub async fn close(&self) {
        self.pools.close().await;
    }

    /// Deletes all of its content.
    pub async fn purge(&self) -> Result<(), CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        for statement in [
            "DELETE FROM partnerships",
            "DELETE FROM texts",
            "DELETE FROM resources",
            "DELETE FROM resource_texts",
            "DELETE FROM activities",
            "DELETE FROM facts",
        ] {
            sqlx::query(statement).execute(&mut *write).await?;
        }
        Ok(write.commit().await?)
    }

    /// Closes it and deletes its file.
    pub async fn delete(self) -> Result<(), CacheError> {
        self.pools.close().await;
        delete(&self.path)
    }

    /// Applies what the server told, in order, and moves the cursor, in one transaction. What is
    /// older than what is known is passed over. Gives what really changed.
    pub async fn apply(
        &self,
        upserts: &[Record],
        deletes: &[RecordKey],
        cursor: Option<&str>,
        at: Timestamp,
    ) -> Result<Vec<Applied>, CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut applied = Vec::new();
        let generation = generation(&mut write).await?;
        for record in upserts {
            applied.extend(keep(&mut write, record, generation).await?);
        }
        for key in deletes {
            applied.extend(forget(&mut write, key).await?);
        }
        if let Some(cursor) = cursor {
            put(&mut write, "cursor", &cursor).await?;
        }
        put(&mut write, "as_of", &at).await?;
        write.commit().await?;
        Ok(applied)
    }

    /// Begins to read a snapshot; gives the generation to apply its pages with.
    pub async fn begin_snapshot(&self) -> Result<i64, CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let next = generation(&mut write).await? + 1;
        put(&mut write, "generation", &next).await?;
        write.commit().await?;
        Ok(next)
    }

    /// Applies a page of a snapshot. What was there stays until the last page is.
    pub async fn apply_snapshot(
        &self,
        page: &[Record],
        whole: Whole,
        at: Timestamp,
    ) -> Result<Vec<Applied>, CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut applied = Vec::new();
        let (Whole::Part(generation) | Whole::Last(generation, _)) = whole;
        for record in page {
            applied.extend(keep(&mut write, record, generation).await?);
        }
        if let Whole::Last(_, cursor) = whole {
            let gone: Vec<String> =
                sqlx::query_scalar("SELECT id FROM partnerships WHERE generation < $1")
                    .bind(generation)
                    .fetch_all(&mut *write)
                    .await?;
            for id in gone.iter().filter_map(|id| id.parse().ok()) {
                applied.extend(remove(&mut write, id).await?);
            }
            for key in resource::of_before(&mut write, generation).await? {
                applied.extend(forget(&mut write, &key).await?);
            }
            put(&mut write, "cursor", &cursor).await?;
            put(&mut write, "as_of", &at).await?;
        }
        write.commit().await?;
        Ok(applied)
    }

    /// Notes that everything is as it was, as of now.
    pub async fn touch(&self, at: Timestamp) -> Result<(), CacheError> {
        put(&mut *self.pools.write.acquire().await?, "as_of", &at).await
    }

    /// Forgets the cursor, so that a full snapshot is read next.
    pub async fn forget_cursor(&self) -> Result<(), CacheError> {
        sqlx::query("DELETE FROM facts WHERE name = 'cursor'").execute(&self.pools.write).await?;
        Ok(())
    }

    /// Where the change feed goes on.
    pub async fn cursor(&self) -> Result<Option<String>, CacheError> {
        self.fact("cursor").await
    }

    /// When this was last in step with the server.
    pub async fn as_of(&self) -> Result<Option<Timestamp>, CacheError> {
        self.fact("as_of").await
    }

    /// Who the profile is of.
    pub async fn me(&self) -> Result<Option<MeRecord>, CacheError> {
        self.fact("me").await
    }

    /// Keeps who the profile is of.
    pub async fn put_me(&self, me: &MeRecord) -> Result<(), CacheError> {
        put(&mut *self.pools.write.acquire().await?, "me", me).await
    }

    /// Whether nothing of it may be shown, because the server has shut the workspace to its user.
    pub async fn is_locked(&self) -> Result<bool, CacheError> {
        Ok(self.fact("locked").await?.unwrap_or(false))
    }

    /// Locks it, or unlocks it.
    pub async fn put_locked(&self, locked: bool) -> Result<(), CacheError> {
        put(&mut *self.pools.write.acquire().await?, "locked", &locked).await
    }

    /// The Terms of Service.
    pub async fn terms(&self) -> Result<Option<TermsRecord>, CacheError> {
        self.fact("terms").await
    }

    /// Keeps the Terms of Service.
    pub async fn put_terms(&self, terms: &TermsRecord) -> Result<(), CacheError> {
        put(&mut *self.pools.write.acquire().await?, "terms", terms).await
    }

    /// Something that the program keeps with the profile, under a name.
    pub async fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CacheError> {
        self.fact(&format!("kept/{name}")).await
    }

    /// Keeps something with the profile, under a name. It goes when the cache does.
    pub async fn keep<T: Serialize>(&self, name: &str, value: &T) -> Result<(), CacheError> {
        put(&mut *self.pools.write.acquire().await?, &format!("kept/{name}"), value).await
    }

    async fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CacheError> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM facts WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pools.read)
            .await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// One partnership.
    pub async fn get(&self, id: PartnershipId) -> Result<Option<PartnershipRecord>, CacheError> {
        let row = sqlx::query("SELECT doc FROM partnerships WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pools.read)
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// The partnership with a workspace that is not closed.
    pub async fn open_with(
        &self,
        partner: WorkspaceId,
    ) -> Result<Option<PartnershipRecord>, CacheError> {
        let row = sqlx::query(
            "SELECT doc FROM partnerships WHERE partner_id = $1 AND side = 'host' AND holds_pair = 1",
        )
        .bind(partner.to_string())
        .fetch_optional(&self.pools.read)
        .await?;
        row.as_ref().map(record).transpose()
    }

    /// All partners, for telling whether somebody is new.
    pub async fn known_partners(&self) -> Result<Vec<KnownPartner>, CacheError> {
        known::partners(&self.pools.read).await
    }

    /// What waits for this user, oldest first, at most `most`.
    pub async fn awaiting_me(&self, most: u32) -> Result<Vec<PartnershipRecord>, CacheError> {
        let rows = sqlx::query(
            "SELECT doc FROM partnerships WHERE awaits_me = 1 ORDER BY awaiting_since, id LIMIT $1",
        )
        .bind(most)
        .fetch_all(&self.pools.read)
        .await?;
        rows.iter().map(record).collect()
    }

    /// The access requests that wait for this user, oldest first, at most `most`.
    pub async fn requests_awaiting_me(
        &self,
        most: u32,
    ) -> Result<Vec<AccessRequestRecord>, CacheError> {
        resource::awaiting_me(&self.pools.read, most).await
    }

    /// How many things wait for this user.
    pub async fn count_awaiting_me(&self) -> Result<u32, CacheError> {
        Ok(sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM partnerships WHERE awaits_me = 1) \
             + (SELECT COUNT(*) FROM resources WHERE awaits_me = 1)",
        )
        .fetch_one(&self.pools.read)
        .await?)
    }

    /// A part of the accounts, by app and label.
    pub async fn accounts(&self, query: &ResourceQuery) -> Result<Vec<AccountRecord>, CacheError> {
        resource::list(&self.pools.read, RecordKind::Account, query).await
    }

    /// A part of the accounts that are shared, by app and label.
    pub async fn shared_accounts(
        &self,
        query: &ResourceQuery,
    ) -> Result<Vec<SharedAccountRecord>, CacheError> {
        resource::list(&self.pools.read, RecordKind::SharedAccount, query).await
    }

    /// A part of the roles on accounts, by the user's name.
    pub async fn account_users(
        &self,
        query: &ResourceQuery,
    ) -> Result<Vec<AccountUserRecord>, CacheError> {
        resource::list(&self.pools.read, RecordKind::AccountUser, query).await
    }

    /// A part of the access requests, the oldest first.
    pub async fn access_requests(
        &self,
        query: &ResourceQuery,
    ) -> Result<Vec<AccessRequestRecord>, CacheError> {
        resource::list(&self.pools.read, RecordKind::AccessRequest, query).await
    }

    /// One access request.
    pub async fn access_request(
        &self,
        id: AccessRequestId,
    ) -> Result<Option<AccessRequestRecord>, CacheError> {
        resource::one(&self.pools.read, RecordKind::AccessRequest, &id.to_string()).await
    }

    /// One account.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountRecord>, CacheError> {
        resource::one(&self.pools.read, RecordKind::Account, &id.to_string()).await
    }

    /// A part of the members of the workspace, by name.
    pub async fn members(&self, query: &ResourceQuery) -> Result<Vec<MemberRecord>, CacheError> {
        resource::list(&self.pools.read, RecordKind::Member, query).await
    }

    /// How many there are of one kind under a query.
    pub async fn count(&self, kind: RecordKind, query: &ResourceQuery) -> Result<u32, CacheError> {
        resource::count(&self.pools.read, kind, query).await
    }

    /// Keeps entries of the Activity Log; gives how many are new.
    pub async fn keep_activities(&self, entries: &[ActivityRecord]) -> Result<usize, CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let mut new = 0;
        for entry in entries {
            new += usize::from(activity::keep(&mut write, entry).await?);
        }
        write.commit().await?;
        Ok(new)
    }

    /// When the newest entry of the Activity Log that is kept happened.
    pub async fn newest_activity(&self) -> Result<Option<Timestamp>, CacheError> {
        let at: Option<i64> = sqlx::query_scalar("SELECT MAX(at) FROM activities")
            .fetch_one(&self.pools.read)
            .await?;
        Ok(at.and_then(|at| Timestamp::from_unix_millis(at).ok()))
    }

    /// A part of the Activity Log, the newest first, and how many entries it has under the query.
    pub async fn activities(
        &self,
        query: &ActivityQuery,
    ) -> Result<(Vec<ActivityRecord>, u32), CacheError> {
        let total = activity::count(&self.pools.read, query).await?;
        Ok((activity::list(&self.pools.read, query).await?, total))
    }

    /// How many entries of the Activity Log there are in each stretch (in milliseconds) from a
    /// moment on: `(begin, count)`, the oldest first; stretches without any are left out.
    pub async fn activity_series(
        &self,
        query: &ActivityQuery,
        from: Timestamp,
        stretch: i64,
    ) -> Result<Vec<(Timestamp, u32)>, CacheError> {
        activity::series(&self.pools.read, query, from, stretch.max(1)).await
    }

    /// A part of the list.
    pub async fn list(&self, query: &ListQuery) -> Result<Page, CacheError> {
        let words = words(&query.search);
        let mut count = QueryBuilder::new("SELECT COUNT(*) FROM partnerships p WHERE 1 = 1");
        narrow(&mut count, query, &words);
        let total: u32 = count.build_query_scalar().fetch_one(&self.pools.read).await?;
        let mut select = QueryBuilder::new("SELECT doc FROM partnerships p WHERE 1 = 1");
        narrow(&mut select, query, &words);
        select.push(" ORDER BY name_key, id LIMIT ").push_bind(query.limit);
        select.push(" OFFSET ").push_bind(query.offset);
        let rows = select.build().fetch_all(&self.pools.read).await?;
        Ok(Page { rows: rows.iter().map(record).collect::<Result<_, _>>()?, total })
    }
}

/// Keeps a record of whatever kind; none if it changes nothing.
async fn keep(
    connection: &mut SqliteConnection,
    record: &Record,
    generation: i64,
) -> Result<Option<Applied>, CacheError> {
    if let Some(partnership) = record.as_partnership() {
        return upsert(connection, partnership, generation).await;
    }
    let before = resource::upsert(connection, record, generation).await?;
    Ok(before.map(|before| Applied { before, after: Some(record.clone()) }))
}

/// Forgets a record of whatever kind; none if it was not known.
async fn forget(
    connection: &mut SqliteConnection,
    key: &RecordKey,
) -> Result<Option<Applied>, CacheError> {
    if key.kind == RecordKind::Partnership {
        return match key.id.parse() {
            Ok(id) => remove(connection, id).await,
            Err(_) => Ok(None),
        };
    }
    let before = resource::remove(connection, key).await?;
    Ok(before.map(|before| Applied { before: Some(before), after: None }))
}

fn narrow(select: &mut QueryBuilder<Sqlite>, query: &ListQuery, words: &[String]) {
    if let Some(side) = query.side {
        select.push(" AND side = ").push_bind(side.as_str());
    }
    if !query.states.is_empty() {
        select.push(" AND state IN (");
        let mut list = select.separated(", ");
        for state in &query.states {
            list.push_bind(state.as_str());
        }
        select.push(")");
    }
    if let Some(fts) = fts_query(words) {
        select.push(" AND p.rowid IN (SELECT rowid FROM texts WHERE texts MATCH ");
        select.push_bind(fts).push(")");
    }
    for word in short_words(words) {
        select.push(" AND instr(search_key, ").push_bind(word.clone()).push(") > 0");
    }
}

fn record(row: &SqliteRow) -> Result<PartnershipRecord, CacheError> {
    let doc: &str = row.try_get("doc")?;
    Ok(serde_json::from_str(doc)?)
}

async fn generation(connection: &mut SqliteConnection) -> Result<i64, CacheError> {
    let text: Option<String> =
        sqlx::query_scalar("SELECT value FROM facts WHERE name = 'generation'")
            .fetch_optional(connection)
            .await?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

async fn put<T: Serialize>(
    connection: &mut SqliteConnection,
    name: &str,
    value: &T,
) -> Result<(), CacheError> {
    sqlx::query(
        "INSERT INTO facts (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(serde_json::to_string(value)?)
    .execute(connection)
    .await?;
    Ok(())
}

async fn stored(
    connection: &mut SqliteConnection,
    id: PartnershipId,
) -> Result<Option<(i64, PartnershipRecord)>, CacheError> {
    let row = sqlx::query("SELECT rowid, doc FROM partnerships WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((row.try_get("rowid")?, record(&row)?))).transpose()
}

async fn upsert(
    connection: &mut SqliteConnection,
    after: &PartnershipRecord,
    generation: i64,
) -> Result<Option<Applied>, CacheError> {
    let before = stored(&mut *connection, after.id).await?;
    if let Some((rowid, known)) = &before
        && (known.version > after.version || known == after)
    {
        sqlx::query("UPDATE partnerships SET generation = $1 WHERE rowid = $2")
            .bind(generation)
            .bind(rowid)
            .execute(connection)
            .await?;
        return Ok(None);
    }
    let partner = after.partner();
    let search_key = format!(
        "{}\n{}\n{}",
        partner.name.to_lowercase(),
        after.partner_email.to_lowercase(),
        after.reason.as_deref().unwrap_or_default().to_lowercase()
    );
    let rowid: i64 = sqlx::query_scalar(
        "INSERT INTO partnerships (id, partner_id, name_key, search_key, side, state, holds_pair, \
         awaits_me, awaiting_since, version, generation, doc) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (id) DO UPDATE SET partner_id = excluded.partner_id, \
         name_key = excluded.name_key, search_key = excluded.search_key, side = excluded.side, \
         state = excluded.state, holds_pair = excluded.holds_pair, awaits_me = excluded.awaits_me, \
         awaiting_since = excluded.awaiting_since, version = excluded.version, \
         generation = excluded.generation, doc = excluded.doc RETURNING rowid",
    )
    .bind(after.id.to_string())
    .bind(partner.id.to_string())
    .bind(partner.name.to_lowercase())
    .bind(&search_key)
    .bind(after.side.as_str())
    .bind(after.state.as_str())
    .bind(after.state.holds_pair())
    .bind(after.awaits_me())
    .bind(after.awaiting_since.map(Timestamp::unix_millis))
    .bind(after.version)
    .bind(generation)
    .bind(serde_json::to_string(after)?)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("INSERT OR REPLACE INTO texts (rowid, text) VALUES ($1, $2)")
        .bind(rowid)
        .bind(&search_key)
        .execute(connection)
        .await?;
    let known = |record: PartnershipRecord| Record::Partnership(Box::new(record));
    Ok(Some(Applied {
        before: before.map(|(_, before)| known(before)),
        after: Some(known(after.clone())),
    }))
}

async fn remove(
    connection: &mut SqliteConnection,
    id: PartnershipId,
) -> Result<Option<Applied>, CacheError> {
    let Some((rowid, known)) = stored(&mut *connection, id).await? else { return Ok(None) };
    sqlx::query("DELETE FROM texts WHERE rowid = $1").bind(rowid).execute(&mut *connection).await?;
    sqlx::query("DELETE FROM partnerships WHERE rowid = $1")
        .bind(rowid)
        .execute(connection)
        .await?;
    Ok(Some(Applied { before: Some(Record::Partnership(Box::new(known))), after: None }))
}
