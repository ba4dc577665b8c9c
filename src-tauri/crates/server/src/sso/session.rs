//! Sessions: an access token for a short time, and a refresh token that is good once (RFC 9700, 4.14).

use std::{sync::Arc, time::Duration};

use entente_domain::{ApiKeyId, SessionId, Timestamp, UserId, UserStatus};
use entente_store::{
    AccessRow, Connection, IdentityProviderRow, SessionRow, UserRow, end_session,
    identity_provider_of, insert_session, session_by_access, session_by_family, update_session,
    user_of_subject, users_by_id,
};
use entente_wire::ErrorCode;
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{
    id_token::Expected,
    place_of_token,
    provider::ProviderError,
    registration, silent,
    tokens::{RefreshToken, new_access_token},
};
use crate::{
    SCOPES, ServerSecret,
    app::App,
    error::{ApiError, ApiResult},
    retry::{Task, in_transaction},
    vault::Sealed,
};

/// How long the very same request, told by its idempotency key, gets the very same answer, as any
/// other write: a client can lose it by a network that goes, or be killed before it has kept it.
const GRACE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long one refresh has a session to itself: longer than it waits for the provider.
const CLAIM: Duration = Duration::from_secs(60);

/// A session's newest tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) session: SessionId,
    pub(crate) access: SecretString,
    pub(crate) access_expires_at: Timestamp,
    pub(crate) refresh: SecretString,
    pub(crate) refresh_expires_at: Timestamp,
}

fn access_row(secret: &ServerSecret, token: &SecretString, expires_at: Timestamp) -> AccessRow {
    AccessRow {
        id: ApiKeyId::new(Uuid::now_v7()),
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        hash: secret.hash(token),
        expires_at,
    }
}

/// Begins a session of a user; the provider's own refresh token is kept sealed.
pub(super) async fn begin(
    app: &App,
    connection: &mut Connection,
    user: UserId,
    provider_token: Option<&SecretString>,
) -> ApiResult<Tokens> {
    let now = app.clock.now();
    let id = SessionId::new(Uuid::now_v7());
    let token = RefreshToken::new();
    let access = new_access_token();
    let access_expires_at = now.after(app.sessions.access);
    let seal = |token: &SecretString| app.vault.seal(&place_of_token(id), token);
    let session = SessionRow {
        id,
        user,
        family_hash: token.family_hash(&app.secret),
        refresh_hash: token.hash(&app.secret),
        previous_hash: None,
        repeat_hash: None,
        rotated_at: now,
        expires_at: now.after(app.sessions.refresh),
        claimed_until: None,
        provider_token: provider_token.map(seal).transpose()?.map(Into::into),
        confirmed_at: now,
        created_at: now,
        ended_at: None,
        version: 1,
    };
    let row = access_row(&app.secret, &access, access_expires_at);
    insert_session(connection, &session, &row).await?;
    Ok(tokens(&session, &token, access, access_expires_at))
}

/// What a refresh token that was presented is worth.
enum Worth {
    /// This refresh has the session to itself until it is done.
    Good(Box<SessionRow>),
    /// It was taken by the very same request before.
    Again(Box<SessionRow>),
    /// Another refresh of the session is under way.
    Busy,
    /// Nothing: of no session, or of one that is over.
    Nothing,
    /// It was taken before, by somebody else: the session was ended.
    Stolen(SessionId),
    /// The user cannot act: the session was ended.
    Disabled,
}

/// Takes a refresh token for new tokens. It goes on to its end when nobody waits for the answer any
/// more, because the provider's own refresh token may have been taken already.
pub(crate) async fn refresh(
    app: &Arc<App>,
    token: SecretString,
    key: Option<String>,
) -> ApiResult<Tokens> {
    let app = app.clone();
    let work = tokio::spawn(async move { refresh_to_the_end(&app, &token, key.as_deref()).await });
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a refresh broke off");
        Err(ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later."))
    })
}

