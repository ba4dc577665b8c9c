//! Webhooks: a real receiver that checks what it is sent, is broken, slow, or sends elsewhere.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{Path as Segment, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use entente_domain::WorkspaceRole;
use entente_server::{Config, ManualClock, WebhookConfig};
use entente_tests::{Ground, World, on_both_engines};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::{
    Answer,
    access::{HUGO, Story, ids},
    call, request, until,
};

on_both_engines![
    access_requests_are_told_without_what_was_said,
    events_are_signed_and_told_to_those_who_may_know,
    what_is_not_taken_comes_again_six_times_and_is_given_up,
    a_slow_receiver_holds_up_nobody_else,
    what_was_cut_off_comes_again,
];

/// Something that came.
#[derive(Debug, Clone)]
struct Came {
    place: String,
    headers: HeaderMap,
    body: String,
}

impl Came {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn kind(&self) -> String {
        self.json()["event_type"].as_str().expect("a type").to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Checks the signature as the API's document tells others to.
    fn is_signed_with(&self, secret: &str) -> bool {
        let Some((at, signature)) = self
            .header("entente-signature")
            .strip_prefix("t=")
            .and_then(|rest| rest.split_once(",v1="))
        else {
            return false;
        };
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(format!("{at}.{}", self.body).as_bytes());
        let expected: String =
            mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        signature == expected
    }
}

/// A receiver on loopback. What it answers depends on the path.
#[derive(Clone, Default)]
struct Receiver {
    came: Arc<Mutex<Vec<Came>>>,
    /// How many of `/flaky` are refused.
    refusals: Arc<Mutex<usize>>,
}

impl Receiver {
    async fn start() -> Result<(Self, SocketAddr)> {
        let receiver = Self::default();
        let router = Router::new().route("/{place}", post(take)).with_state(receiver.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok((receiver, address))
    }

    fn at(&self, place: &str) -> Vec<Came> {
        let came = self.came.lock().expect("not poisoned");
        came.iter().filter(|came| came.place == place).cloned().collect()
    }

    fn kinds(&self, place: &str) -> Vec<String> {
        let mut kinds: Vec<String> = self.at(place).iter().map(Came::kind).collect();
        kinds.sort();
        kinds
    }

    async fn until(&self, place: &str, count: usize) -> Result<Vec<Came>> {
        let what = format!("{count} at {place}");
        until(&what, async || Some(self.at(place)).filter(|came| came.len() >= count)).await
    }
}

async fn take(
    State(receiver): State<Receiver>,
    Segment(place): Segment<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8_lossy(&body).into_owned();
    receiver.came.lock().expect("not poisoned").push(Came { place: place.clone(), headers, body });
    match place.as_str() {
        "slow" => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            StatusCode::OK.into_response()
        }
        "elsewhere" => (StatusCode::FOUND, [(header::LOCATION, "/trap")]).into_response(),
        "flaky" => {
            let mut refusals = receiver.refusals.lock().expect("not poisoned");
            if *refusals == 0 {
                return StatusCode::NO_CONTENT.into_response();
            }
            *refusals -= 1;
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        _ => StatusCode::OK.into_response(),
    }
}

fn open() -> WebhookConfig {
    WebhookConfig { allow_http: true, allow_private: true, patience: Duration::from_secs(2) }
}

async fn add(world: &World, who: &str, body: Value) -> Result<(String, String)> {
    let added = call(world, who, "POST", "/webhooks").json(body).send().await?;
    assert_eq!(added.status, 201, "{added:?}");
    let secret = added.body["data"]["attributes"]["secret"].as_str().context("a secret")?;
    Ok((added.id(), secret.to_owned()))
}

async fn get(world: &World, who: &str, id: &str) -> Result<Answer> {
    call(world, who, "GET", &format!("/webhooks/{id}")).send().await
}

async fn events_are_signed_and_told_to_those_who_may_know(ground: Ground) -> Result<()> {
    let (receiver, address) = Receiver::start().await?;
    let config = Config { webhooks: open(), ..ground.config() };
    let world = World::start_with(config).await?;
    let to = |place: &str| json!({"url": format!("http://{address}/{place}")});
    let (_, host) = add(&world, "adam", to("host")).await?;
    let (_, guest) = add(&world, "marit", to("guest")).await?;
    let mut some = to("some");
    some["events"] = json!(["partnership.approved", "access_request.created"]);
    add(&world, "adam", some).await?;
    // A stranger's is told nothing.
    add(&world, "ines", to("stranger")).await?;

    let id = request(&world, "marit").await?;
    let asked = receiver.until("host", 1).await?;
    let envelope = asked[0].json();
    assert_eq!(envelope["event_type"], "partnership.requested");
    assert_eq!(envelope["envelope_version"], 1);
    assert_eq!(envelope["workspace_id"], world.person("adam").workspace);
    let (data, kept) = (&envelope["data"], &envelope["data"]["attributes"]);
    assert_eq!((data["id"].as_str(), data["type"].as_str()), (Some(&*id), Some("partnership")));
    assert_eq!(kept["reason"], "They film our product launch", "the host's Admins know it");
    assert_eq!(data["meta"]["allowedActions"], json!([]));
    assert_eq!(envelope["occurred_at"], kept["createdAt"]);
    let event_id: uuid::Uuid = envelope["event_id"].as_str().context("an id")?.parse()?;
    assert_eq!(event_id.get_version_num(), 7);
    assert_eq!(asked[0].header("entente-event-id"), event_id.to_string());
    assert_eq!(asked[0].header("entente-event-type"), "partnership.requested");
    assert_eq!(asked[0].header("content-type"), "application/json");
    assert!(asked[0].is_signed_with(&host) && !asked[0].is_signed_with(&guest));

    let path = format!("/partnerships/{id}");
    call(&world, "adam", "POST", &format!("{path}/approve")).version(1).send().await?;
    let approved = receiver.until("guest", 1).await?;
    assert_eq!(approved[0].kind(), "partnership.approved", "the first that the guest is told");
    assert!(approved[0].is_signed_with(&guest));
    assert!(!approved[0].body.contains("film our product"), "{}", approved[0].body);
    assert_eq!(approved[0].json()["workspace_id"], world.person("marit").workspace);
    receiver.until("some", 1).await?;

    // Other Owners, a reminder, an end: told to both.
    let owner = json!({"userId": world.person("olivia").id.to_string()});
    let named = call(&world, "adam", "POST", &format!("{path}/owners")).json(owner).send().await?;
    assert!(named.status < 300, "{named:?}");
    let reminded = call(&world, "uma", "POST", &format!("{path}/remind")).send().await?;
    assert_eq!(reminded.status, 200, "{reminded:?}");
    let version = reminded.body["data"]["attributes"]["version"].to_string();
    let withdraw = call(&world, "uma", "POST", &format!("{path}/withdraw"));
    assert_eq!(withdraw.header("If-Match", version).send().await?.state(), "withdrawn");
    receiver.until("host", 5).await?;
    receiver.until("guest", 4).await?;
    let both = ["partnership.approved", "partnership.owners_changed", "partnership.reminded"];
    let mut expected = both.to_vec();
    expected.push("partnership.withdrawn");
    assert_eq!(receiver.kinds("guest"), expected);
    expected.insert(3, "partnership.requested");
    assert_eq!(receiver.kinds("host"), expected);
    assert_eq!(receiver.kinds("some"), ["partnership.approved"]);
    assert_eq!(receiver.kinds("stranger"), [""; 0]);
    Ok(())
}

async fn access_requests_are_told_without_what_was_said(ground: Ground) -> Result<()> {
    let (receiver, address) = Receiver::start().await?;
    let world = World::start_with(Config { webhooks: open(), ..ground.config() }).await?;
    let story = Story::tell(ground, world).await?;
    let world = &story.world;
    for (who, place) in [("adam", "host"), ("marit", "guest")] {
        let url = format!("http://{address}/{place}");
        let events = ["created", "accepted", "declined", "closed"];
        let events = events.map(|event| format!("access_request.{event}"));
        add(world, who, json!({"url": url, "events": events})).await?;
    }
    let account = &story.accounts[0];
    story.share(account, "account_manager").await?;
    let asked = story.ask(account, &[HUGO, "iris"], "account_collaborator").await?;
    let asked = ids(&asked);
    let path = format!("/access-requests/{}/accept", asked[0]);
    assert_eq!(call(world, "uma", "POST", &path).version(1).send().await?.state(), "accepted");
    // The other one closes with what it depended on.
    let unshare = format!("/partnerships/{}/accounts/{account}", story.partnership);
    assert_eq!(call(world, "uma", "DELETE", &unshare).send().await?.status, 200);
    for place in ["host", "guest"] {
        let came = receiver.until(place, 4).await?;
        let kinds = receiver.kinds(place);
        let created = "access_request.created";
        assert_eq!(kinds, ["access_request.accepted", "access_request.closed", created, created]);
        for one in came {
            let data = one.json()["data"].clone();
            assert!(asked.contains(&data["id"].as_str().unwrap_or_default().to_owned()));
            assert_eq!(data["attributes"]["message"], Value::Null);
            assert_eq!(data["meta"]["allowedActions"], json!([]));
        }
    }
    Ok(())
}

async fn what_is_not_taken_comes_again_six_times_and_is_given_up(ground: Ground) -> Result<()> {
    let (receiver, address) = Receiver::start().await?;
    let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse()?));
    let config = Config { webhooks: open(), clock: clock.clone(), ..ground.config() };
    let world = World::start_with(config).await?;
    let server = world.server.as_ref().context("it runs")?;
    let (id, secret) =
        add(&world, "adam", json!({"url": format!("http://{address}/flaky")})).await?;
    let test = format!("/webhooks/{id}/test");
    let last =
        async || get(&world, "adam", &id).await.expect("it").body["data"]["attributes"].clone();
    let tried = async |times: u64| {
        let what = format!("try {times}");
        until(&what, async || {
            Some(last().await).filter(|it| it["lastDelivery"]["attempts"] == times)
        })
        .await
    };

