use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use entente_domain::{AccessRequestId, AccountId, PartnershipId, Timestamp, WorkspaceId};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::Mutex;

use crate::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityChoices, ActivityQuery,
    ActivityRecord, CacheError, Keeping, KnownPartner, ListQuery, MeRecord, MemberRecord, Opened,
    Page, PartnershipRecord, Record, RecordKey, RecordKind, ResourceQuery, SharedAccountRecord,
    TermsRecord, activity, known,
    open::{Pools, delete, make_directory_of},
    order::{Order, moves},
    partnerships, resource,
};

/// The schema's version; a file of another one is rebuilt.
const VERSION: i64 = 4;

const SCHEMA: &str = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);";

/// While a snapshot is written: what is changed again and again is encrypted once, goes from the log into the
/// file seldom (SQLite, "Write-Ahead Logging"), and the full-text index is put together from larger parts
/// (SQLite, "FTS5", 6).
const FOR_MUCH: &[&str] = &[
    "PRAGMA cache_size = -20480",
    "PRAGMA wal_autocheckpoint = 16384",
    "INSERT INTO texts (texts, rank) VALUES ('hashsize', 8388608)",
];
/// The same as it is otherwise; then what was taken for more is given back.
const FOR_LITTLE: &[&str] = &[
    "PRAGMA cache_size = -8192",
    "PRAGMA wal_autocheckpoint = 1000",
    "INSERT INTO texts (texts, rank) VALUES ('hashsize', 1048576)",
    "PRAGMA shrink_memory",
];

/// A file that is larger is not looked through.
const CHECKED_BYTES: u64 = 256 * 1024 * 1024;

const COUNT_AWAITING_ME: &str = "SELECT (SELECT COUNT(*) FROM partnerships WHERE awaits_me = 1) \
     + (SELECT COUNT(*) FROM resources WHERE awaits_me = 1)";

/// One profile's read models.
#[derive(Debug, Clone)]
pub struct Cache {
    pools: Pools,
    path: PathBuf,
    /// Where the list by name is entered far from its beginning; read when it is first needed.
    order: Arc<Mutex<Option<Order>>>,
}

