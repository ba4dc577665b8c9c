//! What a request carries, refused in the API's own words.

use std::{convert::Infallible, net::IpAddr, str::FromStr, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{StatusCode, request::Parts},
};
use entente_wire::ErrorCode;

use crate::{
    app::App,
    endpoints::BODY_LIMIT,
    error::{ApiError, ApiResult},
    origin,
    query::Query,
};

/// The bytes of a body within the limit.
pub(crate) struct Payload(pub(crate) Bytes);

impl FromRequest<Arc<App>> for Payload {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> ApiResult<Self> {
        match Bytes::from_request(request, app).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::new(
                    ErrorCode::PayloadTooLarge,
                    format!("A body has at most {BODY_LIMIT} bytes."),
                ))
            }
            Err(_) => Err(ApiError::new(
                ErrorCode::MalformedBody,
                "The body ended before it was complete. Send it again.",
            )),
        }
    }
}

/// Where a request comes from.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl FromRequestParts<Arc<App>> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        Ok(Self(origin::address(parts, &app.proxies)))
    }
}

/// An endpoint's word that it takes no parameters: one that is given is refused, as elsewhere.
pub(crate) struct NoQuery;

impl FromRequestParts<Arc<App>> for NoQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> ApiResult<Self> {
        Query::parse(parts.uri.query(), &[]).map(|_| Self)
    }
}

/// The id in a path, as text: what is no id names nothing.
pub(crate) struct Id(pub(crate) String);

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        path.map(|Path(id)| Self(id)).map_err(|_| ApiError::not_found())
    }
}

/// The two ids in a path.
pub(crate) struct Ids(pub(crate) String, pub(crate) String);

impl FromRequestParts<Arc<App>> for Ids {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let path = Path::<(String, String)>::from_request_parts(parts, app).await;
        path.map(|Path((one, other))| Self(one, other)).map_err(|_| ApiError::not_found())
    }
}

/// An id from a path: what is no id is answered like an id that is not there.
pub(crate) fn known<T: FromStr>(id: &str) -> ApiResult<T> {
    id.parse().map_err(|_| ApiError::not_found())
}
