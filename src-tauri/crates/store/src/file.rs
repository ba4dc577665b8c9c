//! A SQLite database as a file: who holds it, a copy of it while it is used, and putting one back.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use crate::{Engine, Store, StoreError, schema};

/// The first bytes of a SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Held by the one process that serves a SQLite database, or puts another in its place. It ends with
/// the process, however that ends.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "closing it lets go")] File);

/// What is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The version of its schema.
    pub version: i64,
    /// How many bytes it has.
    pub bytes: u64,
}

impl Hold {
    /// Takes the database behind an address; none if it is not a file, which others may share.
    pub fn take(url: &str) -> Result<Option<Self>, StoreError> {
        if Engine::of_address(url)? == Engine::Postgres {
            return Ok(None);
        }
        let Some(path) = schema::file_of(url)? else { return Ok(None) };
        let lock = beside(&path, "lock");
        let failed = |why| StoreError::File(lock.clone(), why);
        let file = private(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path)),
            Err(TryLockError::Error(why)) => Err(failed(why)),
        }
    }
}

/// Copies a SQLite database into a new file while others read and write it, and checks the copy. All
/// that was committed before is in it.
pub async fn back_up(url: &str, to: &Path) -> Result<Backup, StoreError> {
    let from = sqlite_file(url)?;
    if let Err(why) = fs::metadata(&from) {
        return Err(StoreError::File(from, why));
    }
    if to.exists() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let partial = beside(to, "partial");
    let failed = |why| StoreError::File(partial.clone(), why);
    let _ = fs::remove_file(&partial);
    // Before anything is in it: a database is for its owner only.
    private(&partial).map_err(failed)?;
    let copied = copy(&from, &partial).await;
    let backup = match copied {
        Ok(()) => check(&partial).await,
        Err(error) => Err(error),
    };
    if backup.is_err() {
        let _ = fs::remove_file(&partial);
        return backup;
    }
    put(&partial, to).map_err(|why| StoreError::File(to.to_owned(), why))?;
    backup
}

/// Puts a copy in the place of a SQLite database, brought up to date. Nobody may serve it meanwhile.
/// Cursors from after the copy was made are refused from then on, so that clients read everything anew.
/// A database that is there is only replaced if `replace` says so, and is put aside: to the path that is
/// given back.
pub async fn restore(
    from: &Path,
    url: &str,
    replace: bool,
) -> Result<(Backup, Option<PathBuf>), StoreError> {
    let path = sqlite_file(url)?;
    let _hold = Hold::take(url)?;
    if path.exists() && !replace {
        return Err(StoreError::Exists(path));
    }
    let backup = check(from).await?;
    if backup.version > schema::newest(Engine::Sqlite) {
        let known = schema::newest(Engine::Sqlite);
        return Err(StoreError::Newer { found: backup.version, known });
    }
    let new = beside(&path, "restored");
    for part in with_its_log(&new) {
        let _ = fs::remove_file(part);
    }
    let failed = |why| StoreError::File(new.clone(), why);
    let mut copy = private(&new).map_err(failed)?;
    let mut source = File::open(from).map_err(|why| StoreError::File(from.to_owned(), why))?;
    io::copy(&mut source, &mut copy).map_err(failed)?;
    drop(copy);
    let store = Store::open(&format!("sqlite://{}", new.display())).await?;
    store.begin_anew().await?;
    store.close().await;
    check(&new).await?;
    let replaced = if path.exists() { Some(put_aside(&path)?) } else { None };
    put(&new, &path).map_err(|why| StoreError::File(path.clone(), why))?;
    for file in [beside(&new, "lock"), beside(&new, "migrating")] {
        let _ = fs::remove_file(file);
    }
    Ok((backup, replaced))
}

impl Store {
    /// After an older state was put back: makes all cursors those of another database, and forgets
    /// the changes that they stood among and who did background work.
    pub async fn begin_anew(&self) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        for statement in [
            "DELETE FROM changes",
            "DELETE FROM meta WHERE name = 'changes_pruned'",
            "DELETE FROM leases",
        ] {
            sqlx::query(statement).execute(write.connection()).await?;
        }
        write.commit().await?;
        self.renew_epoch().await
    }
}

fn sqlite_file(url: &str) -> Result<PathBuf, StoreError> {
    match Engine::of_address(url)? {
        Engine::Sqlite => schema::file_of(url)?
            .ok_or_else(|| StoreError::Address("it is a database in memory".into())),
        Engine::Postgres => Err(StoreError::NotAFile),
    }
}

async fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let mut source = open(from, false).await?;
    sqlx::query("VACUUM INTO $1")
        .bind(to.to_string_lossy().into_owned())
        .execute(&mut source)
        .await?;
    source.close().await?;
    Ok(())
}

/// Whether a file is a whole and sound database of this program.
async fn check(path: &Path) -> Result<Backup, StoreError> {
    match inspect(path).await {
        Err(StoreError::Database(why)) => Err(unsound(path, why)),
        inspected => inspected,
    }
}

async fn inspect(path: &Path) -> Result<Backup, StoreError> {
    let failed = |why: io::Error| StoreError::File(path.to_owned(), why);
    let bytes = fs::metadata(path).map_err(failed)?.len();
    let mut begin = [0; 16];
    let read = File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut begin));
    if read.is_err() || begin != MAGIC {
        return Err(unsound(path, "it is no SQLite database"));
    }
    let mut connection = open(path, true).await?;
    let known = sqlx::query_scalar::<_, i64>(
        "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('_sqlx_migrations', 'meta', 'changes')",
    )
    .fetch_one(&mut connection)
    .await?;
    if known != 3 {
        return Err(unsound(path, "it is the database of another program"));
    }
    let found: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(5)").fetch_all(&mut connection).await?;
    if found != ["ok"] {
        return Err(unsound(path, found.join("; ")));
    }
    let orphans = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut connection).await?;
    if !orphans.is_empty() {
        return Err(unsound(path, format!("{} rows refer to what is not there", orphans.len())));
    }
    let version = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations")
        .fetch_one(&mut connection)
        .await?;
    connection.close().await?;
    Ok(Backup { version, bytes })
}

fn unsound(path: &Path, why: impl ToString) -> StoreError {
    StoreError::Unsound(path.to_owned(), why.to_string())
}

async fn open(path: &Path, alone: bool) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .synchronous(SqliteSynchronous::Full)
        // Nobody else has a copy open, and looking at it leaves nothing beside it.
        .immutable(alone);
    Ok(options.connect().await?)
}

/// The file of a name with an ending more.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A database and what SQLite keeps beside it.
fn with_its_log(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        name.into()
    })
}

fn put_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let aside = beside(path, "replaced");
    for (now, then) in with_its_log(path).into_iter().zip(with_its_log(&aside)) {
        match fs::rename(&now, &then) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = fs::remove_file(then);
            }
            Err(error) => return Err(StoreError::File(now, error)),
        }
    }
    Ok(aside)
}

