use std::{collections::BTreeSet, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::Result;
use entente_domain::{Timestamp, WorkspaceRole};
use entente_server::{
    Config, KeyRate, ManualClock, NewScimToken, RevokedScimToken, add_scim_token, end_scim_token,
};
use entente_tests::{Ground, World, on_both_engines};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Answer, Provider, USER, ana};
use crate::call;

on_both_engines![
    a_token_is_good_for_one_workspace_and_for_nothing_else,
    what_is_supported_is_told,
    patches_of_all_clients_are_understood,
    a_patch_that_cannot_be_changes_nothing,
    members_are_listed_filtered_sorted_and_paged,
    what_is_wrong_is_told_in_the_words_of_scim,
    who_asks_too_often_waits,
];

async fn a_token_is_good_for_one_workspace_and_for_nothing_else(ground: Ground) -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let config = Config { clock: clock.clone(), ..ground.config() };
    let world = World::start_with(config).await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    assert_eq!(provider.get("/Users").await?.body["totalResults"], 3);

    // Not for the API, and the API's keys not for SCIM.
    let me = format!("{}/api/v1/me", world.url());
    let http = reqwest::Client::new();
    let answer = http.get(&me).bearer_auth(provider.token.expose_secret()).send().await?;
    assert_eq!(answer.status(), 401);
    for path in ["/Users", "/ServiceProviderConfig", "/Schemas", "/ResourceTypes"] {
        for key in [Some(world.key("olivia")), Some("entente_scim_x".into()), None] {
            let request = http.get(format!("{}{path}", provider.url));
            let request = match &key {
                Some(key) => request.bearer_auth(key).header("X-API-Key", key),
                None => request,
            };
            let answer = request.send().await?;
            assert_eq!(answer.status(), 401, "{path}");
            assert_eq!(answer.headers()["www-authenticate"], "Bearer");
            assert_eq!(answer.headers()["content-type"], "application/scim+json");
        }
    }

    // What is of another workspace is not told from what is not there.
    let unknown = provider.get("/Users/01990000-0000-7000-8000-000000000000").await?;
    assert_eq!(unknown.refusal(), (404, ""));
    let marit = world.person("marit").id.to_string();
    for id in [marit.as_str(), "what-is-this"] {
        assert_eq!(provider.get(&format!("/Users/{id}")).await?.body, unknown.body, "{id}");
        assert_eq!(provider.put(id, ana()).await?.body, unknown.body, "{id}");
        let patch = json!([{"op": "replace", "path": "active", "value": false}]);
        assert_eq!(provider.patch(id, patch).await?.body, unknown.body, "{id}");
        assert_eq!(provider.delete(id).await?.body, unknown.body, "{id}");
    }
    let by_id = provider.find(&[("filter", &format!("id eq \"{marit}\""))]).await?;
    assert_eq!(by_id.body["totalResults"], 0);
    assert_eq!(call(&world, "marit", "GET", "/me").send().await?.status, 200);

    // It ends when its time is over, and at once when it is revoked.
    let server = world.server.as_ref().expect("it runs");
    let workspace = world.person("uma").workspace.parse()?;
    let expires_at = Some(server.now().after(Duration::from_secs(60)));
    let new =
        NewScimToken { workspace, name: "Entra ID", highest_role: WorkspaceRole::User, expires_at };
    let (id, token) = add_scim_token(server.store(), server.secret(), new, server.now()).await?;
    let other = Provider { url: provider.url.clone(), token };
    assert_eq!(other.get("/Users").await?.status, 200);
    clock.pass(Duration::from_secs(60));
    assert_eq!(other.get("/Users").await?.refusal(), (401, ""));
    let left = end_scim_token(server.store(), id, false, server.now()).await?;
    assert_eq!(left, RevokedScimToken::OthersLeft);
    Ok(())
}

