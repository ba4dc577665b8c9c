use entente_domain::{Timestamp, UserStatus, WorkspaceId, WorkspaceRole};
use serde::{Deserialize, Serialize};

use crate::Resource;
#[cfg(feature = "openapi")]
use crate::schema;

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
    #[cfg_attr(feature = "openapi", schema(value_type = schema::WorkspaceRole))]
    pub role: WorkspaceRole,
    /// Whether the user can act.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::UserStatus))]
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

/// `GET /terms`; `id` is the version.
pub type TermsResource = Resource<TermsAttributes>;

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

/// One of the caller's API keys; `allowedActions` holds `revoke`.
pub type ApiKeyResource = Resource<ApiKeyAttributes>;

/// The facts of an API key. `Debug` leaves its secret out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyAttributes {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    #[cfg_attr(feature = "openapi", schema(example = json!(["partnerships:read"])))]
    pub scopes: Vec<String>,
    /// When it was made.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it ends; null if it does not.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
    /// Whether it is the one that this request was made with.
    pub is_current: bool,
    /// The key itself, in the answer that made it and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for ApiKeyAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiKeyAttributes").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// The attributes of `POST /api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewApiKey {
    /// What to call it: 1 to 100 characters on one line.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 100))]
    pub name: String,
    /// What it may do: some of the scopes of the key that makes it. All of them if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub scopes: Option<Vec<String>>,
    /// When it ends; without it, it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub expires_at: Option<Timestamp>,
}