    // Refused twice, taken the third time.
    *receiver.refusals.lock().expect("not poisoned") = 2;
    let sent = call(&world, "adam", "POST", &test).send().await?;
    assert_eq!(
        (sent.status, &sent.body["data"]["attributes"]["lastDelivery"]),
        (202, &Value::Null)
    );
    let first = tried(1).await?;
    assert_eq!(first["lastDelivery"]["state"], "retrying", "{first}");
    assert_eq!((&first["lastDelivery"]["status"], &first["undelivered"]), (&json!(500), &json!(1)));
    clock.pass(Duration::from_secs(29));
    server.changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.at("flaky").len(), 1, "not before its time");
    for (times, wait) in [(2, 1), (3, 120)] {
        clock.pass(Duration::from_secs(wait));
        server.changed();
        tried(times).await?;
    }
    let taken = last().await;
    assert_eq!(
        (&taken["lastDelivery"]["state"], &taken["undelivered"]),
        (&json!("delivered"), &json!(0))
    );
    let came = receiver.at("flaky");
    assert!(came.iter().all(|one| one.is_signed_with(&secret)));
    assert!(came.iter().all(|one| one.body == came[0].body), "the same event, with the same id");
    assert_eq!(came[0].kind(), "webhook.test");

    // Never taken: six tries, and no more.
    *receiver.refusals.lock().expect("not poisoned") = 100;
    call(&world, "adam", "POST", &test).send().await?;
    for (times, wait) in [(1, 0), (2, 30), (3, 120), (4, 600), (5, 3_600), (6, 21_600)] {
        clock.pass(Duration::from_secs(wait));
        server.changed();
        tried(times).await?;
    }
    let given_up = last().await;
    assert_eq!(given_up["lastDelivery"]["state"], "given_up", "{given_up}");
    clock.pass(Duration::from_secs(24 * 60 * 60));
    server.changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.at("flaky").len(), 9);
    let metrics = reqwest::get(format!("{}/metrics", world.url())).await?.text().await?;
    assert!(metrics.contains("entente_webhook_deliveries{state=\"given_up\"} 1"), "{metrics}");

    // Sent elsewhere, it does not go there.
    let (elsewhere, _) =
        add(&world, "adam", json!({"url": format!("http://{address}/elsewhere")})).await?;
    call(&world, "adam", "POST", &format!("/webhooks/{elsewhere}/test")).send().await?;
    receiver.until("elsewhere", 1).await?;
    until("its end", async || {
        let it = get(&world, "adam", &elsewhere).await.ok()?.body["data"]["attributes"].clone();
        (it["lastDelivery"]["status"] == 302).then_some(())
    })
    .await?;
    assert!(receiver.at("trap").is_empty());

    // Deleted, nothing comes any more.
    let removed = call(&world, "adam", "DELETE", &format!("/webhooks/{elsewhere}")).send().await?;
    assert_eq!(removed.status, 200, "{removed:?}");
    clock.pass(Duration::from_secs(24 * 60 * 60));
    server.changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.at("elsewhere").len(), 1);
    assert_eq!(get(&world, "adam", &elsewhere).await?.status, 404);
    Ok(())
}

