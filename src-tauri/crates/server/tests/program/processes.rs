//! Several processes over one PostgreSQL.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use entente_domain::WorkspaceRole;
use entente_server::{Config, Opened, Server, add_key, add_user, add_workspace};
use entente_testkit::Database;
use reqwest::{Client, RequestBuilder, Response};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{Running, site::listening};

/// One installation on PostgreSQL: a host with a user and an Admin, and many guests.
struct Fleet {
    database: Database,
    directory: tempfile::TempDir,
    user: String,
    admin: String,
    guests: Vec<String>,
}

impl Fleet {
    async fn new(guests: usize) -> Self {
        let database = entente_testkit::database().expect("a database");
        let directory = tempfile::tempdir().expect("a directory");
        let local = Config::local(directory.path().to_owned());
        let config = Config { database: Some(database.url()), ..local };
        let now = config.clock.now();
        let Opened { store, secret, .. } = Server::open(&config).await.expect("opened");
        let mut ids = Vec::new();
        for number in 0..=guests {
            let name = format!("Workspace {number}");
            ids.push(add_workspace(&store, &name, now).await.expect("a workspace").id);
        }
        let host = ids.remove(0);
        let mut keys = Vec::new();
        for (name, role) in [("Uma", WorkspaceRole::User), ("Adam", WorkspaceRole::Admin)] {
            let email = format!("{name}@globex.example");
            let user = add_user(&store, host, &email, name, role, now).await.expect("a user");
            let made = add_key(&store, &secret, user.id, "Test", None, now).await.expect("a key");
            keys.push(made.1.expose_secret().to_owned());
        }
        store.close().await;
        let (admin, user) = (keys.pop().expect("two"), keys.pop().expect("two"));
        let guests = ids.iter().map(ToString::to_string).collect();
        Self { database, directory, user, admin, guests }
    }

    fn serve(&self) -> Site {
        let data = self.directory.path().to_string_lossy().into_owned();
        let url = self.database.url();
        let place = ["serve", "--data", &data, "--database", &url, "--listen", "127.0.0.1:0"];
        let how = ["--log-format", "json", "--key-rate", "0"];
        let running = Running::start(&[&place[..], &how].concat());
        let address = listening(&running, "listening");
        Site { running, address, http: Client::new() }
    }

    fn request_to(&self, guest: usize) -> Value {
        json!({
            "guestWorkspaceId": self.guests[guest],
            "partnerEmail": "pat@guest.example",
            "reason": "They film our launch",
        })
    }
}

/// One process.
struct Site {
    running: Running,
    address: SocketAddr,
    http: Client,
}

impl Site {
    fn get(&self, path: &str, key: &str) -> RequestBuilder {
        self.http.get(format!("http://{}/api/v1{path}", self.address)).bearer_auth(key)
    }

    fn post(&self, path: &str, key: &str, body: &Value) -> RequestBuilder {
        let url = format!("http://{}/api/v1{path}", self.address);
        self.http.post(url).bearer_auth(key).json(body)
    }

