mod create;
mod list;
mod one;
mod transitions;

pub(crate) use create::{__path_create, create};
pub(crate) use list::{__path_list, list};
pub(crate) use one::{__path_get, get};
pub(crate) use transitions::{
    __path_accept, __path_approve, __path_decline, __path_remind, __path_remove, __path_resend,
    __path_withdraw, accept, approve, decline, remind, remove, resend, withdraw,
};

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use entente_wire::{Body, ErrorCode};
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ApiResult};

/// The attributes in a body; no body at all counts as no attributes.
fn attributes<A: DeserializeOwned + Default>(headers: &HeaderMap, body: &Bytes) -> ApiResult<A> {
    if body.is_empty() {
        return Ok(A::default());
    }
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| {
        essence.eq_ignore_ascii_case("application/json")
            || essence.eq_ignore_ascii_case("application/vnd.api+json")
    }) {
        return Err(ApiError::at(
            ErrorCode::UnsupportedMediaType,
            ["header", "Content-Type"],
            "Send the body as application/json.",
        ));
    }
    match serde_json::from_slice::<Body<A>>(body) {
        Ok(Body(attributes)) => Ok(attributes),
        Err(error) => Err(ApiError::new(
            ErrorCode::MalformedBody,
            format!("The body is not what this endpoint takes: {error}."),
        )),
    }
}
