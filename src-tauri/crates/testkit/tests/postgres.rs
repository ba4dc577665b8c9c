//! The cluster that tests stand on ends however they end.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::{
    net::TcpStream,
    panic::catch_unwind,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use entente_testkit::{Postgres, database};

/// The file into which the address is told.
const TELL: &str = "ENTENTE_TEST_TELL_ADDRESS";

fn answers(address: &str) -> bool {
    let address = address.rsplit('@').next().expect("a host and port");
    TcpStream::connect(address.split('/').next().expect("a host and port")).is_ok()
}

fn ends(address: &str) {
    let begun = Instant::now();
    while answers(address) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{address} still answers");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_cluster_ends_with_a_test_that_panics_and_leaves_nothing() {
    let told = std::sync::Mutex::new(None);
    let panicked = catch_unwind(|| {
        let cluster = Postgres::start().expect("a cluster");
        assert!(answers(cluster.address()));
        *told.lock().expect("not poisoned") = Some(cluster.address().to_owned());
        panic!("as a test would");
    });
    assert!(panicked.is_err());
    let address = told.into_inner().expect("not poisoned").expect("an address");
    assert!(!answers(&address), "it was waited for");
}

#[test]
fn a_cluster_ends_with_a_process_that_is_killed() {
    // The one that is killed is this test again.
    if let Ok(file) = std::env::var(TELL) {
        let database = database().expect("a database");
        std::fs::write(&file, database.url()).expect("written");
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    open_to_all(directory.path());
    let file = directory.path().join("address");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_cluster_ends_with_a_process_that_is_killed"])
        .env(TELL, &file)
        .env_remove(entente_testkit::ADDRESS)
        .env("TMPDIR", directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let begun = Instant::now();
    let address = loop {
        match std::fs::read_to_string(&file) {
            Ok(address) if !address.is_empty() => break address,
            _ => assert!(begun.elapsed() < Duration::from_secs(30), "no cluster"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(answers(&address));
    child.kill().expect("killed");
    child.wait().expect("waited");
    ends(&address);
    // Nothing is left of it, a moment later.
    let begun = Instant::now();
    while std::fs::read_dir(directory.path()).expect("a directory").count() > 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "its directory is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn open_to_all(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory, all).expect("permitted");
}

#[test]
fn a_crash_leaves_the_data_and_the_address() {
    let mut cluster = Postgres::start().expect("a cluster");
    let database = cluster.database().expect("a database");
    let binaries = cluster.binaries().to_owned();
    let psql = |statement: &str| {
        let mut psql = Command::new(binaries.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--command", statement]);
        let output = psql.arg(database.url()).output().expect("psql");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    psql("CREATE TABLE kept AS SELECT 7 AS number");
    cluster.crash().expect("crashed");
    assert!(!answers(cluster.address()));
    cluster.resume().expect("resumed");
    assert_eq!(psql("SELECT number FROM kept"), "7");
}