async fn a_slow_receiver_holds_up_nobody_else(ground: Ground) -> Result<()> {
    let (receiver, address) = Receiver::start().await?;
    let webhooks = WebhookConfig { patience: Duration::from_secs(5), ..open() };
    let mut world = World::start_with(Config { webhooks, ..ground.config() }).await?;
    let to = |place: &str| json!({"url": format!("http://{address}/{place}")});
    let (slow, _) = add(&world, "adam", to("slow")).await?;
    let (quick, _) = add(&world, "adam", to("quick")).await?;
    for _ in 0..10 {
        call(&world, "adam", "POST", &format!("/webhooks/{slow}/test")).send().await?;
    }
    receiver.until("slow", 1).await?;
    let begun = Instant::now();
    for _ in 0..10 {
        call(&world, "adam", "POST", &format!("/webhooks/{quick}/test")).send().await?;
    }
    receiver.until("quick", 10).await?;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(receiver.at("slow").len() <= 2, "no more than two at once to one");
    let it = get(&world, "adam", &slow).await?;
    assert!(it.body["data"]["attributes"]["undelivered"].as_u64() >= Some(9), "{it:?}");
    // A stop waits for what is under way, and for no more.
    let begun = Instant::now();
    world.stop().await?;
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    Ok(())
}

