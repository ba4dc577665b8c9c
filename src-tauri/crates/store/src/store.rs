use std::{
    fmt,
    ops::{Deref, DerefMut},
    str::FromStr as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::{
    Any, AnyPool, Connection as _, Executor as _, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};
use uuid::Uuid;

use crate::{Connection, Migrated, Place, StoreError, horizon, schema};

/// The database: one writer at a time, several readers.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    read: AnyPool,
    write: AnyPool,
    known: Arc<Mutex<Known>>,
    address: Address,
    process: String,
}

/// A database's address, which can hold a password.
#[derive(Clone)]
struct Address(String);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// What is known of the database, and ends with it: another one can come to answer at the same
/// address, when a standby takes over.
#[derive(Debug, Default)]
struct Known {
    /// Given to the database when it was made.
    epoch: String,
    /// Which of the copies of that database it is.
    instance: String,
    settled: Place,
}

impl Known {
    fn name(&self) -> String {
        format!("{}.{}", self.epoch, self.instance)
    }
}

/// A transaction that may write. Dropped without [`Write::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Write(Transaction<'static, Any>);

impl Write {
    /// The connection to pass to this crate's functions.
    pub fn connection(&mut self) -> &mut Connection {
        self.0.deref_mut()
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

/// A connection that only reads, and sees the database as it was at one moment. It is over when this is
/// dropped.
#[derive(Debug)]
pub struct Snapshot(Transaction<'static, Any>);

impl Deref for Snapshot {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Snapshot {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

/// What a database address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file on this machine, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

impl Engine {
    pub(crate) fn of_address(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("sqlite:") {
            Ok(Self::Sqlite)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Ok(Self::Postgres)
        } else {
            Err(StoreError::Address("it must start with sqlite:// or postgres://".into()))
        }
    }

    pub(crate) fn of(connection: &Connection) -> Self {
        if connection.backend_name() == "PostgreSQL" { Self::Postgres } else { Self::Sqlite }
    }

    /// How a transaction that may write begins. SQLite serialises writers itself; asking for the lock
    /// at once avoids a failed upgrade later. PostgreSQL is told to behave as if it did, and refuses
    /// one of two that do not go together: the loser tries again (see [`StoreError::is_conflict`]).
    const fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => horizon::BEGIN_WRITE,
        }
    }
}

async fn set_up_sqlite(connection: &mut Connection) -> Result<(), sqlx::Error> {
    connection
        .execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000; \
             PRAGMA foreign_keys = ON; PRAGMA cache_size = -16000;",
        )
        .await?;
    Ok(())
}

/// Whether a connection can be used again. SQLite takes a transaction back by itself when the disk is
/// full (SQLite, "Response To Errors Within A Transaction"); sqlx then goes on to believe in it, and would
/// refuse every other one.
async fn is_released(connection: &mut Connection) -> Result<bool, sqlx::Error> {
    // What was dropped is taken back before this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// Whatever hangs gives its locks back. No statement here runs so long that compiling it would pay.
/// Looks which database answers, before anything is read from it.
async fn set_up_postgres(
    connection: &mut Connection,
    known: &Mutex<Known>,
) -> Result<(), sqlx::Error> {
    connection
        .execute(
            "SET statement_timeout = '30s'; SET lock_timeout = '10s'; \
             SET idle_in_transaction_session_timeout = '30s'; SET jit = off",
        )
        .await?;
    let instance = instance(connection).await?;
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if known.instance != instance {
        known.instance = instance;
        known.settled = Place::default();
    }
    Ok(())
}

/// What tells one copy of a PostgreSQL database from another, whose transactions are numbered
/// differently: the cluster, its timeline, which changes when a standby takes over or an older state
/// is restored, and the table's number, which a restored dump has of its own.
async fn instance(connection: &mut Connection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()), \
         left(pg_walfile_name(pg_current_wal_lsn()), 8), to_regclass('changes')::oid)",
    )
    .fetch_one(connection)
    .await
}

