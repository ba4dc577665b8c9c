//! Bringing a database up to date.

use std::{fs::File, path::PathBuf, str::FromStr as _};

use sqlx::{
    AnyPool,
    migrate::{Migrate as _, MigrateError, Migration, Migrator},
    sqlite::SqliteConnectOptions,
};

use crate::{Engine, StoreError};

/// From which version of the schema to which one a database was brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Before; 0 for an empty database.
    pub from: i64,
    /// Now.
    pub to: i64,
}

impl Engine {
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

/// The newest version of the schema that this program knows.
pub(crate) fn newest(engine: Engine) -> i64 {
    engine.migrator().iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Brings the database up to date, one process at a time; refuses one that a newer program made.
pub(crate) async fn migrate(
    pool: &AnyPool,
    engine: Engine,
    url: &str,
) -> Result<Migrated, StoreError> {
    let migrator = engine.migrator();
    let table = &migrator.table_name;
    let mut connection = pool.acquire().await?;
    connection.ensure_migrations_table(table).await?;
    let applied = connection.list_applied_migrations(table).await?;
    drop(connection);
    let to = newest(engine);
    let from = applied.iter().map(|migration| migration.version).max().unwrap_or_default();
    let is_pending = applied.len() < migrator.iter().count();
    // PostgreSQL is locked by the migrator itself.
    let _alone = match engine {
        Engine::Sqlite if is_pending => Some(lock(url).await?),
        Engine::Sqlite | Engine::Postgres => None,
    };
    match migrator.run(pool).await {
        Ok(()) => Ok(Migrated { from, to }),
        Err(MigrateError::VersionMissing(found)) if found > to => {
            Err(StoreError::Newer { found, known: to })
        }
        Err(error) => Err(error.into()),
    }
}

/// The file of a SQLite database; none for one in memory.
pub(crate) fn file_of(url: &str) -> Result<Option<PathBuf>, StoreError> {
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|error| StoreError::Address(error.to_string()))?;
    Ok(Some(options.get_filename().to_owned()))
}

/// Waits until no other process migrates the file.
async fn lock(url: &str) -> Result<Option<File>, StoreError> {
    let Some(path) = file_of(url)? else { return Ok(None) };
    let path = crate::file::beside(&path, "migrating");
    let waited = tokio::task::spawn_blocking(move || {
        let file = File::create(&path)?;
        file.lock().map(|()| file)
    });
    let file = waited.await.map_err(std::io::Error::other).and_then(|locked| locked);
    file.map(Some).map_err(|error| StoreError::Database(error.into()))
}
