use std::{sync::Arc, time::Duration};

use anyhow::Result;
use entente_domain::{Timestamp, WorkspaceRole};
use entente_server::{Config, ManualClock, add_key, disable_user, revoke, set_role};
use entente_store::{key_by_hash, user_by_email};
use entente_tests::{Ground, World, on_both_engines};
use entente_wire::ChangedResource;
use serde_json::{Value, json};

use crate::{Answer, call, request};

on_both_engines![
    a_guest_sees_nothing_of_a_request_before_it_is_approved,
    every_bad_input_has_its_code_and_its_place,
    consent_is_given_and_to_the_current_terms,
    of_many_requests_for_one_pair_one_is_stored,
    the_second_admin_learns_who_decided_first,
    time_is_the_servers_and_a_deadline_has_one_outcome,
    the_background_task_expires_what_nobody_decided,
    the_same_key_gives_the_same_answer_even_after_a_restart,
    a_list_pages_without_skipping_or_repeating,
    a_stream_goes_on_from_the_last_event_and_ends_with_its_key,
    every_stream_of_every_view_is_told_what_it_may_see,
    a_stream_ends_when_its_key_expires,
    another_view_of_the_data_needs_a_full_snapshot,
    workspace_ids_cannot_be_searched_for,
];

/// The partnerships in a list or among changes.
fn partnerships(answer: &Answer) -> Vec<&Value> {
    let data = answer.body["data"].as_array().expect("a list");
    data.iter().filter(|found| found["type"] == "partnership").collect()
}

async fn a_guest_sees_nothing_of_a_request_before_it_is_approved(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let before = call(&world, "marit", "GET", "/changes").send().await?;
    let cursor = before.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
    let mut stream = world.client("marit").events(&cursor).await?;
    let id = request(&world, "marit").await?;

    let unknown =
        call(&world, "marit", "GET", "/partnerships/01990000-0000-7000-8000-000000000000");
    let unknown = unknown.send().await?;
    for path in [format!("/partnerships/{id}"), "/partnerships/what-is-this".into()] {
        let answer = call(&world, "marit", "GET", &path).send().await?;
        assert_eq!((answer.status, &answer.body), (404, &unknown.body), "told alike");
    }
    let stranger = call(&world, "ines", "POST", &format!("/partnerships/{id}/accept"));
    let stranger = stranger.version(1).json(json!({})).send().await?;
    assert_eq!((stranger.status, &stranger.body), (404, &unknown.body), "told alike");
    for path in ["/partnerships".to_owned(), format!("/changes?since={cursor}"), "/changes".into()]
    {
        let answer = call(&world, "marit", "GET", &path).send().await?;
        assert!(partnerships(&answer).is_empty(), "{path}");
    }
    let told = tokio::time::timeout(Duration::from_millis(300), stream.next()).await;
    assert!(told.is_err(), "the stream says nothing: {told:?}");

    let approve = call(&world, "adam", "POST", &format!("/partnerships/{id}/approve"));
    assert_eq!(approve.version(1).send().await?.state(), "awaiting_acceptance");
    let told = stream.next().await.expect("an event")?;
    let resource = told.change.resource.and_then(ChangedResource::partnership);
    let resource = resource.expect("the partnership");
    assert_eq!(resource.attributes.reason, None, "the reason is for the host");
    assert_eq!(resource.attributes.history.len(), 1, "history begins with the approval");
    assert_eq!(resource.meta.allowed_actions, ["decline", "accept"]);
    Ok(())
}