/// A connection that was not used for longer is tried first.
const TRUSTED: Duration = Duration::from_secs(1);

impl Store {
    /// Migrates `sqlite://PATH` or `postgres://...` and does no more.
    pub async fn migrate(url: &str) -> Result<Migrated, StoreError> {
        let (engine, options) = options(url)?;
        let alone = alone(engine, options).await?;
        let migrated = schema::migrate(&alone, engine, url).await?;
        alone.close().await;
        Ok(migrated)
    }

    /// Opens `sqlite://PATH`, making the file if there is none, or `postgres://...`, and migrates it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let (engine, options) = options(url)?;
        let alone = alone(engine, options.clone()).await?;
        schema::migrate(&alone, engine, url).await?;
        let epoch = epoch(&mut *alone.acquire().await?).await?;
        let known = Known { epoch, ..Known::default() };
        alone.close().await;
        let known = Arc::new(Mutex::new(known));
        let pool = |most: u32| {
            let pool = AnyPoolOptions::new().max_connections(most).test_before_acquire(false);
            match engine {
                Engine::Sqlite => pool
                    .acquire_timeout(Duration::from_secs(10))
                    .after_connect(|connection, _| Box::pin(set_up_sqlite(connection)))
                    .after_release(|connection, _| Box::pin(is_released(connection))),
                Engine::Postgres => {
                    let known = known.clone();
                    pool.acquire_timeout(Duration::from_secs(5))
                        .after_connect(move |connection, _| {
                            let known = known.clone();
                            Box::pin(async move { set_up_postgres(connection, &known).await })
                        })
                        .before_acquire(|connection, of| {
                            Box::pin(async move {
                                Ok(of.idle_for < TRUSTED || connection.ping().await.is_ok())
                            })
                        })
                }
            }
        };
        let (writers, readers) = match engine {
            Engine::Sqlite => (1, 4),
            Engine::Postgres => (16, 8),
        };
        let write = pool(writers).connect_with(options.clone()).await?;
        let read = pool(readers).connect_with(options).await?;
        let process = Uuid::now_v7().simple().to_string();
        Ok(Self { engine, read, write, known, address: Address(url.to_owned()), process })
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Names this database; a cursor of another one, or of another copy of it, is refused.
    #[must_use]
    pub fn epoch(&self) -> String {
        self.known().name()
    }

