use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use entente_wire::RevokeToken;

use super::token_in;
use crate::{app::App, error::ApiResult, idempotency::WriteRequest, sso};

/// Signs out: ends the session of a token at once, the event streams that it opened included.
///
/// A token that is not good is answered alike (RFC 7009, 2.2).
#[utoipa::path(
    post, path = "/api/v1/auth/revoke", tag = "Single sign-on", operation_id = "revokeToken",
    security(()),
    request_body = RevokeToken,
    responses((status = 204, description = "The token is not good any more")),
    extensions(("x-refusals" = json!(["invalid_value"])))
)]
pub(crate) async fn revoke_token(
    State(app): State<Arc<App>>,
    request: WriteRequest,
) -> ApiResult<StatusCode> {
    let RevokeToken { token } = request.attributes()?;
    sso::revoke(&app, &token_in("token", &token)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
