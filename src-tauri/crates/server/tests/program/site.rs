//! An installation to try things on.

use std::{
    net::SocketAddr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;

use crate::{Running, lines, once};

/// A server with a workspace and the key of its Admin.
pub(crate) struct Site {
    directory: tempfile::TempDir,
    pub(crate) workspace: String,
    pub(crate) key: String,
}

impl Site {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let data = directory.path().join("data");
        let workspace = lines(&once(&["workspace", "create", "--name", "Globex"], &data)).concat();
        let user = ["user", "create", "--workspace", &workspace, "--email", "ana@globex.example"];
        once(&[&user[..], &["--name", "Ana Lima", "--role", "admin"]].concat(), &data);
        let made = lines(&once(&["key", "create", "--user", "ana@globex.example"], &data));
        Self { directory, workspace, key: made[1].clone() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a new certificate and its key; gives the certificate.
    pub(crate) fn certify(&self) -> String {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        std::fs::write(self.path("key.pem"), signing_key.serialize_pem()).expect("written");
        std::fs::write(self.path("cert.pem"), cert.pem()).expect("written");
        cert.pem()
    }

    pub(crate) fn serve(&self, arguments: &[&str]) -> (Running, SocketAddr) {
        let data = self.path("data").to_string_lossy().into_owned();
        let begin = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--log-format", "json"];
        let server = Running::start(&[&begin[..], arguments].concat());
        let address = listening(&server, "listening");
        (server, address)
    }

    pub(crate) fn serve_tls(&self, arguments: &[&str]) -> (Running, String) {
        let file = |name: &str| self.path(name).to_string_lossy().into_owned();
        let (cert, key) = (file("cert.pem"), file("key.pem"));
        let tls = ["--tls-cert", &cert, "--tls-key", &key];
        let (server, address) = self.serve(&[&tls[..], arguments].concat());
        (server, format!("https://localhost:{}", address.port()))
    }
}

/// The address that a line of the log tells.
pub(crate) fn listening(server: &Running, message: &str) -> SocketAddr {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let log = server.log();
        let lines = log.lines().map_while(|line| serde_json::from_str::<Value>(line).ok());
        let mut told = lines.filter(|line| line["message"] == message);
        if let Some(address) = told.find_map(|line| line["address"].as_str()?.parse().ok()) {
            return address;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not listen: {}", server.log());
}