async fn every_bad_input_has_its_code_and_its_place(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let guest = world.person("marit").workspace.clone();
    let own = world.person("uma").workspace.clone();
    let body = |id: &str, email: &str, reason: Value| {
        json!({"guestWorkspaceId": id, "partnerEmail": email, "reason": reason}).to_string()
    };
    let email = "marit@fjord.example";
    for (sent, status, code, place) in [
        (body("0199", email, json!("x")), 422, "unknown_workspace", "guestWorkspaceId"),
        (body(&own, email, json!("x")), 422, "own_workspace", "guestWorkspaceId"),
        (body(&guest, "marit", json!("x")), 422, "invalid_email", "partnerEmail"),
        (body(&guest, email, json!(null)), 422, "reason_required", "reason"),
        (body(&guest, email, json!("  ")), 422, "reason_required", "reason"),
        (body(&guest, email, json!("a\u{0}b")), 422, "invalid_text", "reason"),
        (body(&guest, email, json!("x".repeat(2_001))), 422, "invalid_text", "reason"),
        (body(&guest, email, json!(7)), 400, "malformed_body", ""),
        ("{".into(), 400, "malformed_body", ""),
        (format!("\"{}\"", "x".repeat(70_000)), 413, "payload_too_large", ""),
    ] {
        let answer = call(&world, "uma", "POST", "/partnerships").text(&sent).send().await?;
        assert_eq!((answer.status, answer.code()), (status, code), "{sent:.80}");
        let loc = &answer.body["errors"][0]["meta"]["loc"][1];
        assert_eq!(loc.as_str().unwrap_or_default(), place, "{sent:.80}");
        let detail = answer.body["errors"][0]["detail"].as_str().unwrap_or_default();
        assert!(detail.ends_with('.'), "a whole sentence: {detail}");
    }
    let typed = call(&world, "uma", "POST", "/partnerships").text("{}");
    let typed = typed.header("Content-Type", "text/plain").send().await?;
    assert!(matches!(typed.status, 400 | 415 | 422), "{typed:?}");

    for (path, code) in [
        ("/partnerships?page[size]=101", "invalid_parameter"),
        ("/partnerships?page[size]=0", "invalid_parameter"),
        ("/partnerships?filter[state]=asleep", "invalid_parameter"),
        ("/partnerships?sort=colour", "invalid_parameter"),
        ("/partnerships?page[after]=zzz", "invalid_parameter"),
        ("/partnerships?colour=red", "unknown_parameter"),
        ("/changes?since=zzz", "invalid_parameter"),
    ] {
        let answer = call(&world, "adam", "GET", path).send().await?;
        assert_eq!((answer.status, answer.code()), (400, code), "{path}");
    }
    let id = request(&world, "marit").await?;
    let again = serde_json::to_value(world.request_to("marit"))?;
    let again = call(&world, "uma", "POST", "/partnerships").json(again).send().await?;
    assert_eq!((again.status, again.code()), (409, "partnership_exists"));
    assert_eq!(again.body["errors"][0]["meta"]["existing"]["id"], json!(id));
    let path = format!("/partnerships/{id}/approve");
    let blind = call(&world, "adam", "POST", &path).send().await?;
    assert_eq!((blind.status, blind.code()), (428, "version_required"));
    let user = call(&world, "uma", "POST", &path).version(1).send().await?;
    assert_eq!((user.status, user.code()), (403, "forbidden"));
    let path = format!("/partnerships/{id}");
    assert_eq!(
        call(&world, "adam", "DELETE", &path).version(1).send().await?.code(),
        "wrong_state"
    );
    assert_eq!(call(&world, "adam", "PATCH", &path).send().await?.code(), "method_not_allowed");
    assert_eq!(call(&world, "adam", "GET", "/nothing").send().await?.code(), "not_found");
    Ok(())
}

async fn consent_is_given_and_to_the_current_terms(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let id = request(&world, "marit").await?;
    let path = format!("/partnerships/{id}");
    call(&world, "adam", "POST", &format!("{path}/approve")).version(1).send().await?;
    let terms = call(&world, "marit", "GET", "/terms").send().await?;
    let version = &terms.body["data"]["attributes"]["version"];
    let accept = async |body: Value| {
        call(&world, "marit", "POST", &format!("{path}/accept")).version(2).json(body).send().await
    };
    assert_eq!(accept(json!({"termsVersion": version})).await?.code(), "terms_not_agreed");
    let old = accept(json!({"termsVersion": "1999", "agreed": true})).await?;
    assert_eq!((old.status, old.code()), (409, "terms_changed"));
    assert_eq!(&old.body["errors"][0]["meta"]["termsVersion"], version);
    let done = accept(json!({"data": {"attributes": {"termsVersion": version, "agreed": true}}}));
    assert_eq!(done.await?.state(), "active");
    Ok(())
}

async fn of_many_requests_for_one_pair_one_is_stored(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let body = serde_json::to_value(world.request_to("marit"))?;
    let sends =
        (0..16).map(|_| call(&world, "uma", "POST", "/partnerships").json(body.clone()).send());
    let answers = futures(sends).await?;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 201 | 409)), "{answers:?}");
    let list = call(&world, "adam", "GET", "/partnerships").send().await?;
    assert_eq!(list.body["meta"]["page"]["total"], 1);
    Ok(())
}

