use anyhow::Result;
use entente_domain::{Action, WorkspaceRole};
use entente_server::{add_key, add_user, add_workspace};
use entente_tests::{Ground, Person, World, on_both_engines};
use serde_json::{Value, json};

use crate::{Answer, call};

/// The actions that lead from a fresh request of Uma's to each situation.
const SITUATIONS: &[(&str, &[(&str, Action)])] = &[
    ("awaiting_approval", &[]),
    ("awaiting_acceptance", &[("adam", Action::Approve)]),
    ("active", &[("adam", Action::Approve), ("guest", Action::Accept)]),
    ("declined_by_host", &[("adam", Action::Decline)]),
    ("declined_by_guest", &[("adam", Action::Approve), ("guest", Action::Decline)]),
    ("withdrawn", &[("uma", Action::Withdraw)]),
    ("removed", &[("adam", Action::Approve), ("guest", Action::Accept), ("guest", Action::Remove)]),
];

const ACTORS: &[&str] = &["uma", "adam", "olivia", "guest", "ines"];

async fn act(world: &World, who: &str, id: &str, action: Action) -> Result<Answer> {
    let body: Value = match action {
        Action::Accept => {
            let terms = call(world, who, "GET", "/terms").send().await?;
            json!({"termsVersion": terms.body["data"]["attributes"]["version"], "agreed": true})
        }
        _ => json!({}),
    };
    let (method, path) = match action {
        Action::Remove => ("DELETE", format!("/partnerships/{id}")),
        _ => ("POST", format!("/partnerships/{id}/{action}")),
    };
    call(world, who, method, &path).header("If-Match", "*").json(body).send().await
}

/// A fresh pair, so that nothing is in the way.
async fn situation(world: &mut World, steps: &[(&str, Action)]) -> Result<String> {
    let server = world.server.as_ref().expect("it runs");
    let now = server.now();
    let guest = add_workspace(server.store(), "Guest", now).await?;
    let email = "guest@guest.example";
    let role = WorkspaceRole::Admin;
    let admin = add_user(server.store(), guest.id, email, "Guest Admin", role, now).await?;
    let (_, key) = add_key(server.store(), server.secret(), admin.id, "Test", None, now).await?;
    world.people.retain(|person| person.first != "guest");
    world.people.push(Person {
        id: admin.id,
        first: "guest".into(),
        name: "Guest Admin".into(),
        email: email.into(),
        workspace: guest.id.to_string(),
        key,
    });
    let id = crate::request(world, "guest").await?;
    for (who, action) in steps {
        let done = act(world, who, &id, *action).await?;
        assert_eq!(done.status, 200, "{action}: {done:?}");
    }
    Ok(id)
}

on_both_engines![what_is_listed_succeeds_and_nothing_else_does];

async fn what_is_listed_succeeds_and_nothing_else_does(ground: Ground) -> Result<()> {
    let mut world = ground.world().await?;
    let mut cells = 0;
    for (state, steps) in SITUATIONS {
        for who in ACTORS {
            let mut id = situation(&mut world, steps).await?;
            for action in Action::ALL.iter().copied() {
                let seen = call(&world, who, "GET", &format!("/partnerships/{id}")).send().await?;
                let listed = seen.body["data"]["meta"]["allowedActions"].clone();
                let is_listed =
                    listed.as_array().is_some_and(|words| words.contains(&json!(action.as_str())));
                let answer = act(&world, who, &id, action).await?;
                let what = format!("{action} by {who} in {state}: {answer:?}");
                if is_listed {
                    assert_eq!(answer.status, 200, "{what}");
                    id = situation(&mut world, steps).await?;
                } else if seen.status == 404 {
                    assert_eq!(answer.status, 404, "{what}");
                } else {
                    assert!(matches!(answer.code(), "forbidden" | "wrong_state"), "{what}");
                    let after = call(&world, who, "GET", &format!("/partnerships/{id}")).send();
                    assert_eq!(after.await?.body, seen.body, "nothing changed: {what}");
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, SITUATIONS.len() * ACTORS.len() * Action::ALL.len());
    Ok(())
}
