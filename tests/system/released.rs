//! What each released version left on a disk opens with this one: the server's database on both
//! engines, with its keys, and the client's journal and cache. For the version that is being made,
//! `UPDATE_RELEASED=1` stores it anew; from its release on it stays as it is.

mod client;
mod content;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};
use entente_domain::{Action, Timestamp};
use entente_server::{Config, ManualClock, Server};
use entente_store::Engine;
use entente_tests::{Ground, Person, World};
use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::call;

/// The version that is being made.
const THIS: &str = env!("CARGO_PKG_VERSION");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/released")
}

/// The folders of all versions; this one's is made if that is asked for.
fn versions() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder())? {
        found.push(entry?.path());
    }
    found.sort();
    ensure!(
        found.iter().any(|one| one.ends_with(THIS)),
        "nothing of {THIS} is stored: run the tests with UPDATE_RELEASED=1"
    );
    Ok(found)
}

/// Where this version's is to be stored anew, if that is asked for.
fn to_store(what: &str) -> Result<Option<PathBuf>> {
    if std::env::var_os("UPDATE_RELEASED").is_none() {
        return Ok(None);
    }
    let place = folder().join(THIS).join(what);
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(&place)?;
    Ok(Some(place))
}

/// Copies a SQLite database, as small as it gets.
async fn copy_small(from: &Path, to: &Path) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection =
        sqlx::AnyConnection::connect(&format!("sqlite://{}", from.display())).await?;
    let copy = format!("PRAGMA page_size = 512; VACUUM INTO '{}'", to.display());
    sqlx::raw_sql(sqlx::AssertSqlSafe(copy)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// The moment at which everything in it is asked: what was open then is open.
fn moment() -> Timestamp {
    "2026-11-24T14:00:00Z".parse().expect("a moment")
}

fn config(ground: &Ground) -> Config {
    Config { clock: Arc::new(ManualClock::at(moment())), ..ground.config() }
}

/// The files of the server beside its database.
const KEYS: [&str; 2] = ["secret.key", "vault.keys"];

async fn store(ground: &Ground, place: &Path) -> Result<()> {
    let mut world = World::start_with(config(ground)).await?;
    let account = content::put_into(&mut world).await?;
    let answers = content::answers(&world).await?;
    world.stop().await?;
    match ground.database() {
        Some(database) => fs::write(place.join("database.sql"), database.dump()?)?,
        None => {
            let file = world.config.data.join("entente.db");
            copy_small(&file, &place.join("database.db")).await?;
        }
    }
    for name in KEYS {
        fs::copy(world.config.data.join(name), place.join(name))?;
    }
    let people: Vec<Value> = world.people.iter().map(content::told).collect();
    let facts = json!({"people": people, "account": account, "answers": answers});
    Ok(fs::write(place.join("facts.json"), serde_json::to_string(&facts)? + "\n")?)
}

/// Puts a stored server onto a ground.
fn put_back(place: &Path, ground: &Ground) -> Result<Config> {
    let config = config(ground);
    config.make_data_directory()?;
    for name in KEYS {
        let to = config.data.join(name);
        fs::copy(place.join(name), &to)?;
        #[cfg(unix)]
        fs::set_permissions(&to, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    }
    match ground.database() {
        Some(database) => database.load(&place.join("database.sql"))?,
        None => fs::copy(place.join("database.db"), config.data.join("entente.db")).map(drop)?,
    }
    Ok(config)
}

async fn opens(engine: Engine) -> Result<()> {
    let name = match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    if let Some(place) = to_store(name)? {
        store(&Ground::new(engine)?, &place).await?;
    }
    for version in versions()? {
        let place = version.join(name);
        let facts: Value = serde_json::from_str(&fs::read_to_string(place.join("facts.json"))?)?;
        let ground = Ground::new(engine)?;
        let config = put_back(&place, &ground)?;
        let server = Server::start(config.clone()).await.with_context(|| {
            format!("{} does not open. If it is no release yet: UPDATE_RELEASED=1", place.display())
        })?;
        let people: Vec<Person> = facts["people"]
            .as_array()
            .context("people")?
            .iter()
            .map(content::person)
            .collect::<Result<_>>()?;
        let mut world = World { server: Some(server), config, people };
        // The keys of then are taken, and tell what they told.
        let now = content::answers(&world).await?;
        content::holds(&now, &facts["answers"], &place.display().to_string())?;
        let account = facts["account"].as_str().context("an account")?;
        ensure!(content::password(&world, account).await? == content::PASSWORD);
        // And it goes on.
        let waiting = &now["adam /partnerships?filter[state]=awaiting_approval"][0]["id"];
        let waiting = waiting.as_str().context("a request")?.parse()?;
        let approved =
            world.client("adam").act(Action::Approve, waiting, 1, &json!({}), "on").await?;
        ensure!(approved.attributes.state.as_str() == "awaiting_acceptance");
        let feed = call(&world, "adam", "GET", "/changes").send().await?;
        ensure!(feed.status == 200, "{feed:?}");
        world.stop().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sqlite_database_of_each_version_opens() -> Result<()> {
    opens(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_postgresql_database_of_each_version_opens() -> Result<()> {
    opens(Engine::Postgres).await
}
