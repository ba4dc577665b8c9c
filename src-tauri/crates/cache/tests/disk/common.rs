//! What several tests of the cache keep in it.

use entente_cache::{PartnershipRecord, PersonRecord, Record, WorkspaceRecord};
use entente_domain::{PartnershipId, Side, StateName, Timestamp, UserId, WorkspaceId};
use uuid::Uuid;

/// A moment.
pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_780_000_000_000 + millis).expect("a moment")
}

/// A partnership as a record of whatever kind.
pub fn kept(number: u128, name: &str, version: i64) -> Record {
    Record::Partnership(Box::new(record(number, name, version)))
}

/// A partnership that awaits approval.
pub fn record(number: u128, name: &str, version: i64) -> PartnershipRecord {
    let workspace = |number: u128, name: &str| WorkspaceRecord {
        id: WorkspaceId::new(Uuid::from_u128(number)),
        name: name.into(),
    };
    PartnershipRecord {
        id: PartnershipId::new(Uuid::from_u128(number)),
        version,
        side: Side::Host,
        state: StateName::AwaitingApproval,
        host: workspace(1, "Globex"),
        guest: workspace(1_000 + number, name),
        partner_email: format!("hello{number}@guest.example"),
        reason: Some("They film our launch".into()),
        requested_by: PersonRecord {
            id: UserId::new(Uuid::from_u128(7)),
            name: "Uma Castillo".into(),
            email: "uma@globex.example".into(),
        },
        owners: Vec::new(),
        approved_automatically: false,
        created_at: at(0),
        updated_at: at(version),
        awaiting_since: Some(at(0)),
        expires_at: Some(at(1_000)),
        reminders_sent: 0,
        last_reminder_at: None,
        next_reminder_at: None,
        predecessor: None,
        history: Vec::new(),
        allowed_actions: vec!["approve".into()],
    }
}
