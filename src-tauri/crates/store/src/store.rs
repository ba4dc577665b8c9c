use std::{ops::DerefMut, str::FromStr as _, time::Duration};

use sqlx::{
    Any, AnyPool, Executor as _, Transaction,
    any::{AnyConnectOptions, AnyPoolOptions},
    pool::PoolConnection,
};
use uuid::Uuid;

use crate::{Connection, StoreError};

/// The database: one writer, several readers.
#[derive(Debug, Clone)]
pub struct Store {
    read: AnyPool,
    write: AnyPool,
    epoch: String,
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

/// SQLite serialises writers itself; asking for the lock at once avoids a failed upgrade later.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE";

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
    /// Opens `sqlite://PATH`, making the file if there is none, and migrates it.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        if !url.starts_with("sqlite:") {
            return Err(StoreError::Address("it must start with sqlite://".into()));
        }
        let separator = if url.contains('?') { '&' } else { '?' };
        let options = AnyConnectOptions::from_str(&format!("{url}{separator}mode=rwc"))
            .map_err(|error| StoreError::Address(error.to_string()))?;
        let pool = |most: u32| {
            AnyPoolOptions::new()
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(10))
                .after_connect(|connection, _| Box::pin(set_up_sqlite(connection)))
        };
        let write = pool(1).connect_with(options.clone()).await?;
        sqlx::migrate!("migrations/sqlite").run(&write).await?;
        let epoch = epoch(&write).await?;
        let read = pool(4).connect_with(options).await?;
        Ok(Self { read, write, epoch })
    }

    /// Names this database; a cursor of another one is refused.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// A connection that only reads.
    pub async fn read(&self) -> Result<PoolConnection<Any>, StoreError> {
        Ok(self.read.acquire().await?)
    }

    /// Begins to write; waits for the writer before.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Ok(Write(self.write.begin_with(BEGIN_WRITE).await?))
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.execute("SELECT 1").await?;
        Ok(())
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
