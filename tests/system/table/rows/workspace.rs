//! The caller, their workspace, what happened and what changes.

use entente_domain::{
    AccountRole, Actor, ApiKeyId, UserStatus, may_have_api_keys, may_remove_member, may_send,
    sees_member,
};
use entente_server::SCOPES;
use entente_store::KeyRow;
use entente_tests::scene::{Facts, Office, Scene};
use entente_wire::{ErrorCode, SEND_REQUEST};
use serde_json::json;
use uuid::Uuid;

use crate::table::{
    effects,
    row::{Expect, Row},
    shown::{self, NEW, Shown},
};

/// Members who are removed: of each side one who holds offices and one who does not, an Admin, one
/// who was removed before.
const MEMBERS: [Office; 6] = [
    Office::HostAdmin,
    Office::Both,
    Office::Disabled,
    Office::GuestUser,
    Office::Manager,
    Office::Asked,
];

pub(super) fn own() -> Vec<Row> {
    vec![
        Row::new("GET", "/me", "").shows(|scene, _, by| {
            let sends = may_send(by, scene.host.send_policy).then(|| SEND_REQUEST.to_owned());
            Shown::one(by.user, sends.into_iter().collect())
        }),
        Row::new("GET", "/terms", "")
            .shows(|scene, _, _| Shown::one(&scene.terms.version, Vec::new())),
    ]
}

pub(super) fn members() -> Vec<Row> {
    let mut rows = vec![
        Row::new("GET", "/users", "users:read")
            .path(|_| "/users?page[size]=100".into())
            .shows(|scene, facts, by| Shown::these(shown::members(scene, facts, by))),
    ];
    for office in [Office::HostUser, Office::GuestUser] {
        rows.push(
            Row::new("GET", "/users/{id}", "users:read")
                .about(office.name())
                .path(move |scene| format!("/users/{}", scene.user(office)))
                .expect(move |scene, by| {
                    let user = &scene.someone(office).user;
                    let seen = sees_member(by, user.id, user.workspace);
                    if seen { Expect::Done } else { Expect::NotFound }
                })
                .shows(move |scene, facts, by| one(scene, facts, by, office)),
        );
    }
    rows.extend(MEMBERS.map(|office| {
        Row::new("DELETE", "/users/{id}", "users:write")
            .about(office.name())
            .path(move |scene| format!("/users/{}", scene.user(office)))
            .expect(move |scene, by| {
                let user = &scene.someone(office).user;
                let managed = scene.situation.narrowed;
                let live = Actor { status: UserStatus::Live, ..user.actor() };
                if !sees_member(by, user.id, user.workspace) {
                    Expect::NotFound
                } else if may_remove_member(by, &user.actor(), managed) {
                    Expect::Done
                } else if !may_remove_member(by, &live, false) {
                    Expect::Forbidden
                } else if managed {
                    Expect::WrongState(ErrorCode::ManagedByIdentityProvider)
                } else {
                    Expect::WrongState(ErrorCode::WrongState)
                }
            })
            .does(move |scene, _, facts| effects::disable(scene, facts, scene.user(office)))
            .shows(move |scene, facts, by| one(scene, facts, by, office))
    }));
    rows
}

fn one(scene: &Scene, facts: &Facts, by: &Actor, office: Office) -> Shown {
    let mut seen = shown::members(scene, facts, by);
    seen.retain(|(id, _)| *id == scene.user(office).to_string());
    Shown::these(seen)
}

pub(super) fn feeds() -> Vec<Row> {
    vec![
        Row::new("GET", "/activities", "activities:read").shows(|scene, facts, by| {
            let owns = |account| {
                facts.role(account, by.user).is_some_and(|own| own.role == AccountRole::Owner)
            };
            let told = scene.facts.told.iter().filter(|told| {
                if by.role.is_admin() && by.workspace == scene.host.id {
                    true
                } else if by.role.is_admin() {
                    by.workspace == scene.guest.id && told.guest_sees
                } else {
                    told.account.is_some_and(owns)
                }
            });
            Shown::Count(told.count())
        }),
        Row::new("GET", "/changes", "").shows(shown::everything),
        Row::new("GET", "/events", ""),
    ]
}

pub(super) fn keys() -> Vec<Row> {
    let may = |by: &Actor| if may_have_api_keys(by) { Expect::Done } else { Expect::Forbidden };
    let revoke = || vec!["revoke".to_owned()];
    vec![
        Row::new("GET", "/api-keys", "api_keys:read")
            .path(|_| "/api-keys?page[size]=100".into())
            .expect(move |_, by| may(by))
            .shows(move |_, facts, by| {
                let own = facts.keys.iter().filter(|key| key.user == by.user);
                Shown::these(own.map(|key| (key.id.to_string(), revoke())).collect())
            }),
        Row::new("POST", "/api-keys", "api_keys:write")
            .body(|_, _| json!({"name": "Another"}))
            .expect(move |_, by| may(by))
            .does(|scene, by, facts| {
                facts.keys.push(KeyRow {
                    id: ApiKeyId::new(Uuid::now_v7()),
                    user: by.user,
                    name: "Another".into(),
                    scopes: sorted_scopes(),
                    created_at: scene.at,
                    expires_at: None,
                    revoked_at: None,
                    session: None,
                });
            })
            .creates()
            .shows(move |_, _, _| Shown::one(NEW, revoke()))
            .keeps_the_situation(),
        Row::new("DELETE", "/api-keys/{id}", "api_keys:write")
            .about("of both Owners")
            .path(|scene| format!("/api-keys/{}", scene.spare_key))
            .expect(move |scene, by| match may(by) {
                Expect::Done if by.user != scene.user(Office::Both) => Expect::NotFound,
                other => other,
            })
            .does(|scene, _, facts| facts.keys.retain(|key| key.id != scene.spare_key))
            .shows(move |scene, _, _| Shown::one(scene.spare_key, revoke())),
    ]
}

fn sorted_scopes() -> Vec<String> {
    let mut scopes: Vec<String> = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
    scopes.sort();
    scopes
}
