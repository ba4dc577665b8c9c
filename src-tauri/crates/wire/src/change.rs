use serde::{Deserialize, Serialize};

use crate::{Links, PartnershipResource, ResourceType};

/// What happened to a resource, as far as the caller may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It is there now, as told.
    Upsert,
    /// It is not for the caller to see any more.
    Delete,
}

/// One change; also the data of an event named `change` on `GET /events`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Change {
    /// What happened.
    pub op: Operation,
    /// To what.
    pub r#type: ResourceType,
    /// To which one.
    pub id: String,
    /// The resource as it is now; absent for a delete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<PartnershipResource>,
}

/// `GET /changes`: a page of a full snapshot, or of what changed, in commit order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changes {
    /// The changes.
    pub data: Vec<Change>,
    /// `next` is there while there is more.
    pub links: Links,
    /// About this page.
    pub meta: ChangeMeta,
}

/// About a page of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ChangeMeta {
    /// What to pass as `since` next time. On a page of a snapshot that is not its last one, pass it
    /// only once all pages were read.
    pub cursor: String,
    /// Whether this is a page of a full snapshot: what is in none of its pages is gone.
    pub full: bool,
    /// How many resources the snapshot has in all; absent on pages of changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}
