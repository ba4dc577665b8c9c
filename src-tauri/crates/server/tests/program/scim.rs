//! Identity providers: tokens made and ended by commands, and clients that nobody here wrote.

use std::{path::Path, process::Command};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{Running, lines, once, site::listening};

/// A server with a workspace and the token of its identity provider.
struct Site {
    directory: tempfile::TempDir,
    /// Where the database is, if it is not in the data directory.
    database: Option<String>,
    workspace: String,
    id: String,
    token: String,
}

impl Site {
    fn new(database: Option<String>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let empty = String::new;
        let mut site =
            Self { directory, database, workspace: empty(), id: empty(), token: empty() };
        site.workspace = site.say(&["workspace", "create", "--name", "Globex"]).concat();
        let workspace = site.workspace.clone();
        let made = site.say(&["scim", "create-token", "--workspace", &workspace]);
        let [id, token] = &made[..] else { panic!("an id and a token: {made:?}") };
        assert!(token.starts_with("entente_scim_"), "{token}");
        (site.id, site.token) = (id.clone(), token.clone());
        site
    }

    fn data(&self) -> &Path {
        self.directory.path()
    }

    fn with_database<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let database = self.database.as_deref().map(|url| ["--database", url]);
        [arguments, database.as_ref().map_or(&[], |database| &database[..])].concat()
    }

    /// What a command prints.
    fn say(&self, arguments: &[&str]) -> Vec<String> {
        lines(&once(&self.with_database(arguments), self.data()))
    }

    fn serve(&self) -> (Running, String) {
        let data = self.data().to_string_lossy().into_owned();
        let begin = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--log-format", "json"];
        // A conformance test asks more often than an identity provider.
        let begin = [&begin[..], &["--key-rate", "0"]].concat();
        let server = Running::start(&self.with_database(&begin));
        let url = format!("http://{}/scim/v2", listening(&server, "listening"));
        (server, url)
    }
}

#[tokio::test]
async fn a_token_is_made_listed_and_ended_beside_a_running_server() {
    let site = Site::new(None);
    let (server, url) = site.serve();
    let http = reqwest::Client::new();
    let users = async |token: &str| {
        let answer = http.get(format!("{url}/Users")).bearer_auth(token).send();
        answer.await.expect("an answer").status()
    };
    assert_eq!(users(&site.token).await, StatusCode::OK);
    let workspace = &site.workspace;
    let second = ["scim", "create-token", "--workspace", workspace, "--name", "Entra ID"];
    let second = [&second[..], &["--highest-role", "admin", "--expires-in-days", "30"]].concat();
    let second = site.say(&second);
    let [first_line, second_line] = &site.say(&["scim", "list", "--workspace", workspace])[..]
    else {
        panic!("two tokens")
    };
    assert!(first_line.starts_with(&format!("{}\t{workspace}\tworkspace_user\t", site.id)));
    assert!(first_line.ends_with("\tnever\tlive\tIdentity provider"), "{first_line}");
    assert!(second_line.ends_with("\tlive\tEntra ID"), "{second_line}");

    assert_eq!(site.say(&["scim", "revoke-token", "--id", &second[0]]), Vec::<String>::new());
    assert_eq!(users(&second[1]).await, StatusCode::UNAUTHORIZED);
    assert_eq!(users(&site.token).await, StatusCode::OK);
    let told = site.say(&["scim", "revoke-token", "--id", &site.id]).concat();
    assert!(told.contains("--unmanage"), "{told}");
    assert_eq!(users(&site.token).await, StatusCode::UNAUTHORIZED);
    let unmanaged = site.say(&["scim", "revoke-token", "--id", &site.id, "--unmanage"]);
    assert_eq!(unmanaged, Vec::<String>::new());
    assert!(site.say(&["scim", "list"])[0].contains("\trevoked\t"));
    assert_eq!(server.terminate().0, Some(0));

    for (arguments, said) in [
        (&["scim", "create-token", "--workspace", "x"][..], "workspace"),
        (
            &["scim", "create-token", "--workspace", workspace, "--highest-role", "owner"],
            "highest role",
        ),
        (&["scim", "create-token", "--workspace", &site.id], "no workspace"),
        (&["scim", "revoke-token", "--id", workspace], "no such token"),
    ] {
        let output = once(arguments, site.data());
        assert!(!output.status.success(), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

/// What a script of the tests prints, against a server.
fn python(script: &str, site: &Site) -> Vec<String> {
    let environment = entente_testkit::python_env().expect("the packages from PyPI");
    let (server, url) = site.serve();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/python");
    let output = Command::new(environment.join("bin/python"))
        .arg(scripts.join(script))
        .args([&url, &site.token])
        .output()
        .expect("Python runs");
    let said = lines(&output);
    assert_eq!(server.terminate().0, Some(0), "{said:?}");
    said
}

/// All that scim2-tester checks, and that none of it was anything but right.
fn conforms(database: Option<String>) {
    let said = python("scim_conformance.py", &Site::new(database));
    let [counts] = &said[..] else { panic!("{said:#?}") };
    let right = counts.strip_prefix("SUCCESS=").and_then(|count| count.parse::<u32>().ok());
    assert!(right.is_some_and(|count| count >= 50), "{counts}");
}

#[test]
fn scim2_tester_finds_nothing_wrong_on_sqlite() {
    conforms(None);
}

#[test]
fn scim2_tester_finds_nothing_wrong_on_postgres() {
    let database = entente_testkit::database().expect("a PostgreSQL");
    conforms(Some(database.url()));
}

#[tokio::test]
async fn scim2_client_leads_a_member_from_creation_to_deletion() {
    let site = Site::new(None);
    let id = python("scim_member.py", &site).concat();
    // Somebody of the workspace sees what became of them.
    let user = ["user", "create", "--workspace", &site.workspace, "--name", "Adam Berg"];
    site.say(&[&user[..], &["--email", "adam@globex.example", "--role", "admin"]].concat());
    let key = site.say(&["key", "create", "--user", "adam@globex.example"])[1].clone();
    let (server, url) = site.serve();
    let user = url.replace("/scim/v2", &format!("/api/v1/users/{id}"));
    let (status, document) = crate::ask(reqwest::Client::new().get(user), &Value::from(key)).await;
    assert_eq!(status, StatusCode::OK, "{document}");
    let told = &document["data"]["attributes"];
    assert_eq!((&told["name"], &told["status"]), (&json!("Ana Lima"), &json!("disabled")));
    assert_eq!(server.terminate().0, Some(0));
}
