//! SCIM 2.0 (RFC 7643, 7644): how an identity provider adds, changes and removes the members of one
//! workspace, with a token of its own.
//!
//! A request is read into what it tells of a member (`resource`, `patch`), a filter into a condition
//! that the database understands (`filter`, `condition`). What ends with a member's access is decided
//! in `access`, like for everybody else who removes one.

mod auth;
mod change;
mod comparison;
mod condition;
mod discovery;
mod error;
pub mod filter;
pub mod inputs;
mod list;
mod matching;
mod patch;
mod resource;
mod schema;
mod tokens;
mod users;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::Value as Json;

use crate::app::App;
pub(crate) use error::SCIM_TYPES;
use error::ScimError;
pub(crate) use list::USUAL_RESULTS;
pub(crate) use schema::{member_schema, new_member_schema};
pub use tokens::{NewScimToken, RevokedScimToken, add_scim_token, end_scim_token, scim_tokens};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const USER_TYPE: &str = "User";
const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
pub(crate) const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
pub(crate) const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
pub(crate) const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The most members in one answer.
const MOST_RESULTS: u32 = 200;

/// Where SCIM is.
pub(crate) const PATH: &str = "/scim/v2";

/// What is at [`PATH`].
pub(crate) fn router() -> Router<Arc<App>> {
    let user = get(users::get).put(users::replace).patch(users::patch).delete(users::delete);
    Router::new()
        .route("/ServiceProviderConfig", get(discovery::service_provider_config))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{id}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{id}", get(discovery::schema))
        .route("/Users", get(list::list).post(users::create))
        .route("/Users/.search", post(list::search))
        .route("/Users/{id}", user)
        // Members are all there is to search.
        .route("/.search", post(list::search))
        .route("/Bulk", post(not_implemented))
        .route("/Me", get(not_implemented))
        .fallback(async || ScimError::not_found())
        .method_not_allowed_fallback(async || {
            let detail = "This path does not know this method.";
            ScimError::with_status(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
}

async fn not_implemented() -> ScimError {
    let detail = "This part of SCIM is not supported; ServiceProviderConfig tells what is.";
    ScimError::with_status(StatusCode::NOT_IMPLEMENTED, detail)
}

/// A document of SCIM.
fn scim_json(status: StatusCode, document: &Json) -> Response {
    let media_type = HeaderValue::from_static("application/scim+json");
    (status, [(header::CONTENT_TYPE, media_type)], document.to_string()).into_response()
}
