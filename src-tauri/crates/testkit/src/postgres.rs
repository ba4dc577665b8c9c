//! A PostgreSQL of the tests' own: the real server, on loopback, in a directory that goes with it.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

/// Where a cluster's address is looked for before one is started.
pub const ADDRESS: &str = "ENTENTE_TEST_POSTGRES";

/// The user that owns the cluster.
const OWNER: &str = "entente";
/// How long the server may take to answer on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the server until it is told how to end it. When its input ends without a word, as it does
/// however the tests end, it also removes what was the server's.
const KEEPER: &str = r#"
directory=$1; shift
"$@" & server=$!
read -r order
case "$order" in
    crash) kill -KILL "$server" ;;
    *) kill -QUIT "$server" 2> /dev/null ;;
esac
wait "$server"
[ -n "$order" ] || rm -rf "$directory"
"#;

/// A cluster of its own. It ends when this is dropped, and when the process that started it ends.
#[derive(Debug)]
pub struct Postgres {
    binaries: PathBuf,
    address: String,
    /// The shell that ends the server when its input ends; none while the server is stopped.
    keeper: Option<Child>,
    port: u16,
    is_durable: bool,
    directory: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts it. Nothing of it needs to outlive the machine, so nothing is
    /// forced to disk; a killed server loses nothing by that.
    pub fn start() -> Result<Self> {
        Self::make(false)
    }

    /// The same as it is in use, to measure: what is committed is forced to disk.
    pub fn start_durable() -> Result<Self> {
        Self::make(true)
    }

    fn make(is_durable: bool) -> Result<Self> {
        let binaries = binaries()?;
        let directory = tempfile::Builder::new().prefix("entente-postgres-").tempdir()?;
        give_away(directory.path())?;
        let data = directory.path().join("data");
        let mut initdb = command(binaries.join("initdb"));
        initdb.arg("--pgdata").arg(&data).args(["--username", OWNER, "--auth", "trust"]);
        // As installations have it: text is not ordered by its bytes.
        initdb.args(["--encoding", "UTF8", "--locale", "C.UTF-8"]);
        initdb.args(["--locale-provider", "icu", "--icu-locale", "en-US", "--no-sync"]);
        run(&mut initdb)?;
        let mut cluster =
            Self { binaries, address: String::new(), keeper: None, port: 0, is_durable, directory };
        // Another process can take the port between the look and the use.
        for _ in 0..3 {
            cluster.port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            cluster.address = format!("postgres://{OWNER}@127.0.0.1:{}", cluster.port);
            if cluster.resume().is_ok() {
                return Ok(cluster);
            }
        }
        cluster.resume()?;
        Ok(cluster)
    }

    /// Its address, without a database's name.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// A new database in it.
    pub fn database(&self) -> Result<Database> {
        Database::make(&self.address)
    }

    /// Where its programs are: `pg_dump`, `pgbench`.
    #[must_use]
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// Where all of it is: its log, and in `data` what it keeps.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends the server at once, as if it had crashed; its data stays.
    pub fn crash(&mut self) -> Result<()> {
        let Some(keeper) = self.keeper.take() else { return Ok(()) };
        end(keeper, "crash")?;
        // Its own processes notice, and go.
        let begun = Instant::now();
        while self.answers() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Starts the server again where it was.
    pub fn resume(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let started = self.try_to_start();
            // Processes of one that crashed go on for a moment; no other may begin before they went.
            let must_wait = started.is_err() && self.log().contains("is still in use");
            if !must_wait || begun.elapsed() > PATIENCE {
                return started;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_to_start(&mut self) -> Result<()> {
        let log = fs::File::create(self.directory.path().join("log"))?;
        let mut server = command(self.binaries.join("postgres"));
        server.arg("-D").arg(self.directory.path().join("data"));
        let port = format!("port={}", self.port);
        for setting in [
            port.as_str(),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=400",
            "max_prepared_transactions=8",
            if self.is_durable { "fsync=on" } else { "fsync=off" },
        ] {
            server.args(["-c", setting]);
        }
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(self.directory.path());
        keeper.arg(server.get_program()).args(server.get_args());
        apart(&mut keeper);
        keeper.stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        let keeper = keeper.spawn().context("sh could not be started")?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.answers() {
                self.keeper = Some(keeper);
                return Ok(());
            }
            if self.has_failed() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        end(keeper, "stop")?;
        bail!("PostgreSQL did not start: {}", self.log())
    }

    /// What it has logged since it was started.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn has_failed(&self) -> bool {
        let log = self.log();
        let lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        // It says that word, too, to whoever asks before it is ready.
        let mut fatal = lines.filter(|line| line.contains("FATAL"));
        fatal.any(|line| !line.contains("the database system is"))
    }

    fn answers(&self) -> bool {
        let mut ask = Command::new(self.binaries.join("pg_isready"));
        ask.args(["--quiet", "--host", "127.0.0.1", "--port", &self.port.to_string()]);
        ask.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }
}

fn end(mut keeper: Child, order: &str) -> Result<()> {
    let mut orders = keeper.stdin.take().context("the keeper's input")?;
    writeln!(orders, "{order}")?;
    keeper.wait()?;
    Ok(())
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }
}

/// A database of its own, dropped with this.
#[derive(Debug)]
pub struct Database {
    cluster: String,
    name: String,
}

impl Database {
    fn make(cluster: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let database = Self { cluster: cluster.to_owned(), name };
        // A process of the same number can have left one.
        database.remove()?;
        database.ask(&format!("CREATE DATABASE {} TEMPLATE template0", database.name))?;
        Ok(database)
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.cluster, self.name)
    }

