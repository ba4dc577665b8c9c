//! Whether the time that an answer takes tells what is another's from what never was.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use entente_tests::scene::Office;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::tenants::{Foreign, Tenants};

/// What counts as the same: a fifth of the whole, and at least so much.
const SAME: f64 = 0.2;
const LEAST: Duration = Duration::from_micros(150);

/// Asks for each by turns, so many times; gives the medians of what is another's and of what never was,
/// in microseconds.
pub async fn compare(tenants: &Tenants, foreign: &Foreign, rounds: u64) -> Result<Value> {
    let admin = tenants.own.someone(Office::HostAdmin).key.expose_secret();
    let mut told = json!({});
    if rounds == 0 {
        return Ok(told);
    }
    let mut apart = Vec::new();
    for (what, method, path, id) in [
        ("a partnership", "GET", "/partnerships/{}", &foreign.partnership),
        ("its impact", "GET", "/partnerships/{}/impact", &foreign.partnership),
        ("its approval", "POST", "/partnerships/{}/approve", &foreign.partnership),
        ("an account", "GET", "/accounts/{}", &foreign.accounts[0]),
        ("its credentials", "GET", "/accounts/{}/secrets", &foreign.accounts[0]),
        ("a user", "GET", "/users/{}", &foreign.users[0]),
        ("an access request", "POST", "/access-requests/{}/accept", &foreign.request),
        ("a key", "DELETE", "/api-keys/{}", &foreign.key),
        ("a webhook", "GET", "/webhooks/{}", &foreign.webhook),
        ("a search", "GET", "/users?search={}", &foreign.emails[0]),
    ] {
        let body = (method == "POST").then(|| json!({}));
        let (mut theirs, mut nobodys) = (Vec::new(), Vec::new());
        for round in 0..rounds * 2 {
            let asked_for = if round % 2 == 0 { id.clone() } else { unlike(id) };
            let path = path.replace("{}", &asked_for);
            let begun = Instant::now();
            tenants.send(method, &path, admin, body.as_ref()).await?;
            let took = begun.elapsed();
            if round % 2 == 0 { theirs.push(took) } else { nobodys.push(took) }
        }
        let (theirs, nobodys) = (median(theirs), median(nobodys));
        told[what] = json!(format!("{} / {} µs", theirs.as_micros(), nobodys.as_micros()));
        let same = nobodys.mul_f64(SAME).max(LEAST);
        if theirs.abs_diff(nobodys) > same {
            apart.push(what);
        }
    }
    ensure!(apart.is_empty(), "told apart by the time it takes: {apart:?} in {told}");
    Ok(told)
}

/// Something of the same shape that never was.
fn unlike(id: &str) -> String {
    match id.split_once('@') {
        Some((name, _)) => format!("{name}@{}.example", Uuid::now_v7().simple()),
        None => Uuid::now_v7().to_string(),
    }
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}
