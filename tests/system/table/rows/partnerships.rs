//! Partnerships, their transitions and their Owners.

use entente_domain::{
    Action, Actor, Deadlines, EmailAddress, Management, NewRequest, Partnership, PartnershipId,
    Reason, Refusal, TransitionError, WorkspaceId, allowed_management, may_manage, may_send,
    needs_reason, sees, sees_impact,
};
use entente_tests::scene::{Facts, Office, Scene, take};
use entente_wire::ErrorCode;
use serde_json::json;
use uuid::Uuid;

use crate::table::{
    effects,
    row::{Decision, Expect, Row},
    shown::{self, Shown},
};

const READ: &str = "partnerships:read";
const WRITE: &str = "partnerships:write";
const REASON: &str = "They film our product launch";
const PARTNER: &str = "pat@guest.example";

pub(super) fn rows() -> Vec<Row> {
    let one = |scene: &Scene| format!("/partnerships/{}", scene.partnership);
    let mut rows = vec![
        Row::new("GET", "/partnerships", READ)
            .shows(|scene, facts, by| Shown::these(shown::partnerships(scene, facts, by))),
        Row::new("POST", "/partnerships", WRITE)
            .body(|scene, by| {
                let to = asked(scene, by).to_string();
                json!({"guestWorkspaceId": to, "partnerEmail": PARTNER, "reason": REASON})
            })
            .expect(may_ask)
            .does(ask)
            .creates()
            .shows(|scene, facts, by| {
                let (host, guest) = (by.workspace, asked(scene, by));
                let sent = newest(facts, host, guest).expect("it was sent");
                Shown::these(shown::partnership(scene, by, sent).into_iter().collect())
            }),
        Row::new("GET", "/partnerships/{id}", READ)
            .path(one)
            .expect(|scene, by| {
                let seen = sees(by, scene.facts.partnership(scene));
                if seen { Expect::Done } else { Expect::NotFound }
            })
            .shows(the_partnership),
        Row::new("GET", "/partnerships/{id}/impact", READ)
            .path(move |scene| format!("{}/impact", one(scene)))
            .expect(|scene, by| {
                let partnership = scene.facts.partnership(scene);
                if sees_impact(by, partnership) {
                    return Expect::Done;
                }
                match transition(scene, by, Action::Remove) {
                    Expect::Done => Expect::WrongState(ErrorCode::WrongState),
                    refused => refused,
                }
            })
            .shows(|scene, _, _| Shown::one(scene.partnership, Vec::new())),
        Row::new("POST", "/partnerships/{id}/owners", WRITE)
            .path(move |scene| format!("{}/owners", one(scene)))
            .body(|scene, _| json!({"userId": scene.user(Office::HostUser).to_string()}))
            .expect(|scene, by| manage(scene, by, Management::NameOwner))
            .does(|scene, by, facts| {
                let named = facts.user(scene.user(Office::HostUser)).actor();
                let before = facts.partnership(scene).clone();
                effects::put(facts, before.name_owner(&named, by, scene.at).expect("allowed"));
            })
            .shows(the_partnership),
        Row::new("DELETE", "/partnerships/{id}/owners/{userId}", WRITE)
            .path(move |scene| {
                format!("{}/owners/{}", one(scene), scene.user(Office::PartnershipOwner))
            })
            .expect(|scene, by| match manage(scene, by, Management::DismissOwner) {
                Expect::WrongState(_)
                    if scene.facts.partnership(scene).state.name().holds_pair() =>
                {
                    Expect::WrongState(ErrorCode::LastOwner)
                }
                other => other,
            })
            .does(|scene, by, facts| {
                let before = facts.partnership(scene).clone();
                let owner = scene.user(Office::PartnershipOwner);
                effects::put(facts, before.dismiss_owner(owner, by, scene.at).expect("allowed"));
            })
            .shows(the_partnership),
    ];
    rows.extend(Action::ALL.iter().copied().map(|action| {
        let (method, template) = match action {
            Action::Approve => ("POST", "/partnerships/{id}/approve"),
            Action::Decline => ("POST", "/partnerships/{id}/decline"),
            Action::Accept => ("POST", "/partnerships/{id}/accept"),
            Action::Withdraw => ("POST", "/partnerships/{id}/withdraw"),
            Action::Remind => ("POST", "/partnerships/{id}/remind"),
            Action::Resend => ("POST", "/partnerships/{id}/resend"),
            Action::Remove => ("DELETE", "/partnerships/{id}"),
        };
        Row::new(method, template, WRITE)
            .path(move |scene| template.replace("{id}", &scene.partnership.to_string()))
            .body(move |scene, _| match action {
                Action::Accept => json!({"termsVersion": scene.terms.version, "agreed": true}),
                _ => json!(null),
            })
            .expect(move |scene, by| transition(scene, by, action))
            .does(move |scene, by, facts| {
                let before = facts.partnership(scene).clone();
                let step = take(before, by, action, &scene.terms, scene.at).expect("allowed");
                effects::put(facts, step.partnership);
                if action == Action::Remove {
                    effects::end(scene, facts, scene.partnership);
                }
            })
            .shows(the_partnership)
            .decides(Decision::Partnership)
    }));
    rows
}

