use std::time::Duration;

use entente_domain::Timestamp;

use crate::{Connection, Engine, Store, StoreError};

impl Store {
    /// Takes a piece of background work for a while, or keeps it; false if another process has it.
    /// A process that ends gives nothing back: the others wait until the while is over.
    ///
    /// It spares work and decides nothing: a process that was stopped in its middle can wake after
    /// its while. What must not be done twice is held by a row, see [`skip_locked`].
    pub async fn lease(
        &self,
        work: &str,
        now: Timestamp,
        lasting: Duration,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
             WHERE leases.holder = excluded.holder OR leases.until <= $4",
        )
        .bind(work)
        .bind(self.process())
        .bind(now.after(lasting).unix_millis())
        .bind(now.unix_millis())
        .execute(self.alone())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Whether a process has background work, or had when it ended without giving it back.
    pub async fn has_leases(&self, now: Timestamp) -> Result<bool, StoreError> {
        let found: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE until > $1")
            .bind(now.unix_millis())
            .fetch_one(self.alone())
            .await?;
        Ok(found > 0)
    }

    /// Gives back all work that this process has, so that another can take it at once.
    pub async fn end_leases(&self) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM leases WHERE holder = $1")
            .bind(self.process())
            .execute(self.alone())
            .await?;
        Ok(())
    }
}

/// What ends a `SELECT` of rows to work on, inside a transaction: rows that another process works on
/// are passed over. SQLite has one process and one writer, so there are none.
#[must_use]
pub fn skip_locked(connection: &Connection) -> &'static str {
    match Engine::of(connection) {
        Engine::Sqlite => "",
        Engine::Postgres => " FOR UPDATE SKIP LOCKED",
    }
}
