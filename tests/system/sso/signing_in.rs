use std::num::NonZeroU32;

use anyhow::{Context as _, Result};
use entente_server::{Config, NewProvider, disable_user, remove_provider, unbind};
use entente_store::{Engine, user_by_email};
use entente_tests::Ground;
use entente_wire::TokenRequest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{DAY, HOUR, MINUTE, Scene, refusal_of, tokens};

entente_tests::on_both_engines!(
    a_person_signs_in_through_their_browser_and_acts_as_themself,
    only_a_member_with_a_verified_address_of_the_domain_gets_in,
);

async fn a_person_signs_in_through_their_browser_and_acts_as_themself(
    ground: Ground,
) -> Result<()> {
    let scene = Scene::on(ground).await?;
    let tokens = scene.sign_in("uma").await?;
    let me = scene.client(&tokens)?.me().await?;
    let own = scene.world.client("uma").me().await?;
    assert_eq!(me.id, own.id);
    assert_eq!(me.attributes.scopes, own.attributes.scopes, "all that a key can have");
    assert_eq!(me.attributes.role, own.attributes.role);
    assert_eq!(me.attributes.key_expires_at, Some(tokens.access_expires_at));
    let now = scene.world.server.as_ref().context("it runs")?.now();
    assert_eq!(tokens.access_expires_at, now.after(15 * MINUTE));
    assert_eq!(tokens.refresh_expires_at, now.after(30 * DAY));

    // An address whose case is another one's is the same; who is known is known by the subject.
    let adam = scene.client(&scene.sign_in("adam").await?)?.me().await?;
    assert_eq!(adam.attributes.email, "adam@globex.example");
    let again = scene.client(&scene.sign_in("adam").await?)?.me().await?;
    assert_eq!(again.id, adam.id);

    // A session is the person, so what it makes may last longer than its tokens.
    let key = json!({"name": "Script", "expiresAt": now.after(300 * DAY)});
    let url = format!("{}/api/v1/api-keys", scene.world.url());
    let request = reqwest::Client::new().post(&url).json(&key);
    let made = request.bearer_auth(tokens.access.expose_secret());
    assert_eq!(made.send().await?.status().as_u16(), 201);
    let uma = crate::call(&scene.world, "uma", "GET", "/api-keys").send().await?;
    let names = uma.body["data"].as_array().context("a list")?;
    assert_eq!(names.len(), 2, "access tokens are not among the keys: {names:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn which_provider_serves_an_address_is_told_and_nothing_else() -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let limit = |config: &mut Config| config.limits.failures = NonZeroU32::new(50);
    let scene = Scene::on_with(ground, limit, |_| {}).await?;
    let workspace = scene.world.person("uma").workspace.clone();
    let find =
        async |address: &str| scene.post("/auth/sso", &json!({"address": address}), None).await;
    let known = find("uma@globex.example").await?;
    assert_eq!(known.status, 200, "{known:?}");
    let about = &known.body["data"]["attributes"];
    assert_eq!(about["issuer"], scene.provider.issuer());
    assert_eq!(about["clientId"], "entente");
    let all = known.body.to_string();
    assert!(!all.contains(&workspace), "a workspace ID is not for whoever has a domain");
    for address in ["nobody@globex.example", "Uma@GLOBEX.example", &workspace] {
        assert_eq!(find(address).await?.body, known.body, "{address}: told alike");
    }
    let unknown = find("uma@elsewhere.example").await?;
    assert_eq!((unknown.status, unknown.code()), (404, "sso_not_configured"));
    let other = scene.world.person("marit").workspace.clone();
    for address in [other.as_str(), "01990000-0000-7000-8000-000000000000"] {
        assert_eq!(find(address).await?.body, unknown.body, "{address}: told alike");
    }
    for address in ["", "uma", "globex.example"] {
        let answer = find(address).await?;
        assert_eq!((answer.status, answer.code()), (422, "invalid_email"), "{address}");
    }
    // Whoever asks for many is slowed down.
    let mut last = find("uma@globex.example").await?;
    for _ in 0..50 {
        last = find("uma@globex.example").await?;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, last.code()), (429, "rate_limited"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_and_only_for_the_one_who_asked() -> Result<()> {
    let scene = Scene::start().await?;
    let begin = async |grant: &TokenRequest| scene.post("/auth/token", grant, None).await;
    let changed = |grant: &TokenRequest, name: &str, value: &str| {
        let mut grant = serde_json::to_value(grant).expect("JSON");
        grant[name] = json!(value);
        serde_json::from_value::<TokenRequest>(grant).expect("a request")
    };
    let verifier = "x".repeat(43);
    for (name, value, why) in [
        ("codeVerifier", verifier.as_str(), "does not take this code"),
        ("redirectUri", "http://127.0.0.1:1/callback", "does not take this code"),
        ("code", "forged", "does not take this code"),
        ("nonce", "another", "answers another request"),
    ] {
        let grant = scene.grant("uma").await?;
        let told = refusal_of(&begin(&changed(&grant, name, value)).await?)?;
        assert!(told.contains(why), "{name}: {told}");
    }
    // A code that another app of the same provider got.
    let mut another = scene.sessions()?.provider("a@globex.example").await?;
    another.attributes.client_id = "another".into();
    let told = refusal_of(&begin(&scene.grant_at(&another, "uma").await?).await?)?;
    assert!(told.contains("does not take this code"), "{told}");

    let grant = scene.grant("uma").await?;
    let first = tokens(&begin(&grant).await?)?;
    assert_eq!(scene.state(&first).await?, "good");
    refusal_of(&begin(&grant).await?)?;

    for (name, value, status, code) in [
        ("providerId", "01990000-0000-7000-8000-000000000000", 404, "sso_not_configured"),
        ("providerId", "x", 404, "sso_not_configured"),
        ("codeVerifier", "short", 422, "invalid_value"),
        ("codeVerifier", &"ü".repeat(43), 422, "invalid_value"),
        ("code", "", 422, "invalid_value"),
        ("code", &"x".repeat(5_000), 422, "invalid_value"),
        ("nonce", " ", 422, "invalid_value"),
        ("grantType", "password", 400, "malformed_body"),
    ] {
        let mut wrong = serde_json::to_value(&grant)?;
        wrong[name] = json!(value);
        let answer = scene.post("/auth/token", &wrong, None).await?;
        assert_eq!((answer.status, answer.code()), (status, code), "{name}");
    }
    Ok(())
}

async fn only_a_member_with_a_verified_address_of_the_domain_gets_in(ground: Ground) -> Result<()> {
    let scene = Scene::on(ground).await?;
    for (account, why) in [
        ("stranger", "No member of this workspace"),
        ("olivia", "has not verified"),
        ("marit", "addresses of your domain"),
        ("elsewhere", "addresses of your domain"),
        ("nameless", "does not tell your mail address"),
    ] {
        let told = scene.refused(account).await?;
        assert!(told.contains(why), "{account}: {told}");
    }
    // An address that changes hands does not hand the member over.
    let uma = scene.sign_in("uma").await?;
    let told = scene.refused("successor").await?;
    assert!(told.contains("another account of your identity provider"), "{told}");
    let server = scene.world.server.as_ref().context("it runs")?;
    let user = user_by_email(&mut *server.store().read().await?, "uma@globex.example").await?;
    assert!(unbind(server.store(), user[0].id, server.now()).await?);
    assert_eq!(scene.state(&uma).await?, "invalid_credentials", "unbinding signs out");
    let successor = scene.sign_in("successor").await?;
    assert_eq!(scene.client(&successor)?.me().await?.attributes.email, "uma@globex.example");

    // Who was removed here is out at once, whatever the provider says.
    disable_user(server.store(), &user[0], server.now()).await?;
    assert_eq!(scene.state(&successor).await?, "user_disabled");
    let refreshed = scene.refresh(&successor, None).await?;
    assert_eq!((refreshed.status, refreshed.code()), (401, "session_expired"));
    let again = scene.post("/auth/token", &scene.grant("successor").await?, None).await?;
    assert_eq!((again.status, again.code()), (401, "user_disabled"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_whose_time_is_over_is_refused() -> Result<()> {
    let scene = Scene::start().await?;
    let grant = scene.grant("uma").await?;
    scene.clock.pass(2 * HOUR);
    let told = refusal_of(&scene.post("/auth/token", &grant, None).await?)?;
    assert!(told.contains("it has expired"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_can_change_its_keys_and_what_its_tokens_hold() -> Result<()> {
    let scene = Scene::start().await?;
    scene.sign_in("uma").await?;
    for _ in 0..2 {
        scene.provider.rotate_keys()?;
        scene.sign_in("uma").await?;
    }
    scene.provider.put_claims_in_tokens()?;
    let adam = scene.client(&scene.sign_in("adam").await?)?.me().await?;
    assert_eq!(adam.attributes.email, "adam@globex.example");
    assert!(scene.refused("olivia").await?.contains("has not verified"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confidential_client_proves_itself() -> Result<()> {
    let secret = SecretString::from("a secret: of 100% odd/characters+");
    let confidential = |secret: &SecretString| {
        let secret = secret.clone();
        move |new: &mut NewProvider| {
            new.client_id = "confidential".into();
            new.client_secret = Some(secret);
        }
    };
    let scene = Scene::with(confidential(&secret)).await?;
    let first = scene.sign_in("uma").await?;
    let first = tokens(&scene.refresh(&first, None).await?)?;

    // What is sealed can be sealed anew under another key, sessions that go on included.
    let server = scene.world.server.as_ref().context("it runs")?;
    server.vault().add_key()?;
    let resealed = entente_server::reseal(server.store(), server.vault()).await?;
    assert_eq!(resealed, 2, "the client's secret and the provider's token");
    server.vault().drop_old_keys()?;
    tokens(&scene.refresh(&first, None).await?)?;
    scene.sign_in("adam").await?;

    let mut new = NewProvider::public(scene.provider.issuer(), "confidential", &["globex.example"]);
    confidential(&"another".into())(&mut new);
    scene.set(new).await?;
    let told = scene.refused("uma").await?;
    assert!(told.contains("does not know this server"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_provider_nobody_stays_signed_in() -> Result<()> {
    let scene = Scene::start().await?;
    let first = scene.sign_in("uma").await?;
    let grant = scene.grant("uma").await?;
    scene.provider.go_down()?;
    let down = scene.post("/auth/token", &grant, None).await?;
    assert_eq!((down.status, down.code()), (503, "provider_unavailable"));
    assert_eq!(scene.state(&first).await?, "good", "who is in stays in");
    scene.provider.come_up()?;

    let server = scene.world.server.as_ref().context("it runs")?;
    assert!(remove_provider(server.store(), scene.workspace()?, server.now()).await?);
    assert_eq!(scene.state(&first).await?, "invalid_credentials");
    let refreshed = scene.refresh(&first, None).await?;
    assert_eq!((refreshed.status, refreshed.code()), (401, "session_expired"));
    let find = scene.post("/auth/sso", &json!({"address": "uma@globex.example"}), None).await?;
    assert_eq!((find.status, find.code()), (404, "sso_not_configured"));
    Ok(())
}
