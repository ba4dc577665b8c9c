use std::{sync::Arc, time::Duration};

use anyhow::Result;
use entente_domain::WorkspaceRole;
use entente_server::{NewScimToken, RevokedScimToken, add_scim_token, end_scim_token};
use entente_tests::{Ground, on_both_engines};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Provider, USER, ana};
use crate::{access::Story, call};

on_both_engines![
    a_member_is_created_read_changed_and_deleted,
    of_many_who_create_the_same_member_one_does,
    roles_are_given_up_to_what_the_token_allows,
    the_last_owner_stays,
    members_of_a_managed_workspace_go_by_the_provider_only,
    whoever_is_deleted_loses_all_access_and_comes_back_with_none,
    whoever_is_deactivated_comes_back_with_nothing,
];

async fn a_member_is_created_read_changed_and_deleted(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    let before = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = before.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();

    let created = provider.create(ana()).await?;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.id();
    let path = format!("/Users/{id}");
    let location = format!("{}{path}", provider.url);
    assert_eq!(created.header("location"), location);
    assert_eq!(created.header("etag"), "W/\"1\"");
    assert_eq!(created.body["meta"]["location"], location);
    assert_eq!(created.body["meta"]["version"], "W/\"1\"");
    assert_eq!(created.body["meta"]["resourceType"], "User");
    for (name, value) in ana().as_object().expect("an object") {
        assert_eq!(&created.body[name], value, "{name}");
    }
    assert_eq!(created.body["roles"], Value::Null, "the usual role is not told");
    let read = provider.get(&path).await?;
    assert_eq!((read.status, &read.body), (200, &created.body));
    let mut twice = ana();
    twice["userName"] = json!("ana.LIMA@globex.example");
    assert_eq!(provider.create(twice).await?.refusal(), (409, "uniqueness"));

    // A client that knows the version need not read it again, and does not overwrite another one.
    let known = provider.ask(Method::GET, &path, &[("If-None-Match", "W/\"1\"")], None).await?;
    assert_eq!((known.status, known.header("etag")), (304, "W/\"1\""));
    let other = provider.ask(Method::GET, &path, &[("If-None-Match", "W/\"7\"")], None).await?;
    assert_eq!(other.status, 200);
    let stale = [("If-Match", "W/\"7\"")];
    assert_eq!(provider.ask(Method::DELETE, &path, &stale, None).await?.refusal(), (412, ""));
    let put = provider.ask(Method::PUT, &path, &stale, Some(ana())).await?;
    assert_eq!(put.refusal(), (412, ""));

    // What is told anew takes the place of what was told; who is active stays so.
    let only = json!({"schemas": [USER], "userName": "ana@globex.example", "displayName": "Ana"});
    let current = [("If-Match", "\"1\", W/\"9\"")];
    let put = provider.ask(Method::PUT, &path, &current, Some(only.clone())).await?;
    assert_eq!((put.status, put.header("etag")), (200, "W/\"2\""), "{put:?}");
    assert_eq!(put.body["userName"], "ana@globex.example");
    for gone in ["name", "emails", "externalId"] {
        assert_eq!(put.body[gone], Value::Null, "{gone}");
    }
    assert_eq!(put.body["active"], true);
    let again = provider.put(&id, only).await?;
    assert_eq!(again.header("etag"), "W/\"2\"", "nothing has changed");
    let mut taken = ana();
    taken["userName"] = json!("ADAM@globex.example");
    assert_eq!(provider.put(&id, taken).await?.refusal(), (409, "uniqueness"));

    // The API tells of them like of anybody else.
    let changes = call(&world, "adam", "GET", &format!("/changes?since={cursor}")).send().await?;
    let change = &changes.body["data"][0];
    assert_eq!((&change["type"], &change["id"]), (&json!("user"), &json!(id)));
    assert_eq!(change["resource"]["attributes"]["name"], "Ana");
    assert_eq!(change["resource"]["attributes"]["email"], "ana@globex.example");
    assert_eq!(change["resource"]["attributes"]["role"], "workspace_user");

    // Deleted, they are not there any more; created again, they are the same person.
    assert_eq!(provider.delete(&id).await?.status, 204);
    assert_eq!(provider.get(&path).await?.refusal(), (404, ""));
    assert_eq!(provider.delete(&id).await?.refusal(), (404, ""));
    assert_eq!(provider.find(&[("filter", "userName sw \"ana\"")]).await?.body["totalResults"], 0);
    let user = call(&world, "adam", "GET", &format!("/users/{id}")).send().await?;
    assert_eq!(user.body["data"]["attributes"]["status"], "disabled");
    let mut back = ana();
    back["userName"] = json!("ANA@globex.example");
    let back = provider.create(back).await?;
    assert_eq!((back.status, back.id()), (201, id.clone()), "{back:?}");
    assert_eq!(back.body["userName"], "ANA@globex.example");
    let user = call(&world, "adam", "GET", &format!("/users/{id}")).send().await?;
    assert_eq!(user.body["data"]["attributes"]["status"], "live");

    let activities = call(&world, "adam", "GET", "/activities?page[size]=100").send().await?;
    let events: Vec<&str> = activities.body["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|found| found["attributes"]["event"].as_str())
        .collect();
    let expected =
        ["user_created", "user_deleted", "user_deactivated", "user_updated", "user_created"];
    assert_eq!(events, expected);
    Ok(())
}

async fn of_many_who_create_the_same_member_one_does(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Arc::new(Provider::of(&world, "uma", WorkspaceRole::User).await?);
    let mut creating = tokio::task::JoinSet::new();
    for number in 0..12 {
        let provider = provider.clone();
        let mut body = ana();
        if number % 2 == 0 {
            body["userName"] = json!("ana.lima@globex.example");
        }
        creating.spawn(async move { provider.create(body).await.map(|answer| answer.status) });
    }
    let mut statuses = Vec::new();
    while let Some(status) = creating.join_next().await {
        statuses.push(status??);
    }
    statuses.sort_unstable();
    assert_eq!(statuses.split_first(), Some((&201, &[409; 11][..])));
    Ok(())
}

async fn roles_are_given_up_to_what_the_token_allows(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    let with = |role: &str| {
        let mut body = ana();
        body["roles"] = json!([{"value": role, "type": "x", "display": "X"}]);
        body
    };
    assert_eq!(provider.create(with("admin")).await?.refusal(), (403, ""));
    let created = provider.create(with("login_only")).await?;
    assert_eq!(created.body["roles"], json!([{"value": "login_only"}]));
    let id = created.id();
    assert_eq!(provider.put(&id, with("admin")).await?.refusal(), (403, ""));
    let role = async |id: &str| -> Result<Value> {
        let user = call(&world, "adam", "GET", &format!("/users/{id}")).send().await?;
        Ok(user.body["data"]["attributes"]["role"].clone())
    };
    assert_eq!(role(&id).await?, "workspace_login_only");
    provider.put(&id, ana()).await?;
    assert_eq!(role(&id).await?, "workspace_login_only", "of what is not told nothing changes");
    provider.put(&id, with("user")).await?;
    assert_eq!(role(&id).await?, "workspace_user");

    // Who has a higher role keeps it, until they leave and come back.
    let adam = world.person("adam").id.to_string();
    let renamed = json!([{"op": "replace", "path": "displayName", "value": "Adam"}]);
    assert_eq!(provider.patch(&adam, renamed).await?.body["roles"], json!([{"value": "admin"}]));
    let less = json!([{"op": "replace", "path": "roles", "value": [{"value": "user"}]}]);
    assert_eq!(provider.patch(&adam, less).await?.refusal(), (403, ""));
    assert_eq!(role(&adam).await?, "workspace_admin");
    for active in [false, true] {
        let patch = json!([{"op": "replace", "path": "active", "value": active}]);
        assert_eq!(provider.patch(&adam, patch).await?.status, 200);
    }
    let user = call(&world, "olivia", "GET", &format!("/users/{adam}")).send().await?;
    assert_eq!(user.body["data"]["attributes"]["role"], "workspace_user");

    // A token that may gives an Admin's role, and no more.
    let other = Provider::of(&world, "uma", WorkspaceRole::Admin).await?;
    assert_eq!(other.put(&id, with("ADMIN")).await?.body["roles"], json!([{"value": "admin"}]));
    assert_eq!(other.put(&id, with("owner")).await?.refusal(), (403, ""));
    assert!(Provider::of(&world, "uma", WorkspaceRole::Owner).await.is_err());
    Ok(())
}

async fn the_last_owner_stays(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    let olivia = world.person("olivia").id.to_string();
    let end = json!([{"op": "replace", "path": "active", "value": false}]);
    for answer in [provider.patch(&olivia, end.clone()).await?, provider.delete(&olivia).await?] {
        assert_eq!(answer.refusal(), (403, ""));
        assert!(answer.body["detail"].as_str().is_some_and(|why| why.contains("last Owner")));
    }
    assert_eq!(call(&world, "olivia", "GET", "/me").send().await?.status, 200);
    world.add("olivia", "Otto Ek", WorkspaceRole::Owner).await?;
    assert_eq!(provider.patch(&olivia, end).await?.body["active"], false);
    let otto = world.person("otto").id.to_string();
    assert_eq!(provider.delete(&otto).await?.refusal(), (403, ""));
    Ok(())
}

async fn members_of_a_managed_workspace_go_by_the_provider_only(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let server = world.server.as_ref().expect("it runs");
    let uma = world.person("uma").id;
    let path = format!("/users/{uma}");
    let actions = async || -> Result<Value> {
        let user = call(&world, "adam", "GET", &path).send().await?;
        Ok(user.body["data"]["meta"]["allowedActions"].clone())
    };
    let free = actions().await?;
    assert_ne!(free, json!([]));
    let before = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = before.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
    let workspace = world.person("uma").workspace.parse()?;
    let new = NewScimToken {
        workspace,
        name: "Okta",
        highest_role: WorkspaceRole::User,
        expires_at: None,
    };
    let (id, _) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
    assert_eq!(actions().await?, json!([]));
    let since = format!("/changes?since={cursor}");
    let stale = call(&world, "adam", "GET", &since).send().await?;
    assert_eq!(stale.code(), "cursor_expired", "what each may do has changed");
    let refused = call(&world, "adam", "DELETE", &path).json(json!({})).send().await?;
    assert_eq!((refused.status, refused.code()), (409, "managed_by_identity_provider"));

    let done = end_scim_token(server.store(), id, false, server.now()).await?;
    assert_eq!(done, RevokedScimToken::LastOne);
    assert_eq!(actions().await?, json!([]));
    let done = end_scim_token(server.store(), id, true, server.now()).await?;
    assert_eq!(done, RevokedScimToken::Unmanaged);
    assert_eq!(actions().await?, free);
    let removed = call(&world, "adam", "DELETE", &path).json(json!({})).send().await?;
    assert_eq!(removed.status, 200);
    Ok(())
}

async fn hugo_with_access(ground: Ground) -> Result<(Story, Provider)> {
    let story = Story::begin(ground).await?;
    for account in story.accounts.clone() {
        assert_eq!(story.share(&account, "account_manager").await?.status, 201);
        let asked = story.ask(&account, &["hugo"], "account_manager").await?;
        assert_eq!(asked.status, 201, "{asked:?}");
        if account == story.accounts[0] {
            let path = format!(
                "/access-requests/{}/accept",
                asked.body["data"][0]["id"].as_str().expect("an id")
            );
            let accepted = call(&story.world, "uma", "POST", &path).version(1).json(json!({}));
            assert_eq!(accepted.send().await?.status, 200);
        }
    }
    let provider = Provider::of(&story.world, "marit", WorkspaceRole::User).await?;
    Ok((story, provider))
}

async fn has_nothing(story: &Story) -> Result<()> {
    let members = format!("/accounts/{}/users", story.accounts[0]);
    let left = story.get("uma", &members).await?;
    assert!(!left.body.to_string().contains(&story.id("hugo")), "{left:?}");
    let pending = story.get("uma", "/access-requests?filter[state]=pending").await?;
    assert_eq!(pending.body["data"], json!([]));
    Ok(())
}

async fn whoever_is_deleted_loses_all_access_and_comes_back_with_none(
    ground: Ground,
) -> Result<()> {
    let (story, provider) = hugo_with_access(ground).await?;
    let (world, hugo) = (&story.world, story.id("hugo"));
    let account = format!("/accounts/{}", story.accounts[0]);
    assert_eq!(story.get("hugo", &account).await?.status, 200);
    let pending = story.get("uma", "/access-requests?filter[state]=pending").await?;
    assert_eq!(pending.body["data"].as_array().map(Vec::len), Some(1));
    let since = story.get("hugo", "/changes").await?;
    let mut stream = world
        .client("hugo")
        .events(since.body["meta"]["cursor"].as_str().expect("a cursor"))
        .await?;
    let since = story.get("marit", "/changes").await?;
    let cursor = since.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();

    assert_eq!(provider.delete(&hugo).await?.status, 204);
    let ended = tokio::time::timeout(Duration::from_secs(5), async {
        while let Some(Ok(_)) = stream.next().await {}
    });
    ended.await.expect("the open stream ends");
    assert_eq!(story.get("hugo", "/me").await?.code(), "user_disabled");
    has_nothing(&story).await?;
    let changes = story.get("marit", &format!("/changes?since={cursor}")).await?;
    let told = changes.body["data"].as_array().expect("a list");
    assert!(told.iter().any(|change| change["type"] == "user" && change["id"] == hugo));
    assert!(told.iter().any(|change| change["type"] == "account_user" && change["op"] == "delete"));

    // The same person again, whose old key opens nothing.
    let email = world.person("hugo").email.clone();
    let back = provider.create(json!({"userName": email})).await?;
    assert_eq!((back.status, back.id()), (201, hugo), "{back:?}");
    assert_eq!(story.get("hugo", "/me").await?.code(), "invalid_credentials");
    has_nothing(&story).await
}

async fn whoever_is_deactivated_comes_back_with_nothing(ground: Ground) -> Result<()> {
    let (story, provider) = hugo_with_access(ground).await?;
    let hugo = story.id("hugo");
    let set = |active: bool| json!([{"op": "replace", "value": {"active": active}}]);
    let off = provider.patch(&hugo, set(false)).await?;
    assert_eq!((off.status, &off.body["active"]), (200, &json!(false)));
    assert_eq!(story.get("hugo", "/me").await?.code(), "user_disabled");
    has_nothing(&story).await?;
    let read = provider.get(&format!("/Users/{hugo}")).await?;
    assert_eq!(read.body, off.body, "they are still there");
    assert_eq!(provider.patch(&hugo, set(true)).await?.body["active"], true);
    assert_eq!(story.get("hugo", "/me").await?.code(), "invalid_credentials");
    has_nothing(&story).await?;
    let activities = story.get("marit", "/activities?page[size]=100").await?;
    let text = activities.body.to_string();
    for event in ["user_deactivated", "user_reactivated"] {
        assert!(text.contains(event), "{event}");
    }
    Ok(())
}