fn the_partnership(scene: &Scene, facts: &Facts, by: &Actor) -> Shown {
    Shown::these(shown::partnership(scene, by, facts.partnership(scene)).into_iter().collect())
}

/// What a transition comes to.
fn transition(scene: &Scene, by: &Actor, action: Action) -> Expect {
    let partnership = scene.facts.partnership(scene).clone();
    match take(partnership, by, action, &scene.terms, scene.at) {
        Ok(_) => Expect::Done,
        Err(TransitionError { why: Refusal::NotVisible, .. }) => Expect::NotFound,
        Err(TransitionError { why: Refusal::NotEntitled, .. }) => Expect::Forbidden,
        Err(TransitionError { why: Refusal::WrongState, .. }) => {
            Expect::WrongState(ErrorCode::WrongState)
        }
        Err(other) => panic!("no scene leads to this: {other}"),
    }
}

/// What something comes to that is done to a partnership beside its transitions.
pub(super) fn manage(scene: &Scene, by: &Actor, action: Management) -> Expect {
    let partnership = scene.facts.partnership(scene);
    if !sees(by, partnership) {
        Expect::NotFound
    } else if !may_manage(by, partnership, action) {
        Expect::Forbidden
    } else if !allowed_management(by, partnership).contains(&action) {
        Expect::WrongState(ErrorCode::WrongState)
    } else {
        Expect::Done
    }
}

/// The workspace that somebody asks: the host the guest, everybody else the host.
fn asked(scene: &Scene, by: &Actor) -> WorkspaceId {
    if by.workspace == scene.host.id { scene.guest.id } else { scene.host.id }
}

fn newest(facts: &Facts, host: WorkspaceId, guest: WorkspaceId) -> Option<&Partnership> {
    let of_pair = facts.partnerships.iter().filter(|one| (one.host, one.guest) == (host, guest));
    of_pair.max_by_key(|one| (one.state.name().holds_pair(), one.created_at))
}

fn may_ask(scene: &Scene, by: &Actor) -> Expect {
    if !may_send(by, scene.host.send_policy) {
        return Expect::Forbidden;
    }
    let stands = |one: &Partnership| {
        let state = one.state.name();
        state.holds_pair() && !state.is_replaceable()
    };
    if newest(&scene.facts, by.workspace, asked(scene, by)).is_some_and(stands) {
        Expect::WrongState(ErrorCode::PartnershipExists)
    } else {
        Expect::Done
    }
}

fn ask(scene: &Scene, by: &Actor, facts: &mut Facts) {
    let earlier = newest(facts, by.workspace, asked(scene, by)).cloned();
    let new = NewRequest {
        id: PartnershipId::new(Uuid::now_v7()),
        guest: asked(scene, by),
        partner_email: EmailAddress::parse(PARTNER).expect("an address"),
        reason: needs_reason(by).then(|| Reason::parse(REASON).expect("a reason")),
        predecessor: earlier.as_ref().map(|earlier| earlier.id),
    };
    let policy = scene.host.send_policy;
    let sent = Partnership::request(new, by, policy, Deadlines::default(), scene.at);
    if let Some(earlier) = earlier.filter(|earlier| earlier.state.name().is_replaceable()) {
        let replaced = earlier.replace(by, scene.at).expect("it can be replaced");
        effects::put(facts, replaced.partnership);
    }
    facts.partnerships.push(sent.expect("allowed").partnership);
}
