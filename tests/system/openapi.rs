//! The examples of the document are what was asked of a server and what it answered; every word that
//! it refuses with is among them.

mod tape;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use axum::{Json, Router, http::StatusCode, routing::get};
use entente_domain::{WorkspaceId, WorkspaceRole};
use entente_server::{
    Config, Limits, ManualClock, NewProvider, NewScimToken, add_scim_token, disable_user,
    set_provider,
};
use entente_store::{Engine, users_by_id};
use entente_tests::{Ground, World, contract};
use entente_wire::ErrorCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{
    access::{HUGO, IRIS, Story},
    call,
};
use tape::{Ask, Tape};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Operations whose answers are no example of anything: no JSON, or the whole of a document.
const WITHOUT_ANSWER: &[&str] = &[
    "isAlive",
    "isReady",
    "getMetrics",
    "getDocument",
    "events",
    "revokeToken",
    "scimDeleteUser",
    "scimSchemas",
];

/// Where examples stand above the handler: a certified provider's tokens are no two times the same.
const HAND_WRITTEN: &[&str] = &["createTokens"];

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_what_a_server_answers() -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse()?));
    let ground = Ground::new(Engine::Sqlite)?;
    let config = Config { clock: clock.clone(), ..ground.config() };
    let mut world = World::start_with(config).await?;
    world.add("grace", "Kim Novak", WorkspaceRole::User).await?;
    let story = Story::tell(ground, world).await?;
    let mut tape = Tape::new(&story.world);
    partnerships(&mut tape, &story, &clock).await?;
    owners_and_accounts(&mut tape, &story).await?;
    people_and_keys(&mut tape, &story, &clock).await?;
    webhooks_and_changes(&mut tape).await?;
    single_sign_on(&mut tape, &story).await?;
    scim(&mut tape, &story).await?;
    what_passes(&mut tape, &story).await?;
    let recorded = tape.end();
    let all: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    let missing: Vec<&&str> =
        all.iter().filter(|code| recorded["refusals"][**code].is_null()).collect();
    assert!(missing.is_empty(), "not refused with: {missing:?}");
    for (_, operation) in contract::operations() {
        let id = operation.told["operationId"].as_str().expect("an id");
        if HAND_WRITTEN.contains(&id) {
            continue;
        }
        let example = &recorded["operations"][id];
        assert!(!example["status"].is_null(), "{id} was not asked");
        let takes = operation.told["requestBody"].is_object();
        assert_eq!(takes, !example["request"].is_null(), "{id} was asked with its body");
        let answers = !WITHOUT_ANSWER.contains(&id);
        assert_eq!(answers, !example["answer"].is_null(), "{id} has an answer to show");
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../src-tauri/crates/server/src/openapi/examples.json"
    );
    let now = format!("{}\n", serde_json::to_string_pretty(&recorded)?);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &now)?;
    }
    assert!(
        std::fs::read_to_string(path)? == now,
        "the answers changed: set UPDATE_OPENAPI=1, run this and the test of the document again, and \
         read the diff"
    );
    Ok(())
}

/// Every example in the document is what its schema says.
#[test]
fn examples_are_as_the_document_says() -> Result<()> {
    let mut found = 0;
    for (method, operation) in contract::operations() {
        let answers = operation.told["responses"].as_object().into_iter().flatten();
        let answers = answers.map(|(status, answer)| (status.as_str(), contract::resolved(answer)));
        let bodies = std::iter::once(("", &operation.told["requestBody"])).chain(answers);
        for (status, body) in bodies {
            for (media_type, content) in body["content"].as_object().into_iter().flatten() {
                let place = format!("{method} {} {status} {media_type}", operation.template);
                let named = content["examples"].as_object().into_iter().flatten();
                let named = named.map(|(_, example)| &contract::resolved(example)["value"]);
                for example in content.get("example").into_iter().chain(named) {
                    contract::is_valid(&place, &content["schema"], example)?;
                    found += 1;
                }
            }
        }
    }
    assert!(found > 400, "only {found} examples");
    Ok(())
}

/// Whoever misspells a filter must not take the whole for what they asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_nobody_knows_is_refused_by_every_operation() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let world = ground.world().await?;
    let nobodys = "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e";
    let mut asked = 0;
    for (method, operation) in contract::operations() {
        let Some(template) = operation.template.strip_prefix("/api/v1") else { continue };
        let steps = template.split('/');
        let steps = steps.map(|step| if step.starts_with('{') { nobodys } else { step });
        let path = format!("{}?filter[stat]=active", steps.collect::<Vec<_>>().join("/"));
        let answer = call(&world, "adam", &method, &path).send().await?;
        let place = format!("{method} {template}");
        assert_eq!(
            (answer.status, answer.code()),
            (400, "unknown_parameter"),
            "{place}: {answer:?}"
        );
        asked += 1;
    }
    assert!(asked > 40, "only {asked} operations");
    Ok(())
}

