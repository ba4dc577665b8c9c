//! What somebody sees, and what of it they can do: the ids and `allowedActions` of an answer.

use std::fmt::Display;

use entente_domain::{
    AccountId, Actor, Grant, Partnership, allowed_account_actions, allowed_actions,
    allowed_grant_actions, allowed_management, allowed_request_actions, may_remove_member,
    may_unshare, sees, sees_access_request, sees_account, sees_grant, sees_member,
    sees_shared_account,
};
use entente_tests::scene::{Facts, Scene};
use serde_json::Value;

/// Ids, each with what can be done; what is new has an id that nobody could know before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Resources.
    These(Vec<(String, Vec<String>)>),
    /// So many of them.
    Count(usize),
    /// Changes: kinds and ids.
    Changes(Vec<(String, Vec<String>)>),
}

/// Where an id of something new stands for all of them.
pub(super) const NEW: &str = "new";

impl Shown {
    pub(super) fn these(mut all: Vec<(String, Vec<String>)>) -> Self {
        all.sort();
        Self::These(all)
    }

    /// Whether an answer that tells how many there are in all tells of these only.
    pub(super) fn has_total_of(&self, body: &Value) -> bool {
        let (all, total) = match self {
            Self::These(all) => (all.len(), &body["meta"]["page"]["total"]),
            Self::Changes(all) => (all.len(), &body["meta"]["total"]),
            Self::Count(all) => (*all, &body["meta"]["page"]["total"]),
        };
        total.is_null() || *total == all
    }

    pub(super) fn one(id: impl Display, actions: Vec<String>) -> Self {
        Self::These(vec![(id.to_string(), actions)])
    }

    /// What an answer shows, as far as this is shown.
    pub(super) fn read(&self, scene: &Scene, body: &Value) -> Self {
        match self {
            Self::These(_) => {
                let data = &body["data"];
                let one = std::slice::from_ref(data);
                let all = data.as_array().map_or(one, Vec::as_slice);
                Self::these(all.iter().map(|one| resource(scene, one)).collect())
            }
            Self::Count(_) => {
                let total = body["meta"]["page"]["total"].as_u64().unwrap_or(u64::MAX);
                Self::Count(usize::try_from(total).unwrap_or(usize::MAX))
            }
            Self::Changes(_) => {
                let all = body["data"].as_array().cloned().unwrap_or_default();
                let mut all: Vec<_> = all
                    .iter()
                    .map(|change| {
                        let (id, actions) = resource(scene, &change["resource"]);
                        (format!("{} {id}", change["type"].as_str().unwrap_or_default()), actions)
                    })
                    .collect();
                all.sort();
                Self::Changes(all)
            }
        }
    }
}

fn resource(scene: &Scene, resource: &Value) -> (String, Vec<String>) {
    let id = resource["id"].as_str().unwrap_or_default();
    let actions = resource["meta"]["allowedActions"].as_array().cloned().unwrap_or_default();
    let words = actions.iter().filter_map(Value::as_str).map(Into::into).collect();
    (named(scene, id), words)
}

fn words<T: Display>(actions: Vec<T>) -> Vec<String> {
    actions.iter().map(ToString::to_string).collect()
}

/// An id that was there when the scene was built, or what stands for all others.
pub(super) fn named(scene: &Scene, id: impl Display) -> String {
    let id = id.to_string();
    let facts = &scene.facts;
    let known = facts.users.iter().any(|one| one.id.to_string() == id)
        || facts.keys.iter().any(|one| one.id.to_string() == id)
        || facts.partnerships.iter().any(|one| one.id.to_string() == id)
        || facts.accounts.iter().any(|one| id.starts_with(&one.id.to_string()))
        || facts.grants.iter().any(|one| one.id.to_string() == id)
        || facts.shared.iter().any(|one| one.id.to_string() == id)
        || facts.requests.iter().any(|one| one.id.to_string() == id)
        || id == scene.terms.version;
    if known { id } else { NEW.into() }
}