async fn refresh_to_the_end(
    app: &App,
    token: &SecretString,
    key: Option<&str>,
) -> ApiResult<Tokens> {
    let Some(token) = RefreshToken::parse(token.expose_secret()) else { return Err(over()) };
    // Without a key, no request is the same as another.
    let key = key.map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let repeat_hash = app.secret.hash(&SecretString::from(key.clone()));
    let weigh = Weigh { token: &token, repeat_hash: &repeat_hash };
    let session = match in_transaction(app, &weigh).await? {
        Worth::Good(session) => session,
        Worth::Again(session) => {
            let (next, access) = token.next(&app.secret, &key);
            let access_expires_at = session.rotated_at.after(app.sessions.access);
            return Ok(tokens(&session, &next, access, access_expires_at));
        }
        Worth::Busy => {
            return Err(ApiError::new(
                ErrorCode::RequestInProgress,
                "This session is being refreshed by another request. Try again in a moment.",
            ));
        }
        Worth::Nothing => return Err(over()),
        Worth::Stolen(session) => {
            app.committed();
            tracing::warn!(%session, "a refresh token came twice: the session was ended");
            return Err(over());
        }
        Worth::Disabled => {
            app.committed();
            return Err(ApiError::new(
                ErrorCode::UserDisabled,
                "You were removed from the workspace. Ask an Admin of the workspace.",
            ));
        }
    };
    let confirmed = confirm(app, &session).await?;
    finish(app, *session, confirmed, &token, &key, repeat_hash).await
}

/// Says what a refresh token is worth, and takes hold of its session if it is good.
struct Weigh<'a> {
    token: &'a RefreshToken,
    repeat_hash: &'a str,
}

impl Task for Weigh<'_> {
    type Done = Worth;

    async fn run(&self, app: &App, connection: &mut Connection) -> ApiResult<Worth> {
        let now = app.clock.now();
        let found = session_by_family(connection, &self.token.family_hash(&app.secret)).await?;
        let Some(session) =
            found.filter(|found| found.ended_at.is_none() && now < found.expires_at)
        else {
            return Ok(Worth::Nothing);
        };
        let hash = self.token.hash(&app.secret);
        if hash != session.refresh_hash {
            let is_again = session.previous_hash.as_ref() == Some(&hash)
                && session.repeat_hash.as_deref() == Some(self.repeat_hash)
                && now.since(session.rotated_at) <= GRACE;
            if is_again {
                return Ok(Worth::Again(Box::new(session)));
            }
            end_session(connection, session.id, now).await?;
            return Ok(Worth::Stolen(session.id));
        }
        if owner(connection, &session).await?.status != UserStatus::Live {
            end_session(connection, session.id, now).await?;
            return Ok(Worth::Disabled);
        }
        if session.claimed_until.is_some_and(|until| now < until) {
            return Ok(Worth::Busy);
        }
        let claimed = SessionRow { claimed_until: Some(now.after(CLAIM)), ..session.clone() };
        if !update_session(connection, &session, &claimed, None).await? {
            return Ok(Worth::Busy);
        }
        Ok(Worth::Good(Box::new(SessionRow { version: session.version + 1, ..claimed })))
    }
}

/// Saves what a refresh came to; false if the session was ended meanwhile.
struct Save<'a> {
    before: &'a SessionRow,
    after: &'a SessionRow,
    access: Option<&'a AccessRow>,
}

impl Task for Save<'_> {
    type Done = bool;

    async fn run(&self, _: &App, connection: &mut Connection) -> ApiResult<bool> {
        Ok(update_session(connection, self.before, self.after, self.access).await?)
    }
}

/// Ends a session; false if it was ended before.
struct End(SessionId);

impl Task for End {
    type Done = bool;

    async fn run(&self, app: &App, connection: &mut Connection) -> ApiResult<bool> {
        Ok(end_session(connection, self.0, app.clock.now()).await?)
    }
}

/// What the provider says of the user of a session now.
enum Confirmed {
    /// It knows them, and may have given another refresh token.
    Known(Option<SecretString>),
    /// It was not asked, because it gave nothing to ask with.
    NotAsked,
    /// It cannot be asked.
    Silent,
    /// It does not let them in any more.
    Gone,
}

async fn confirm(app: &App, session: &SessionRow) -> ApiResult<Confirmed> {
    let Some(provider) = provider_of(app, session).await? else { return Ok(Confirmed::Gone) };
    let Some(sealed) = session.provider_token.clone() else { return Ok(Confirmed::NotAsked) };
    let token = app.vault.open(&place_of_token(session.id), &Sealed::from(sealed))?;
    let with = registration(&app.vault, &provider)?;
    let expected = Expected {
        issuer: &with.issuer,
        client_id: &with.client_id,
        nonce: None,
        now: app.clock.now(),
    };
    let granted = match app.providers.refresh(&with, &token, expected).await {
        Ok(granted) => granted,
        Err(error) => {
            tracing::warn!(session = %session.id, %error, "a provider did not confirm a session");
            let is_gone = match &error {
                ProviderError::Refused(code) => code == "invalid_grant",
                ProviderError::Token(_) => true,
                _ => false,
            };
            return Ok(if is_gone { Confirmed::Gone } else { Confirmed::Silent });
        }
    };
    if let Some(identity) = granted.identity {
        let mut connection = app.store.read().await?;
        let subject = &identity.subject;
        let workspace = provider.workspace;
        let found = user_of_subject(&mut connection, workspace, &with.issuer, subject);
        if found.await?.is_none_or(|user| user.id != session.user) {
            return Ok(Confirmed::Gone);
        }
    }
    Ok(Confirmed::Known(granted.refresh_token))
}

