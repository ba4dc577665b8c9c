//! The program as other programs start it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![cfg(unix)]

mod database;
mod logs;
mod mail;
mod metrics;
mod processes;
mod rates;
mod scim;
mod serving;
mod settings;
mod site;
mod sso;
mod vault;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use reqwest::StatusCode;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_entente-server");

struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[])
    }

    fn start_with(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let lines = BufReader::new(child.stderr.take().expect("its log")).lines();
        let log: Arc<Mutex<String>> = Arc::default();
        let into = log.clone();
        let logging = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = into.lock().expect("not poisoned");
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, out, log, logging: Some(logging) }
    }

    /// Starts the demo; gives the line that it prints.
    fn demo(arguments: &[&str], environment: &[(&str, &str)]) -> (Self, Value) {
        let arguments = [&["demo", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut demo = Self::start_with(&arguments, environment);
        let mut line = String::new();
        demo.out.read_line(&mut line).expect("a line");
        (demo, serde_json::from_str(&line).expect("JSON"))
    }

    /// Sends it a signal: `TERM`, `HUP`.
    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
    }

    /// What it has logged so far.
    fn log(&self) -> String {
        self.log.lock().expect("not poisoned").clone()
    }

    /// Ends it and gives all that it logged.
    fn end(mut self) -> String {
        self.signal("TERM");
        self.child.wait().expect("it ends");
        self.logging.take().map(JoinHandle::join).expect("a log").expect("read");
        self.log()
    }

    /// Ends it as a service manager does; gives its exit code and what else it printed.
    fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.wait()
    }

    /// Waits for its end; gives its exit code and what else it printed.
    fn wait(mut self) -> (Option<i32>, String) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().expect("waited") {
                let mut rest = String::new();
                self.out.read_to_string(&mut rest).expect("text");
                return (status.code(), rest);
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn once(arguments: &[&str], data: &Path) -> Output {
    Command::new(PROGRAM).args(arguments).arg("--data").arg(data).output().expect("it runs")
}

fn lines(output: &Output) -> Vec<String> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

async fn ask(request: reqwest::RequestBuilder, key: &Value) -> (StatusCode, Value) {
    let request = request.header("X-API-Key", key.as_str().expect("a key"));
    let answer = request.send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_demo_prints_one_line_and_its_keys_carry_the_story() {
    let (demo, line) = Running::demo(&[], &[]);
    let mut keys: Vec<&str> =
        line.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["url", "users", "workspaces"]);
    let workspaces = line["workspaces"].as_array().expect("workspaces");
    assert_eq!(workspaces.len(), 5, "the host and its guests");
    let of = |workspace: usize, role: &str| {
        let users = line["users"].as_array().expect("users").iter();
        let id = &workspaces[workspace]["id"];
        let found = users.filter(|user| user["workspaceId"] == *id && user["role"] == role);
        found.map(|user| user["apiKey"].clone()).next().expect("such a user")
    };
    let (user, admin) = (of(0, "workspace_user"), of(0, "workspace_admin"));
    of(0, "workspace_owner");
    of(0, "workspace_login_only");
    let url = format!("{}/api/v1", line["url"].as_str().expect("a URL"));
    let http = reqwest::Client::new();
    // The one guest that nobody has asked yet.
    let guest = 3;
    let marit = of(guest, "workspace_admin");
    let body = json!({
        "guestWorkspaceId": workspaces[guest]["id"],
        "partnerEmail": "marit@fjord.example",
        "reason": "They film our launch",
    });
    let (status, sent) = ask(http.post(format!("{url}/partnerships")).json(&body), &user).await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    let id = sent["data"]["id"].as_str().expect("an id");
    let one = format!("{url}/partnerships/{id}");
    assert_eq!(ask(http.get(&one), &marit).await.0, StatusCode::NOT_FOUND);
    let approve = http.post(format!("{one}/approve")).header("If-Match", "\"1\"");
    assert_eq!(ask(approve, &admin).await.0, StatusCode::OK);
    let (_, terms) = ask(http.get(format!("{url}/terms")), &marit).await;
    let consent = json!({"termsVersion": terms["data"]["attributes"]["version"], "agreed": true});
    let accept = http.post(format!("{one}/accept")).header("If-Match", "\"2\"").json(&consent);
    let (status, done) = ask(accept, &marit).await;
    assert_eq!(status, StatusCode::OK, "{done}");
    assert_eq!(done["data"]["attributes"]["state"], "active");
    assert_eq!(demo.terminate(), (Some(0), String::new()), "one line, and a clean end");
}

#[tokio::test]
async fn a_stranger_sets_up_a_server_as_the_readme_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let named = ["workspace", "create", "--name", "Globex"];
    let [workspace] = &lines(&once(&named, &data))[..] else { panic!("an id") };
    let user = ["user", "create", "--workspace", workspace, "--email", "ana@globex.example"];
    let user = [&user[..], &["--name", "Ana Lima", "--role", "admin"]].concat();
    assert_eq!(lines(&once(&user, &data)).len(), 1);
    let [id, key] = &lines(&once(&["key", "create", "--user", "ana@globex.example"], &data))[..]
    else {
        panic!("an id and a key")
    };
    assert!(key.starts_with("entente_"), "{key}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address: SocketAddr = free.local_addr().expect("an address");
    drop(free);
    let data_text = data.to_string_lossy().into_owned();
    let listen = address.to_string();
    let server = Running::start(&["serve", "--data", &data_text, "--listen", &listen]);
    let http = reqwest::Client::new();
    let ready = format!("http://{address}/readyz");
    let begun = Instant::now();
    while !http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not get ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let me = format!("http://{address}/api/v1/me");
    let (status, document) = ask(http.get(&me), &json!(key)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["data"]["attributes"]["workspace"]["name"], "Globex");
    // A key that is revoked beside a running server is not taken any more.
    assert!(once(&["key", "revoke", "--id", id], &data).status.success());
    let (status, document) = ask(http.get(&me), &json!(key)).await;
    assert_eq!(
        (status, &document["errors"][0]["code"]),
        (StatusCode::UNAUTHORIZED, &json!("invalid_credentials"))
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn what_cannot_be_done_is_said_and_not_done() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, said) in [
        (&["key", "create", "--user", "nobody@globex.example"][..], "there is no user"),
        (
            &["key", "revoke", "--id", "01990000-0000-7000-8000-000000000000"],
            "there is no such key",
        ),
        (&["workspace", "create", "--name", "  "], "name"),
        (&["user", "create", "--workspace", "x", "--email", "a@b.co", "--name", "A"], "workspace"),
        (&["serve", "--listen", "203.0.113.1:1"], "cannot listen"),
    ] {
        let output = once(arguments, directory.path());
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(!text.contains("panicked"), "{arguments:?}: {text}");
    }
}
