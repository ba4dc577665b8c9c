//! How often somebody may ask.

use std::net::SocketAddr;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

use crate::{lines, once, site::Site};

async fn me(address: SocketAddr, key: &str, headers: &[(&str, &str)]) -> Response {
    ask(&Client::new(), address, key, headers).await
}

async fn ask(http: &Client, address: SocketAddr, key: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http.get(format!("http://{address}/api/v1/me"));
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

async fn statuses(
    times: usize,
    address: SocketAddr,
    key: &str,
    headers: &[(&str, &str)],
) -> Vec<u16> {
    let http = Client::new();
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(ask(&http, address, key, headers).await.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn a_key_asks_as_often_as_it_may_and_learns_when_it_may_again() {
    let site = Site::new();
    let (server, address) = site.serve(&["--key-rate", "1", "--key-burst", "3"]);
    assert_eq!(statuses(3, address, &site.key, &[]).await, [200, 200, 200]);
    let refused = me(address, &site.key, &[]).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("s");
    assert!((50..=60).contains(&wait), "{wait}");
    let document: Value = refused.json().await.expect("JSON");
    assert_eq!(document["errors"][0]["code"], "rate_limited");
    assert_eq!(document["errors"][0]["meta"]["retryAfter"], wait);
    let metrics = reqwest::get(format!("http://{address}/metrics")).await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("entente_rate_limited_total{limit=\"key\"} 1"), "{metrics}");
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test]
async fn keys_cannot_be_guessed_and_those_who_have_one_are_not_locked_out() {
    let site = Site::new();
    let (server, address) = site.serve(&["--failure-rate", "3"]);
    assert_eq!(statuses(1, address, &site.key, &[]).await, [200]);
    // One more than may be learns that it is refused with the next.
    let guessed = statuses(6, address, "entente_guessed", &[]).await;
    assert_eq!(guessed, [401, 401, 401, 401, 429, 429]);
    assert_eq!(statuses(1, address, "", &[]).await, [429], "without a key too");
    assert_eq!(statuses(1, address, &site.key, &[]).await, [200]);
    // A right key that was not taken before is not told from a wrong one.
    let another = once(&["key", "create", "--user", "ana@globex.example"], &site.path("data"));
    assert_eq!(statuses(1, address, &lines(&another)[1], &[]).await, [429]);
    let openapi = reqwest::get(format!("http://{address}/api/v1/openapi.json")).await;
    assert_eq!(openapi.expect("an answer").status(), StatusCode::TOO_MANY_REQUESTS);
    let live = reqwest::get(format!("http://{address}/healthz")).await.expect("an answer");
    assert_eq!(live.status(), StatusCode::OK);
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_counts_for_itself() {
    let site = Site::new();
    let trusting = ["--trusted-proxies", "127.0.0.0/8", "--failure-rate", "1"];
    let (server, address) = site.serve(&trusting);
    for client in ["198.51.100.1", "198.51.100.2"] {
        let headers = [("X-Forwarded-For", client)];
        assert_eq!(statuses(3, address, "entente_guessed", &headers).await, [401, 401, 429]);
    }
    // Its address is what the activity tells.
    let other = once(&["workspace", "create", "--name", "Fjord Studio"], &site.path("data"));
    let url = format!("http://{address}/api/v1");
    let http = Client::new();
    let sent = http
        .post(format!("{url}/partnerships"))
        .bearer_auth(&site.key)
        .header("X-Forwarded-For", "203.0.113.4, 198.51.100.7")
        .json(&json!({
            "guestWorkspaceId": lines(&other).concat(),
            "partnerEmail": "marit@fjord.example",
        }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(sent.status(), StatusCode::CREATED, "{:?}", sent.text().await);
    let activities = http.get(format!("{url}/activities")).bearer_auth(&site.key).send().await;
    let activities: Value = activities.expect("an answer").json().await.expect("JSON");
    assert_eq!(activities["data"][0]["attributes"]["location"], "198.51.100.7", "{activities}");
    assert_eq!(server.terminate().0, Some(0));

    let (server, address) = site.serve(&["--failure-rate", "1"]);
    for (number, answers) in [(1, [401, 401]), (2, [429, 429])] {
        let client = format!("198.51.100.{number}");
        let headers = [("X-Forwarded-For", client.as_str())];
        assert_eq!(statuses(2, address, "entente_guessed", &headers).await, answers);
    }
    assert_eq!(server.terminate().0, Some(0));
}

#[tokio::test]
async fn the_limits_can_be_switched_off() {
    let site = Site::new();
    let (server, address) = site.serve(&["--key-rate", "0", "--failure-rate", "0"]);
    assert_eq!(statuses(150, address, &site.key, &[]).await, [200; 150]);
    assert_eq!(statuses(50, address, "entente_guessed", &[]).await, [401; 50]);
    assert_eq!(server.terminate().0, Some(0));
}