async fn partnerships(tape: &mut Tape<'_>, story: &Story, clock: &ManualClock) -> Result<()> {
    tape.ask(Ask::of("me").by("uma")).await?;
    tape.ask(Ask::of("terms").by("marit")).await?;
    let wanted = serde_json::to_value(story.world.request_to("ines"))?;
    let send = || Ask::of("requestPartnership").by("uma");
    let other = |name: &str, value: Value| {
        let mut wanted = wanted.clone();
        wanted[name] = value;
        wanted
    };
    tape.refused(send().body(other("partnerEmail", json!("ines"))), "invalid_email").await?;
    tape.refused(send().body(other("reason", json!(""))), "reason_required").await?;
    tape.refused(send().body(other("reason", json!("a\u{0}"))), "invalid_text").await?;
    let own = json!(story.world.person("uma").workspace);
    tape.refused(send().body(other("guestWorkspaceId", own)), "own_workspace").await?;
    let nobodys = json!("0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e");
    let nobodys = other("guestWorkspaceId", nobodys);
    tape.refused(send().body(nobodys.clone()), "unknown_workspace").await?;
    tape.refused(send().text("{\"reason\": "), "malformed_body").await?;
    tape.refused(send().text(&" ".repeat(70_000)), "payload_too_large").await?;
    let plain = send().text("reason").header("Content-Type", "text/plain");
    tape.refused(plain, "unsupported_media_type").await?;
    let sent = tape.ask(send().body(wanted.clone()).header("Idempotency-Key", "a1")).await?;
    let again = send().body(other("reason", json!("Another"))).header("Idempotency-Key", "a1");
    tape.refused(again, "idempotency_key_reused").await?;
    tape.refused(send().body(wanted), "partnership_exists").await?;
    let mut tries = 0;
    while tape.try_ask(send().by("olivia").body(nobodys.clone())).await?.code() != "rate_limited" {
        tries += 1;
        assert!(tries < 1_000, "unknown workspace IDs can be tried without end");
    }

    let id = sent.id();
    let one = |operation: &'static str| Ask::of(operation).id(&id);
    let list = || Ask::of("listPartnerships").by("adam");
    tape.ask(list().query("filter[state]=awaiting_approval")).await?;
    tape.refused(list().query("filter=host"), "unknown_parameter").await?;
    tape.refused(list().query("page[size]=1000"), "invalid_parameter").await?;
    tape.ask(one("getPartnership").by("adam")).await?;
    tape.refused(one("getPartnership").by("ines"), "not_found").await?;
    tape.refused(one("getPartnership"), "missing_credentials").await?;
    tape.ask(one("remindPartnership").by("uma")).await?;
    tape.refused(one("remindPartnership").by("uma"), "reminder_too_soon").await?;
    let approve = || one("approvePartnership").by("adam");
    tape.refused(approve(), "version_required").await?;
    tape.refused(approve().version(1), "stale_version").await?;
    tape.refused(approve().by("uma").version(2), "forbidden").await?;
    tape.ask(approve().version(2)).await?;
    tape.refused(approve().version(3), "wrong_state").await?;
    let terms = tape.ask(Ask::of("terms").by("ines")).await?;
    let terms = terms.body["data"]["id"].clone();
    let accept = |version: &Value, agreed: bool| {
        let body = json!({"termsVersion": version, "agreed": agreed});
        one("acceptPartnership").by("ines").version(3).body(body)
    };
    tape.refused(accept(&terms, false), "terms_not_agreed").await?;
    tape.refused(accept(&json!("2020-01-01"), true), "terms_changed").await?;
    tape.ask(accept(&terms, true)).await?;
    tape.ask(one("getImpact").by("adam")).await?;

    // With another guest: declined, sent again, and taken back; then too late.
    let wanted = serde_json::to_value(story.world.request_to("grace"))?;
    let id = tape.ask(send().body(wanted.clone())).await?.id();
    let one = |operation: &'static str, version| Ask::of(operation).id(&id).version(version);
    tape.ask(one("approvePartnership", 1).by("adam")).await?;
    let note = json!({"note": "Not this year"});
    tape.ask(one("declinePartnership", 2).by("grace").body(note)).await?;
    tape.ask(one("resendPartnership", 3).by("uma")).await?;
    tape.ask(one("withdrawPartnership", 4).by("uma")).await?;
    let id = tape.ask(send().body(wanted)).await?.id();
    clock.pass(15 * 24 * HOUR);
    let late = Ask::of("approvePartnership").id(&id).by("adam").version(1);
    tape.refused(late, "deadline_passed").await
}

