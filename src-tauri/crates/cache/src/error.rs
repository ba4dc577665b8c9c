use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sqlx::migrate::MigrateError;
use thiserror::Error;

/// What can go wrong with a file of the client's. Its text is a sentence for a person.
#[derive(Debug, Error)]
pub enum CacheError {
    /// There is no room.
    #[error(
        "The disk of this computer is full, so nothing new can be kept. Free some space; Entente \
         then goes on by itself."
    )]
    Full,
    /// The folder or a file in it may not be written.
    #[error(
        "Entente may not write to its folder on this computer. Make the folder writable for you; \
         Entente then goes on by itself."
    )]
    ReadOnly,
    /// It is no database, was made with another key, or is damaged.
    #[error("A file of Entente on this computer is damaged ({0}).")]
    Damaged(String),
    /// Another version of the program made it.
    #[error("A file of Entente on this computer is of another version ({0}).")]
    OtherVersion(i64),
    /// The database fails otherwise.
    #[error("A file of Entente on this computer cannot be used: {0}.")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("A file of Entente on this computer cannot be brought up to date: {0}.")]
    Migration(#[source] MigrateError),
    /// A document in it cannot be read.
    #[error("A file of Entente on this computer holds something unreadable: {0}.")]
    Unreadable(#[from] serde_json::Error),
    /// The directory cannot be used.
    #[error("The folder {0} cannot be used: {1}.")]
    Directory(PathBuf, #[source] io::Error),
}

impl CacheError {
    pub(crate) fn of_io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Directory(path.to_owned(), error),
        }
    }

    /// The same, in the words of the disk where SQLite has none: it does not tell why a file cannot be
    /// opened.
    pub(crate) fn explained(self, path: &Path) -> Self {
        let Self::ReadOnly = self else { return self };
        let probe = path.with_extension("probe");
        let written = fs::write(&probe, [0; 4096]);
        // What was not written may be there all the same, empty.
        let _ = fs::remove_file(&probe);
        match written {
            Ok(()) => self,
            Err(error) => Self::of_io(path, error),
        }
    }

    /// Whether the file itself is what is wrong, so that beginning it anew helps.
    #[must_use]
    pub fn is_of_the_file(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::OtherVersion(_) | Self::Migration(_) | Self::Unreadable(_) => {
                true
            }
            Self::Full | Self::ReadOnly | Self::Database(_) | Self::Directory(..) => false,
        }
    }

    /// A word from a closed list.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Full => "disk_full",
            Self::ReadOnly => "folder_read_only",
            Self::Damaged(_)
            | Self::OtherVersion(_)
            | Self::Database(_)
            | Self::Migration(_)
            | Self::Unreadable(_)
            | Self::Directory(..) => "cache_failed",
        }
    }

    /// Whether a code is one of these: a file of this computer is what failed, and not the way to the
    /// server.
    #[must_use]
    pub fn is_code(code: &str) -> bool {
        ["disk_full", "folder_read_only", "cache_failed"].contains(&code)
    }

    /// Whether it may pass without anybody doing something to the file.
    #[must_use]
    pub fn retryable(&self) -> bool {
        !self.is_of_the_file()
    }
}

impl From<MigrateError> for CacheError {
    fn from(error: MigrateError) -> Self {
        match error {
            // The disk's fault is not the file's.
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::Migration(other),
        }
    }
}

impl From<sqlx::Error> for CacheError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        let code = code.and_then(|code| code.parse::<u32>().ok());
        if code == Some(SQLITE_IOERR_SHMSIZE) {
            return Self::Full;
        }
        // The low byte is the primary result code (SQLite, "Result and Error Codes").
        match code.map(|code| code & 0xff) {
            Some(SQLITE_FULL) => Self::Full,
            Some(SQLITE_READONLY | SQLITE_CANTOPEN | SQLITE_PERM) => Self::ReadOnly,
            Some(SQLITE_CORRUPT | SQLITE_NOTADB | SQLITE_ERROR) => Self::Damaged(error.to_string()),
            _ => Self::Database(error),
        }
    }
}

/// A statement that is right and fails all the same: the schema is not the one that it was written for.
const SQLITE_ERROR: u32 = 1;
const SQLITE_PERM: u32 = 3;
const SQLITE_READONLY: u32 = 8;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;
/// There is no room for what the connections share.
const SQLITE_IOERR_SHMSIZE: u32 = 4874;
