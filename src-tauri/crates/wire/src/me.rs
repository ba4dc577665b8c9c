use entente_domain::{Timestamp, UserStatus, WorkspaceId, WorkspaceRole};
use serde::{Deserialize, Serialize};

use crate::Resource;

/// The word in `meta.allowedActions` of `GET /me` that allows `POST /partnerships`.
pub const SEND_REQUEST: &str = "send_request";

/// `GET /me`: the caller's user and workspace; `id` is the user's.
pub type MeResource = Resource<MeAttributes>;

/// The facts of `GET /me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MeAttributes {
    /// The mail address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role in the workspace.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "workspace_admin"))]
    pub role: WorkspaceRole,
    /// Whether the user can act.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "live"))]
    pub status: UserStatus,
    /// The workspace.
    pub workspace: WorkspaceSummary,
    /// The ID that an Admin hands to others, the same as `workspace.id`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub workspace_id: WorkspaceId,
    /// Whether a request that this user sends needs a reason.
    pub request_needs_reason: bool,
    /// What the key may do.
    pub scopes: Vec<String>,
    /// When the key ends; none if it does not.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub key_expires_at: Option<Timestamp>,
}

/// A workspace as its own members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkspaceSummary {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: WorkspaceId,
    /// Its name.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
}

/// `GET /terms`: the current Terms of Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TermsAttributes {
    /// The version; `accept` names it.
    pub version: String,
    /// The SHA-256 of `text`, in hexadecimal.
    pub hash: String,
    /// The text, in paragraphs parted by blank lines.
    pub text: String,
}
