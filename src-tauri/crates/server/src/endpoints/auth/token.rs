use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderName, HeaderValue, header},
};
use entente_wire::{
    Document, ErrorCode, Resource, ResourceMeta, ResourceType, SessionAttributes, SessionResource,
    TokenRequest,
};
use secrecy::ExposeSecret as _;

use super::{LONGEST, text, token_in};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    extract::Address,
    idempotency::WriteRequest,
    rates,
    sso::{self, CodeGrant, Tokens},
};

/// The most bytes of a nonce or an address to come back to.
const SHORT: usize = 255;

/// Tokens are for the one who asked, and for no cache on the way (RFC 6749, 5.1).
type Answer = ([(HeaderName, HeaderValue); 1], Json<Document<SessionResource>>);

/// Signs in with a provider's code, or takes a refresh token for new tokens.
///
/// A refresh token is good once: used again, it ends the session. Only the very same request with the
/// same `Idempotency-Key` gets the same tokens again for 24 hours, in case an answer was lost. Choose the
/// key when you get the refresh token, and keep it with it.
#[utoipa::path(
    post, path = "/api/v1/auth/token", tag = "Single sign-on", operation_id = "createTokens",
    security(()),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]([ -~]*[!-~])?$", description = "For a refresh: the same key and token give the same answer for 24 hours")),
    request_body(
        content = TokenRequest,
        examples(
            ("signIn" = (value = json!({
                "grantType": "authorization_code",
                "providerId": "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e",
                "code": "SplxlOBeZQQYbYS6WxSbIA",
                "codeVerifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                "redirectUri": "http://127.0.0.1:43211/callback",
                "nonce": "n-0S6_WzA2Mj",
            }))),
            ("refresh" = (value = json!({
                "grantType": "refresh_token",
                "refreshToken": "entente_refresh_5Cw1…",
            }))),
        ),
    ),
    responses(
        (status = 200, body = Document<SessionResource>, example = json!({"data": {
            "id": "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e",
            "type": "session",
            "attributes": {
                "accessToken": "entente_access_bG9uZ2VyLi4u…",
                "accessTokenExpiresAt": "2026-11-24T14:20:00.000Z",
                "refreshToken": "entente_refresh_5Cw1…",
                "refreshTokenExpiresAt": "2026-12-24T14:05:00.000Z",
            },
            "meta": {"allowedActions": []},
        }})),
    ),
    extensions(("x-refusals" = json!(["rate_limited", "sso_refused", "sso_not_configured", "session_expired", "user_disabled", "request_in_progress", "invalid_value", "provider_unavailable"])))
)]
pub(crate) async fn create_tokens(
    State(app): State<Arc<App>>,
    Address(address): Address,
    request: WriteRequest,
) -> ApiResult<Answer> {
    let tokens = match request.attributes()? {
        TokenRequest::AuthorizationCode {
            provider_id,
            code,
            code_verifier,
            redirect_uri,
            nonce,
        } => {
            rates::count(&app, address)?;
            let grant = CodeGrant {
                provider: provider_id.parse().map_err(|_| sso::not_configured())?,
                code: text("code", &code, LONGEST)?.to_owned(),
                code_verifier: verifier(&code_verifier)?.to_owned(),
                redirect_uri: text("redirectUri", &redirect_uri, SHORT)?.to_owned(),
                nonce: text("nonce", &nonce, SHORT)?.to_owned(),
            };
            sso::sign_in(&app, &grant).await?
        }
        TokenRequest::RefreshToken { refresh_token } => {
            let token = token_in("refreshToken", &refresh_token)?;
            let refreshed = sso::refresh(&app, token, request.idempotency_key()?).await;
            refreshed.inspect_err(|error| {
                if error.code() == ErrorCode::SessionExpired {
                    app.rates.failed(address);
                }
            })?
        }
    };
    Ok(answer(tokens))
}

/// RFC 7636, 4.1.
fn verifier(text: &str) -> ApiResult<&str> {
    let is_verifier = (43..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    if is_verifier {
        return Ok(text);
    }
    Err(ApiError::in_body(
        ErrorCode::InvalidValue,
        "codeVerifier",
        "A code verifier has 43 to 128 letters, digits and characters of -._~.",
    ))
}

fn answer(tokens: Tokens) -> Answer {
    let data = Resource {
        id: tokens.session.to_string(),
        r#type: ResourceType::Session,
        attributes: SessionAttributes {
            access_token: tokens.access.expose_secret().to_owned(),
            access_token_expires_at: tokens.access_expires_at,
            refresh_token: tokens.refresh.expose_secret().to_owned(),
            refresh_token_expires_at: tokens.refresh_expires_at,
        },
        meta: ResourceMeta::default(),
    };
    let no_store = HeaderValue::from_static("no-store");
    ([(header::CACHE_CONTROL, no_store)], Json(Document { data }))
}
