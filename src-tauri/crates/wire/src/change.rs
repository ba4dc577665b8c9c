use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;

use crate::{
    AccessRequestResource, AccountResource, AccountUserResource, Links, PartnershipResource,
    ResourceType, SharedAccountResource, UserResource,
};

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
    pub resource: Option<ChangedResource>,
}

/// A resource of one of the types that the change feed tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum ChangedResource {
    /// A partnership.
    Partnership(PartnershipResource),
    /// A member of the caller's workspace.
    User(UserResource),
    /// An account.
    Account(AccountResource),
    /// An account shared through a partnership.
    SharedAccount(SharedAccountResource),
    /// Somebody's role on an account.
    AccountUser(AccountUserResource),
    /// A request for access.
    AccessRequest(AccessRequestResource),
    /// Of a type that is newer than the reader, who passes over it.
    Unrecognized(NewerResource),
}

/// What is left of a resource that is newer than its reader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewerResource {
    /// Its id.
    pub id: String,
    /// What it is.
    pub r#type: String,
}

impl ChangedResource {
    /// What it is, and its id.
    #[must_use]
    pub fn identity(&self) -> (ResourceType, &str) {
        match self {
            Self::Partnership(resource) => (resource.r#type, &resource.id),
            Self::User(resource) => (resource.r#type, &resource.id),
            Self::Account(resource) => (resource.r#type, &resource.id),
            Self::SharedAccount(resource) => (resource.r#type, &resource.id),
            Self::AccountUser(resource) => (resource.r#type, &resource.id),
            Self::AccessRequest(resource) => (resource.r#type, &resource.id),
            Self::Unrecognized(resource) => (ResourceType::Unrecognized, &resource.id),
        }
    }

    /// The partnership, if it is one.
    #[must_use]
    pub fn partnership(self) -> Option<PartnershipResource> {
        match self {
            Self::Partnership(resource) => Some(resource),
            Self::User(_)
            | Self::Account(_)
            | Self::SharedAccount(_)
            | Self::AccountUser(_)
            | Self::AccessRequest(_)
            | Self::Unrecognized(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for ChangedResource {
    /// By its `type`, so that an error names what is wrong with that type.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Typed {
            r#type: ResourceType,
        }
        let text = Box::<RawValue>::deserialize(from)?;
        let text = text.get();
        let Typed { r#type } = serde_json::from_str(text).map_err(D::Error::custom)?;
        match r#type {
            ResourceType::Partnership => serde_json::from_str(text).map(Self::Partnership),
            ResourceType::User => serde_json::from_str(text).map(Self::User),
            ResourceType::Account => serde_json::from_str(text).map(Self::Account),
            ResourceType::SharedAccount => serde_json::from_str(text).map(Self::SharedAccount),
            ResourceType::AccountUser => serde_json::from_str(text).map(Self::AccountUser),
            ResourceType::AccessRequest => serde_json::from_str(text).map(Self::AccessRequest),
            _ => serde_json::from_str(text).map(Self::Unrecognized),
        }
        .map_err(D::Error::custom)
    }
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
