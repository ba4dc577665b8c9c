use std::{io, path::PathBuf};

use entente_domain::{PartnershipId, UserId};
use sqlx::{error::DatabaseError, migrate::MigrateError};
use thiserror::Error;

/// What can go wrong with the database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database does not answer, or refuses.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] MigrateError),
    /// A row that cannot be: written by nobody, or damaged.
    #[error("the row {id} of {table} is inconsistent: {why}")]
    Inconsistent {
        /// Which table.
        table: &'static str,
        /// Which row.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// A compare-and-set found another version.
    #[error("the partnership {0} was changed meanwhile")]
    Changed(PartnershipId),
    /// A compare-and-set found another version.
    #[error("the user {0} was changed meanwhile")]
    UserChanged(UserId),
    /// The pair has an open partnership already.
    #[error("the pair has an open partnership already")]
    PairTaken,
    /// A newer program has migrated it.
    #[error(
        "the database was made by a newer version of this program (its schema is {found}, this \
         program knows {known}): run that version, or restore a backup from before"
    )]
    Newer {
        /// The version of its schema.
        found: i64,
        /// The newest one that is known.
        known: i64,
    },
    /// Another process serves it.
    #[error("the database {0} is in use: stop the server that runs on it first")]
    InUse(PathBuf),
    /// A file is there that would be lost.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// A file that cannot be read or written.
    #[error("the file {0} cannot be used: {1}")]
    File(PathBuf, #[source] io::Error),
    /// A copy that cannot be relied on.
    #[error("{0} is not a sound database of this program: {1}")]
    Unsound(PathBuf, String),
    /// What is asked for is done with files, and the database is none.
    #[error("the database is on PostgreSQL, which has tools of its own for this")]
    NotAFile,
    /// The database's file is damaged.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// The address is not one of a database.
    #[error("not a database address: {0}")]
    Address(String),
}

impl StoreError {
    /// Whether trying again in a moment can help: another writer was too long, or no connection was
    /// free.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        match self {
            // The server is not there, or was not a moment ago.
            Self::Database(
                sqlx::Error::PoolTimedOut
                | sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::BeginFailed
                | sqlx::Error::WorkerCrashed,
            ) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| is_busy_code(&code))
            }
            Self::Database(_)
            | Self::Migration(_)
            | Self::Inconsistent { .. }
            | Self::Changed(_)
            | Self::UserChanged(_)
            | Self::PairTaken
            | Self::Newer { .. }
            | Self::InUse(_)
            | Self::Exists(_)
            | Self::File(..)
            | Self::Unsound(..)
            | Self::NotAFile
            | Self::Damaged(_)
            | Self::Address(_) => false,
        }
    }

    /// Whether what is stored is at fault: a file that is damaged or not of SQLite, another schema
    /// than this one's, rows that cannot be. Trying again does not help.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        let is_damage = |error: &sqlx::Error| {
            let code = error.as_database_error().and_then(DatabaseError::code);
            // SQLITE_ERROR (no such table or column), SQLITE_CORRUPT, SQLITE_NOTADB.
            matches!(code.as_deref().and_then(sqlite_code), Some(1 | 11 | 26))
        };
        match self {
            Self::Database(error)
            | Self::Migration(
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
            ) => is_damage(error),
            Self::Migration(_)
            | Self::Inconsistent { .. }
            | Self::Newer { .. }
            | Self::Unsound(..)
            | Self::NotAFile
            | Self::Damaged(_) => true,
            Self::Changed(_)
            | Self::UserChanged(_)
            | Self::PairTaken
            | Self::InUse(_)
            | Self::Exists(_)
            | Self::File(..)
            | Self::Address(_) => false,
        }
    }

    /// Whether another transaction was in the way, so that the whole of this one is worth another
    /// try: a compare-and-set that failed, a serialization failure, a deadlock, or the same unique
    /// value written at once.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("40001" | "40P01" | "23505"))
            }
            Self::Changed(_) | Self::UserChanged(_) | Self::PairTaken => true,
            Self::Database(_)
            | Self::Migration(_)
            | Self::Inconsistent { .. }
            | Self::Newer { .. }
            | Self::InUse(_)
            | Self::Exists(_)
            | Self::File(..)
            | Self::Unsound(..)
            | Self::NotAFile
            | Self::Damaged(_)
            | Self::Address(_) => false,
        }
    }

    pub(crate) fn inconsistent(
        table: &'static str,
        id: impl ToString,
    ) -> impl FnOnce(&dyn std::fmt::Display) -> Self {
        let id = id.to_string();
        move |why| Self::Inconsistent { table, id, why: why.to_string() }
    }
}

/// SQLite's own code of an error; its extended codes end in the byte of the one that they extend.
/// PostgreSQL's codes have five characters, which none of SQLite's has.
fn sqlite_code(code: &str) -> Option<i32> {
    let code = Some(code).filter(|code| code.len() < 5)?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

fn is_busy_code(code: &str) -> bool {
    match code {
        // SQLITE_BUSY, SQLITE_FULL; and SQLITE_IOERR_SHMSIZE, which is no room either.
        _ if sqlite_code(code).is_some() => {
            matches!(sqlite_code(code), Some(5 | 13)) || code == "4874"
        }
        // A statement or a lock took too long; the server is a standby; it stops or starts.
        "57014" | "55P03" | "25P03" | "25006" | "57P01" | "57P02" | "57P03" => true,
        // The connection failed; the server lacks connections, memory or room.
        _ => code.starts_with("08") || code.starts_with("53"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_busy_code;

    #[test]
    fn codes_of_both_engines_are_told_apart() {
        for busy in ["5", "261", "517", "13", "4874", "57P01", "57014", "08006", "53300"] {
            assert!(is_busy_code(busy), "{busy}");
        }
        for other in ["1", "10", "11", "2067", "23505", "40001", "42601", "22021"] {
            assert!(!is_busy_code(other), "{other}");
        }
    }
}