/// Renames a file that is on the disk for good.
fn put(from: &Path, to: &Path) -> io::Result<()> {
    File::open(from)?.sync_all()?;
    fs::rename(from, to)?;
    if let Some(directory) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        sync_directory(directory)?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options().create(true).truncate(false).write(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Seek as _, Write as _},
        str::FromStr as _,
    };

    use sqlx::sqlite::SqliteJournalMode;

    use super::*;

    fn at(directory: &tempfile::TempDir, name: &str) -> (PathBuf, String) {
        let path = directory.path().join(name);
        let url = format!("sqlite://{}", path.display());
        (path, url)
    }

    async fn set(url: &str, statement: &str) {
        let store = Store::open(url).await.expect("opened");
        let mut write = store.write().await.expect("begun");
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::query(statement).execute(write.connection()).await.expect("done");
        write.commit().await.expect("committed");
        store.close().await;
    }

    async fn told(url: &str, name: &str) -> Option<String> {
        let store = Store::open(url).await.expect("opened");
        let told = sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(&mut *store.read().await.expect("a connection"))
            .await
            .expect("read");
        store.close().await;
        told
    }

    #[tokio::test]
    async fn a_copy_is_put_back_with_what_was_there_and_a_new_epoch() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, url) = at(&directory, "entente.db");
        set(&url, "INSERT INTO meta (name, value) VALUES ('x', 'before')").await;
        let epoch = told(&url, "epoch").await;
        let copy = directory.path().join("copy.db");
        let backup = back_up(&url, &copy).await.expect("copied");
        assert_eq!(backup.version, schema::newest(Engine::Sqlite));
        assert!(matches!(back_up(&url, &copy).await, Err(StoreError::Exists(_))));
        set(&url, "UPDATE meta SET value = 'after' WHERE name = 'x'").await;

        assert!(matches!(restore(&copy, &url, false).await, Err(StoreError::Exists(_))));
        assert_eq!(told(&url, "x").await.as_deref(), Some("after"));
        let (_, replaced) = restore(&copy, &url, true).await.expect("restored");
        assert_eq!(told(&url, "x").await.as_deref(), Some("before"));
        assert_ne!(told(&url, "epoch").await, epoch);
        let replaced = replaced.expect("the one that was there");
        let replaced = format!("sqlite://{}", replaced.display());
        assert_eq!(told(&replaced, "x").await.as_deref(), Some("after"));
        let mut names: Vec<_> = fs::read_dir(path.parent().expect("a parent"))
            .expect("read")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains("restored") || name.contains("partial"))
            .collect();
        names.sort();
        assert!(names.is_empty(), "{names:?}");
    }

    #[tokio::test]
    async fn what_is_not_sound_is_not_put_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let (_, url) = at(&directory, "entente.db");
        set(&url, "INSERT INTO meta (name, value) VALUES ('x', 'here')").await;
        let copy = directory.path().join("copy.db");
        back_up(&url, &copy).await.expect("copied");
        let bad = directory.path().join("bad.db");
        let refused = async |why: &str| {
            let error = restore(&bad, &url, true).await.expect_err("refused").to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(told(&url, "x").await.as_deref(), Some("here"));
        };
        refused("No such file").await;
        fs::write(&bad, "not a database, but long enough to be one").expect("written");
        refused("it is no SQLite database").await;
        // A page in the middle is overwritten.
        fs::copy(&copy, &bad).expect("copied");
        let mut file = File::options().write(true).open(&bad).expect("opened");
        file.seek(io::SeekFrom::Start(4096 * 6)).expect("sought");
        file.write_all(&[0xa5; 4096]).expect("written");
        refused("not a sound database").await;
        // Its end is missing.
        fs::copy(&copy, &bad).expect("copied");
        let file = File::options().write(true).open(&bad).expect("opened");
        file.set_len(4096 * 5).expect("cut");
        refused("not a sound database").await;
        let other = directory.path().join("other.db");
        let options = SqliteConnectOptions::new().filename(&other).create_if_missing(true);
        let mut connection = options.connect().await.expect("made");
        sqlx::query("CREATE TABLE meta (x)").execute(&mut connection).await.expect("made");
        connection.close().await.expect("closed");
        fs::rename(&other, &bad).expect("renamed");
        refused("of another program").await;
    }

    #[tokio::test]
    async fn a_database_of_a_newer_program_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, url) = at(&directory, "entente.db");
        set(
            &url,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of tomorrow', 1, x'00', 0)",
        )
        .await;
        let newer = |error: StoreError| matches!(error, StoreError::Newer { found: 9999, .. });
        assert!(newer(Store::open(&url).await.expect_err("refused")));
        let (_, elsewhere) = at(&directory, "elsewhere.db");
        assert!(newer(restore(&path, &elsewhere, false).await.expect_err("refused")));
    }

    #[tokio::test]
    async fn one_process_holds_a_database() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, url) = at(&directory, "entente.db");
        let hold = Hold::take(&url).expect("taken").expect("a file");
        assert!(matches!(Hold::take(&url), Err(StoreError::InUse(found)) if found == path));
        let copy = directory.path().join("copy.db");
        set(&url, "DELETE FROM leases").await;
        back_up(&url, &copy).await.expect("copied beside it");
        assert!(matches!(restore(&copy, &url, true).await, Err(StoreError::InUse(_))));
        drop(hold);
        assert!(Hold::take(&url).expect("taken").is_some());
        assert!(Hold::take("sqlite::memory:").expect("nothing to hold").is_none());
    }

    #[tokio::test]
    async fn several_that_open_an_empty_database_at_once_migrate_it_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let (_, url) = at(&directory, "entente.db");
        // The file and its mode are there; what is to be tried is the migration.
        let options = SqliteConnectOptions::from_str(&url).expect("an address");
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        options.connect().await.expect("made").close().await.expect("closed");
        let open = || Store::migrate(&url);
        let opened = tokio::join!(open(), open(), open(), open());
        for done in [opened.0, opened.1, opened.2, opened.3] {
            done.expect("migrated");
        }
        let now = Store::migrate(&url).await.expect("nothing to do");
        assert_eq!(now.from, schema::newest(Engine::Sqlite));
    }
}
