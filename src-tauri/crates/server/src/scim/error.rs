use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entente_store::StoreError;
use serde_json::json;

use super::{ERROR, scim_json};
use crate::error::ApiError;

/// The kinds of error that SCIM has a word for (RFC 7644, section 3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScimType {
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    Uniqueness,
}

/// The words for all of them.
pub(crate) const SCIM_TYPES: [&str; 7] = [
    ScimType::InvalidFilter.as_str(),
    ScimType::InvalidPath.as_str(),
    ScimType::InvalidSyntax.as_str(),
    ScimType::InvalidValue.as_str(),
    ScimType::Mutability.as_str(),
    ScimType::NoTarget.as_str(),
    ScimType::Uniqueness.as_str(),
];

impl ScimType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::InvalidPath => "invalidPath",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidValue => "invalidValue",
            Self::Mutability => "mutability",
            Self::NoTarget => "noTarget",
            Self::Uniqueness => "uniqueness",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Uniqueness => StatusCode::CONFLICT,
            Self::InvalidFilter
            | Self::InvalidPath
            | Self::InvalidSyntax
            | Self::InvalidValue
            | Self::Mutability
            | Self::NoTarget => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refusal in SCIM's own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScimError {
    status: StatusCode,
    scim_type: Option<ScimType>,
    detail: String,
    retry_after: Option<u64>,
    /// Another transaction was in the way: the whole is worth another try.
    conflict: bool,
}

pub(crate) type ScimResult<T> = Result<T, ScimError>;

impl ScimError {
    /// A refusal that SCIM has a word for; `detail` says what to do.
    pub(crate) fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { scim_type: Some(scim_type), ..Self::with_status(scim_type.status(), detail) }
    }

    pub(crate) fn with_status(status: StatusCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, scim_type: None, detail, retry_after: None, conflict: false }
    }

    /// The same in other words.
    pub(crate) fn saying(self, detail: &str) -> Self {
        Self { detail: detail.to_owned(), ..self }
    }

    /// The same for what is not there, what was deleted, and what is of another workspace.
    pub(crate) fn not_found() -> Self {
        Self::with_status(StatusCode::NOT_FOUND, "There is nothing here that this token may see.")
    }

    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.conflict
    }
}

impl From<ApiError> for ScimError {
    fn from(error: ApiError) -> Self {
        Self {
            status: StatusCode::from_u16(error.status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            scim_type: None,
            retry_after: error.retry_after(),
            conflict: error.is_conflict(),
            detail: error.detail().to_owned(),
        }
    }
}

impl From<StoreError> for ScimError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl IntoResponse for ScimError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": [ERROR],
            "status": self.status.as_u16().to_string(),
            "detail": self.detail,
        });
        if let (Some(scim_type), Some(body)) = (self.scim_type, body.as_object_mut()) {
            body.insert("scimType".into(), scim_type.as_str().into());
        }
        let mut response = scim_json(self.status, &body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}