async fn owner(connection: &mut Connection, session: &SessionRow) -> ApiResult<UserRow> {
    let found = users_by_id(connection, [session.user]).await?.remove(&session.user);
    found.ok_or_else(ApiError::not_found)
}

async fn provider_of(app: &App, session: &SessionRow) -> ApiResult<Option<IdentityProviderRow>> {
    let mut connection = app.store.read().await?;
    let user = owner(&mut connection, session).await?;
    Ok(identity_provider_of(&mut connection, user.workspace).await?)
}

/// Notes what came of a refresh and makes the new tokens.
async fn finish(
    app: &App,
    session: SessionRow,
    confirmed: Confirmed,
    token: &RefreshToken,
    key: &str,
    repeat_hash: String,
) -> ApiResult<Tokens> {
    let now = app.clock.now();
    let free = SessionRow { claimed_until: None, ..session.clone() };
    let kept_on = match confirmed {
        Confirmed::Gone => {
            in_transaction(app, &End(session.id)).await?;
            app.committed();
            return Err(over());
        }
        Confirmed::Silent if now.since(session.confirmed_at) > app.sessions.silence => {
            let save = Save { before: &session, after: &free, access: None };
            in_transaction(app, &save).await?;
            return Err(silent());
        }
        Confirmed::Silent => free,
        // Nobody can say whether they are still welcome, so it ends when it was to end.
        Confirmed::NotAsked => SessionRow { confirmed_at: now, ..free },
        Confirmed::Known(newer) => {
            let seal = |token: &SecretString| app.vault.seal(&place_of_token(session.id), token);
            let newer = newer.as_ref().map(seal).transpose()?.map(Into::into);
            SessionRow {
                confirmed_at: now,
                provider_token: newer.or(free.provider_token.clone()),
                ..free
            }
        }
    };
    let (next, access) = token.next(&app.secret, key);
    let expires_at = match kept_on.provider_token {
        Some(_) => now.after(app.sessions.refresh),
        None => kept_on.expires_at,
    };
    let after = SessionRow {
        refresh_hash: next.hash(&app.secret),
        previous_hash: Some(session.refresh_hash.clone()),
        repeat_hash: Some(repeat_hash),
        rotated_at: now,
        expires_at,
        ..kept_on
    };
    let access_expires_at = now.after(app.sessions.access);
    let row = access_row(&app.secret, &access, access_expires_at);
    let save = Save { before: &session, after: &after, access: Some(&row) };
    if !in_transaction(app, &save).await? {
        return Err(over());
    }
    Ok(tokens(&after, &next, access, access_expires_at))
}

fn tokens(
    session: &SessionRow,
    newest: &RefreshToken,
    access: SecretString,
    access_expires_at: Timestamp,
) -> Tokens {
    Tokens {
        session: session.id,
        access,
        access_expires_at,
        refresh: newest.text(),
        refresh_expires_at: session.expires_at,
    }
}

fn over() -> ApiError {
    ApiError::new(ErrorCode::SessionExpired, "Your session is over. Sign in again.")
}

/// Ends the session of a refresh or access token at once. A token of no session ends nothing.
pub(crate) async fn revoke(app: &App, token: &SecretString) -> ApiResult<()> {
    let session = {
        let mut connection = app.store.read().await?;
        match RefreshToken::parse(token.expose_secret()) {
            Some(token) => {
                session_by_family(&mut connection, &token.family_hash(&app.secret)).await?
            }
            None => session_by_access(&mut connection, &app.secret.hash(token)).await?,
        }
    };
    let Some(session) = session else { return Ok(()) };
    if in_transaction(app, &End(session.id)).await? {
        app.committed();
        tracing::info!(session = %session.id, "signed out");
    }
    Ok(())
}