async fn owners_and_accounts(tape: &mut Tape<'_>, story: &Story) -> Result<()> {
    let partnership = &story.partnership;
    let of = |operation: &'static str| Ask::of(operation).id(partnership);
    let olivia = story.id("olivia");
    let uma = story.id("uma");
    tape.refused(of("dismissOwner").user(&uma).by("adam"), "last_owner").await?;
    let stranger = of("nameOwner").by("adam").body(json!({"userId": story.id("marit")}));
    tape.refused(stranger, "unknown_user").await?;
    tape.ask(of("nameOwner").by("adam").body(json!({"userId": olivia}))).await?;
    tape.ask(of("dismissOwner").user(&olivia).by("adam")).await?;

    let [account, other] = [&story.accounts[0], &story.accounts[1]];
    let share = |accounts: &[&str]| {
        let body = json!({"accountIds": accounts, "role": "account_manager"});
        of("shareAccounts").by("uma").body(body)
    };
    tape.refused(share(&[]), "invalid_value").await?;
    tape.refused(share(&[&uma]), "unknown_account").await?;
    tape.ask(share(&[account])).await?;
    tape.refused(share(&[account, other]), "already_shared").await?;
    tape.ask(of("listSharedAccounts").by("uma")).await?;
    tape.ask(Ask::of("listAccounts").by("uma").query("filter[role]=account_owner")).await?;
    let on = |operation: &'static str| Ask::of(operation).id(account);
    tape.ask(on("getAccount").by("uma")).await?;
    tape.ask(on("readSecrets").by("uma")).await?;
    let add = json!({"userId": olivia, "role": "account_collaborator"});
    tape.ask(on("addAccountUser").by("uma").body(add.clone())).await?;
    tape.refused(on("addAccountUser").by("uma").body(add), "already_member").await?;
    tape.ask(on("listAccountUsers").by("uma")).await?;
    let change = |user: &str, role: &str| {
        on("changeAccountUser").user(user).by("uma").version(1).body(json!({"role": role}))
    };
    let marit = story.id("marit");
    tape.refused(change(&marit, "account_owner"), "guest_cannot_own").await?;
    tape.ask(change(&olivia, "account_owner")).await?;
    tape.ask(on("removeAccountUser").user(&olivia).by("uma")).await?;

    let hugo = story.id(HUGO);
    let ask = json!({
        "accountId": account,
        "userIds": [hugo, story.id(IRIS)],
        "role": "account_collaborator",
        "message": "They write the newsletter",
    });
    let asked = tape.ask(Ask::of("requestAccess").by("marit").body(ask)).await?;
    tape.ask(Ask::of("listAccessRequests").by("uma").query("filter[awaiting]=me")).await?;
    let [first, second] = [0, 1].map(|n| asked.body["data"][n]["id"].as_str().expect("an id"));
    tape.ask(Ask::of("acceptAccessRequest").id(first).by("uma").version(1)).await?;
    tape.ask(Ask::of("declineAccessRequest").id(second).by("uma").version(1)).await?;
    tape.ask(of("listMembers").by("adam")).await?;
    tape.ask(of("removeMember").user(&hugo).by("adam")).await?;
    tape.ask(of("unshareAccount").account(account).by("uma")).await?;
    tape.ask(Ask::of("listActivities").by("adam").query("page[size]=2")).await?;

    // The only Admin of a guest leaves.
    let server = story.world.server.as_ref().context("it runs")?;
    let ids = [story.world.person("marit").id];
    let marit = users_by_id(&mut *server.store().read().await?, ids).await?;
    for user in marit.values() {
        disable_user(server.store(), user, server.now()).await?;
    }
    tape.refused(share(&[account]), "no_guest_admin").await?;
    tape.refused(Ask::of("me").by("marit"), "user_disabled").await?;
    let version = tape.ask(of("getPartnership").by("adam")).await?.etag;
    tape.ask(of("removePartnership").by("adam").header("If-Match", &version)).await?;
    Ok(())
}

