use entente_domain::{PartnershipId, StateName, Timestamp};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schema;
use crate::{ChangedResource, Person};

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// Why a request was refused: a closed list that server, client and window share. Nobody
        /// matches the English texts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorCode {
            $($(#[$doc])+ #[serde(rename = $text)] $name,)+
            /// Never sent: what a reader has for a code that is newer than itself.
            #[serde(other, rename = "unrecognized")]
            Unrecognized,
        }

        impl ErrorCode {
            /// All that are sent.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ Self::Unrecognized => "unrecognized" }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ Self::Unrecognized => 400 }
            }

            /// A short text that is the same each time.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ Self::Unrecognized => "Refused" }
            }
        }
    };
}

codes! {
    /// The body is not JSON or lacks an attribute.
    MalformedBody = "malformed_body", 400, "The body cannot be read";
    /// A query parameter that the endpoint does not know; `meta.loc` names it.
    UnknownParameter = "unknown_parameter", 400, "Unknown parameter";
    /// A parameter or header whose value cannot be read; `meta.loc` names it.
    InvalidParameter = "invalid_parameter", 400, "Invalid parameter";
    /// No key was sent.
    MissingCredentials = "missing_credentials", 401, "An API key is needed";
    /// The key is unknown or was revoked.
    InvalidCredentials = "invalid_credentials", 401, "The API key is not valid";
    /// The key's time is over.
    ExpiredCredentials = "expired_credentials", 401, "The API key has expired";
    /// The key's user was disabled, or has not come yet.
    UserDisabled = "user_disabled", 401, "The user of this key cannot act";
    /// The session is over, or its refresh token was used before: sign in again.
    SessionExpired = "session_expired", 401, "The session is over";
    /// The key lacks the scope.
    InsufficientScope = "insufficient_scope", 401, "The API key lacks the scope";
    /// The caller is not entitled to it.
    Forbidden = "forbidden", 403, "Not allowed";
    /// The identity provider or this server does not let this person in.
    SsoRefused = "sso_refused", 403, "Single sign-on was refused";
    /// No such thing, or not theirs to see: told alike.
    NotFound = "not_found", 404, "Not found";
    /// No single sign-on serves this address.
    SsoNotConfigured = "sso_not_configured", 404, "No single sign-on here";
    /// The path does not know the method.
    MethodNotAllowed = "method_not_allowed", 405, "Method not allowed";
    /// The pair has an open partnership; `meta.existing` names it to those who may see it.
    PartnershipExists = "partnership_exists", 409, "There is a partnership already";
    /// The partnership's state has no such exit; `meta.current` has it as it is.
    WrongState = "wrong_state", 409, "Its state does not allow this";
    /// The deadline passed before the decision; `meta.current` has it as it is.
    DeadlinePassed = "deadline_passed", 409, "The request has expired";
    /// The terms agreed to are not the current ones.
    TermsChanged = "terms_changed", 409, "The terms have changed";
    /// The account is shared through this partnership already.
    AlreadyShared = "already_shared", 409, "The account is shared already";
    /// The user has a role on this account already.
    AlreadyMember = "already_member", 409, "They have access already";
    /// The last Owner stays until another is named.
    LastOwner = "last_owner", 409, "Another Owner is needed first";
    /// The guest workspace has no Admin who could receive the account.
    NoGuestAdmin = "no_guest_admin", 409, "Nobody there can receive it";
    /// An identity provider adds and removes the members of this workspace.
    ManagedByIdentityProvider = "managed_by_identity_provider", 409, "The identity provider decides";
    /// A request with the same `Idempotency-Key` is still being answered.
    RequestInProgress = "request_in_progress", 409, "The same request is still running";
    /// The cursor is too old or of another database: read a full snapshot.
    CursorExpired = "cursor_expired", 410, "The cursor has expired";
    /// It changed since it was read; `meta` has it as it is, and by whom and when.
    StaleVersion = "stale_version", 412, "It has changed meanwhile";
    /// The body is too large.
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = "unsupported_media_type", 415, "The body must be JSON";
    /// No workspace has this workspace ID.
    UnknownWorkspace = "unknown_workspace", 422, "Unknown workspace ID";
    /// A workspace cannot be its own partner.
    OwnWorkspace = "own_workspace", 422, "This is your own workspace";
    /// A request that is not an Admin's needs a reason.
    ReasonRequired = "reason_required", 422, "A reason is required";
    /// There are as many of these as there can be.
    TooMany = "too_many", 409, "There are too many";
    /// No account of the caller's has this id.
    UnknownAccount = "unknown_account", 422, "Unknown account";
    /// No user of the workspace that is meant has this id.
    UnknownUser = "unknown_user", 422, "Unknown user";
    /// A guest never becomes account Owner.
    GuestCannotOwn = "guest_cannot_own", 422, "A guest cannot own an account";
    /// An attribute has a value that it cannot have; `meta.loc` names it.
    InvalidValue = "invalid_value", 422, "Not a possible value";
    /// Not a mail address.
    InvalidEmail = "invalid_email", 422, "Not a mail address";
    /// A text is too long or holds control characters; `meta.loc` names it.
    InvalidText = "invalid_text", 422, "The text cannot be stored";
    /// The terms were not agreed to.
    TermsNotAgreed = "terms_not_agreed", 422, "The terms must be agreed to";
    /// The `Idempotency-Key` was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "The idempotency key was used before";
    /// The request needs an `If-Match` header.
    VersionRequired = "version_required", 428, "If-Match is required";
    /// The last reminder is too recent; `meta.nextReminderAt` tells when the next one is possible.
    ReminderTooSoon = "reminder_too_soon", 429, "A reminder was sent recently";
    /// Too many requests; `Retry-After` tells when to come back.
    RateLimited = "rate_limited", 429, "Too many requests";
    /// A fault of the server; `meta.requestId` finds it in the log.
    Internal = "internal", 500, "Something went wrong here";
    /// The server cannot answer just now.
    Unavailable = "unavailable", 503, "Not available just now";
    /// The identity provider does not answer, or not as it should.
    ProviderUnavailable = "provider_unavailable", 503, "The identity provider does not answer";
}

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorDocument {
    /// What is wrong; at least one.
    pub errors: Vec<ErrorObject>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorObject {
    /// Which.
    pub code: ErrorCode,
    /// The code's short text.
    pub title: String,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
    /// The facts.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub meta: ErrorMeta,
}

/// The facts of an error; which ones are there depends on the code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct ErrorMeta {
    /// Where: `["body", "partnerEmail"]`, `["query", "filter[state]"]`, `["header", "If-Match"]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loc: Vec<String>,
    /// The resource as it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Box<ChangedResource>>,
    /// Who changed it last; absent if it was the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// When it last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub at: Option<Timestamp>,
    /// The open partnership of the pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingPartnership>,
    /// When the next reminder is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub next_reminder_at: Option<Timestamp>,
    /// The current version of the terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_version: Option<String>,
    /// Seconds to wait, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// The id of the request, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// The open partnership that a new request ran into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExistingPartnership {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: PartnershipId,
    /// Where it stands.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::StateName))]
    pub state: StateName,
    /// What people read for it.
    pub state_label: String,
}
