use entente_domain::{PartnershipId, UnknownState};
use thiserror::Error;

/// What can go wrong with the database.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database does not answer, or refuses.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
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
    /// The pair has an open partnership already.
    #[error("the pair has an open partnership already")]
    PairTaken,
    /// The address is not one of a database.
    #[error("not a database address: {0}")]
    Address(String),
}

impl StoreError {
    pub(crate) fn inconsistent(
        table: &'static str,
        id: impl ToString,
    ) -> impl FnOnce(&dyn std::fmt::Display) -> Self {
        let id = id.to_string();
        move |why| Self::Inconsistent { table, id, why: why.to_string() }
    }
}

impl From<(&'static str, String, UnknownState)> for StoreError {
    fn from((table, id, why): (&'static str, String, UnknownState)) -> Self {
        Self::Inconsistent { table, id, why: why.to_string() }
    }
}