async fn what_is_supported_is_told(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::LoginOnly).await?;
    let config = provider.get("/ServiceProviderConfig").await?;
    assert_eq!(config.body["bulk"]["supported"], false);
    assert_eq!(config.body["patch"]["supported"], true);
    assert_eq!(config.body["authenticationSchemes"][0]["type"], "oauthbearertoken");
    let kinds = provider.get("/ResourceTypes").await?;
    assert_eq!(kinds.body["Resources"][0]["endpoint"], "/Users");
    assert_eq!(provider.get("/ResourceTypes/User").await?.body, kinds.body["Resources"][0]);
    let schemas = provider.get("/Schemas").await?;
    assert_eq!(schemas.body["totalResults"], 4);
    let schema = provider.get(&format!("/Schemas/{USER}")).await?;
    assert_eq!(schema.body, schemas.body["Resources"][0]);
    let attributes = schema.body["attributes"].as_array().expect("attributes");
    let named: Vec<&str> = attributes.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(named, ["userName", "name", "displayName", "emails", "active", "roles"]);
    let roles = &attributes[5]["subAttributes"];
    assert_eq!(roles[0]["canonicalValues"], json!(["guest_user", "login_only"]));
    assert_eq!(roles[1], Value::Null);
    for (path, status) in [
        ("/ResourceTypes/Group", 404),
        ("/Schemas/urn:nothing", 404),
        ("/Groups", 404),
        ("/Me", 501),
        ("/Schemas?filter=id%20pr", 403),
    ] {
        assert_eq!(provider.get(path).await?.refusal().0, status, "{path}");
    }
    for path in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        let answer = provider.ask(Method::DELETE, path, &[], None).await?;
        assert_eq!(answer.refusal().0, 405, "{path}");
    }
    let bulk = provider.ask(Method::POST, "/Bulk", &[], Some(json!({}))).await?;
    assert_eq!(bulk.refusal().0, 501);
    Ok(())
}