async fn people_and_keys(tape: &mut Tape<'_>, story: &Story, clock: &ManualClock) -> Result<()> {
    let kim = story.id("kim");
    tape.ask(Ask::of("listUsers").by("grace")).await?;
    tape.ask(Ask::of("getUser").id(&kim).by("grace")).await?;
    let new = json!({
        "name": "Weekly report",
        "scopes": ["partnerships:read", "activities:read"],
        "expiresAt": "2027-01-01T00:00:00.000Z",
    });
    let made = tape.ask(Ask::of("createApiKey").by("grace").body(new)).await?;
    let key = made.body["data"]["attributes"]["secret"].as_str().context("a key")?.to_owned();
    tape.ask(Ask::of("listApiKeys").by("grace")).await?;
    tape.refused(Ask::of("listUsers").key(&key), "insufficient_scope").await?;
    let short = json!({"name": "An hour", "expiresAt": server_time(clock, HOUR)});
    let short = tape.ask(Ask::of("createApiKey").by("grace").body(short)).await?;
    let short = short.body["data"]["attributes"]["secret"].as_str().context("a key")?.to_owned();
    clock.pass(2 * HOUR);
    tape.refused(Ask::of("me").key(&short), "expired_credentials").await?;
    tape.ask(Ask::of("revokeApiKey").id(&made.id()).by("grace")).await?;
    tape.refused(Ask::of("me").key(&key), "invalid_credentials").await?;
    tape.ask(Ask::of("removeUser").id(&kim).by("grace")).await?;
    let put = Ask::of("me").by("grace").method("PUT");
    tape.refused(put, "method_not_allowed").await
}

fn server_time(clock: &ManualClock, after: Duration) -> String {
    entente_server::Clock::now(clock).after(after).to_string()
}

async fn webhooks_and_changes(tape: &mut Tape<'_>) -> Result<()> {
    let new = json!({
        "url": "https://hooks.example.com/entente",
        "events": ["partnership.requested", "access_request.created"],
    });
    let create = || Ask::of("createWebhook").by("adam").body(new.clone());
    let made = tape.ask(create()).await?;
    tape.ask(Ask::of("listWebhooks").by("adam")).await?;
    tape.ask(Ask::of("getWebhook").id(&made.id()).by("adam")).await?;
    for _ in 1..10 {
        tape.ask(create()).await?;
    }
    tape.refused(create(), "too_many").await?;
    tape.ask(Ask::of("deleteWebhook").id(&made.id()).by("adam")).await?;
    let another = tape.ask(create()).await?;
    tape.ask(Ask::of("testWebhook").id(&another.id()).by("adam")).await?;
    let changes = tape.ask(Ask::of("changes").by("ines").query("page[size]=1")).await?;
    let cursor = changes.body["meta"]["cursor"].as_str().context("a cursor")?;
    let foreign = Ask::of("changes").by("adam").query(&format!("since={cursor}"));
    tape.refused(foreign, "cursor_expired").await?;
    for operation in ["isAlive", "isReady", "getMetrics", "getDocument", "events"] {
        tape.ask(Ask::of(operation).by("adam")).await?;
    }
    Ok(())
}

/// A provider that knows itself, and takes no code.
async fn unkind_provider() -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let issuer = format!("http://{}", listener.local_addr()?);
    let about = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    });
    let token = async || (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    let router = Router::new()
        .route("/.well-known/openid-configuration", get(async move || Json(about)))
        .route("/keys", get(async || Json(json!({"keys": []}))))
        .route("/token", axum::routing::post(token));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(issuer)
}

async fn single_sign_on(tape: &mut Tape<'_>, story: &Story) -> Result<()> {
    let find = || Ask::of("findProvider").body(json!({"address": "ana@globex.example"}));
    tape.refused(find(), "sso_not_configured").await?;
    let server = story.world.server.as_ref().context("it runs")?;
    let workspace: WorkspaceId = story.world.person("uma").workspace.parse()?;
    let issuer = unkind_provider().await?;
    let new = NewProvider::public(&issuer, "entente", &["globex.example"]);
    set_provider(server.store(), server.vault(), workspace, new, server.now()).await?;
    let found = tape.ask(find()).await?;
    let sign_in = json!({
        "grantType": "authorization_code",
        "providerId": found.id(),
        "code": "SplxlOBeZQQYbYS6WxSbIA",
        "codeVerifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "redirectUri": "http://127.0.0.1:43211/callback",
        "nonce": "n-0S6_WzA2Mj",
    });
    tape.refused(Ask::of("createTokens").body(sign_in), "sso_refused").await?;
    let refresh = json!({"grantType": "refresh_token", "refreshToken": "entente_refresh_5Cw1"});
    tape.refused(Ask::of("createTokens").body(refresh), "session_expired").await?;
    let token = json!({"token": "entente_refresh_5Cw1"});
    tape.ask(Ask::of("revokeToken").body(token)).await?;
    // Nobody is where it was any more.
    let mut write = server.store().write().await?;
    sqlx::query("UPDATE identity_providers SET issuer = 'http://127.0.0.1:1'")
        .execute(&mut *write.connection())
        .await?;
    write.commit().await?;
    tape.refused(find(), "provider_unavailable").await?;
    Ok(())
}

