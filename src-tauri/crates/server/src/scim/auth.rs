use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
};
use entente_domain::{WorkspaceId, WorkspaceRole};
use entente_store::{Connection, Origin, ScimTokenRow, scim_token_by_hash};
use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::{
    PATH,
    error::{ScimError, ScimResult, ScimType},
};
use crate::{app::App, extract::Payload, origin};

/// Who asks: the identity provider of one workspace.
#[derive(Debug, Clone)]
pub(crate) struct Provider {
    token: ScimTokenRow,
    hash: String,
    /// What it told of itself with this request.
    pub(crate) origin: Origin,
    /// Where SCIM is for it.
    pub(crate) base: String,
}

impl Provider {
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.token.workspace
    }

    /// What the operator calls it.
    pub(crate) fn name(&self) -> &str {
        &self.token.name
    }

    /// The highest role that it can give.
    pub(crate) fn highest_role(&self) -> WorkspaceRole {
        self.token.highest_role
    }

    /// The same, as a transaction sees it.
    pub(crate) async fn again_on(
        &self,
        app: &App,
        connection: &mut Connection,
    ) -> ScimResult<Self> {
        let token = token(app, connection, &self.hash).await?;
        Ok(Self { token, ..self.clone() })
    }
}

impl FromRequestParts<Arc<App>> for Provider {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ScimResult<Self> {
        let address = origin::address(parts, &app.proxies);
        let hash = bearer(&parts.headers).map(|secret| app.secret.hash(&secret));
        let spared = app.rates.may_try(address, hash.as_deref());
        spared.inspect_err(|_| app.metrics.limited("address"))?;
        let Some(hash) = hash else {
            app.rates.failed(address);
            return Err(unauthorized(
                "Send the token of an identity provider as Authorization: Bearer.",
            ));
        };
        let found = token(app, &mut *app.store.read().await?, &hash).await;
        let token = found.inspect_err(|error| {
            if error.is_unauthorized() {
                app.rates.failed(address);
            }
        })?;
        app.rates.taken(&hash).map_err(|error| {
            app.metrics.limited("key");
            ScimError::from(error).saying("This token asks too often. Try again in a moment.")
        })?;
        let origin = origin::of(parts, &app.proxies);
        Ok(Self { token, hash, origin, base: base(app, parts) })
    }
}

fn unauthorized(detail: &str) -> ScimError {
    ScimError::with_status(StatusCode::UNAUTHORIZED, detail)
}

fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_one = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_one.then(|| SecretString::from(token))
}

async fn token(app: &App, connection: &mut Connection, hash: &str) -> ScimResult<ScimTokenRow> {
    let found = scim_token_by_hash(connection, hash).await?;
    let live = found.filter(|token| token.is_live(app.clock.now()));
    live.ok_or_else(|| {
        unauthorized(
            "This is no token of an identity provider, or it was revoked or has expired. Make a new \
             one with: entente-server scim create-token.",
        )
    })
}

/// The address under which the caller knows this server.
fn base(app: &App, parts: &Parts) -> String {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text("host").or_else(|| parts.uri.authority().map(|host| host.as_str()));
    // Only the caller is told of it, so it does not matter who says so.
    let is_https = app.is_tls || text("x-forwarded-proto") == Some("https");
    let scheme = if is_https { "https" } else { "http" };
    format!("{scheme}://{}{PATH}", host.unwrap_or("localhost"))
}

/// The object in a body.
#[derive(Debug)]
pub(crate) struct ScimBody(pub(crate) Map<String, Json>);

impl FromRequest<Arc<App>> for ScimBody {
    type Rejection = ScimError;

    async fn from_request(request: Request, app: &Arc<App>) -> ScimResult<Self> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|name| name.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let known = ["application/scim+json", "application/json"];
        if !known.iter().any(|known| essence.eq_ignore_ascii_case(known)) {
            return Err(ScimError::with_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Send the body as application/scim+json.",
            ));
        }
        let Payload(body) = Payload::from_request(request, app).await?;
        match serde_json::from_slice(&body) {
            Ok(Json::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(ScimError::new(ScimType::InvalidSyntax, "The body must be an object.")),
            Err(why) => {
                let detail = format!("The body is not JSON: {why}.");
                Err(ScimError::new(ScimType::InvalidSyntax, detail))
            }
        }
    }
}

impl ScimBody {
    /// Refuses a body that says it is something else than a schema describes.
    pub(crate) fn told_as(self, schema: &str) -> ScimResult<Map<String, Json>> {
        let named = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("schemas"));
        let names = named.and_then(|(_, value)| value.as_array());
        let has = |names: &Vec<Json>| {
            let texts = names.iter().filter_map(Json::as_str);
            texts.into_iter().any(|name| name.eq_ignore_ascii_case(schema))
        };
        if names.is_none_or(has) {
            return Ok(self.0);
        }
        let detail = format!("The schemas of the body do not name {schema}.");
        Err(ScimError::new(ScimType::InvalidSyntax, detail))
    }
}