/// What a change did to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// As it was known before.
    pub before: Option<Record>,
    /// As it is known now.
    pub after: Option<Record>,
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
        Ok(Self { pools, path: path.to_owned(), order: Arc::default() })
    }

    async fn set_up(pools: &Pools) -> Result<(), CacheError> {
        let mut write = pools.write.begin_with("BEGIN IMMEDIATE").await?;
        let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *write).await?;
        match version {
            VERSION => {}
            0 => {
                for schema in [SCHEMA, partnerships::SCHEMA, resource::SCHEMA, activity::SCHEMA] {
                    sqlx::raw_sql(schema).execute(&mut *write).await?;
                }
                sqlx::raw_sql("PRAGMA user_version = 4").execute(&mut *write).await?;
            }
            other => return Err(CacheError::OtherVersion(other)),
        }
        // A file that says it has this version and lacks what belongs to it, or what every start reads,
        // is damaged.
        for statement in [
            "SELECT p.doc, p.facet, t.n FROM partnerships p, tallies t LIMIT 1",
            "SELECT COUNT(value) FROM facts",
            COUNT_AWAITING_ME,
        ] {
            sqlx::query(statement).fetch_optional(&mut *write).await?;
        }
        Ok(write.commit().await?)
    }

    /// Looks through the file for damage, unless it is so large that this would be felt: what is damaged
    /// in it is found when it is read. Others may read and write meanwhile.
    pub async fn check(&self) -> Result<(), CacheError> {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() > CHECKED_BYTES) {
            return Ok(());
        }
        let sound: String =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&self.pools.read).await?;
        if sound == "ok" { Ok(()) } else { Err(CacheError::Damaged(sound)) }
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
            "DELETE FROM tallies",
            "DELETE FROM resources",
            "DELETE FROM resource_texts",
            "DELETE FROM activities",
            "DELETE FROM facts",
        ] {
            sqlx::query(statement).execute(&mut *write).await?;
        }
        let mut order = self.order.lock().await;
        write.commit().await?;
        *order = None;
        Ok(())
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
        let generation = generation(&mut write).await?;
        let mut applied = keep(&mut write, upserts.to_vec(), generation).await?;
        for key in deletes {
            applied.extend(forget(&mut write, key).await?);
        }
        if let Some(cursor) = cursor {
            put(&mut write, "cursor", &cursor).await?;
        }
        put(&mut write, "as_of", &at).await?;
        self.commit(write, &applied).await?;
        Ok(applied)
    }

    /// Commits what was applied, and moves what is counted with it.
    async fn commit(
        &self,
        mut write: Transaction<'_, Sqlite>,
        applied: &[Applied],
    ) -> Result<(), CacheError> {
        partnerships::count(&mut write, applied).await?;
        // Held over the commit, so that who reads the order anew sees all of this or nothing.
        let mut order = self.order.lock().await;
        write.commit().await?;
        if let Some(known) = &mut *order
            && !moves(applied).all(|(place, facet, by)| known.shift(&place, facet, by))
        {
            *order = None;
        }
        Ok(())
    }

    /// Begins to read a snapshot; gives the generation to apply its pages with.
    pub async fn begin_snapshot(&self) -> Result<i64, CacheError> {
        let mut connection = self.pools.write.acquire().await?;
        execute_all(&mut connection, FOR_MUCH).await?;
        let mut write = connection.begin_with("BEGIN IMMEDIATE").await?;
        let next = generation(&mut write).await? + 1;
        put(&mut write, "generation", &next).await?;
        write.commit().await?;
        Ok(next)
    }

    /// Applies a page of a snapshot. What was there stays until the last page is.
    pub async fn apply_snapshot(
        &self,
        page: Vec<Record>,
        whole: Whole,
        at: Timestamp,
    ) -> Result<Vec<Applied>, CacheError> {
        let mut connection = self.pools.write.acquire().await?;
        let mut write = connection.begin_with("BEGIN IMMEDIATE").await?;
        let (Whole::Part(generation) | Whole::Last(generation, _)) = whole;
        let is_last = matches!(whole, Whole::Last(..));
        let mut applied = keep(&mut write, page, generation).await?;
        if let Whole::Last(_, cursor) = whole {
            for id in partnerships::of_before(&mut write, generation).await? {
                applied.extend(partnerships::forget(&mut write, id).await?);
            }
            for key in resource::of_before(&mut write, generation).await? {
                applied.extend(forget(&mut write, &key).await?);
            }
            put(&mut write, "cursor", &cursor).await?;
            put(&mut write, "as_of", &at).await?;
        }
        self.commit(write, &applied).await?;
        if is_last {
            execute_all(&mut connection, FOR_LITTLE).await?;
        }
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
        partnerships::get(&self.pools.read, id).await
    }

    /// The partnership with a workspace that is not closed.
    pub async fn open_with(
        &self,
        partner: WorkspaceId,
    ) -> Result<Option<PartnershipRecord>, CacheError> {
        partnerships::open_with(&self.pools.read, partner).await
    }

    /// All partners, for telling whether somebody is new.
    pub async fn known_partners(&self) -> Result<Vec<KnownPartner>, CacheError> {
        known::partners(&self.pools.read).await
    }

    /// What waits for this user, oldest first, at most `most`.
    pub async fn awaiting_me(&self, most: u32) -> Result<Vec<PartnershipRecord>, CacheError> {
        partnerships::awaiting_me(&self.pools.read, most).await
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
        Ok(sqlx::query_scalar(COUNT_AWAITING_ME).fetch_one(&self.pools.read).await?)
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

    /// What the Activity Log can be narrowed to, at most `most` of each.
    pub async fn activity_choices(&self, most: u32) -> Result<ActivityChoices, CacheError> {
        activity::choices(&self.pools.read, most).await
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
        // The connection before the order: in memory there is one, which a writer has until it has
        // the order.
        let mut connection = self.pools.read.acquire().await?;
        partnerships::list(&mut connection, &self.order, query).await
    }
}

async fn execute_all(
    connection: &mut SqliteConnection,
    statements: &'static [&'static str],
) -> Result<(), CacheError> {
    for statement in statements {
        sqlx::query(*statement).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Keeps records of whatever kind; gives what they changed.
async fn keep(
    connection: &mut SqliteConnection,
    records: Vec<Record>,
    generation: i64,
) -> Result<Vec<Applied>, CacheError> {
    let mut of_partnerships = Vec::new();
    let mut others = Vec::new();
    for record in records {
        match record {
            Record::Partnership(record) => of_partnerships.push(record),
            other => others.push(other),
        }
    }
    let mut applied = partnerships::keep(&mut *connection, of_partnerships, generation).await?;
    for record in others {
        let before = resource::upsert(&mut *connection, &record, generation).await?;
        applied.extend(before.map(|before| Applied { before, after: Some(record) }));
    }
    Ok(applied)
}

/// Forgets a record of whatever kind; none if it was not known.
async fn forget(
    connection: &mut SqliteConnection,
    key: &RecordKey,
) -> Result<Option<Applied>, CacheError> {
    if key.kind == RecordKind::Partnership {
        return match key.id.parse() {
            Ok(id) => partnerships::forget(connection, id).await,
            Err(_) => Ok(None),
        };
    }
    let before = resource::remove(connection, key).await?;
    Ok(before.map(|before| Applied { before: Some(before), after: None }))
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