async fn scim(tape: &mut Tape<'_>, story: &Story) -> Result<()> {
    let server = story.world.server.as_ref().context("it runs")?;
    let workspace: WorkspaceId = story.world.person("grace").workspace.parse()?;
    let highest_role = WorkspaceRole::Admin;
    let new = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
    let (_, token) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
    let ask = |operation: &'static str| Ask::of(operation).key(token.expose_secret());
    for operation in ["scimConfig", "scimResourceTypes", "scimSchemas"] {
        tape.ask(ask(operation)).await?;
    }
    tape.ask(ask("scimResourceType").id("User")).await?;
    tape.ask(ask("scimSchema").id("urn:ietf:params:scim:schemas:core:2.0:Schema")).await?;
    let ana = crate::scim::ana();
    let id = tape.ask(ask("scimCreateUser").body(ana.clone())).await?;
    let id = id.body["id"].as_str().context("an id")?.to_owned();
    tape.ask(ask("scimFindUsers").query("filter=externalId%20eq%20%2200u1%22")).await?;
    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "externalId eq \"00u1\"",
        "attributes": ["userName", "active"],
    });
    tape.ask(ask("scimSearchUsers").body(search.clone())).await?;
    tape.ask(ask("scimSearch").body(search)).await?;
    tape.ask(ask("scimGetUser").id(&id)).await?;
    tape.ask(ask("scimReplaceUser").id(&id).body(ana)).await?;
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "active", "value": false}],
    });
    tape.ask(ask("scimChangeUser").id(&id).body(patch)).await?;
    tape.ask(ask("scimDeleteUser").id(&id)).await?;
    // From now on nobody but the provider removes members there.
    let grace = story.id("grace");
    let olivia = Ask::of("removeUser").id(&grace).by("grace");
    tape.refused(olivia, "forbidden").await?;
    let managed = Ask::of("removeUser").id(&story.id("kim")).by("grace");
    tape.refused(managed, "managed_by_identity_provider").await
}

/// Refusals that are a matter of the moment.
async fn what_passes(tape: &mut Tape<'_>, story: &Story) -> Result<()> {
    let server = story.world.server.as_ref().context("it runs")?;
    // Two at once of one key: one of them waits for the database, the other one is told so.
    let blocked = server.store().write().await?;
    let wanted = json!({"name": "Twice", "scopes": ["partnerships:read"]});
    let create = || {
        Ask::of("createApiKey").by("adam").body(wanted.clone()).header("Idempotency-Key", "twice")
    };
    let (one, other) = (tape.send(create()), tape.send(create()));
    let told = tokio::select! {
        told = one => told?,
        told = other => told?,
    };
    drop(blocked);
    tape.keep(create(), &told, "request_in_progress")?;

    // A credential whose seal is broken.
    let mut write = server.store().write().await?;
    sqlx::query("UPDATE secrets SET sealed = 'AAAA'").execute(&mut *write.connection()).await?;
    write.commit().await?;
    let read = Ask::of("readSecrets").id(&story.accounts[0]).by("uma");
    tape.refused(read, "internal").await?;

    // Elsewhere, so that nothing else is too slow.
    let ground = Ground::new(Engine::Sqlite)?;
    let limits = Limits { request: Duration::from_millis(200), ..Limits::default() };
    let busy = World::start_with(Config { limits, ..ground.config() }).await?;
    let server = busy.server.as_ref().context("it runs")?;
    let blocked = server.store().write().await?;
    let mut there = Tape::new(&busy);
    let wanted = json!({"name": "Too slow"});
    there.refused(Ask::of("createApiKey").by("adam").body(wanted), "unavailable").await?;
    drop(blocked);
    tape.merge(there.refusals());
    Ok(())
}
