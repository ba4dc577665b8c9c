use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use entente_api_client::{Credentials, SessionTokens};
use entente_tests::Ground;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{DAY, HOUR, MINUTE, Scene, tokens};

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

async fn ended(scene: &Scene, tokens: &SessionTokens) -> Result<()> {
    let refreshed = scene.refresh(tokens, None).await?;
    assert_eq!((refreshed.status, refreshed.code()), (401, "session_expired"));
    assert_eq!(scene.state(tokens).await?, "invalid_credentials");
    Ok(())
}

entente_tests::on_both_engines!(
    a_refresh_gives_new_tokens_here_and_at_the_provider,
    a_refresh_token_that_comes_twice_ends_the_session,
    a_lost_answer_can_be_asked_for_again_for_a_day,
    signing_out_ends_open_streams_within_a_second,
);

async fn a_refresh_gives_new_tokens_here_and_at_the_provider(ground: Ground) -> Result<()> {
    let scene = Scene::on(ground).await?;
    let mut newest = scene.sign_in("uma").await?;
    for round in 1..=5 {
        scene.pass(16 * MINUTE)?;
        assert_eq!(scene.state(&newest).await?, "expired_credentials");
        let next = tokens(&scene.refresh(&newest, None).await?)?;
        assert_eq!(scene.state(&next).await?, "good");
        assert!(!same(&next.access, &newest.access) && !same(&next.refresh, &newest.refresh));
        assert!(next.refresh_expires_at > newest.refresh_expires_at, "use makes it last");
        assert_eq!(scene.provider.refreshes()?, round, "the provider is asked each time");
        newest = next;
    }
    scene.pass(30 * DAY)?;
    let late = scene.refresh(&newest, None).await?;
    assert_eq!((late.status, late.code()), (401, "session_expired"));
    Ok(())
}

async fn a_refresh_token_that_comes_twice_ends_the_session(ground: Ground) -> Result<()> {
    let scene = Scene::on(ground).await?;
    let other = scene.sign_in("uma").await?;
    let stolen = scene.sign_in("uma").await?;
    let second = tokens(&scene.refresh(&stolen, None).await?)?;
    let third = tokens(&scene.refresh(&second, None).await?)?;
    for tokens in [&stolen, &second, &third] {
        assert_eq!(scene.state(tokens).await?, "good", "until their time is over");
    }
    // Whoever it was that came late: nobody goes on with what they have.
    let reused = scene.refresh(&stolen, None).await?;
    assert_eq!((reused.status, reused.code()), (401, "session_expired"));
    for tokens in [&third, &second, &stolen] {
        ended(&scene, tokens).await?;
    }
    assert_eq!(scene.state(&other).await?, "good", "another session is another matter");
    for forged in ["entente_refresh_AAAA", "x", stolen.access.expose_secret()] {
        let body = json!({"grantType": "refresh_token", "refreshToken": forged});
        let answer = scene.post("/auth/token", &body, None).await?;
        assert_eq!((answer.status, answer.code()), (401, "session_expired"), "{forged:.20}");
    }
    Ok(())
}