async fn the_second_admin_learns_who_decided_first(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let id = request(&world, "marit").await?;
    let sends = (0..12).map(|number| {
        let who = if number % 2 == 0 { "adam" } else { "olivia" };
        let action = if number % 3 == 0 { "decline" } else { "approve" };
        call(&world, who, "POST", &format!("/partnerships/{id}/{action}")).version(1).send()
    });
    let answers = futures(sends).await?;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1, "{answers:?}");
    let history = &won[0].body["data"]["attributes"]["history"];
    for answer in lost {
        assert!(
            matches!(answer.code(), "stale_version" | "forbidden" | "wrong_state"),
            "{answer:?}"
        );
        let meta = &answer.body["errors"][0]["meta"];
        if answer.status == 412 {
            assert_eq!(meta["by"]["name"], history[1]["by"]["name"]);
            assert_eq!(meta["at"], history[1]["at"]);
            assert_eq!(meta["current"]["attributes"]["state"], history[1]["to"]);
        }
    }
    Ok(())
}

async fn time_is_the_servers_and_a_deadline_has_one_outcome(ground: Ground) -> Result<()> {
    let clock = Arc::new(ManualClock::at("2026-11-24T14:00:00Z".parse::<Timestamp>()?));
    let config = Config { clock: clock.clone(), ..ground.config() };
    let world = World::start_with(config).await?;
    let id = request(&world, "marit").await?;
    let act = async |who: &str, action: &str, version: u32| {
        call(&world, who, "POST", &format!("/partnerships/{id}/{action}"))
            .version(version)
            .send()
            .await
    };
    // Reminders: one in four hours, and the answer tells when the next one is possible.
    let reminded =
        call(&world, "uma", "POST", &format!("/partnerships/{id}/remind")).send().await?;
    assert_eq!(reminded.body["data"]["attributes"]["remindersSent"], 1);
    clock.pass(Duration::from_secs(3 * 3_600));
    let soon = act("uma", "remind", 2).await?;
    assert_eq!((soon.status, soon.code()), (429, "reminder_too_soon"));
    assert_eq!(soon.body["errors"][0]["meta"]["nextReminderAt"], "2026-11-24T18:00:00.000Z");
    assert_eq!(soon.body["errors"][0]["meta"]["retryAfter"], 3_601);

    // The deadline, and a resend that goes back to where it was.
    clock.pass(Duration::from_secs(14 * 86_400 - 3 * 3_600));
    let late = act("adam", "approve", 2).await?;
    assert_eq!((late.status, late.code()), (409, "deadline_passed"));
    assert_eq!(late.body["errors"][0]["meta"]["current"]["attributes"]["state"], "expired");
    assert_eq!(act("uma", "resend", 3).await?.state(), "awaiting_approval");
    assert_eq!(act("adam", "approve", 4).await?.state(), "awaiting_acceptance");
    assert_eq!(act("marit", "decline", 5).await?.state(), "declined_by_guest");
    assert_eq!(act("uma", "resend", 6).await?.state(), "awaiting_acceptance", "approval stays");

    // A new request of the pair takes the place of one that was declined by the guest.
    assert_eq!(act("marit", "decline", 7).await?.state(), "declined_by_guest");
    let next = request(&world, "marit").await?;
    let old = call(&world, "uma", "GET", &format!("/partnerships/{id}")).send().await?;
    assert_eq!(old.state(), "withdrawn");
    let next = call(&world, "uma", "GET", &format!("/partnerships/{next}")).send().await?;
    assert_eq!(next.body["data"]["attributes"]["predecessorId"], json!(id));
    Ok(())
}

async fn the_background_task_expires_what_nobody_decided(ground: Ground) -> Result<()> {
    let mut config = ground.config();
    config.deadlines.decision = Duration::from_millis(50);
    config.expiry_interval = Duration::from_millis(20);
    let world = World::start_with(config).await?;
    let id = request(&world, "marit").await?;
    let client = world.client("uma");
    let found = crate::until("the expiry", async || {
        let found = client.partnership(id.parse().ok()?).await.ok()?;
        (found.attributes.state.as_str() == "expired").then_some(found)
    })
    .await?;
    let last = serde_json::to_value(found.attributes.history.last())?;
    assert_eq!(last["by"], json!({"kind": "system"}));
    Ok(())
}

