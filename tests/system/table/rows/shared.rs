//! What is shared through a partnership, and the members with access to it.

use entente_domain::{
    AccountId, AccountRole, Actor, GuestRole, Management, may_unshare, sees, sees_account,
    sees_shared_account,
};
use entente_tests::scene::{Facts, Office, Scene};
use entente_wire::ErrorCode;
use serde_json::json;

use super::partnerships::manage;
use crate::table::{
    effects,
    row::{Expect, Row},
    shown::{self, NEW, Shown},
};

const READ: &str = "accounts:read";
const WRITE: &str = "accounts:write";

pub(super) fn rows() -> Vec<Row> {
    let at = |scene: &Scene, what: &str| format!("/partnerships/{}/{what}", scene.partnership);
    let mut rows = vec![
        Row::new("GET", "/partnerships/{id}/accounts", READ)
            .path(move |scene| at(scene, "accounts"))
            .expect(|scene, by| {
                let none = shown::shared(scene, &scene.facts, by).is_empty();
                if none && !sees(by, scene.facts.partnership(scene)) {
                    Expect::NotFound
                } else {
                    Expect::Done
                }
            })
            .shows(|scene, facts, by| Shown::these(shown::shared(scene, facts, by))),
        Row::new("DELETE", "/partnerships/{id}/accounts/{accountId}", WRITE)
            .path(move |scene| at(scene, &format!("accounts/{}", scene.account)))
            .expect(|scene, by| {
                let (facts, partnership) = (&scene.facts, scene.facts.partnership(scene));
                let own = facts.role(scene.account, by.user);
                if facts.shared.is_empty() || !sees_shared_account(by, partnership, own) {
                    Expect::NotFound
                } else if !may_unshare(by, partnership) {
                    Expect::Forbidden
                } else {
                    Expect::Done
                }
            })
            .does(|scene, _, facts| {
                effects::unshare(scene, facts, scene.partnership, scene.account);
            })
            .shows(|scene, _, by| Shown::these(shown::shared(scene, &scene.facts, by))),
        Row::new("GET", "/partnerships/{id}/members", READ)
            .path(move |scene| at(scene, "members"))
            .expect(|scene, by| manage(scene, by, Management::SeeMembers))
            .shows(|scene, facts, _| {
                let mut users: Vec<String> = with_access(scene, facts);
                users.dedup();
                let remove = |id| (id, vec!["remove".to_owned()]);
                Shown::these(users.into_iter().map(remove).collect())
            }),
        Row::new("DELETE", "/partnerships/{id}/members/{userId}", WRITE)
            .path(move |scene| at(scene, &format!("members/{}", scene.user(Office::Manager))))
            .expect(|scene, by| {
                let manager = scene.facts.role(scene.account, scene.user(Office::Manager));
                match manage(scene, by, Management::SeeMembers) {
                    Expect::Done if manager.is_none() => Expect::NotFound,
                    other => other,
                }
            })
            .does(|scene, _, facts| {
                let manager = facts.role(scene.account, scene.user(Office::Manager));
                effects::revoke(scene, facts, &manager.copied().expect("a role"));
            })
            .shows(|scene, _, _| Shown::one(scene.user(Office::Manager), vec!["remove".into()])),
    ];
    type Which = fn(&Scene) -> AccountId;
    let which: [(&str, Which); 2] =
        [("the account", |scene| scene.account), ("another account", |scene| scene.other_account)];
    rows.extend(which.map(|(about, which)| {
        Row::new("POST", "/partnerships/{id}/accounts", WRITE)
            .about(about)
            .path(move |scene| at(scene, "accounts"))
            .body(move |scene, _| {
                let ids = [which(scene).to_string()];
                json!({"accountIds": ids, "role": "account_collaborator"})
            })
            .expect(move |scene, by| share(scene, by, which(scene)))
            .does(move |scene, by, facts| {
                effects::share(scene, facts, which(scene), by.user, GuestRole::Collaborator);
            })
            .creates()
            .shows(|_, _, _| Shown::one(NEW, vec!["remove".into()]))
    }));
    rows
}

fn with_access(scene: &Scene, facts: &Facts) -> Vec<String> {
    let through = |id| id == Some(scene.partnership);
    let grants = facts.grants.iter().filter(|one| through(one.partnership));
    let mut users: Vec<String> = grants.map(|one| one.user.to_string()).collect();
    users.sort();
    users
}

fn share(scene: &Scene, by: &Actor, account: AccountId) -> Expect {
    let facts = &scene.facts;
    let own = facts.role(account, by.user);
    match manage(scene, by, Management::ShareAccounts) {
        Expect::Done => {}
        refused => return refused,
    }
    if !sees_account(by, &facts.account(account), own) {
        Expect::Unknown(ErrorCode::UnknownAccount)
    } else if own.map(|own| own.role) != Some(AccountRole::Owner) {
        Expect::Forbidden
    } else if facts.shared.iter().any(|one| one.account == account) {
        Expect::WrongState(ErrorCode::AlreadyShared)
    } else {
        Expect::Done
    }
}