async fn a_lost_answer_can_be_asked_for_again_for_a_day(ground: Ground) -> Result<()> {
    let scene = Scene::on(ground).await?;
    let first = scene.sign_in("uma").await?;
    // All at once, as impatient proxies do: one is done, and the others are told the same or to wait.
    let asked = (0..8).map(|_| scene.refresh(&first, Some("one")));
    let answers = futures_util::future::try_join_all(asked).await?;
    let lost = tokens(&scene.refresh(&first, Some("one")).await?)?;
    for answer in answers {
        match answer.status {
            200 => assert!(same(&tokens(&answer)?.refresh, &lost.refresh)),
            _ => assert_eq!((answer.status, answer.code()), (409, "request_in_progress")),
        }
    }
    assert_eq!(scene.provider.refreshes()?, 1);
    assert_eq!(scene.state(&lost).await?, "good");
    scene.pass(DAY)?;
    let again = tokens(&scene.refresh(&first, Some("one")).await?)?;
    assert!(same(&again.access, &lost.access) && same(&again.refresh, &lost.refresh));
    assert_eq!(again.access_expires_at, lost.access_expires_at);

    scene.pass(Duration::from_secs(1))?;
    let late = scene.refresh(&first, Some("one")).await?;
    assert_eq!((late.status, late.code()), (401, "session_expired"), "the day is over");
    ended(&scene, &lost).await?;

    let first = scene.sign_in("uma").await?;
    let second = tokens(&scene.refresh(&first, Some("one")).await?)?;
    let thief = scene.refresh(&first, Some("two")).await?;
    assert_eq!((thief.status, thief.code()), (401, "session_expired"), "not the same request");
    ended(&scene, &second).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_at_the_provider_is_out_at_the_next_refresh() -> Result<()> {
    let scene = Scene::start().await?;
    let uma = scene.sign_in("uma").await?;
    let adam = scene.sign_in("adam").await?;
    scene.provider.disable("uma")?;
    ended(&scene, &uma).await?;
    tokens(&scene.refresh(&adam, None).await?)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_away_is_waited_for_a_day() -> Result<()> {
    let scene = Scene::start().await?;
    let mut newest = scene.sign_in("uma").await?;
    scene.provider.go_down()?;
    for _ in 0..3 {
        scene.pass(8 * HOUR)?;
        newest = tokens(&scene.refresh(&newest, None).await?)?;
        assert_eq!(scene.state(&newest).await?, "good");
    }
    scene.pass(MINUTE)?;
    let refused = scene.refresh(&newest, None).await?;
    assert_eq!((refused.status, refused.code()), (503, "provider_unavailable"));
    assert!(refused.body["errors"][0]["meta"]["retryAfter"].is_u64());
    let refused = scene.refresh(&newest, None).await?;
    assert_eq!(refused.code(), "provider_unavailable", "the token was not taken");

    scene.provider.come_up()?;
    let back = crate::until("the provider", async || {
        tokens(&scene.refresh(&newest, None).await.ok().filter(|told| told.status == 200)?).ok()
    });
    let back = back.await?;
    assert_eq!(scene.state(&back).await?, "good");
    scene.provider.disable("uma")?;
    ended(&scene, &back).await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_provider_is_not_asked_a_session_is_not_made_longer() -> Result<()> {
    let scene = Scene::with(|new| new.scopes = "openid email".into()).await?;
    let first = scene.sign_in("uma").await?;
    scene.pass(20 * DAY)?;
    let next = tokens(&scene.refresh(&first, None).await?)?;
    assert_eq!(next.refresh_expires_at, first.refresh_expires_at);
    assert_eq!(scene.provider.refreshes()?, 0);
    scene.pass(10 * DAY)?;
    let late = scene.refresh(&next, None).await?;
    assert_eq!((late.status, late.code()), (401, "session_expired"));
    Ok(())
}

async fn signing_out_ends_open_streams_within_a_second(ground: Ground) -> Result<()> {
    let scene = Scene::on(ground).await?;
    for by in ["refresh token", "access token", "disabling", "reuse"] {
        let session = scene.sign_in("adam").await?;
        let client = scene.client(&session)?;
        let cursor = client.snapshot(None).await?.meta.cursor;
        let mut stream = client.events(&cursor).await?;
        let quiet = tokio::time::timeout(Duration::from_millis(200), stream.next()).await;
        assert!(quiet.is_err(), "it is open: {quiet:?}");
        let begun = Instant::now();
        match by {
            "refresh token" => scene.sessions()?.end(&session).await?,
            "access token" => {
                let body = json!({"token": session.access.expose_secret()});
                assert_eq!(scene.post("/auth/revoke", &body, None).await?.status, 204);
            }
            "disabling" => {
                scene.provider.disable("adam")?;
                ended(&scene, &session).await?;
            }
            _ => {
                tokens(&scene.refresh(&session, None).await?)?;
                scene.refresh(&session, None).await?;
            }
        }
        let over = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
        let took = begun.elapsed();
        let over = over.with_context(|| format!("{by}: open after {took:?}"))?;
        assert!(over.is_none() || over.is_some_and(|event| event.is_err()), "{by}");
        ended(&scene, &session).await?;
        if by == "disabling" {
            scene.provider.enable("adam")?;
        }
    }
    // A token that is good for nothing is answered alike, and ends nothing.
    let key = scene.world.key("adam");
    for token in ["x", "entente_refresh_AAAA", key.as_str()] {
        let answer = scene.post("/auth/revoke", &json!({"token": token}), None).await?;
        assert_eq!(answer.status, 204);
    }
    scene.world.client("adam").me().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_before_it_kept_its_new_tokens_stays_signed_in() -> Result<()> {
    let scene = Scene::start().await?;
    let kept = scene.sign_in("uma").await?.to_secret();
    let killed = async |pause: Duration| {
        scene.pass(pause)?;
        let tokens = SessionTokens::from_secret(&kept).context("tokens")?;
        // What it is to keep never gets there.
        let credentials = Credentials::session(tokens, |_| async {});
        scene.client_with(credentials)?.me().await?;
        anyhow::Ok(())
    };
    killed(20 * MINUTE).await?;
    // Started again much later, with what was kept; the tokens of then have expired meanwhile.
    let started = SessionTokens::from_secret(&kept).context("tokens")?;
    let newest: Arc<std::sync::Mutex<Option<SecretString>>> = Arc::default();
    let keeper = newest.clone();
    let credentials = Credentials::session(started, move |tokens| {
        let keeper = keeper.clone();
        async move { *keeper.lock().expect("kept") = Some(tokens.to_secret()) }
    });
    scene.pass(8 * 60 * MINUTE)?;
    let client = scene.client_with(credentials)?;
    client.me().await?;
    let newest = newest.lock().expect("kept").clone().context("kept")?;
    scene.pass(20 * MINUTE)?;
    let newest = SessionTokens::from_secret(&newest).context("tokens")?;
    scene.client_with(Credentials::session(newest, |_| async {}))?.me().await?;
    // What the killed one had is worth nothing any more, and ends what somebody goes on with.
    let error = killed(MINUTE).await.expect_err("it was taken long ago");
    assert!(error.to_string().contains("Your session is over."), "{error:#}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_on_its_way_while_others_refreshed_is_sent_again() -> Result<()> {
    let scene = Scene::start().await?;
    let first = scene.sign_in("uma").await?;
    scene.pass(20 * MINUTE)?;
    let second = tokens(&scene.refresh(&first, None).await?)?;
    assert_eq!(scene.state(&first).await?, "expired_credentials", "and not unknown");
    scene.pass(20 * MINUTE)?;
    tokens(&scene.refresh(&second, None).await?)?;
    assert_eq!(scene.state(&first).await?, "expired_credentials");
    assert_eq!(scene.state(&second).await?, "expired_credentials");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_refreshes_by_itself_once_for_all_that_wait() -> Result<()> {
    let scene = Scene::start().await?;
    let first = scene.sign_in("uma").await?;
    let kept: Arc<std::sync::Mutex<Vec<SecretString>>> = Arc::default();
    let keeper = kept.clone();
    let credentials = Credentials::session(first, move |tokens| {
        let keeper = keeper.clone();
        async move { keeper.lock().expect("kept").push(tokens.to_secret()) }
    });
    let client = scene.client_with(credentials)?;
    client.me().await?;
    assert_eq!(kept.lock().expect("kept").len(), 0);
    for round in 1..=3 {
        scene.pass(20 * MINUTE)?;
        let asked = (0..10).map(|_| client.me());
        let answers = futures_util::future::try_join_all(asked).await?;
        assert!(answers.iter().all(|me| me.attributes.email == "uma@globex.example"));
        assert_eq!(kept.lock().expect("kept").len(), round, "one for all");
    }
    scene.pass(20 * MINUTE)?;
    let cursor = client.snapshot(None).await?.meta.cursor;
    client.events(&cursor).await?;

    // Another start of the program goes on from what was kept.
    let newest = kept.lock().expect("kept").last().cloned().context("kept")?;
    let newest = SessionTokens::from_secret(&newest).context("tokens")?;
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let credentials = Credentials::session(newest, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    });
    let client = scene.client_with(credentials)?;
    client.me().await?;
    scene.pass(20 * MINUTE)?;
    client.me().await?;
    assert_eq!(told.load(Ordering::SeqCst), 1);
    scene.provider.disable("uma")?;
    scene.pass(20 * MINUTE)?;
    assert_eq!(client.me().await.expect_err("out").code(), "session_expired");
    assert!(SessionTokens::from_secret(&SecretString::from("entente_key")).is_none());
    Ok(())
}
