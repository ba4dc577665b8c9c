//! The documents as they stand on the wire.
#![allow(clippy::expect_used, reason = "a test may panic")]

use entente_domain::{Side, StateName, Timestamp};
use entente_wire::{
    AcceptAttributes, Body, Change, ChangedResource, Document, ErrorCode, ErrorDocument,
    HistoryEntry, HistoryInitiator, NewPartnership, Operation, PartnershipAttributes,
    PartnershipResource, Person, Resource, ResourceMeta, ResourceType, WorkspaceRef,
};
use serde_json::json;

const ID: &str = "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e";

fn partnership() -> PartnershipResource {
    let at: Timestamp = "2026-11-24T14:05:00Z".parse().expect("a time");
    let person = Person {
        id: ID.parse().expect("an id"),
        name: "Ana Lima".into(),
        email: "ana@globex.example".into(),
    };
    let workspace = |name: &str| WorkspaceRef { id: ID.parse().expect("an id"), name: name.into() };
    Resource {
        id: ID.into(),
        r#type: ResourceType::Partnership,
        attributes: PartnershipAttributes {
            version: 1,
            side: Side::Host,
            state: StateName::AwaitingApproval,
            state_label: StateName::AwaitingApproval.label().into(),
            host: workspace("Globex"),
            guest: workspace("Initech"),
            partner_email: "pat@initech.example".into(),
            reason: Some("They run our adverts".into()),
            requested_by: person.clone(),
            owners: vec![person.clone()],
            approved_automatically: false,
            created_at: at,
            updated_at: at,
            awaiting_since: Some(at),
            expires_at: Some(at),
            reminders_sent: 0,
            last_reminder_at: None,
            next_reminder_at: None,
            predecessor_id: None,
            history: vec![HistoryEntry {
                at,
                from: None,
                to: StateName::AwaitingApproval,
                by: HistoryInitiator::User(person),
                note: None,
            }],
        },
        meta: ResourceMeta { allowed_actions: vec!["withdraw".into(), "remind".into()] },
    }
}

#[test]
fn a_partnership_reads_as_the_api_page_says() {
    insta::assert_json_snapshot!(Document { data: partnership() });
}

#[test]
fn a_change_carries_its_resource_and_a_delete_none() {
    let upsert = Change {
        op: Operation::Upsert,
        r#type: ResourceType::Partnership,
        id: ID.into(),
        resource: Some(ChangedResource::Partnership(partnership())),
    };
    let text = serde_json::to_string(&upsert).expect("JSON");
    assert_eq!(serde_json::from_str::<Change>(&text).expect("a change"), upsert);
    let delete = Change { op: Operation::Delete, resource: None, ..upsert };
    assert_eq!(
        serde_json::to_value(&delete).expect("JSON"),
        json!({"op": "delete", "type": "partnership", "id": ID})
    );
}

#[test]
fn actions_of_a_newer_server_are_passed_over() {
    let mut value = serde_json::to_value(partnership()).expect("JSON");
    value["meta"]["allowedActions"] = json!(["withdraw", "teleport"]);
    value["attributes"]["novelty"] = json!(true);
    let read: PartnershipResource = serde_json::from_value(value).expect("still readable");
    assert!(read.allows("withdraw"));
    assert!(!read.allows("approve"));
}

#[test]
fn a_body_is_a_document_or_its_attributes_alone() {
    let wanted = NewPartnership {
        guest_workspace_id: ID.into(),
        partner_email: "pat@initech.example".into(),
        reason: None,
    };
    let bare = json!({"guestWorkspaceId": ID, "partnerEmail": "pat@initech.example"});
    for body in [bare.clone(), json!({"data": {"type": "partnership", "attributes": bare}})] {
        let read: Body<NewPartnership> = serde_json::from_value(body).expect("a body");
        assert_eq!(read.0, wanted);
    }
    let accept: Body<AcceptAttributes> =
        serde_json::from_value(json!({"data": {}})).expect("empty");
    assert!(!accept.0.agreed);
    assert!(serde_json::from_value::<Body<AcceptAttributes>>(json!([1])).is_err());
    let round: Body<NewPartnership> =
        serde_json::from_value(serde_json::to_value(Body(wanted.clone())).expect("JSON"))
            .expect("a body");
    assert_eq!(round.0, wanted);
}

#[test]
fn the_list_of_error_codes_is_the_one_that_was_published() {
    let list: Vec<String> = ErrorCode::ALL
        .iter()
        .map(|code| format!("{} {} {}", code.status(), code.as_str(), code.title()))
        .collect();
    insta::assert_snapshot!(list.join("\n"));
}

#[test]
fn an_error_reads_with_the_least_that_it_must_have() {
    let read: ErrorDocument = serde_json::from_value(json!({"errors": [
        {"code": "stale_version", "title": "t", "detail": "d", "status": 412}
    ]}))
    .expect("an error");
    assert_eq!(read.errors[0].code, ErrorCode::StaleVersion);
}
