use entente_domain::{PartnershipId, Side, StateName, Timestamp, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};

use crate::Resource;
#[cfg(feature = "openapi")]
use crate::schema;

/// A partnership as the caller may see it; its `allowedActions` are words of
/// [`entente_domain::Action`].
pub type PartnershipResource = Resource<PartnershipAttributes>;

/// The facts of a partnership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PartnershipAttributes {
    /// Counts its changes; the same as the `ETag`.
    pub version: i64,
    /// Which end of it the caller's workspace is.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::Side))]
    pub side: Side,
    /// Where it stands.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::StateName))]
    pub state: StateName,
    /// What people read for it, in English.
    pub state_label: String,
    /// The workspace that shares.
    pub host: WorkspaceRef,
    /// The workspace that is shared with.
    pub guest: WorkspaceRef,
    /// Whom the sender knows at the guest.
    pub partner_email: String,
    /// Why; absent for the guest side, and where an Admin sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The sender.
    pub requested_by: Person,
    /// The Partnership Owners.
    pub owners: Vec<Person>,
    /// Whether sending it was approving it.
    pub approved_automatically: bool,
    /// When it was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// Since when it awaits somebody; null where it does not.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub awaiting_since: Option<Timestamp>,
    /// Until when it awaits somebody; null where it does not.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// How many reminders were sent.
    pub reminders_sent: u32,
    /// When the last one was.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_reminder_at: Option<Timestamp>,
    /// When the next one is possible; null where it is possible at once or not at all.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_reminder_at: Option<Timestamp>,
    /// The closed partnership of the same pair that this one follows.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub predecessor_id: Option<PartnershipId>,
    /// Every transition that the caller may know of, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// A workspace at the other end of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkspaceRef {
    /// Its workspace ID.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
}

/// A user at the other end of a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// The user's id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: UserId,
    /// The user's name.
    pub name: String,
    /// The user's mail address.
    pub email: String,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryEntry {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// From which state; null for the first.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schema::StateName>))]
    pub from: Option<StateName>,
    /// To which state; the same one for a reminder.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::StateName))]
    pub to: StateName,
    /// By whom.
    pub by: HistoryInitiator,
    /// What they added.
    pub note: Option<String>,
}

/// Who made a transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HistoryInitiator {
    /// A person.
    User(Person),
    /// The server itself: an expiry.
    System,
}

/// The attributes of `POST /partnerships`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct NewPartnership {
    /// The workspace ID of the guest workspace.
    #[cfg_attr(feature = "openapi", schema(required = true, format = Uuid))]
    pub guest_workspace_id: String,
    /// Whom the sender knows there.
    #[cfg_attr(feature = "openapi", schema(required = true, example = "ana@globex.example"))]
    pub partner_email: String,
    /// Why: 1 to 2,000 characters. Not stored where an Admin sends the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The attributes of `POST /partnerships/{id}/decline`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default)]
pub struct DeclineAttributes {
    /// What to add: up to 500 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub note: Option<String>,
}

/// The attributes of `POST /partnerships/{id}/accept`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct AcceptAttributes {
    /// The version of the terms that the person read.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub terms_version: String,
    /// Whether they agreed.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub agreed: bool,
}
