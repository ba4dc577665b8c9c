//! What Managers ask for, and what the Owners say.

use entente_domain::{
    AccessRequest, AccessRequestId, AccountAction, Actor, GuestRole, RequestState, UserId,
    allowed_account_actions, sees_access_request, sees_account,
};
use entente_tests::scene::{Facts, Office, Scene};
use entente_wire::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use crate::table::{
    effects,
    row::{Decision, Expect, Row},
    shown::{self, Shown},
};

const WRITE: &str = "accounts:write";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::new("GET", "/access-requests", "accounts:read")
            .shows(|scene, facts, by| Shown::these(shown::requests(scene, facts, by))),
    ];
    rows.extend([Office::GuestUser, Office::Asked].map(|member| {
        Row::new("POST", "/access-requests", WRITE)
            .about(member.name())
            .body(move |scene, _| {
                json!({
                    "accountId": scene.account.to_string(),
                    "userIds": [scene.user(member).to_string()],
                    "role": "account_collaborator",
                })
            })
            .expect(move |scene, by| may_ask(scene, by, scene.user(member)))
            .does(move |scene, by, facts| ask(scene, by, facts, scene.user(member)))
            .creates()
            .shows(move |scene, facts, by| {
                let asked = facts.requests.iter().filter(|one| {
                    (one.member, one.state) == (scene.user(member), RequestState::Pending)
                });
                let ids: Vec<_> = asked.map(|one| shown::named(scene, one.id)).collect();
                // Somebody else's is told to nobody.
                let seen = shown::requests(scene, facts, by);
                Shown::these(seen.into_iter().filter(|(id, _)| ids.contains(id)).collect())
            })
    }));
    for (template, state) in [
        ("/access-requests/{id}/accept", RequestState::Accepted),
        ("/access-requests/{id}/decline", RequestState::Declined),
    ] {
        rows.push(
            Row::new("POST", template, WRITE)
                .path(move |scene| template.replace("{id}", &scene.request.to_string()))
                .expect(may_decide)
                .does(move |scene, by, facts| {
                    let found = facts.requests.iter_mut().find(|one| one.id == scene.request);
                    let request = found.expect("there is one");
                    *request = request.clone().ended(state, Some(by.user), scene.at);
                    let request = request.clone();
                    if state == RequestState::Accepted {
                        effects::accept(scene, facts, &request);
                    }
                })
                .shows(|scene, facts, by| Shown::these(shown::requests(scene, facts, by)))
                .decides(Decision::Access),
        );
    }
    rows
}

fn may_ask(scene: &Scene, by: &Actor, member: UserId) -> Expect {
    let facts = &scene.facts;
    let own = facts.role(scene.account, by.user);
    let account = facts.account(scene.account);
    let allowed = allowed_account_actions(by, &account, own, facts.through(own));
    if !sees_account(by, &account, own) {
        Expect::Unknown(ErrorCode::UnknownAccount)
    } else if !allowed.contains(&AccountAction::RequestAccess) {
        Expect::Forbidden
    } else if facts.role(scene.account, member).is_some() {
        Expect::WrongState(ErrorCode::AlreadyMember)
    } else {
        Expect::Done
    }
}

/// One that is pending is not stored twice.
fn ask(scene: &Scene, by: &Actor, facts: &mut Facts, member: UserId) {
    let is_pending = |one: &AccessRequest| {
        (one.member, one.account, one.state) == (member, scene.account, RequestState::Pending)
    };
    if facts.requests.iter().any(is_pending) {
        return;
    }
    facts.requests.push(AccessRequest {
        id: AccessRequestId::new(Uuid::now_v7()),
        partnership: scene.partnership,
        account: scene.account,
        host: scene.host.id,
        guest: scene.guest.id,
        member,
        role: GuestRole::Collaborator,
        requested_by: by.user,
        message: None,
        state: RequestState::Pending,
        decided_by: None,
        decided_at: None,
        created_at: scene.at,
        version: 1,
    });
}

fn may_decide(scene: &Scene, by: &Actor) -> Expect {
    let Some(request) = scene.facts.request(scene.request) else { return Expect::NotFound };
    let account = scene.facts.account(request.account);
    if !sees_access_request(by, &account, request) {
        Expect::NotFound
    } else if !account.is_governed_by(by) {
        Expect::Forbidden
    } else if request.state != RequestState::Pending {
        Expect::WrongState(ErrorCode::WrongState)
    } else {
        Expect::Done
    }
}
