use entente_domain::{
    AccountId, AccountRole, GuestRole, PartnershipId, RequestState, Timestamp, UserStatus,
    WorkspaceRole,
};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schema;
use crate::{Person, Resource, WorkspaceRef};

/// An account that the caller has access to; its `allowedActions` are words of
/// [`entente_domain::AccountAction`].
pub type AccountResource = Resource<AccountAttributes>;

/// The facts of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountAttributes {
    /// Counts its changes; the same as the `ETag`.
    pub version: i64,
    /// The app.
    pub application: String,
    /// What tells it from other accounts of the same app.
    pub label: String,
    /// Where one logs in.
    #[cfg_attr(feature = "openapi", schema(example = "https://app.example.com/login"))]
    pub url: String,
    /// `enabled`.
    #[cfg_attr(feature = "openapi", schema(example = "enabled"))]
    pub status: String,
    /// The workspace that holds it.
    pub workspace: WorkspaceRef,
    /// The caller's role on it; null for an Admin who sees it because it has no Owner.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schema::AccountRole>))]
    pub role: Option<AccountRole>,
    /// The host workspace that shares it with the caller's; null for an account of their own.
    pub via: Option<WorkspaceRef>,
    /// The partnership that it is shared through; null for an account of their own.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub partnership_id: Option<PartnershipId>,
    /// Its Owners.
    pub owners: Vec<Person>,
    /// Who added it.
    pub created_by: Person,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When it last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
    /// When somebody last logged in.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub last_login_date: Option<Timestamp>,
}

/// Somebody's role on an account; its `allowedActions` are words of
/// [`entente_domain::GrantAction`].
pub type AccountUserResource = Resource<AccountUserAttributes>;

/// The facts of somebody's role on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountUserAttributes {
    /// Counts its changes; the same as the `ETag`.
    pub version: i64,
    /// On which account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub account_id: AccountId,
    /// Whose.
    pub user: Person,
    /// Of which workspace they are.
    pub workspace: WorkspaceRef,
    /// Whether they are a guest, through a partnership.
    pub is_guest: bool,
    /// The partnership; null for a member of the host.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub partnership_id: Option<PartnershipId>,
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::AccountRole))]
    pub role: AccountRole,
    /// What people read for it, in English.
    pub role_label: String,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
}

/// The attributes of `POST /accounts/{id}/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewAccountUser {
    /// A member of the workspace that holds the account.
    #[cfg_attr(feature = "openapi", schema(format = Uuid))]
    pub user_id: String,
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::AccountRole))]
    pub role: AccountRole,
}

/// The attributes of `PATCH /accounts/{id}/users/{userId}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RoleAttributes {
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::AccountRole))]
    pub role: AccountRole,
}

/// An account shared through a partnership; `allowedActions` holds `remove` for who may.
pub type SharedAccountResource = Resource<SharedAccountAttributes>;

/// The facts of a shared account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SharedAccountAttributes {
    /// Always 1: a shared account comes and goes.
    pub version: i64,
    /// Through which partnership.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub partnership_id: PartnershipId,
    /// Which account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub account_id: AccountId,
    /// The app.
    pub application: String,
    /// What tells it from other accounts of the same app.
    pub label: String,
    /// The account's Owners.
    pub owners: Vec<Person>,
    /// Who shared it.
    pub shared_by: Person,
    /// What the guest's Admins received.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::GuestRole))]
    pub role: GuestRole,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub shared_at: Timestamp,
}

/// The attributes of `POST /partnerships/{id}/accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShareAccounts {
    /// 1 to 100 accounts that the caller owns.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Uuid>, min_items = 1, max_items = 100))]
    pub account_ids: Vec<String>,
    /// What every live Admin of the guest receives.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::GuestRole))]
    pub role: GuestRole,
}

/// A guest member with access; `id` is the user's; `allowedActions` holds `remove` for who may.
pub type MemberResource = Resource<MemberAttributes>;

/// The facts of a guest member with access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberAttributes {
    /// The name.
    pub name: String,
    /// The mail address.
    pub email: String,
    /// On what they have which role.
    pub accounts: Vec<MemberAccount>,
}

/// One role of a guest member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MemberAccount {
    /// On which account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub account_id: AccountId,
    /// The app.
    pub application: String,
    /// The account's label.
    pub label: String,
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::AccountRole))]
    pub role: AccountRole,
    /// Since when.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub since: Timestamp,
}

/// What removing a partnership would take away; `id` is the partnership's.
pub type ImpactResource = Resource<ImpactAttributes>;