    async fn ask(&self, path: &str, key: &str) -> Value {
        let answer = self.get(path, key).send().await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// Sends a request to a guest; gives the partnership's id.
    async fn request(&self, fleet: &Fleet, guest: usize) -> String {
        let sent = self.post("/partnerships", &fleet.user, &fleet.request_to(guest));
        let sent: Value = sent.send().await.expect("an answer").json().await.expect("JSON");
        sent["data"]["id"].as_str().unwrap_or_else(|| panic!("{sent}")).to_owned()
    }

    /// Approves a request; gives when it was asked for and when it was answered.
    async fn approve(&self, fleet: &Fleet, id: &str) -> [Instant; 2] {
        let path = format!("/partnerships/{id}/approve");
        let approve = self.post(&path, &fleet.admin, &json!({})).header("If-Match", "*");
        let asked = Instant::now();
        let answer = approve.send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        [asked, Instant::now()]
    }
}

/// An open event stream.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(site: &Site, key: &str) -> Self {
        let response = site.get("/events", key).send().await.expect("a stream");
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Waits for an event about a partnership in a state.
    async fn until(&mut self, id: &str, state: &str) {
        loop {
            while let Some((line, rest)) = self.text.split_once('\n') {
                let change = line.strip_prefix("data:").map(serde_json::from_str::<Value>);
                self.text = rest.to_owned();
                if let Some(Ok(change)) = change
                    && change["id"] == id
                    && change["resource"]["attributes"]["state"] == state
                {
                    return;
                }
            }
            let chunk = self.response.chunk().await.expect("a stream").expect("more of it");
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the delays are what is wanted of it")]
async fn a_decision_on_one_is_an_event_on_the_others_streams() {
    const TIMES: usize = 40;
    let fleet = Fleet::new(TIMES).await;
    let (one, two) = (fleet.serve(), fleet.serve());
    let mut events = Events::open(&two, &fleet.admin).await;
    let mut delays = Vec::new();
    for guest in 0..TIMES {
        let id = one.request(&fleet, guest).await;
        let [asked, answered] = one.approve(&fleet, &id).await;
        let told = events.until(&id, "awaiting_acceptance");
        tokio::time::timeout(Duration::from_secs(10), told).await.expect("told");
        delays.push((answered.elapsed(), asked.elapsed()));
    }
    delays.sort();
    let (median, last) = (delays[TIMES / 2], delays[TIMES - 1]);
    println!("from the answer of one process to the event of the other: p50 {:?}", median.0);
    println!("from asking to the event: p50 {:?}, the slowest {:?}", median.1, last.1);
    // Without a word it would take half a second: that is how often it is looked.
    assert!(median.0 < Duration::from_millis(250), "{median:?}");
    assert_eq!((one.running.terminate().0, two.running.terminate().0), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_to_two_processes_at_once_has_one_effect() {
    const TIMES: usize = 20;
    let fleet = Fleet::new(TIMES).await;
    let (one, two) = (fleet.serve(), fleet.serve());
    for guest in 0..TIMES {
        let key = format!("key-{guest}");
        let body = fleet.request_to(guest);
        let send = |site: &Site| {
            let sent = site.post("/partnerships", &fleet.user, &body);
            sent.header("Idempotency-Key", key.as_str()).send()
        };
        let (a, b) = tokio::join!(send(&one), send(&two));
        let mut ids = Vec::new();
        for answer in [a, b] {
            let answer = answer.expect("an answer");
            let status = answer.status().as_u16();
            let body: Value = answer.json().await.expect("JSON");
            match status {
                201 => ids.push(body["data"]["id"].clone()),
                409 => assert_eq!(body["errors"][0]["code"], "request_in_progress"),
                _ => panic!("{status}: {body}"),
            }
        }
        assert!(!ids.is_empty(), "one of them did it");
        // Whoever is asked again has the same to say.
        for site in [&one, &two] {
            let answer = send(site).await.expect("an answer");
            assert_eq!(answer.status(), 201);
            let body: Value = answer.json().await.expect("JSON");
            ids.push(body["data"]["id"].clone());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1, "one partnership");
    }
    let list = two.ask("/partnerships?page[size]=1", &fleet.admin).await;
    assert_eq!(list["meta"]["page"]["total"], TIMES);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_leaves_the_others_working() {
    const EACH: usize = 30;
    let fleet = Fleet::new(2 * EACH).await;
    let (mut one, two) = (fleet.serve(), fleet.serve());
    let mut events = Events::open(&two, &fleet.admin).await;
    // Both are busy when the one is killed.
    let mut sent = Vec::new();
    let killed = Instant::now() + Duration::from_millis(400);
    let on_one = async {
        let mut answered = Vec::new();
        for guest in 0..EACH {
            let body = fleet.request_to(guest);
            let request = one.post("/partnerships", &fleet.user, &body);
            let Ok(answer) = request.timeout(Duration::from_secs(5)).send().await else { break };
            let Ok(answer) = answer.json::<Value>().await else { break };
            answered.extend(answer["data"]["id"].as_str().map(str::to_owned));
            if Instant::now() > killed {
                break;
            }
        }
        answered
    };
    let on_two = async {
        let mut answered = Vec::new();
        for guest in EACH..2 * EACH {
            answered.push(two.request(&fleet, guest).await);
        }
        answered
    };
    let id = one.running.child.id().to_string();
    let kill = async {
        tokio::time::sleep_until(killed.into()).await;
        let kill = std::process::Command::new("kill").args(["-KILL", &id]).status();
        assert!(kill.expect("kill runs").success());
    };
    let (from_one, from_two, ()) = tokio::join!(on_one, on_two, kill);
    assert_eq!(from_two.len(), EACH, "the other answered all the time");
    sent.extend(from_one);
    sent.extend(from_two);
    one.running.child.wait().expect("it ended");
    // All that was answered is there, and what was under way holds nobody up.
    for id in &sent {
        let found = two.ask(&format!("/partnerships/{id}"), &fleet.admin).await;
        assert_eq!(found["data"]["id"], id.as_str());
    }
    two.approve(&fleet, &sent[0]).await;
    let told = events.until(&sent[0], "awaiting_acceptance");
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("told");
    // Another takes its place.
    let one = fleet.serve();
    let mut events = Events::open(&one, &fleet.admin).await;
    two.approve(&fleet, &sent[1]).await;
    let told = events.until(&sent[1], "awaiting_acceptance");
    tokio::time::timeout(Duration::from_secs(10), told).await.expect("told");
}