    /// A connection past the program.
    pub fn session(&self) -> Result<Session> {
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]).arg(self.url());
        psql.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut psql = psql.spawn().context("psql could not be started")?;
        let said = psql.stdout.take().context("what psql says")?;
        Ok(Session { psql, said: BufReader::new(said) })
    }

    /// Puts a copy of another database into this one, as `pg_dump` writes it.
    pub fn restore(&self, from: &Self) -> Result<()> {
        let mut dump = Command::new(binaries()?.join("pg_dump"));
        let mut dump = dump.arg(from.url()).stdout(Stdio::piped()).spawn()?;
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]).arg(self.url());
        psql.stdin(dump.stdout.take().context("the dump")?).stdout(Stdio::null());
        if !psql.status()?.success() || !dump.wait()?.success() {
            bail!("the copy failed");
        }
        Ok(())
    }

    /// What is in it, as text that any version of PostgreSQL from this project's oldest on can load.
    pub fn dump(&self) -> Result<String> {
        let mut dump = Command::new(binaries()?.join("pg_dump"));
        let output = dump.args(["--no-owner", "--no-privileges"]).arg(self.url()).output()?;
        if !output.status.success() {
            bail!("pg_dump failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        // What newer versions say of themselves, and older ones do not know.
        let is_new = |line: &&str| {
            line.starts_with("\\restrict")
                || line.starts_with("\\unrestrict")
                || line.starts_with("SET transaction_timeout")
        };
        let text = String::from_utf8(output.stdout).context("a dump in UTF-8")?;
        let lines = text.lines().filter(|line| !is_new(line) && !line.starts_with("--"));
        Ok(lines.map(|line| format!("{line}\n")).collect())
    }

    /// Puts what [`Self::dump`] wrote into this one.
    pub fn load(&self, dump: &Path) -> Result<()> {
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]).arg(self.url());
        let output = psql.stdin(fs::File::open(dump)?).output()?;
        if !output.status.success() {
            bail!("the dump was not loaded: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn remove(&self) -> Result<()> {
        self.ask(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
    }

    fn ask(&self, statement: &str) -> Result<()> {
        let mut psql = Command::new(binaries()?.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--command", statement]);
        run(psql.arg(format!("{}/postgres", self.cluster)))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

/// A connection past the program; it ends with this.
#[derive(Debug)]
pub struct Session {
    psql: Child,
    said: BufReader<ChildStdout>,
}

impl Session {
    /// Runs statements; gives what they answer.
    pub fn run(&mut self, statements: &str) -> Result<String> {
        const DONE: &str = "that was all";
        let orders = self.psql.stdin.as_mut().context("psql's input")?;
        writeln!(orders, "\\pset tuples_only on\n{statements}\n\\echo {DONE}")?;
        let mut answer = String::new();
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line)? == 0 {
                bail!("psql ended at: {statements}");
            }
            if line.trim() == DONE {
                return Ok(answer.trim().to_owned());
            }
            answer.push_str(&line);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.psql.kill();
        let _ = self.psql.wait();
    }
}

/// A new database: in the cluster that [`ADDRESS`] names, or else in one that this process starts and
/// keeps for all that ask.
pub fn database() -> Result<Database> {
    static OWN: OnceLock<Mutex<Option<Postgres>>> = OnceLock::new();
    if let Ok(address) = env::var(ADDRESS) {
        return Database::make(&address);
    }
    let own = OWN.get_or_init(Mutex::default);
    let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = match own.take() {
        Some(cluster) => cluster,
        None => Postgres::start()?,
    };
    own.insert(cluster).database()
}

/// The folder of the newest PostgreSQL's programs.
fn binaries() -> Result<PathBuf> {
    // Debian and its kin keep the server's programs of each version off the path.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path())))
        .map(|(version, path)| (version, path.join("bin")))
        .filter(|(_, path)| path.join("initdb").is_file())
        .max();
    let on_path =
        || env::split_paths(&env::var_os("PATH")?).find(|folder| folder.join("initdb").is_file());
    newest.map(|(_, path)| path).or_else(on_path).context(
        "PostgreSQL is missing: install the package postgresql (sudo apt-get install postgresql)",
    )
}

/// A command that runs as whoever may run PostgreSQL: it refuses root.
fn command(program: impl AsRef<OsStr>) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program.as_ref());
    command
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").is_ok_and(|of_process| of_process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Makes a directory the one's who runs PostgreSQL.
fn give_away(directory: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    run(Command::new("chown").arg("postgres").arg(directory))
}

/// What is typed at the terminal is not for it.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        // A folder that everybody may enter.
        .current_dir(env::temp_dir())
        .output()
        .with_context(|| format!("{name} could not be started"))?;
    if !output.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
