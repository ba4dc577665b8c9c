//! What the log tells, and what it never does.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{Running, lines, once, site::listening};

#[tokio::test]
async fn the_log_has_no_keys_names_addresses_bodies_or_searches() {
    // The most that an operator would ask for.
    let environment = [("ENTENTE_LOG", "debug,entente_server=trace")];
    let (demo, line) = Running::demo(&["--log-format", "json"], &environment);
    let url = format!("{}/api/v1", line["url"].as_str().expect("a URL"));
    let users = line["users"].as_array().expect("users");
    let of = |role: &str| {
        let user = users.iter().find(|user| user["role"] == role).expect("such a user");
        user["apiKey"].as_str().expect("a key")
    };
    let (user, admin) = (of("workspace_user"), of("workspace_admin"));
    let http = reqwest::Client::new();
    let mut ids = BTreeSet::new();
    let mut note = |answer: &reqwest::Response| {
        ids.insert(answer.headers()["x-request-id"].to_str().expect("text").to_owned());
    };
    for path in [
        "/me",
        "/partnerships?search=Zanzibar",
        "/partnerships?filter[owner]=Zanzibar",
        "/activities?filter[user]=Zanzibar",
        "/accounts/Zanzibar/secrets",
        "/Zanzibar",
        "/changes?since=Zanzibar",
    ] {
        let answer = http.get(format!("{url}{path}")).bearer_auth(admin).send().await;
        note(&answer.expect("an answer"));
    }
    let guest = line["workspaces"][3]["id"].as_str().expect("an id");
    for body in [
        json!({"guestWorkspaceId": guest, "partnerEmail": "zoe@zanzibar.example", "reason": "Zanzibar"}),
        json!({"guestWorkspaceId": guest, "partnerEmail": "Zanzibar", "reason": "Zanzibar"}),
        json!({"guestWorkspaceId": "Zanzibar"}),
        json!("Zanzibar"),
    ] {
        let request = http.post(format!("{url}/partnerships")).bearer_auth(user).json(&body);
        note(&request.header("Idempotency-Key", "Zanzibar").send().await.expect("an answer"));
    }
    let wrong = http.get(format!("{url}/me")).header("X-API-Key", "entente_Zanzibar").send().await;
    let wrong = wrong.expect("an answer");
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    note(&wrong);
    let odd = reqwest::Method::from_bytes(b"ZANZIBAR").expect("a method");
    note(&http.request(odd, format!("{url}/me")).send().await.expect("an answer"));
    let body = "{\"zanzibar\": ";
    let broken = http.post(format!("{url}/partnerships")).bearer_auth(user).body(body);
    let broken = broken.header("Content-Type", "application/json").send().await;
    note(&broken.expect("an answer"));

    let log = demo.end();
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON on each line")).collect();
    let mut secrets: Vec<String> = vec!["zanzibar".into(), "entente_".into()];
    for user in users {
        secrets.push(user["apiKey"].as_str().expect("a key").to_lowercase());
        secrets.push(user["email"].as_str().expect("an address").to_lowercase());
    }
    for workspace in line["workspaces"].as_array().expect("workspaces") {
        secrets.push(workspace["name"].as_str().expect("a name").to_lowercase());
    }
    assert!(lines.len() > 50, "it says a lot: {log}");
    for line in &lines {
        // Modules are named like keys begin.
        let mut line = line.clone();
        line.as_object_mut().expect("an object").remove("target");
        let text = line.to_string().to_lowercase();
        for secret in &secrets {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
    let answered: Vec<&Value> = lines.iter().filter(|line| line["message"] == "answered").collect();
    let logged: BTreeSet<String> = answered
        .iter()
        .map(|line| line["span"]["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(logged, ids, "each answer is logged with its id");
    assert!(answered.iter().any(|line| line["route"] == "/api/v1/accounts/{id}/secrets"
        && line["status"] == 404
        && line["code"] == "not_found"));
    assert!(answered.iter().any(|line| line["method"] == "other" && line["status"] == 405));
}

#[test]
fn on_an_empty_database_the_log_tells_the_first_steps() {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().to_string_lossy().into_owned();
    let serve = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--log-format", "json"];
    let tells = |server: Running| {
        listening(&server, "listening");
        server.end().contains("entente-server workspace create --name NAME")
    };
    assert!(tells(Running::start(&serve)));
    lines(&once(&["workspace", "create", "--name", "Globex"], directory.path()));
    assert!(!tells(Running::start(&serve)));
}

#[tokio::test]
async fn only_as_much_is_logged_as_is_wanted() {
    let (demo, line) = Running::demo(&["--log", "warn"], &[("ENTENTE_LOG", "trace")]);
    let url = line["url"].as_str().expect("a URL");
    reqwest::get(format!("{url}/healthz")).await.expect("an answer");
    assert_eq!(demo.end(), "");
}
