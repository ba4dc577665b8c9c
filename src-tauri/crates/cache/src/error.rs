use std::{io, path::PathBuf};

use thiserror::Error;

/// What can go wrong with a file of the client's.
#[derive(Debug, Error)]
pub enum CacheError {
    /// The database fails: damaged, locked, or the disk is full.
    #[error("the file on this computer cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the file on this computer cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A document in it cannot be read.
    #[error("the file on this computer holds something unreadable: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// The directory cannot be used.
    #[error("{0} cannot be used: {1}")]
    Directory(PathBuf, #[source] io::Error),
}
