use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{ApiKeyId, KeyName, may_have_api_keys};
use entente_store::{Connection, KeyRow, insert_key, keys_of, revoke_key};
use entente_wire::{
    ApiKeyAttributes, ApiKeyResource, Document, ErrorCode, List, NewApiKey, Resource, ResourceMeta,
    ResourceType,
};
use secrecy::ExposeSecret as _;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Id, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    keys::new_key,
    openapi::parameters::{Idempotent, OfKey, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{API_KEYS_READ, API_KEYS_WRITE},
};

/// The most keys that one user has.
const MOST: usize = 100;

/// The caller's own API keys that were not revoked.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "Identity", operation_id = "listApiKeys",
    security(("apiKey" = ["api_keys:read"])),
    params(Page),
    responses((status = 200, body = List<ApiKeyResource>)),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<ApiKeyResource>>> {
    caller.needs(API_KEYS_READ)?;
    entitled(&caller)?;
    let query = Query::parse(raw.as_deref(), &PAGE)?;
    let paging = Paging::read(&query)?;
    let keys = keys_of(&mut *app.store.read().await?, [caller.user.id]).await?;
    let all = keys.iter().map(|key| document(&caller, key, None)).collect();
    Ok(Json(paging.page(&query, "/api/v1/api-keys", all)))
}

/// Makes an API key. It acts as the caller, with some of the scopes of the key that makes it.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "Identity", operation_id = "createApiKey",
    security(("apiKey" = ["api_keys:write"])),
    params(Idempotent),
    request_body = NewApiKey,
    responses(
        (status = 201, body = Document<ApiKeyResource>, description = "With the secret, which is told here only"),
    ),
    extensions(("x-refusals" = json!(["forbidden", "invalid_text", "invalid_value", "too_many"])))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, API_KEYS_WRITE, &request, &Create { wanted }).await
}

/// Ends one of the caller's API keys at once, the event streams that it opened included.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", tag = "Identity", operation_id = "revokeApiKey",
    security(("apiKey" = ["api_keys:write"])),
    params(OfKey, Idempotent),
    responses(
        (status = 200, body = Document<ApiKeyResource>, description = "The key as it was"),
    ),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, API_KEYS_WRITE, &request, &Revoke { id }).await
}

fn entitled(caller: &Caller) -> ApiResult<()> {
    if may_have_api_keys(&caller.actor()) { Ok(()) } else { Err(ApiError::forbidden()) }
}

struct Create {
    wanted: NewApiKey,
}

impl Attempt for Create {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        entitled(caller)?;
        let at = app.clock.now();
        let name = KeyName::parse(&self.wanted.name).map_err(|why| {
            let detail = format!("The name cannot be used: {why}.");
            ApiError::in_body(ErrorCode::InvalidText, "name", detail)
        })?;
        let own = &caller.key.scopes;
        let mut scopes = self.wanted.scopes.clone().unwrap_or_else(|| own.clone());
        scopes.sort();
        scopes.dedup();
        if scopes.is_empty() || !scopes.iter().all(|scope| own.contains(scope)) {
            return Err(ApiError::in_body(
                ErrorCode::InvalidValue,
                "scopes",
                format!("A key can be given some of these scopes: {}.", own.join(", ")),
            )
            .into());
        }
        // Nor can it outlive the key that makes it; a session's access token is the person themself.
        let latest = caller.key.expires_at.filter(|_| caller.key.session.is_none());
        let expires_at = self.wanted.expires_at.or(latest);
        if expires_at.is_some_and(|ends| ends <= at || latest.is_some_and(|latest| ends > latest)) {
            return Err(ApiError::in_body(
                ErrorCode::InvalidValue,
                "expiresAt",
                "A key ends in the future, and not after the key that makes it.",
            )
            .into());
        }
        if keys_of(connection, [caller.user.id]).await?.len() >= MOST {
            return Err(ApiError::new(
                ErrorCode::TooMany,
                format!("You have {MOST} API keys. Revoke one that is not used any more."),
            )
            .into());
        }
        let secret = new_key();
        let key = KeyRow {
            id: ApiKeyId::new(Uuid::now_v7()),
            user: caller.user.id,
            name: name.into(),
            scopes,
            created_at: at,
            expires_at,
            revoked_at: None,
            session: None,
        };
        insert_key(connection, &key, &app.secret.hash(&secret)).await?;
        let data = document(caller, &key, Some(secret.expose_secret().into()));
        Ok(Reply::without_version(StatusCode::CREATED, &Document { data })?.sealed())
    }
}

struct Revoke {
    id: String,
}

impl Attempt for Revoke {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        entitled(caller)?;
        let id: ApiKeyId = known(&self.id)?;
        let keys = keys_of(connection, [caller.user.id]).await?;
        let key = keys.iter().find(|key| key.id == id).ok_or_else(ApiError::not_found)?;
        revoke_key(connection, id, app.clock.now()).await?;
        let data = document(caller, key, None);
        Ok(Reply::without_version(StatusCode::OK, &Document { data })?)
    }
}

fn document(caller: &Caller, key: &KeyRow, secret: Option<String>) -> ApiKeyResource {
    Resource {
        id: key.id.to_string(),
        r#type: ResourceType::ApiKey,
        attributes: ApiKeyAttributes {
            name: key.name.clone(),
            scopes: key.scopes.clone(),
            created_at: key.created_at,
            expires_at: key.expires_at,
            is_current: key.id == caller.key.id,
            secret,
        },
        meta: ResourceMeta { allowed_actions: vec!["revoke".into()] },
    }
}
