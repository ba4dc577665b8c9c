//! S3: keys. What they are stored as is looked at in `sealed`, and that they end at once when they are
//! revoked in `api`, `processes` and `sso`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entente_domain::{ApiKeyId, TermsFacts, Timestamp};
use entente_server::{Config, ManualClock, Running, SCOPES, Server, new_key};
use entente_store::{KeyRow, insert_key};
use entente_tests::{
    Ground, World, on_both_engines,
    scene::{Office, Scene, Situation},
    tell,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    call, request,
    table::{Asked, all_asked},
};

on_both_engines![
    each_scope_opens_its_own_endpoints_and_no_others,
    a_key_is_shown_once_and_ends_with_its_time_open_streams_included,
];

/// What the table leaves to other tests.
const WEBHOOKS: &[(&str, &str, &str)] = &[
    ("GET", "/webhooks", "webhooks:read"),
    ("GET", "/webhooks/{id}", "webhooks:read"),
    ("POST", "/webhooks", "webhooks:write"),
    ("POST", "/webhooks/{id}/test", "webhooks:write"),
    ("DELETE", "/webhooks/{id}", "webhooks:write"),
];

/// A key of somebody with these scopes.
async fn key_with(server: &Running, scene: &Scene, scopes: &[&str]) -> Result<SecretString> {
    let key = new_key();
    let row = KeyRow {
        id: ApiKeyId::new(Uuid::now_v7()),
        user: scene.user(Office::Both),
        name: "Test".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: scene.at,
        expires_at: None,
        revoked_at: None,
        session: None,
    };
    let mut write = server.store().write().await?;
    insert_key(write.connection(), &row, &server.secret().hash(&key)).await?;
    write.commit().await?;
    Ok(key)
}

async fn each_scope_opens_its_own_endpoints_and_no_others(ground: Ground) -> Result<()> {
    let server = Server::start(ground.config()).await?;
    let terms = TermsFacts { version: "1".into(), hash: "1".into() };
    let requested = Situation::ALL.iter().find(|one| one.name == "access requested");
    let scene = Scene::build(&server, &terms, *requested.context("a situation")?).await?;
    let mut endpoints = all_asked(&scene, &scene.someone(Office::Both).user.actor());
    for (method, template, scope) in WEBHOOKS.iter().copied() {
        let path = template.replace("{id}", &Uuid::now_v7().to_string());
        let body =
            if method == "POST" { json!({"url": "https://hooks.example/x"}) } else { Value::Null };
        endpoints.push(Asked { method, template, scope, path, body });
    }
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1", server.url());
    let document: Value = http.get(format!("{url}/openapi.json")).send().await?.json().await?;
    let paths = document["paths"].as_object().context("paths")?;
    // SCIM has tokens of its own; signing in, and reading the document, needs no key.
    let api = paths.iter().filter_map(|(path, of)| Some((path.strip_prefix("/api/v1")?, of)));
    let keyless = |path: &str| path.starts_with("/auth/") || path == "/openapi.json";
    let mut served = BTreeSet::new();
    for (path, operations) in api.filter(|(path, _)| !keyless(path)) {
        for method in operations.as_object().context("operations")?.keys() {
            served.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let asked = endpoints.iter().map(|one| format!("{} {}", one.method, one.template));
    assert_eq!(asked.collect::<BTreeSet<_>>(), served, "each endpoint is tried");

    let mut keys = Vec::new();
    for scope in SCOPES {
        keys.push((*scope, key_with(&server, &scene, &[scope]).await?));
    }
    let (mut opened, mut refused) = (0, 0);
    let is_open =
        |endpoint: &Asked, scope: &str| endpoint.scope.is_empty() || endpoint.scope == scope;
    // What is refused first: what is done can take away what it is done to.
    for opens in [false, true] {
        for endpoint in &endpoints {
            for (scope, key) in keys.iter().filter(|(scope, _)| is_open(endpoint, scope) == opens) {
                let what = format!("{} {} with {scope}", endpoint.method, endpoint.template);
                let asked = http
                    .request(endpoint.method.parse()?, format!("{url}{}", endpoint.path))
                    .header("If-Match", "*")
                    .bearer_auth(key.expose_secret());
                let asked = match &endpoint.body {
                    Value::Null => asked,
                    body => asked.json(body),
                };
                let answer = asked.send().await?;
                let status = answer.status().as_u16();
                let is_stream = status == 200 && endpoint.template == "/events";
                let body: Value = if is_stream { Value::Null } else { answer.json().await? };
                let lacks = body["errors"][0]["code"] == "insufficient_scope";
                ensure!(lacks != opens && (status == 401) != opens, "{what}: {status} {body}");
                if opens { opened += 1 } else { refused += 1 }
            }
        }
    }
    // A key of one kind is none of the other.
    let scim = format!("{}/scim/v2/Users", server.url());
    let key = key_with(&server, &scene, SCOPES).await?;
    let answer = http.get(scim).bearer_auth(key.expose_secret()).send().await?;
    assert_eq!(answer.status().as_u16(), 401);
    let engine = format!("{:?}", server.store().engine()).to_lowercase();
    server.stop().await;
    tell(&json!({
        "check": "S3",
        "engine": engine,
        "endpoints": endpoints.len(),
        "scopes": SCOPES.len(),
        "opened": opened,
        "refused": refused,
    }))
}

async fn a_key_is_shown_once_and_ends_with_its_time_open_streams_included(
    ground: Ground,
) -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let mut world = World::start_with(Config { clock: clock.clone(), ..ground.config() }).await?;
    let body = json!({"name": "For a while", "expiresAt": "2026-11-24T15:00:00.000Z"});
    let made = call(&world, "adam", "POST", "/api-keys").json(body).send().await?;
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.body["data"]["attributes"]["secret"].as_str().context("a secret")?.to_owned();
    let bits = secret.strip_prefix("entente_").context("what it begins with")?;
    assert_eq!(URL_SAFE_NO_PAD.decode(bits)?.len() * 8, 256);
    let listed = call(&world, "adam", "GET", "/api-keys").send().await?;
    assert_eq!(listed.body["meta"]["page"]["total"], 2);
    assert!(!listed.body.to_string().contains(&secret), "it is told once");
    // Somebody who asks with it.
    let mut lodger = world.person("adam").clone();
    lodger.first = "lodger".into();
    lodger.key = SecretString::from(secret);
    world.people.push(lodger);
    let changes = call(&world, "lodger", "GET", "/changes").send().await?;
    let cursor = changes.body["meta"]["cursor"].as_str().context("a cursor")?;
    let mut stream = world.client("lodger").events(cursor).await?;
    let first = request(&world, "marit").await?;
    assert_eq!(stream.next().await.context("an event")??.change.id, first);

    clock.pass(Duration::from_secs(60 * 60));
    request(&world, "ines").await?;
    let over = tokio::time::timeout(Duration::from_secs(30), stream.next()).await?;
    assert!(over.is_none_or(|event| event.is_err()), "nothing is told after its time");
    let refused = call(&world, "lodger", "GET", "/me").send().await?;
    assert_eq!((refused.status, refused.code()), (401, "expired_credentials"));
    assert_eq!(call(&world, "adam", "GET", "/me").send().await?.status, 200);
    Ok(())
}