async fn what_was_cut_off_comes_again(ground: Ground) -> Result<()> {
    let (receiver, address) = Receiver::start().await?;
    let clock = Arc::new(ManualClock::at("2026-11-24T08:00:00Z".parse()?));
    let config = Config { webhooks: open(), clock: clock.clone(), ..ground.config() };
    let world = World::start_with(config).await?;
    let server = world.server.as_ref().context("it runs")?;
    let (id, _) = add(&world, "adam", json!({"url": format!("http://{address}/flaky")})).await?;
    *receiver.refusals.lock().expect("not poisoned") = 1;
    call(&world, "adam", "POST", &format!("/webhooks/{id}/test")).send().await?;
    receiver.until("flaky", 1).await?;
    until("its end", async || {
        let it = get(&world, "adam", &id).await.ok()?.body["data"]["attributes"].clone();
        (it["lastDelivery"]["attempts"] == 1).then_some(())
    })
    .await?;
    // A process that takes it and is never heard of again.
    let now = server.now().after(Duration::from_secs(30));
    let until_then = now.after(Duration::from_secs(10));
    let claimed = server.store().claim_delivery(&[], now, until_then).await?;
    assert!(claimed.is_some_and(|claimed| claimed.attempts == 2));
    clock.pass(Duration::from_secs(35));
    server.changed();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.at("flaky").len(), 1, "it may still be at it");
    clock.pass(Duration::from_secs(10));
    server.changed();
    let came = receiver.until("flaky", 2).await?;
    assert_eq!(came[0].body, came[1].body);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_alone_have_webhooks_and_only_to_the_world() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut world = World::start(directory.path()).await?;
    world.add("adam", "Lou Login", WorkspaceRole::LoginOnly).await?;
    let good = json!({"url": "https://hooks.example.com/entente"});
    for who in ["uma", "lou"] {
        let refused = call(&world, who, "POST", "/webhooks").json(good.clone()).send().await?;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{who}");
        assert_eq!(call(&world, who, "GET", "/webhooks").send().await?.status, 403);
    }
    for url in [
        "http://hooks.example.com/",
        "https://localhost/",
        "https://127.0.0.1:8443/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.7/",
        "https://a:b@hooks.example.com/",
        "no address",
    ] {
        let wanted = json!({"url": url});
        let refused = call(&world, "adam", "POST", "/webhooks").json(wanted).send().await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_value"), "{url}");
        assert_eq!(refused.body["errors"][0]["meta"]["loc"], json!(["body", "url"]), "{url}");
    }
    for events in [json!([]), json!(["partnership.forgotten"]), json!(["webhook.test"])] {
        let wanted = json!({"url": "https://hooks.example.com/", "events": events});
        let refused = call(&world, "adam", "POST", "/webhooks").json(wanted).send().await?;
        assert_eq!((refused.status, refused.code()), (422, "invalid_value"), "{events}");
    }

    // Asked twice with one key, it is added once, and the secret is told both times and kept nowhere.
    let post = || call(&world, "adam", "POST", "/webhooks").json(good.clone());
    let first = post().header("Idempotency-Key", "once").send().await?;
    let again = post().header("Idempotency-Key", "once").send().await?;
    assert_eq!((first.status, &first.body), (201, &again.body));
    let secret = first.body["data"]["attributes"]["secret"].as_str().context("a secret")?;
    assert!(secret.starts_with("whsec_"), "{secret}");
    assert_eq!(first.body["data"]["attributes"]["events"].as_array().map(Vec::len), Some(14));
    for file in fs::read_dir(Path::new(&world.config.data))?.flatten() {
        let bytes = if file.path().is_file() { fs::read(file.path())? } else { Vec::new() };
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{}", file.path().display());
    }
    let listed = call(&world, "olivia", "GET", "/webhooks").send().await?;
    assert_eq!(ids(&listed), [first.id()], "another Admin sees it");
    assert_eq!(listed.body["data"][0]["attributes"]["secret"], Value::Null);

    // Another workspace's is not there.
    let one = format!("/webhooks/{}", first.id());
    for (method, path) in [("GET", &one), ("DELETE", &one), ("POST", &format!("{one}/test"))] {
        let refused = call(&world, "marit", method, path).send().await?;
        assert_eq!((refused.status, refused.code()), (404, "not_found"), "{method}");
    }
    for _ in 1..10 {
        assert_eq!(post().send().await?.status, 201);
    }
    let eleventh = post().send().await?;
    assert_eq!((eleventh.status, eleventh.code()), (409, "too_many"));
    assert_eq!(
        call(&world, "marit", "POST", "/webhooks").json(good.clone()).send().await?.status,
        201
    );

    // Who has events sent elsewhere is told to the Admins, and not the secret in the address.
    let hidden = json!({"url": "https://hooks.example.com/T0/B1?token=abc"});
    assert_eq!(call(&world, "adam", "DELETE", &one).send().await?.status, 200);
    assert_eq!(call(&world, "adam", "POST", "/webhooks").json(hidden).send().await?.status, 201);
    let told = call(&world, "olivia", "GET", "/activities").send().await?;
    let told: Vec<&Value> = (0..2).map(|n| &told.body["data"][n]["attributes"]).collect();
    for (told, event) in told.iter().zip(["webhook_created", "webhook_deleted"]) {
        assert_eq!((&told["event"], &told["user"]["name"]), (&json!(event), &json!("Adam Berg")));
        assert_eq!(told["detail"], "hooks.example.com");
    }

    // A key needs the scope.
    let narrow = json!({"name": "Script", "scopes": ["webhooks:read"]});
    let key = call(&world, "adam", "POST", "/api-keys").json(narrow).send().await?;
    let key = key.body["data"]["attributes"]["secret"].as_str().context("a key")?.to_owned();
    let url = format!("{}/api/v1/webhooks", world.url());
    let http = reqwest::Client::new();
    assert_eq!(http.get(&url).bearer_auth(&key).send().await?.status(), 200);
    let refused = http.post(&url).bearer_auth(&key).json(&good).send().await?;
    assert_ne!(refused.status(), 201);
    Ok(())
}
