//! Host-guest partnerships in the field's own words: ids, people, states, transitions, and the one
//! policy that says who may do what.
//!
//! Pure: no clock, no randomness, no input or output. A caller passes the time and gets back either
//! the next state or the reason for the refusal. Every other crate may import this one; this one
//! imports none of them.

#![deny(missing_docs)]
#![warn(clippy::wildcard_enum_match_arm)]

mod access;
mod access_policy;
mod deed;
mod ids;
mod partnership;
mod people;
mod policy;
mod text;
mod timestamp;
mod transition;
mod webhook;

pub use access::{
    AccessRequest, Account, AccountFacts, AccountRole, Grant, GuestRole, RequestState,
    SharedAccount,
};
pub use access_policy::{
    AccountAction, GrantAction, Management, RequestAction, allowed_account_actions,
    allowed_grant_actions, allowed_management, allowed_request_actions, is_partnership_owner,
    may_have_api_keys, may_manage, may_manage_webhooks, may_remove_member, may_unshare,
    sees_access_request, sees_account, sees_all_members, sees_grant, sees_impact, sees_member,
    sees_origin, sees_shared_account,
};
pub use deed::Deed;
pub use ids::{
    AccessRequestId, AccountId, ActivityId, ApiKeyId, GrantId, IdError, IdentityProviderId,
    PartnershipId, ScimTokenId, SessionId, SharedAccountId, UserId, WebhookId, WorkspaceId,
};
pub use partnership::{
    Approval, Awaited, Consent, Partnership, Reminders, State, StateName, UnknownState, Waiting,
};
pub use people::{Actor, Side, UnknownName, UserStatus, WorkspaceRole};
pub use policy::{Action, SendPolicy, allowed_actions, may_send, needs_reason, sees};
pub use text::{
    AccountLabel, AddressLabel, ApplicationName, EmailAddress, ExternalId, KeyName, Message, Note,
    PersonName, Reason, TextError, TokenName, WorkspaceName,
};
pub use timestamp::{Timestamp, TimestampError};
pub use transition::{
    Agreement, Deadlines, Initiator, NewRequest, Refusal, RequestRefusal, Step, TermsFacts,
    Transition, TransitionError,
};
pub use webhook::WebhookEvent;
