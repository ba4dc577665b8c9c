use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use entente_domain::Timestamp;
use entente_store::StoreError;
use entente_wire::{ChangedResource, ErrorCode, ErrorDocument, ErrorMeta, ErrorObject, Person};

use crate::VaultError;

/// A refusal, as it goes to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    object: Box<ErrorObject>,
    /// Another transaction was in the way: the whole is worth another try.
    conflict: bool,
}

pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// A refusal; `detail` says what happened this time and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let object = ErrorObject {
            code,
            title: code.title().into(),
            detail: detail.into(),
            status: code.status(),
            meta: ErrorMeta::default(),
        };
        Self { object: Box::new(object), conflict: false }
    }

    /// A refusal of something in particular: `["body", "reason"]`.
    pub(crate) fn at(code: ErrorCode, loc: [&str; 2], detail: impl Into<String>) -> Self {
        Self::new(code, detail).with(|meta| meta.loc = loc.map(str::to_owned).to_vec())
    }

    /// The same for what is not there and what is not theirs to see.
    pub(crate) fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "There is nothing here that you may see.")
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut ErrorMeta)) -> Self {
        change(&mut self.object.meta);
        self
    }

    pub(crate) fn code(&self) -> ErrorCode {
        self.object.code
    }

    pub(crate) fn is_conflict(&self) -> bool {
        self.conflict
    }

    /// What was to be told cannot be put into words.
    pub(crate) fn unwritable(error: serde_json::Error) -> Self {
        tracing::error!(%error, "an answer could not be written");
        Self::new(ErrorCode::Internal, "The server could not answer. Try again later.")
    }

    /// The same for everybody who may not do something.
    pub(crate) fn forbidden() -> Self {
        Self::new(
            ErrorCode::Forbidden,
            "You are not one of those who may do this. Ask an Admin of your workspace.",
        )
    }

    /// An attribute of the body that cannot be.
    pub(crate) fn in_body(code: ErrorCode, name: &str, detail: impl Into<String>) -> Self {
        Self::at(code, ["body", name], detail)
    }

    /// Adds what the caller needs to decide again: the resource as it is, by whom and when.
    pub(crate) fn with_current(
        self,
        current: Option<ChangedResource>,
        by: Option<Person>,
        at: Option<Timestamp>,
    ) -> Self {
        self.with(|meta| {
            meta.current = current.map(Box::new);
            meta.by = by;
            meta.at = at;
        })
    }

    pub(crate) fn detail(&self) -> &str {
        &self.object.detail
    }

    /// The seconds to wait before it is worth another try.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.object.meta.retry_after
    }

    pub(crate) fn status(&self) -> u16 {
        self.object.status
    }

    pub(crate) fn document(&self) -> ErrorDocument {
        ErrorDocument { errors: vec![(*self.object).clone()] }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let conflict = error.is_conflict();
        if conflict {
            tracing::debug!(%error, "another transaction was in the way");
        } else {
            // The cause stays in the log; the request's id finds it there.
            tracing::error!(%error, "the store failed");
        }
        let refusal = if error.is_busy() {
            Self::new(ErrorCode::Unavailable, "The database is busy. Try again in a moment.")
                .with(|meta| meta.retry_after = Some(1))
        } else if matches!(error, StoreError::PairTaken) {
            Self::new(
                ErrorCode::PartnershipExists,
                "Your workspace already has an open partnership with this workspace.",
            )
        } else if conflict {
            Self::new(
                ErrorCode::Unavailable,
                "Others are changing the same. Try again in a moment.",
            )
            .with(|meta| meta.retry_after = Some(1))
        } else {
            Self::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        };
        Self { conflict, ..refusal }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        tracing::error!(%error, "the vault failed");
        Self::new(ErrorCode::Internal, "The server could not answer. Try again later.")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.object.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.object.meta.retry_after;
        let mut response = (status, Json(self.document())).into_response();
        response.extensions_mut().insert(self.code());
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
