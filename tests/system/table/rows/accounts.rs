//! Accounts, who has which role on them, and their credentials.

use entente_domain::{
    AccountAction, AccountRole, Actor, GrantAction, allowed_account_actions, allowed_grant_actions,
    sees_account,
};
use entente_tests::scene::{CREDENTIALS, Facts, Office, Scene};
use entente_wire::ErrorCode;
use serde_json::json;

use crate::table::{
    effects,
    row::{Expect, Row},
    shown::{self, Shown},
};

const READ: &str = "accounts:read";
const WRITE: &str = "accounts:write";

/// Those whose roles are changed and taken away, and what they are changed to.
const ROLES: [(Office, AccountRole); 5] = [
    (Office::AccountOwner, AccountRole::Collaborator),
    (Office::HostManager, AccountRole::Owner),
    (Office::GuestAdmin, AccountRole::Collaborator),
    (Office::Manager, AccountRole::Collaborator),
    (Office::Collaborator, AccountRole::Manager),
];

pub(super) fn rows() -> Vec<Row> {
    let at = |scene: &Scene| format!("/accounts/{}", scene.account);
    let mut rows = vec![
        Row::new("GET", "/accounts", READ)
            .shows(|_, facts, by| Shown::these(shown::accounts(facts, by))),
        Row::new("GET", "/accounts/{id}", READ)
            .path(at)
            .expect(|scene, by| if seen(scene, by) { Expect::Done } else { Expect::NotFound })
            .shows(|scene, facts, by| {
                Shown::these(shown::account(facts, by, scene.account).into_iter().collect())
            }),
        Row::new("GET", "/accounts/{id}/users", READ)
            .path(move |scene| format!("{}/users", at(scene)))
            .expect(|scene, by| {
                let roles = shown::roles(scene, &scene.facts, by, Some(scene.account));
                if roles.is_empty() && !seen(scene, by) { Expect::NotFound } else { Expect::Done }
            })
            .shows(|scene, facts, by| {
                Shown::these(shown::roles(scene, facts, by, Some(scene.account)))
            }),
        Row::new("GET", "/accounts/{id}/secrets", "secrets:read")
            .path(move |scene| format!("{}/secrets", at(scene)))
            .expect(|scene, by| act(scene, by, AccountAction::LogIn))
            .does(|scene, _, facts| {
                let account = facts.accounts.iter_mut().find(|one| one.id == scene.account);
                let account = account.expect("it is there");
                account.last_login_at = Some(scene.at);
                account.version += 1;
            })
            .shows(|scene, _, _| {
                let ids = CREDENTIALS.map(|(name, _)| format!("{}/{name}", scene.account));
                Shown::these(ids.into_iter().map(|id| (id, Vec::new())).collect())
            })
            .keeps_the_situation(),
    ];
    rows.extend([AccountRole::Collaborator, AccountRole::Owner].map(|role| {
        Row::new("POST", "/accounts/{id}/users", WRITE)
            .about(role.label())
            .path(move |scene| format!("{}/users", at(scene)))
            .body(move |scene, _| {
                json!({"userId": scene.user(Office::HostUser).to_string(), "role": role})
            })
            .expect(|scene, by| act(scene, by, AccountAction::AddUser))
            .does(move |scene, _, facts| {
                effects::give(scene, facts, scene.account, scene.user(Office::HostUser), role);
            })
            .creates()
            .shows(|scene, facts, by| one(scene, facts, by, Office::HostUser))
    }));
    for (office, role) in ROLES {
        let of = move |scene: &Scene| format!("{}/users/{}", at(scene), scene.user(office));
        rows.push(
            Row::new("PATCH", "/accounts/{id}/users/{userId}", WRITE)
                .about(office.name())
                .path(of)
                .body(move |_, _| json!({"role": role}))
                .expect(move |scene, by| alter(scene, by, office, GrantAction::ChangeRole))
                .does(move |scene, _, facts| {
                    let grant = facts.role(scene.account, scene.user(office)).copied();
                    effects::change(scene, facts, &grant.expect("a role"), role);
                })
                .shows(move |scene, facts, by| one(scene, facts, by, office)),
        );
        rows.push(
            Row::new("DELETE", "/accounts/{id}/users/{userId}", WRITE)
                .about(office.name())
                .path(of)
                .expect(move |scene, by| alter(scene, by, office, GrantAction::Remove))
                .does(move |scene, _, facts| {
                    let grant = facts.role(scene.account, scene.user(office)).copied();
                    effects::revoke(scene, facts, &grant.expect("a role"));
                })
                // As it was.
                .shows(move |scene, _, by| one(scene, &scene.facts, by, office)),
        );
    }
    rows
}

fn seen(scene: &Scene, by: &Actor) -> bool {
    let own = scene.facts.role(scene.account, by.user);
    sees_account(by, &scene.facts.account(scene.account), own)
}

/// What something comes to that is done with the account.
fn act(scene: &Scene, by: &Actor, action: AccountAction) -> Expect {
    let facts = &scene.facts;
    let own = facts.role(scene.account, by.user);
    let account = facts.account(scene.account);
    let allowed = allowed_account_actions(by, &account, own, facts.through(own));
    if !seen(scene, by) {
        Expect::NotFound
    } else if allowed.contains(&action) {
        Expect::Done
    } else {
        Expect::Forbidden
    }
}

/// What something comes to that is done to somebody's role.
fn alter(scene: &Scene, by: &Actor, office: Office, action: GrantAction) -> Expect {
    let facts = &scene.facts;
    let Some(grant) = facts.role(scene.account, scene.user(office)) else {
        return Expect::NotFound;
    };
    let account = facts.account(scene.account);
    let allowed = allowed_grant_actions(by, &account, grant, facts.through(Some(grant)));
    if !shown::sees_role(facts, by, grant) {
        Expect::NotFound
    } else if allowed.contains(&action) {
        Expect::Done
    } else if account.is_governed_by(by) {
        Expect::WrongState(ErrorCode::LastOwner)
    } else {
        Expect::Forbidden
    }
}

fn one(scene: &Scene, facts: &Facts, by: &Actor, office: Office) -> Shown {
    let grant = facts.role(scene.account, scene.user(office)).expect("a role");
    Shown::these(vec![shown::role_done(scene, facts, by, grant)])
}
