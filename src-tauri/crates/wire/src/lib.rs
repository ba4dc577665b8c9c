//! The documents of the partnership API: what goes over the wire, its error codes and its paging.
//!
//! Pure data. The server writes these types and the client reads them, so a change of one shows in
//! both. Nothing here decides anything; may import `domain` only.

#![deny(missing_docs)]

mod account;
mod change;
mod document;
mod error;
mod me;
mod partnership;
#[cfg(feature = "openapi")]
pub mod schema;
mod session;
mod webhook;

pub use account::{
    AccessRequestAttributes, AccessRequestResource, AccountAttributes, AccountResource,
    AccountUserAttributes, AccountUserResource, ActivityAttributes, ActivityResource,
    ImpactAttributes, ImpactResource, MemberAccount, MemberAttributes, MemberResource,
    NewAccessRequests, NewAccountUser, NewOwner, RoleAttributes, SecretAttributes, SecretResource,
    ShareAccounts, SharedAccountAttributes, SharedAccountResource, UserAttributes, UserResource,
};
pub use change::{Change, ChangeMeta, ChangedResource, Changes, NewerResource, Operation};
#[cfg(feature = "openapi")]
pub use document::Documents;
pub use document::{
    Body, Document, Links, List, ListMeta, PageMeta, Resource, ResourceMeta, ResourceType,
};
pub use error::{ErrorCode, ErrorDocument, ErrorMeta, ErrorObject, ExistingPartnership};
pub use me::{
    ApiKeyAttributes, ApiKeyResource, MeAttributes, MeResource, NewApiKey, SEND_REQUEST,
    TermsAttributes, TermsResource, WorkspaceSummary,
};
pub use partnership::{
    AcceptAttributes, DeclineAttributes, HistoryEntry, HistoryInitiator, NewPartnership,
    PartnershipAttributes, PartnershipResource, Person, WorkspaceRef,
};
pub use session::{
    FindProvider, IdentityProviderAttributes, IdentityProviderResource, RevokeToken,
    SessionAttributes, SessionResource, TokenRequest,
};
pub use webhook::{
    DeliveryState, Envelope, LastDelivery, NewWebhook, WebhookAttributes, WebhookResource,
};
