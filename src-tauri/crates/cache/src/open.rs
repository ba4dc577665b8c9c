use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::CacheError;

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
    pub(crate) async fn open(path: &Path) -> Result<Self, CacheError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5));
        let pool = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .acquire_timeout(Duration::from_secs(10))
                .idle_timeout(Duration::from_secs(60))
        };
        let write = pool(1).connect_with(options.clone()).await?;
        let sound: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&write).await?;
        if sound != "ok" {
            return Err(sqlx::Error::Protocol(sound).into());
        }
        let read = pool(3).connect_lazy_with(options);
        Ok(Self { read, write })
    }

    pub(crate) async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
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
    fs::create_dir_all(directory)
        .map_err(|error| CacheError::Directory(directory.to_owned(), error))
}

pub(crate) fn delete(path: &Path) -> Result<(), CacheError> {
    for file in files(path) {
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(CacheError::Directory(file, error)),
        }
    }
    Ok(())
}