/// What removing a partnership would take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImpactAttributes {
    /// How many accounts are shared.
    pub accounts: u64,
    /// How many guest members have access.
    pub members: u64,
    /// How many roles they have in all.
    pub grants: u64,
    /// How many access requests are pending.
    pub pending_requests: u64,
    /// The first accounts, for people: "Mailchimp, EMEA newsletter".
    pub account_names: Vec<String>,
    /// The first members' names.
    pub member_names: Vec<String>,
}

/// The attributes of `POST /partnerships/{id}/owners`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct NewOwner {
    /// A live user of the host workspace.
    #[cfg_attr(feature = "openapi", schema(required = true, format = Uuid))]
    pub user_id: String,
}

/// A Manager's request for access for one member; its `allowedActions` are words of
/// [`entente_domain::RequestAction`].
pub type AccessRequestResource = Resource<AccessRequestAttributes>;

/// The facts of an access request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccessRequestAttributes {
    /// Counts its changes; the same as the `ETag`.
    pub version: i64,
    /// Where it stands.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::RequestState))]
    pub state: RequestState,
    /// What people read for it, in English.
    pub state_label: String,
    /// Through which partnership.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub partnership_id: PartnershipId,
    /// On which account.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub account_id: AccountId,
    /// The app.
    pub application: String,
    /// The account's label.
    pub label: String,
    /// The workspace that holds the account.
    pub host: WorkspaceRef,
    /// The workspace that asks.
    pub guest: WorkspaceRef,
    /// For whom.
    pub member: Person,
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::GuestRole))]
    pub role: GuestRole,
    /// The Manager who asks.
    pub requested_by: Person,
    /// What they added.
    pub message: Option<String>,
    /// Who decided; null while pending, and where it was closed.
    pub decided_by: Option<Person>,
    /// When it was decided or closed.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub decided_at: Option<Timestamp>,
    /// When it was sent.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
}

/// The attributes of `POST /access-requests`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewAccessRequests {
    /// On which account.
    #[cfg_attr(feature = "openapi", schema(format = Uuid))]
    pub account_id: String,
    /// 1 to 100 members of the caller's workspace.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Uuid>, min_items = 1, max_items = 100))]
    pub user_ids: Vec<String>,
    /// Which role.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::GuestRole))]
    pub role: GuestRole,
    /// What to add: up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub message: Option<String>,
}

/// A member of a workspace; `allowedActions` holds `remove` for who may.
pub type UserResource = Resource<UserAttributes>;

/// The facts of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UserAttributes {
    /// Counts their changes; the same as the `ETag`.
    pub version: i64,
    /// The mail address.
    pub email: String,
    /// The name.
    pub name: String,
    /// The role in the workspace.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::WorkspaceRole))]
    pub role: WorkspaceRole,
    /// Whether they can act.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::UserStatus))]
    pub status: UserStatus,
    /// Whether their role is that of a guest.
    pub is_guest: bool,
    /// When they were added.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// When they last changed.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub updated_at: Timestamp,
}

/// A credential of an account; `id` is the account's and the type's.
pub type SecretResource = Resource<SecretAttributes>;

/// A credential, for whoever may log in. It is not for logs: `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretAttributes {
    /// `username` or `password`.
    #[cfg_attr(feature = "openapi", schema(example = "password"))]
    pub secret_type: String,
    /// The credential itself.
    pub value: String,
}

impl std::fmt::Debug for SecretAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretAttributes")
            .field("secret_type", &self.secret_type)
            .finish_non_exhaustive()
    }
}

/// An entry of the audit.
pub type ActivityResource = Resource<ActivityAttributes>;

/// What happened: the eight columns of the Activity Log, and what they refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivityAttributes {
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub time: Timestamp,
    /// What happened.
    #[cfg_attr(feature = "openapi", schema(example = "partnership_accepted"))]
    pub event: String,
    /// What people read for it, in English.
    pub event_label: String,
    /// The account's label, as it was.
    pub account: Option<String>,
    /// The app, as it was.
    pub application: Option<String>,
    /// Who did it; null if it was the server.
    pub user: Option<Person>,
    /// Where the client was: an address. The host is told of everybody; a guest is told this, `os` and
    /// `device` of its own people only.
    pub location: Option<String>,
    /// The client's operating system, as it tells.
    pub os: Option<String>,
    /// The client's device, as it tells.
    pub device: Option<String>,
    /// To whom.
    pub subject: Option<Person>,
    /// More of it: states, roles, a refusal's code.
    pub detail: String,
    /// The partnership.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub partnership_id: Option<PartnershipId>,
    /// The account.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub account_id: Option<AccountId>,
}
