use std::path::Path;

use anyhow::Result;
use entente_server::Config;
use entente_store::Engine;
use entente_testkit::Database;
use tempfile::TempDir;

use crate::World;

/// What a world stands on: a directory, and a database of one engine. Both go with it.
#[derive(Debug)]
pub struct Ground {
    directory: TempDir,
    /// On PostgreSQL; on SQLite it is a file in the directory.
    database: Option<Database>,
}

impl Ground {
    /// A new one on an engine.
    pub fn new(engine: Engine) -> Result<Self> {
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(entente_testkit::database()?),
        };
        Ok(Self { directory: tempfile::tempdir()?, database })
    }

    /// One on a database of somebody else's making.
    pub fn on(database: Database) -> Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, database: Some(database) })
    }

    /// A second one on the same engine.
    pub fn another(&self) -> Result<Self> {
        Self::new(if self.database.is_some() { Engine::Postgres } else { Engine::Sqlite })
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// How a server starts on it.
    #[must_use]
    pub fn config(&self) -> Config {
        let database = self.database.as_ref().map(Database::url);
        Config { database, ..Config::local(self.path().join("server")) }
    }

    /// The database, on PostgreSQL.
    #[must_use]
    pub fn database(&self) -> Option<&Database> {
        self.database.as_ref()
    }

    /// A world on it.
    pub async fn world(&self) -> Result<World> {
        World::start_with(self.config()).await
    }
}

/// Makes two tests of each function that takes a [`Ground`]: `sqlite::name` and `postgres::name`.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Ground::new(entente_store::Engine::Sqlite)?).await
            })+
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                super::$name($crate::Ground::new(entente_store::Engine::Postgres)?).await
            })+
        }
    };
}
