use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use entente_domain::{Actor, UserStatus};
use entente_store::{Connection, KeyRow, Origin, UserRow, key_by_hash};
use entente_wire::ErrorCode;
use secrecy::SecretString;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    origin,
};

/// Who asks: the user behind the key.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) user: UserRow,
    pub(crate) key: KeyRow,
    /// What the client told of itself with this request.
    pub(crate) origin: Origin,
    hash: String,
}

impl Caller {
    pub(crate) fn actor(&self) -> Actor {
        self.user.actor()
    }

    /// Refuses a key that lacks a scope.
    pub(crate) fn needs(&self, scope: &str) -> ApiResult<()> {
        if self.key.scopes.iter().any(|given| given == scope) {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::InsufficientScope,
            format!("This API key lacks the scope {scope}. Use a key that has it."),
        ))
    }

    /// Looks the key up again; an error if it was revoked, has expired, or its user was disabled.
    pub(crate) async fn again(&self, app: &App) -> ApiResult<Self> {
        self.again_on(app, &mut *app.store.read().await?).await
    }

    /// The same, as a transaction sees it.
    pub(crate) async fn again_on(&self, app: &App, connection: &mut Connection) -> ApiResult<Self> {
        authenticate_hash(app, connection, self.hash.clone(), self.origin.clone()).await
    }
}

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> ApiResult<Self> {
        let address = origin::address(parts, &app.proxies);
        let hash = key_of(&parts.headers).map(|key| app.secret.hash(&key));
        let spared = app.rates.may_try(address, hash.as_deref());
        spared.inspect_err(|_| app.metrics.limited("address"))?;
        let found = match &hash {
            Some(hash) => {
                let mut connection = app.store.read().await?;
                let origin = origin::of(parts, &app.proxies);
                authenticate_hash(app, &mut connection, hash.clone(), origin).await
            }
            None => Err(ApiError::new(
                ErrorCode::MissingCredentials,
                "Send an API key in the header X-API-Key or as Authorization: Bearer.",
            )),
        };
        match found {
            Ok(caller) => {
                let counted = app.rates.taken(&caller.hash);
                counted.inspect_err(|_| app.metrics.limited("key"))?;
                Ok(caller)
            }
            Err(error) => {
                // A key that has expired says who asks all the same.
                if error.status() == 401 && error.code() != ErrorCode::ExpiredCredentials {
                    app.rates.failed(address);
                }
                Err(error)
            }
        }
    }
}

fn key_of(headers: &HeaderMap) -> Option<SecretString> {
    let text = if let Some(key) = headers.get("x-api-key") {
        key.to_str().ok()?
    } else {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)?
    };
    let text = text.trim();
    (!text.is_empty()).then(|| SecretString::from(text))
}

async fn authenticate_hash(
    app: &App,
    connection: &mut Connection,
    hash: String,
    origin: Origin,
) -> ApiResult<Caller> {
    let found = key_by_hash(connection, &hash).await?;
    let is_session = found.as_ref().is_some_and(|(key, _)| key.session.is_some());
    // The keys of a disabled user are revoked; that they are disabled is what helps them.
    let is_known = |(key, user): &(KeyRow, UserRow)| {
        key.revoked_at.is_none() || user.status != UserStatus::Live
    };
    let Some((key, user)) = found.filter(is_known) else {
        return Err(ApiError::new(
            ErrorCode::InvalidCredentials,
            if is_session {
                "Your session was ended. Sign in again."
            } else {
                "This API key is unknown or was revoked. Create a new one and sign in again."
            },
        ));
    };
    if user.status != UserStatus::Live {
        return Err(ApiError::new(
            ErrorCode::UserDisabled,
            "The user of this API key was removed from the workspace. Ask an Admin of the workspace.",
        ));
    }
    if key.expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(ApiError::new(
            ErrorCode::ExpiredCredentials,
            if is_session {
                "This access token has expired. Take the refresh token for a new one."
            } else {
                "This API key has expired. Create a new one and sign in again."
            },
        ));
    }
    Ok(Caller { user, key, origin, hash })
}