    /// Makes all cursors those of another database: for an older state that was put back.
    pub async fn renew_epoch(&self) -> Result<(), StoreError> {
        let epoch = new_epoch();
        sqlx::query("UPDATE meta SET value = $1 WHERE name = 'epoch'")
            .bind(&epoch)
            .execute(&self.write)
            .await?;
        self.known().epoch = epoch;
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place that was settled once is settled for good.
    pub(crate) fn known_settled(&self) -> Place {
        self.known().settled
    }

    /// Keeps what was seen to be settled in the database of a name.
    pub(crate) fn note_settled(&self, epoch: &str, place: Place) {
        let mut known = self.known();
        if known.name() == epoch {
            known.settled = known.settled.max(place);
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address.0
    }

    /// Names this process among those that share the database.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// For a statement that writes and is a transaction of its own.
    pub(crate) fn alone(&self) -> &AnyPool {
        &self.write
    }

    /// Begins to read what several statements must agree on. How far the log is settled is to be asked
    /// before: something that was still under way when this began can be settled by the time it is asked.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let statement = match self.engine {
            Engine::Sqlite => "BEGIN",
            Engine::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        };
        Ok(Snapshot(begin(&self.read, statement).await?))
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.read.acquire().await?)
    }

    /// Begins to write; waits for the writer before.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Ok(Write(begin(&self.write, self.engine.begin_write()).await?))
    }

    /// The same for what only changes rows that guard themselves: by their version, which is compared
    /// before it is set, or by a unique index. Nothing else that is read may decide what is written,
    /// unless it is held (see [`crate::hold_user`]).
    ///
    /// PostgreSQL finds out whether transactions go together by the pages of indexes that they read and
    /// write. New rows come at an index's end, so those who add some are on one page, whatever the rows
    /// have to do with each other (see decision 006).
    pub async fn write_rows(&self) -> Result<Write, StoreError> {
        let statement = match self.engine {
            Engine::Sqlite => self.engine.begin_write(),
            Engine::Postgres => horizon::BEGIN_WRITE_ROWS,
        };
        Ok(Write(begin(&self.write, statement).await?))
    }

    /// Begins to forget what is old. No rule depends on it, so it need not behave as if it were alone:
    /// on PostgreSQL whoever looks through whole tables would be in the way of all who write.
    pub async fn upkeep(&self) -> Result<Write, StoreError> {
        let statement = match self.engine {
            Engine::Sqlite => self.engine.begin_write(),
            Engine::Postgres => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        Ok(Write(begin(&self.write, statement).await?))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.execute("SELECT 1").await?;
        Ok(())
    }

    /// How many connections there are: the name of each pool, those in use, those that are not.
    #[must_use]
    pub fn connections(&self) -> [(&'static str, u32, u32); 2] {
        [("read", &self.read), ("write", &self.write)].map(|(name, pool)| {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            (name, pool.size().saturating_sub(idle), idle)
        })
    }

    /// Looks through the whole database for damage that it would not come across by itself for long.
    /// PostgreSQL keeps watch over its own files.
    pub async fn check(&self) -> Result<(), StoreError> {
        match self.engine {
            Engine::Sqlite => {
                let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
                    .fetch_one(&mut *self.read().await?)
                    .await?;
                if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(found)) }
            }
            Engine::Postgres => Ok(()),
        }
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Begins a transaction. Whoever waits for it can go away meanwhile, as a client does that hangs up:
/// sqlx then forgets that it began one, and the connection would go on in it with the next who takes it
/// from the pool. A task of its own comes to its end, and takes back what nobody wants.
async fn begin(
    pool: &AnyPool,
    statement: &'static str,
) -> Result<Transaction<'static, Any>, StoreError> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(statement).await });
    Ok(begun.await.map_err(|_| sqlx::Error::WorkerCrashed)??)
}

/// Migrations take the time that they need. They have a pool of their own: over a connection they
/// would bind whoever opens a database to one thread.
async fn alone(engine: Engine, options: AnyConnectOptions) -> Result<AnyPool, StoreError> {
    if engine == Engine::Sqlite {
        // A pool tries what fails on a new connection again for long; here it is told at once.
        let mut first = Connection::connect_with(&options).await?;
        set_up_sqlite(&mut first).await?;
        first.close().await?;
    }
    let alone = AnyPoolOptions::new().max_connections(1);
    let alone = match engine {
        Engine::Sqlite => alone.after_connect(|connection, _| Box::pin(set_up_sqlite(connection))),
        Engine::Postgres => alone,
    };
    Ok(alone.connect_with(options).await?)
}

fn options(url: &str) -> Result<(Engine, AnyConnectOptions), StoreError> {
    sqlx::any::install_default_drivers();
    let engine = Engine::of_address(url)?;
    let address = match engine {
        Engine::Sqlite => format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' }),
        Engine::Postgres => url.to_owned(),
    };
    let options = AnyConnectOptions::from_str(&address)
        .map_err(|error| StoreError::Address(error.to_string()))?;
    Ok((engine, options))
}

fn new_epoch() -> String {
    Uuid::now_v7().simple().to_string()
}

async fn epoch(connection: &mut Connection) -> Result<String, StoreError> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING",
    )
    .bind(new_epoch())
    .execute(&mut *connection)
    .await?;
    Ok(sqlx::query_scalar("SELECT value FROM meta WHERE name = 'epoch'")
        .fetch_one(connection)
        .await?)
}
