//! What several processes over one PostgreSQL tell each other: that something was committed.

use sqlx::postgres::{PgListener, PgPoolOptions};

use crate::{Engine, Store, StoreError};

const CHANNEL: &str = "entente_commits";

/// Hears of what other processes commit.
#[derive(Debug)]
pub struct Listener {
    inner: PgListener,
    /// What it says itself.
    process: String,
}

impl Store {
    /// Listens from now on; only where there can be other processes.
    pub async fn listen(&self) -> Result<Listener, StoreError> {
        // Of its own, for as long as it lives: the pools' connections come and go.
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let mut inner = PgListener::connect_with(&pool.connect(self.address()).await?).await?;
        inner.listen(CHANNEL).await?;
        Ok(Listener { inner, process: self.process().to_owned() })
    }

    /// Tells the other processes that something was committed. Not a part of what was: commits that
    /// tell something wait for each other.
    pub async fn tell_others(&self) -> Result<(), StoreError> {
        match self.engine() {
            Engine::Sqlite => {}
            Engine::Postgres => {
                sqlx::query("SELECT pg_notify($1, $2)")
                    .bind(CHANNEL)
                    .bind(self.process())
                    .execute(self.alone())
                    .await?;
            }
        }
        Ok(())
    }
}

impl Listener {
    /// Waits until another process has committed something, or may have while the connection was
    /// lost. An error if it cannot be had again.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        while let Some(told) = self.inner.try_recv().await? {
            if told.payload() != self.process {
                break;
            }
        }
        // As good as one.
        while self.inner.next_buffered().is_some() {}
        Ok(())
    }
}
