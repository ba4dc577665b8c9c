//! What the tests of notices and of the tray have in common.

#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use entente_attention::{Item, Kind, Pending};
use entente_domain::{AccessRequestId, GuestRole, PartnershipId, Timestamp};
use uuid::Uuid;

pub const HOUR: Duration = Duration::from_secs(3_600);

pub fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().expect("a moment")
}

pub fn partnership(number: u128) -> Item {
    Item::Partnership(PartnershipId::new(Uuid::from_u128(number)))
}

pub fn request(number: u128) -> Item {
    Item::AccessRequest(AccessRequestId::new(Uuid::from_u128(number)))
}

pub fn access() -> Kind {
    Kind::Access {
        account: "Mailchimp, EMEA newsletter".into(),
        member: "Salma Haddad".into(),
        role: GuestRole::Collaborator,
    }
}

pub fn pending(number: u128, kind: Kind) -> Pending {
    let item = match kind {
        Kind::Approval | Kind::Acceptance => partnership(number),
        Kind::Access { .. } => request(number),
    };
    Pending {
        profile: "p1".into(),
        item,
        kind,
        host: "Globex".into(),
        guest: format!("Guest {number}"),
        requested_by: "Uma Castillo".into(),
        reason: Some("They film our launch".into()),
        since: now(),
    }
}
