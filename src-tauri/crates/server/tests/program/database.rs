//! Copies of the database, and putting them back.

use std::{collections::BTreeSet, fs, process::Output};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::{lines, once, site::Site};

/// Asks as the site's Admin.
struct Desk {
    http: Client,
    url: String,
    key: String,
}

impl Desk {
    fn new(address: std::net::SocketAddr, site: &Site) -> Self {
        let url = format!("http://{address}/api/v1");
        Self { http: Client::new(), url, key: site.key.clone() }
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.key);
        let answer = request.json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
        answer.json().await.expect("JSON")
    }

    async fn ask(&self, guest: &str) -> String {
        let body = json!({"guestWorkspaceId": guest, "partnerEmail": "marit@fjord.example"});
        let sent = self.post("/partnerships", body).await;
        sent["data"]["id"].as_str().expect("an id").to_owned()
    }

    async fn cursor(&self) -> String {
        let (_, changes) = self.get("/changes").await;
        changes["meta"]["cursor"].as_str().expect("a cursor").to_owned()
    }
}

fn said(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_under_load_has_all_that_was_acknowledged_and_can_be_put_back() {
    let site = Site::new();
    let data = site.path("data");
    let copy = site.path("copy.db").to_string_lossy().into_owned();
    let [fjord, kestrel] = ["Fjord Studio", "Kestrel Legal"]
        .map(|name| lines(&once(&["workspace", "create", "--name", name], &data)).concat());
    let (server, address) = site.serve(&["--key-rate", "0"]);
    let desk = Desk::new(address, &site);
    let before = desk.ask(&fjord).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let acknowledged = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let (desk, stopped) = (Desk::new(address, &site), stopped.clone());
        let acknowledged = acknowledged.clone();
        writers.spawn(async move {
            for number in 0.. {
                if *stopped.borrow() {
                    return number;
                }
                let name = format!("{writer}/{number}");
                let body = json!({"name": name, "scopes": ["partnerships:read"]});
                desk.post("/api-keys", body).await;
                acknowledged.lock().expect("not poisoned").insert(name);
            }
            0
        });
    }
    while acknowledged.lock().expect("not poisoned").len() < 20 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let known = acknowledged.lock().expect("not poisoned").clone();
    let backup = ["backup", "--to", &copy];
    let told = {
        let data = data.clone();
        let copy = copy.clone();
        let made = tokio::task::spawn_blocking(move || once(&["backup", "--to", &copy], &data));
        lines(&made.await.expect("it ran")).join("\n")
    };
    let at_the_end = acknowledged.lock().expect("not poisoned").len();
    assert!(at_the_end > known.len(), "others wrote meanwhile");
    assert!(told.contains("secret.key") && told.contains("vault.keys"), "{told}");
    stop.send_replace(true);
    while writers.join_next().await.is_some() {}
    assert!(said(&once(&backup, &data)).contains("copy.db is there already"));

    let early = desk.cursor().await;
    let after = desk.ask(&kestrel).await;
    let late = desk.cursor().await;
    assert_eq!(desk.get(&format!("/changes?since={early}")).await.0, StatusCode::OK);
    let restore = ["restore", "--from", &copy];
    let forced = ["restore", "--from", &copy, "--force"];
    assert!(said(&once(&forced, &data)).contains("stop the server that runs on it first"));
    assert_eq!(server.terminate().0, Some(0));
    assert!(said(&once(&restore, &data)).contains("with --force it is put aside"));
    let told = lines(&once(&forced, &data)).join("\n");
    assert!(told.contains("entente.db.replaced"), "{told}");

    let (server, address) = site.serve(&["--key-rate", "0"]);
    let desk = Desk::new(address, &site);
    assert_eq!(desk.get(&format!("/partnerships/{before}")).await.0, StatusCode::OK);
    assert_eq!(desk.get(&format!("/partnerships/{after}")).await.0, StatusCode::NOT_FOUND);
    let mut found = BTreeSet::new();
    let mut path = "/api-keys?page[size]=100".to_owned();
    loop {
        let (_, keys) = desk.get(&path).await;
        let names = keys["data"].as_array().expect("keys").iter();
        found.extend(names.map(|key| key["attributes"]["name"].as_str().expect("one").to_owned()));
        match keys["links"]["next"].as_str() {
            Some(next) => path = next.trim_start_matches("/api/v1").to_owned(),
            None => break,
        }
    }
    assert!(known.is_subset(&found), "{:?}", known.difference(&found).collect::<Vec<_>>());
    for cursor in [early, late] {
        let (status, document) = desk.get(&format!("/changes?since={cursor}")).await;
        assert_eq!(status, StatusCode::GONE);
        assert_eq!(document["errors"][0]["code"], "cursor_expired");
    }
    assert_eq!(
        desk.get(&format!("/changes?since={}", desk.cursor().await)).await.0,
        StatusCode::OK
    );
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test]
async fn after_a_database_was_put_back_by_other_means_cursors_are_void() {
    let site = Site::new();
    let (server, address) = site.serve(&[]);
    let cursor = Desk::new(address, &site).cursor().await;
    assert!(said(&once(&["after-restore"], &site.path("data"))).contains("stop the server"));
    assert_eq!(server.terminate().0, Some(0));
    assert!(once(&["after-restore"], &site.path("data")).status.success());
    let (server, address) = site.serve(&[]);
    let (status, _) = Desk::new(address, &site).get(&format!("/changes?since={cursor}")).await;
    assert_eq!(status, StatusCode::GONE);
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn one_server_at_a_time_serves_a_file() {
    let site = Site::new();
    let (server, _) = site.serve(&[]);
    let second = once(&["serve", "--listen", "127.0.0.1:0"], &site.path("data"));
    assert!(said(&second).contains("stop the server that runs on it first"));
    assert_eq!(server.terminate().0, Some(0));
}

#[test]
fn migrating_is_a_step_of_its_own_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let first = lines(&once(&["migrate"], &data)).concat();
    assert!(first.contains("it was 0"), "{first}");
    let second = lines(&once(&["migrate"], &data)).concat();
    assert!(second.contains("already"), "{second}");
    let names: Vec<_> =
        fs::read_dir(&data).expect("read").map(|entry| entry.expect("one")).collect();
    assert!(names.iter().all(|entry| entry.path().extension().is_none_or(|end| end != "keys")));
}

#[test]
fn postgresql_is_left_to_its_own_tools() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = ["--database", "postgres://nobody@127.0.0.1:1/entente"];
    let backup = [&["backup", "--to", "copy.db"], &database[..]].concat();
    assert!(said(&once(&backup, directory.path())).contains("pg_dump --format=custom"));
    let restore = [&["restore", "--from", "copy.db"], &database[..]].concat();
    assert!(said(&once(&restore, directory.path())).contains("pg_restore"));
}
