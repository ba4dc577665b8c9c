use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::OnceCell;

use crate::{CacheError, Keeping};

/// How a file was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// As it was left.
    Existing,
    /// There was none.
    Fresh,
    /// It could not be used and was begun anew; why, for the log.
    Rebuilt(String),
}

/// One writer and several readers of a file.
#[derive(Debug, Clone)]
pub(crate) struct Pools {
    pub(crate) read: SqlitePool,
    pub(crate) write: SqlitePool,
}

impl Pools {
    pub(crate) async fn open(path: &Path, keeping: &Keeping) -> Result<Self, CacheError> {
        silence_cipher().await?;
        let mut options = SqliteConnectOptions::new()
            .busy_timeout(Duration::from_secs(5))
            // A statement may hold a key or what the cache keeps.
            .disable_statement_logging();
        options = match keeping {
            Keeping::Encrypted(key) => options.pragma("key", key.pragma()),
            // What is deleted is gone.
            Keeping::Plain => options.pragma("secure_delete", "ON"),
            Keeping::Memory => options,
        };
        if matches!(keeping, Keeping::Memory) {
            // The one connection is the file: it must not be closed for being idle or old.
            let pool = SqlitePoolOptions::new()
                .min_connections(1)
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .acquire_timeout(Duration::from_secs(30))
                .connect_with(options.in_memory(true))
                .await?;
            return Ok(Self { read: pool.clone(), write: pool });
        }
        let options = options
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            // 8 MiB of what was decrypted.
            .pragma("cache_size", "-8192");
        let pool = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(10))
                .idle_timeout(Duration::from_secs(60))
                .after_release(|connection, _| Box::pin(is_released(connection)))
        };
        let write = pool(1).connect_with(options.clone()).await;
        let write = write.map_err(|error| CacheError::from(error).explained(path))?;
        let read = pool(3).connect_lazy_with(options);
        Ok(Self { read, write })
    }

    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

/// Whether a connection can be used again. SQLite takes a transaction back by itself when the disk is
/// full (SQLite, "Response To Errors Within A Transaction"); sqlx then goes on to believe in it, and would
/// refuse every other one.
async fn is_released(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What was dropped is taken back before this is answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// By itself, SQLCipher writes to the program's error output, where a lost key is no news. The level
/// is the process's, and must be set before there is a key.
async fn silence_cipher() -> Result<(), CacheError> {
    static DONE: OnceCell<()> = OnceCell::const_new();
    DONE.get_or_try_init(|| async {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
        sqlx::query("PRAGMA cipher_log_level = NONE").execute(&mut connection).await?;
        connection.close().await?;
        Ok::<_, CacheError>(())
    })
    .await
    .copied()
}

/// The file and what SQLite keeps beside it.
pub(crate) fn files(path: &Path) -> [PathBuf; 3] {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    [path.to_owned(), beside("-wal"), beside("-shm")]
}

pub(crate) fn make_directory_of(path: &Path) -> Result<(), CacheError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    fs::create_dir_all(directory).map_err(|error| CacheError::of_io(directory, error))
}

pub(crate) fn delete(path: &Path) -> Result<(), CacheError> {
    for file in files(path) {
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(CacheError::of_io(&file, error)),
        }
    }
    Ok(())
}