async fn patches_of_all_clients_are_understood(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::Admin).await?;
    let id = provider.create(ana()).await?.id();
    let work = json!({"value": "ana@globex.example", "type": "work", "primary": true});
    let home = json!({"value": "a@home.example", "type": "home"});
    for (operations, attribute, expected) in [
        // Okta deactivates and activates.
        (json!([{"op": "replace", "value": {"active": false}}]), "active", json!(false)),
        (json!([{"op": "replace", "value": {"active": true}}]), "active", json!(true)),
        // Entra ID does so, with texts and capitals.
        (json!([{"op": "Replace", "path": "active", "value": "False"}]), "active", json!(false)),
        (json!([{"op": "Add", "path": "active", "value": "True"}]), "active", json!(true)),
        (
            json!([{"op": "Replace", "value": {"displayName": "A", "name.givenName": "Anna"}}]),
            "name",
            json!({"formatted": "Ana Maria Lima", "givenName": "Anna", "familyName": "Lima"}),
        ),
        (
            json!([{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@c.de"}]),
            "emails",
            json!([{"value": "b@c.de", "type": "work", "primary": true}]),
        ),
        (
            json!([{"op": "Add", "path": "emails[type eq \"home\"].value",
                    "value": "a@home.example"}]),
            "emails",
            json!([{"value": "b@c.de", "type": "work", "primary": true}, home]),
        ),
        (
            json!([{"op": "Replace",
                    "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                    "value": "Sales"},
                   {"op": "add", "path": "title", "value": "Lead"},
                   {"op": "add", "path": "phoneNumbers[type eq \"work\"].value", "value": "1"}]),
            "title",
            Value::Null,
        ),
        // Elements are added once, and one of them is the first.
        (json!([{"op": "add", "path": "emails", "value": [home.clone()]}]), "emails", {
            json!([{"value": "b@c.de", "type": "work", "primary": true}, home])
        }),
        (
            json!([{"op": "add", "path": "emails", "value": {"value": "x@y.z", "primary": true}}]),
            "emails",
            json!([{"value": "b@c.de", "type": "work", "primary": false}, home,
                   {"value": "x@y.z", "primary": true}]),
        ),
        (
            json!([{"op": "replace", "path": "emails[value eq \"b@c.de\"].primary", "value": true}]),
            "emails",
            json!([{"value": "b@c.de", "type": "work", "primary": true}, home,
                   {"value": "x@y.z", "primary": false}]),
        ),
        (
            json!([{"op": "remove", "path": "emails[not (type pr) or type eq \"home\"]"}]),
            "emails",
            json!([{"value": "b@c.de", "type": "work", "primary": true}]),
        ),
        (json!([{"op": "remove", "path": "emails"}]), "emails", Value::Null),
        (json!([{"op": "replace", "path": "emails", "value": [work]}]), "emails", json!([work])),
        (
            json!([{"op": "remove", "path": "name.formatted"},
                   {"op": "replace", "path": "name", "value": {"familyName": "Costa"}}]),
            "name",
            json!({"givenName": "Anna", "familyName": "Costa"}),
        ),
        (json!([{"op": "remove", "path": "name"}]), "name", Value::Null),
        (
            json!([{"op": "replace",
                    "path": "urn:ietf:params:scim:schemas:core:2.0:User:externalId",
                    "value": "ext"}]),
            "externalId",
            json!("ext"),
        ),
        // Entra ID names the one role.
        (
            json!([{"op": "Add", "path": "roles[primary eq \"True\"].value", "value": "Admin"}]),
            "roles",
            json!([{"value": "admin"}]),
        ),
        (
            json!([{"op": "Replace", "path": "roles[primary eq \"True\"].value",
                    "value": "login_only"}]),
            "roles",
            json!([{"value": "login_only"}]),
        ),
        (json!([{"op": "add", "path": "roles", "value": ["user"]}]), "roles", {
            json!([{"value": "user"}])
        }),
        (json!([{"op": "remove", "path": "roles"}]), "roles", Value::Null),
        (json!([]), "roles", Value::Null),
    ] {
        let patched = provider.patch(&id, operations.clone()).await?;
        assert_eq!(patched.status, 200, "{operations}: {patched:?}");
        assert_eq!(patched.body[attribute], expected, "{operations}");
        let read = provider.get(&format!("/Users/{id}")).await?;
        assert_eq!(read.body, patched.body, "{operations}");
        assert_eq!(patched.header("etag"), read.header("etag"));
    }
    let user = call(&world, "adam", "GET", &format!("/users/{id}")).send().await?;
    assert_eq!(user.body["data"]["attributes"]["name"], "A");
    Ok(())
}

async fn a_patch_that_cannot_be_changes_nothing(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    let created = provider.create(ana()).await?;
    let id = created.id();
    let good = json!({"op": "replace", "path": "displayName", "value": "Other"});
    for (bad, scim_type) in [
        (json!({"op": "replace", "path": "nothing", "value": 1}), "invalidPath"),
        (json!({"op": "replace", "path": "name.nothing", "value": "a"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[", "value": "a"}), "invalidPath"),
        (json!({"op": "replace", "path": "userName[value pr]", "value": "a"}), "invalidPath"),
        (json!({"op": "replace", "path": "emails[a eq 1]", "value": {}}), "invalidFilter"),
        (json!({"op": "replace", "path": "emails[type eq \"x\"]", "value": {}}), "noTarget"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
        (json!({"op": "remove", "path": "meta.created"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "invalidValue"),
        (json!({"op": "remove", "path": "active"}), "invalidValue"),
        (json!({"op": "add", "path": "displayName"}), "invalidValue"),
        (json!({"op": "add", "value": "a"}), "invalidValue"),
        (json!({"op": "replace", "path": "active", "value": "perhaps"}), "invalidValue"),
        (json!({"op": "replace", "path": "userName", "value": "nobody"}), "invalidValue"),
        (json!({"op": "replace", "path": "displayName", "value": 1}), "invalidValue"),
        (json!({"op": "replace", "path": "displayName", "value": "a\u{0}"}), "invalidValue"),
        (json!({"op": "replace", "path": "name", "value": "Ana"}), "invalidValue"),
        (json!({"op": "add", "path": "emails", "value": [{"type": "work"}]}), "invalidValue"),
        (json!({"op": "add", "path": "roles", "value": [{"value": "king"}]}), "invalidValue"),
        (json!({"op": "grow", "path": "displayName", "value": "a"}), "invalidSyntax"),
        (json!({"op": "add", "path": 1, "value": "a"}), "invalidSyntax"),
        (json!("add"), "invalidSyntax"),
    ] {
        let answer = provider.patch(&id, json!([good, bad])).await?;
        assert_eq!(answer.refusal(), (400, scim_type), "{bad}: {answer:?}");
        assert_eq!(provider.get(&format!("/Users/{id}")).await?.body, created.body, "{bad}");
    }
    for body in [json!({}), json!({"Operations": 1}), json!({"schemas": [USER], "Operations": []})]
    {
        let answer = provider.ask(Method::PATCH, &format!("/Users/{id}"), &[], Some(body)).await?;
        assert_eq!(answer.refusal(), (400, "invalidSyntax"));
    }
    let many = vec![good; 101];
    assert_eq!(provider.patch(&id, json!(many)).await?.refusal(), (400, "invalidSyntax"));
    Ok(())
}

async fn members_are_listed_filtered_sorted_and_paged(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    for (name, family) in [("b", "Ümit"), ("c", "Zola"), ("D", "alves"), ("e", "Berg")] {
        let body = json!({
            "userName": format!("{name}@x.example"),
            "name": {"familyName": family},
            "active": name != "e",
        });
        assert_eq!(provider.create(body).await?.status, 201);
    }
    let all = ["uma", "adam", "olivia"].map(|first| world.person(first).email.clone());
    let told = ["b@x.example", "c@x.example", "D@x.example", "e@x.example"];
    let everybody: Vec<&str> = all.iter().map(String::as_str).chain(told).collect();
    let list = provider.get("/Users").await?;
    assert_eq!(list.names(), everybody);
    assert_eq!(list.body["totalResults"], 7);
    assert_eq!(list.body["itemsPerPage"], 7);
    assert_eq!(list.body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));

    // Pages hold each member once.
    let mut seen = Vec::new();
    for start in [1, 3, 5, 7, 9] {
        let start = start.to_string();
        let page = provider.find(&[("startIndex", &start), ("count", "2")]).await?;
        assert_eq!(page.body["totalResults"], 7);
        assert_eq!(page.body["startIndex"].to_string(), start);
        seen.extend(page.names().into_iter().map(str::to_owned));
    }
    assert_eq!(seen, everybody);
    let none = provider.find(&[("startIndex", "-3"), ("count", "-1")]).await?;
    assert_eq!((&none.body["totalResults"], none.names().len()), (&json!(7), 0));
    assert_eq!(none.body["startIndex"], 1);
    assert_eq!(provider.find(&[("count", "100000000000")]).await?.names().len(), 7);

    for (filter, names) in [
        (r#"userName eq "d@X.example""#, &["D@x.example"][..]),
        (r#"userName sw "U""#, &["uma@globex.example"]),
        (r#"not (userName ew ".example") or active eq false"#, &["e@x.example"]),
        (r#"emails[type eq "work" and value co "adam"]"#, &["adam@globex.example"]),
        (r#"emails.value eq "olivia@globex.example""#, &["olivia@globex.example"]),
        (r#"name.familyName gt "zoe""#, &["b@x.example", "c@x.example"]),
        (r#"roles.value eq "owner""#, &["olivia@globex.example"]),
        ("externalId pr", &[]),
        (r#"displayName eq "uma castillo""#, &["uma@globex.example"]),
        (r#"meta.created lt "2020-01-01T00:00:00Z""#, &[]),
    ] {
        let found = provider.find(&[("filter", filter)]).await?;
        assert_eq!(found.names(), names, "{filter}: {found:?}");
        assert_eq!(found.body["totalResults"], names.len(), "{filter}");
    }

    let sorted = provider.find(&[("sortBy", "name.familyName"), ("filter", "name pr")]).await?;
    assert_eq!(sorted.names(), ["D@x.example", "e@x.example", "c@x.example", "b@x.example"]);
    let sorted = provider
        .find(&[("sortBy", "name.familyName"), ("sortOrder", "Descending"), ("count", "4")])
        .await?;
    assert_eq!(sorted.names()[3], "b@x.example", "those without come first");

    // Only what is asked for, and what is told always.
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let only =
        provider.find(&[("attributes", "USERNAME,emails.value, urn:x:y"), ("count", "1")]).await?;
    let one = &only.body["Resources"][0];
    assert_eq!(keys(one), set(&["schemas", "id", "userName", "emails"]));
    assert_eq!(one["emails"], json!([{"value": "uma@globex.example"}]));
    let path = format!("/Users/{}", world.person("uma").id);
    let without = provider.get(&format!("{path}?excludedAttributes=emails.type,meta,id")).await?;
    assert_eq!(
        keys(&without.body),
        set(&["schemas", "id", "userName", "displayName", "emails", "active"])
    );
    assert_eq!(without.body["emails"], json!([{"value": "uma@globex.example", "primary": true}]));
    let both = provider.get(&format!("{path}?attributes=id&excludedAttributes=meta")).await?;
    assert_eq!(both.refusal(), (400, "invalidValue"));

    let search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "attributes": ["userName"],
        "filter": "userName ew \"@x.example\"",
        "sortBy": "userName",
        "sortOrder": "descending",
        "startIndex": 2,
        "count": 2,
    });
    for path in ["/Users/.search", "/.search"] {
        let found = provider.ask(Method::POST, path, &[], Some(search.clone())).await?;
        assert_eq!(found.names(), ["D@x.example", "c@x.example"], "{path}");
        assert_eq!(keys(&found.body["Resources"][0]), set(&["schemas", "id", "userName"]));
    }
    Ok(())
}

async fn what_is_wrong_is_told_in_the_words_of_scim(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    for (parameters, scim_type) in [
        (&[("filter", "userName eq")][..], "invalidFilter"),
        (&[("filter", "nothing pr")], "invalidFilter"),
        (&[("filter", "active gt true")], "invalidFilter"),
        (&[("filter", "userName eq \"\\u0000\"")], "invalidFilter"),
        (&[("sortBy", "nothing")], "invalidPath"),
        (&[("sortBy", "name")], "invalidPath"),
        (&[("sortBy", "userName"), ("sortOrder", "upwards")], "invalidValue"),
        (&[("count", "many")], "invalidValue"),
        (&[("startIndex", "1.5")], "invalidValue"),
    ] {
        let answer = provider.find(parameters).await?;
        assert_eq!(answer.refusal(), (400, scim_type), "{parameters:?}");
    }
    let long = "userName pr or ".repeat(300) + "userName pr";
    assert_eq!(provider.find(&[("filter", &long)]).await?.refusal(), (400, "invalidFilter"));

    for (body, scim_type) in [
        (json!({}), "invalidValue"),
        (json!({"userName": "nobody"}), "invalidValue"),
        (json!({"userName": "a@b.co", "schemas": ["urn:x"]}), "invalidSyntax"),
        (json!({"userName": "a@b.co", "displayName": "x".repeat(201)}), "invalidValue"),
        (json!({"userName": "a@b.co", "name": []}), "invalidValue"),
        (json!({"userName": "a@b.co", "emails": "a@b.co, c"}), "invalidValue"),
        (json!({"userName": "a@b.co", "active": 1}), "invalidValue"),
        (
            json!({"userName": "a@b.co", "roles": [{"value": "user"}, {"value": "admin"}]}),
            "invalidValue",
        ),
        (
            json!({"userName": "a@b.co", "emails": [
                {"value": "a@b.co", "primary": true}, {"value": "b@b.co", "primary": true}]}),
            "invalidValue",
        ),
        (json!([]), "invalidSyntax"),
    ] {
        let answer = provider.create(body.clone()).await?;
        assert_eq!(answer.refusal(), (400, scim_type), "{body}");
    }
    let post = |media_type: &'static str, body: String| {
        let request = reqwest::Client::new().post(format!("{}/Users", provider.url));
        let request = request.bearer_auth(provider.token.expose_secret());
        request.header("Content-Type", media_type).body(body).send()
    };
    assert_eq!(post("text/plain", "{}".into()).await?.status(), 415);
    assert_eq!(post("application/json; charset=utf-8", "{".into()).await?.status(), 400);
    let large = post("application/scim+json", " ".repeat(70_000)).await?;
    assert_eq!(large.status(), 413);
    assert_eq!(large.headers()["content-type"], "application/scim+json");
    let json = r#"{"userName": "json@x.example"}"#;
    assert_eq!(post("application/json", json.into()).await?.status(), 201);
    Ok(())
}

async fn who_asks_too_often_waits(ground: Ground) -> Result<()> {
    let mut config = ground.config();
    let few = NonZeroU32::new(3).expect("not zero");
    config.limits.key = Some(KeyRate { a_minute: few, burst: few });
    config.limits.failures = Some(few);
    let world = World::start_with(config).await?;
    let provider = Provider::of(&world, "uma", WorkspaceRole::User).await?;
    let waits = |answer: &Answer| {
        assert_eq!(answer.refusal(), (429, ""));
        assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    };
    for _ in 0..3 {
        assert_eq!(provider.get("/Users").await?.status, 200);
    }
    waits(&provider.get("/Users").await?);
    let stranger = Provider { url: provider.url.clone(), token: "entente_scim_x".into() };
    while stranger.get("/Users").await?.status == 401 {}
    waits(&stranger.get("/Users").await?);
    Ok(())
}