pub(super) fn partnership(
    scene: &Scene,
    by: &Actor,
    one: &Partnership,
) -> Option<(String, Vec<String>)> {
    sees(by, one).then(|| {
        let mut actions = words(allowed_actions(by, one));
        actions.extend(words(allowed_management(by, one)));
        (named(scene, one.id), actions)
    })
}

pub(super) fn partnerships(scene: &Scene, facts: &Facts, by: &Actor) -> Vec<(String, Vec<String>)> {
    facts.partnerships.iter().filter_map(|one| partnership(scene, by, one)).collect()
}

pub(super) fn account(facts: &Facts, by: &Actor, id: AccountId) -> Option<(String, Vec<String>)> {
    let (account, own) = (facts.account(id), facts.role(id, by.user));
    let actions = allowed_account_actions(by, &account, own, facts.through(own));
    sees_account(by, &account, own).then(|| (id.to_string(), words(actions)))
}

pub(super) fn accounts(facts: &Facts, by: &Actor) -> Vec<(String, Vec<String>)> {
    facts.accounts.iter().filter_map(|one| account(facts, by, one.id)).collect()
}

/// A role, whether it is seen or not: who has just given it may have lost sight of it.
pub(super) fn role_done(
    scene: &Scene,
    facts: &Facts,
    by: &Actor,
    grant: &Grant,
) -> (String, Vec<String>) {
    let account = facts.account(grant.account);
    let actions = allowed_grant_actions(by, &account, grant, facts.through(Some(grant)));
    (named(scene, grant.id), words(actions))
}

pub(super) fn sees_role(facts: &Facts, by: &Actor, grant: &Grant) -> bool {
    let (account, own) = (facts.account(grant.account), facts.role(grant.account, by.user));
    sees_grant(by, &account, own, grant, facts.through(Some(grant)))
}

pub(super) fn roles(
    scene: &Scene,
    facts: &Facts,
    by: &Actor,
    on: Option<AccountId>,
) -> Vec<(String, Vec<String>)> {
    facts
        .grants
        .iter()
        .filter(|one| on.is_none_or(|id| id == one.account) && sees_role(facts, by, one))
        .map(|one| role_done(scene, facts, by, one))
        .collect()
}

pub(super) fn shared(scene: &Scene, facts: &Facts, by: &Actor) -> Vec<(String, Vec<String>)> {
    let partnership = facts.partnership(scene);
    let remove = may_unshare(by, partnership).then_some("remove");
    facts
        .shared
        .iter()
        .filter(|one| sees_shared_account(by, partnership, facts.role(one.account, by.user)))
        .map(|one| (named(scene, one.id), words(remove.into_iter().collect())))
        .collect()
}

pub(super) fn requests(scene: &Scene, facts: &Facts, by: &Actor) -> Vec<(String, Vec<String>)> {
    facts
        .requests
        .iter()
        .filter(|one| sees_access_request(by, &facts.account(one.account), one))
        .map(|one| {
            let actions = allowed_request_actions(by, &facts.account(one.account), one);
            (named(scene, one.id), words(actions))
        })
        .collect()
}

pub(super) fn members(scene: &Scene, facts: &Facts, by: &Actor) -> Vec<(String, Vec<String>)> {
    let managed = scene.situation.narrowed;
    facts
        .users
        .iter()
        .filter(|one| sees_member(by, one.id, one.workspace))
        .map(|one| {
            let remove = may_remove_member(by, &one.actor(), managed).then_some("remove");
            (one.id.to_string(), words(remove.into_iter().collect()))
        })
        .collect()
}

/// Everything, as a full snapshot has it.
pub(super) fn everything(scene: &Scene, facts: &Facts, by: &Actor) -> Shown {
    let mut all = Vec::new();
    let mut add = |kind: &str, some: Vec<(String, Vec<String>)>| {
        all.extend(some.into_iter().map(|(id, actions)| (format!("{kind} {id}"), actions)));
    };
    add("partnership", partnerships(scene, facts, by));
    add("user", members(scene, facts, by));
    add("account", accounts(facts, by));
    add("shared_account", shared(scene, facts, by));
    add("account_user", roles(scene, facts, by, None));
    add("access_request", requests(scene, facts, by));
    all.sort();
    Shown::Changes(all)
}
