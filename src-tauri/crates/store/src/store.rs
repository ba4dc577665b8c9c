use std::{ops::DerefMut, str::FromStr as _, time::Duration};

use sqlx::{
    Any, AnyPool, Executor as _, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
    migrate::{Migration, Migrator},
    pool::PoolConnection,
};
use uuid::Uuid;

use crate::{Connection, StoreError};

/// The database: one writer at a time, several readers.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    read: AnyPool,
    write: AnyPool,
    epoch: String,
    process: String,
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

/// What a database address names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file on this machine, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

impl Engine {
    fn of_address(url: &str) -> Result<Self, StoreError> {
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
            Self::Postgres => "BEGIN ISOLATION LEVEL SERIALIZABLE",
        }
    }

    fn migrator(self) -> Migrator {
        let own = match self {
            Self::Sqlite => sqlx::migrate!("migrations/sqlite"),
            Self::Postgres => sqlx::migrate!("migrations/postgres"),
        };
        let mut all: Vec<Migration> =
            sqlx::migrate!("migrations/portable").iter().chain(own.iter()).cloned().collect();
        all.sort_by_key(|migration| migration.version);
        Migrator { migrations: all.into(), ..own }
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

impl Store {
    /// Opens `sqlite://PATH`, making the file if there is none, or `postgres://...`, and migrates it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let engine = Engine::of_address(url)?;
        let address = match engine {
            Engine::Sqlite => {
                format!("{url}{}mode=rwc", if url.contains('?') { '&' } else { '?' })
            }
            Engine::Postgres => url.to_owned(),
        };
        let options = AnyConnectOptions::from_str(&address)
            .map_err(|error| StoreError::Address(error.to_string()))?;
        let pool = |most: u32| {
            let pool = AnyPoolOptions::new()
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(10));
            match engine {
                Engine::Sqlite => {
                    pool.after_connect(|connection, _| Box::pin(set_up_sqlite(connection)))
                }
                Engine::Postgres => pool,
            }
        };
        let (writers, readers) = match engine {
            Engine::Sqlite => (1, 4),
            Engine::Postgres => (16, 8),
        };
        let write = pool(writers).connect_with(options.clone()).await?;
        engine.migrator().run(&write).await?;
        let epoch = epoch(&write).await?;
        let read = pool(readers).connect_with(options).await?;
        let process = Uuid::now_v7().simple().to_string();
        Ok(Self { engine, read, write, epoch, process })
    }

    /// Which engine it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// Names this database; a cursor of another one is refused.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Names this process among those that share the database.
    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// For a statement that writes and is a transaction of its own.
    pub(crate) fn alone(&self) -> &AnyPool {
        &self.write
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.read.acquire().await?)
    }

    /// Begins to write; waits for the writer before.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Ok(Write(self.write.begin_with(self.engine.begin_write()).await?))
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

    /// Closes all connections.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

async fn epoch(pool: &AnyPool) -> Result<String, StoreError> {
    sqlx::query(
        "INSERT INTO meta (name, value) VALUES ('epoch', $1) ON CONFLICT (name) DO NOTHING",
    )
    .bind(Uuid::now_v7().simple().to_string())
    .execute(pool)
    .await?;
    Ok(sqlx::query_scalar("SELECT value FROM meta WHERE name = 'epoch'").fetch_one(pool).await?)
}