async fn the_same_key_gives_the_same_answer_even_after_a_restart(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    let body = serde_json::to_value(world.request_to("marit"))?;
    let send = async |world: &World, body: &Value| {
        let call = call(world, "uma", "POST", "/partnerships").header("Idempotency-Key", "one");
        call.json(body.clone()).send().await
    };
    let first = send(&world, &body).await?;
    assert_eq!(first.status, 201);
    let again = send(&world, &body).await?;
    assert_eq!((again.status, &again.body, &again.etag), (201, &first.body, &first.etag));
    let address = world.server.as_ref().expect("it runs").address();
    world.stop().await?;
    world.restart(address).await?;
    let again = send(&world, &body).await?;
    assert_eq!((again.status, &again.body), (201, &first.body));
    let other = serde_json::to_value(world.request_to("ines"))?;
    let other = send(&world, &other).await?;
    assert_eq!((other.status, other.code()), (422, "idempotency_key_reused"));
    let call = call(&world, "uma", "POST", "/partnerships").header("Idempotency-Key", "o\tne");
    let no_key = call.json(body).send().await?;
    assert_eq!((no_key.status, no_key.code()), (400, "invalid_parameter"));
    Ok(())
}

async fn a_list_pages_without_skipping_or_repeating(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    for to in ["marit", "ines", "grace"] {
        request(&world, to).await?;
    }
    let mut seen = Vec::new();
    let mut path = "/partnerships?page[size]=1&sort=name".to_owned();
    loop {
        let page = call(&world, "adam", "GET", &path).send().await?;
        assert_eq!(page.body["meta"]["page"], json!({"maxSize": 100, "total": 3}));
        let name = &page.body["data"][0]["attributes"]["guest"]["name"];
        seen.push(name.as_str().unwrap_or_default().to_owned());
        match page.body["links"]["next"].as_str() {
            Some(next) => path = next.trim_start_matches("/api/v1").to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["Brightside", "Fjord Studio", "Kestrel Legal"]);
    for (query, total) in [
        ("filter[awaiting]=me", 3),
        ("filter[side]=guest", 0),
        ("filter[state]=awaiting_approval,active", 3),
        ("search=FJORD", 1),
        ("search=%25", 0),
    ] {
        let page = call(&world, "adam", "GET", &format!("/partnerships?{query}")).send().await?;
        assert_eq!(page.body["meta"]["page"]["total"], total, "{query}");
    }
    Ok(())
}

async fn a_stream_goes_on_from_the_last_event_and_ends_with_its_key(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let start = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = start.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
    let adam = world.client("adam");
    let mut stream = adam.events(&cursor).await?;
    let first = request(&world, "marit").await?;
    let event = stream.next().await.expect("an event")?;
    assert_eq!(event.change.id, first);
    drop(stream);
    let second = request(&world, "ines").await?;
    let mut stream = adam.events(&event.cursor).await?;
    assert_eq!(stream.next().await.expect("an event")?.change.id, second, "nothing twice");

    let server = world.server.as_ref().expect("it runs");
    let hash = server.secret().hash(&world.person("adam").key);
    let (key, _) = key_by_hash(&mut *server.store().read().await?, &hash).await?.expect("the key");
    assert!(revoke(server.store(), key.id, server.now()).await?);
    server.changed();
    let over = tokio::time::timeout(Duration::from_secs(5), stream.next()).await?;
    assert!(over.is_none() || over.is_some_and(|event| event.is_err()), "the stream ended");
    assert_eq!(call(&world, "adam", "GET", "/me").send().await?.code(), "invalid_credentials");
    Ok(())
}

async fn every_stream_of_every_view_is_told_what_it_may_see(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let mut streams = Vec::new();
    for who in ["adam", "adam", "olivia", "uma", "marit"] {
        let start = call(&world, who, "GET", "/changes").send().await?;
        let cursor = start.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
        streams.push((who, world.client(who).events(&cursor).await?));
    }
    // More than wait for a stream that does not read meanwhile.
    let mut ids = Vec::new();
    for _ in 0..12 {
        let id = request(&world, "ines").await?;
        let withdraw = call(&world, "uma", "POST", &format!("/partnerships/{id}/withdraw"));
        assert_eq!(withdraw.version(1).send().await?.state(), "withdrawn");
        ids.push(id);
    }
    let last = request(&world, "marit").await?;
    let approve = call(&world, "adam", "POST", &format!("/partnerships/{last}/approve"));
    assert_eq!(approve.version(1).send().await?.state(), "awaiting_acceptance");
    for (who, mut stream) in streams {
        let mut told: Vec<(String, String)> = Vec::new();
        let is_last =
            |(id, state): &(String, String)| *id == last && state == "awaiting_acceptance";
        while !told.last().is_some_and(is_last) {
            let event = tokio::time::timeout(Duration::from_secs(20), stream.next()).await?;
            let resource = event.expect("an event")?.change.resource;
            let found = resource.and_then(ChangedResource::partnership).expect("a partnership");
            told.push((found.id, found.attributes.state.as_str().to_owned()));
        }
        let is_guest = who == "marit";
        for id in &ids {
            let end = told.iter().rev().find(|(told, _)| told == id);
            assert_eq!(end.map(|(_, state)| state.as_str()), (!is_guest).then_some("withdrawn"));
        }
    }
    Ok(())
}

async fn a_stream_ends_when_its_key_expires(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    let server = world.server.as_ref().expect("it runs");
    let now = server.now();
    let (id, soon) = (world.person("adam").id, Some(now.after(Duration::from_secs(6))));
    let (_, key) = add_key(server.store(), server.secret(), id, "Short", soon, now).await?;
    world
        .people
        .iter_mut()
        .filter(|person| person.id == id)
        .for_each(|adam| adam.key = key.clone());
    let start = call(&world, "adam", "GET", "/changes").send().await?;
    let cursor = start.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
    let mut stream = world.client("adam").events(&cursor).await?;
    // Nothing else happens.
    let over = tokio::time::timeout(Duration::from_secs(60), stream.next()).await?;
    assert!(over.is_none() || over.is_some_and(|event| event.is_err()), "the stream ended");
    assert_eq!(call(&world, "adam", "GET", "/me").send().await?.code(), "expired_credentials");
    Ok(())
}

async fn another_view_of_the_data_needs_a_full_snapshot(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    request(&world, "marit").await?;
    let snapshot = call(&world, "olivia", "GET", "/changes").send().await?;
    assert_eq!(partnerships(&snapshot).len(), 1);
    let cursor = snapshot.body["meta"]["cursor"].as_str().expect("a cursor");
    let path = format!("/changes?since={cursor}");
    let server = world.server.as_ref().expect("it runs");
    let email = &world.person("olivia").email;
    let olivia = user_by_email(&mut *server.store().read().await?, email).await?.remove(0);
    set_role(server.store(), &olivia, WorkspaceRole::User, server.now()).await?;
    let demoted = call(&world, "olivia", "GET", &path).send().await?;
    assert_eq!((demoted.status, demoted.code()), (410, "cursor_expired"));
    let snapshot = call(&world, "olivia", "GET", "/changes").send().await?;
    assert!(partnerships(&snapshot).is_empty(), "a user sees their own only");

    let olivia = user_by_email(&mut *server.store().read().await?, email).await?.remove(0);
    disable_user(server.store(), &olivia, server.now()).await?;
    assert_eq!(call(&world, "olivia", "GET", "/me").send().await?.code(), "user_disabled");

    let elsewhere = ground.another()?;
    let other = elsewhere.world().await?;
    let foreign = call(&other, "adam", "GET", &path).send().await?;
    assert_eq!((foreign.status, foreign.code()), (410, "cursor_expired"));
    Ok(())
}

async fn workspace_ids_cannot_be_searched_for(ground: Ground) -> Result<()> {
    let world = ground.world().await?;
    let mut codes = Vec::new();
    for number in 0..12 {
        let id = format!("01990000-0000-7000-8000-0000000000{number:02}");
        let body = json!({"guestWorkspaceId": id, "partnerEmail": "a@b.co", "reason": "x"});
        let answer = call(&world, "uma", "POST", "/partnerships").json(body).send().await?;
        codes.push(answer.code().to_owned());
    }
    assert_eq!(codes.iter().filter(|code| *code == "unknown_workspace").count(), 10);
    assert_eq!(codes.last().map(String::as_str), Some("rate_limited"));
    Ok(())
}

/// Runs requests at once.
async fn futures(
    sends: impl Iterator<Item = impl Future<Output = Result<crate::Answer>>>,
) -> Result<Vec<crate::Answer>> {
    let mut answers = Vec::new();
    let mut waiting: Vec<_> = sends.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        waiting.retain_mut(|send| match send.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if waiting.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    answers.into_iter().collect()
}
