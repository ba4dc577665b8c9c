use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{UserId, UserStatus, may_remove_member, sees_all_members, sees_member};
use entente_store::{Connection, UserFilter, count_users, list_users, users_by_id};
use entente_wire::{ChangedResource, Document, ErrorCode, List, UserResource, schema};

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    changes::is_managed,
    document::access::members,
    endpoints::{One, one},
    error::{ApiError, ApiResult},
    extract::{Id, NoQuery, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::{Idempotent, IfMatchOptional, OfUser, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{USERS_READ, USERS_WRITE},
};

const PATH: &str = "/api/v1/users";

/// The members of the caller's workspace; for who may not see them all, themselves.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "Members", operation_id = "listUsers",
    security(("apiKey" = ["users:read"])),
    params(
        ("filter[status]" = Option<Vec<schema::UserStatus>>, Query, style = Form, explode = false, min_items = 1, description = "Whether they can act"),
        ("search" = Option<String>, Query, description = "A part of the name or the address"),
        Page,
    ),
    responses((status = 200, body = List<UserResource>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<UserResource>>> {
    caller.needs(USERS_READ)?;
    let query = Query::parse(raw.as_deref(), &[&["filter[status]", "search"][..], &PAGE].concat())?;
    let paging = Paging::read(&query)?;
    let actor = caller.actor();
    let filter = UserFilter {
        statuses: query.words("filter[status]")?,
        search: query.text("search"),
        email: None,
        only: (!sees_all_members(&actor)).then_some(actor.user),
    };
    let mut connection = app.store.snapshot().await?;
    let total = count_users(&mut connection, actor.workspace, &filter).await?;
    let (after, offset) = (paging.after()?, paging.offset());
    let mut users =
        list_users(&mut connection, actor.workspace, &filter, after, offset, paging.most()).await?;
    let more = paging.cut(&mut users);
    let next = users.last().filter(|_| more).map(|user| user.id.to_string());
    let managed = is_managed(&mut connection, caller.user.workspace).await?;
    let data = members(&actor, managed, &users);
    Ok(Json(paging.list(&query, PATH, data, next, total)))
}

/// One member of the caller's workspace.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "Members", operation_id = "getUser",
    security(("apiKey" = ["users:read"])),
    params(OfUser),
    responses((status = 200, body = Document<UserResource>, headers(("ETag" = String))))
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
    Id(id): Id,
) -> ApiResult<One<UserResource>> {
    caller.needs(USERS_READ)?;
    let id: UserId = known(&id)?;
    let mut connection = app.store.snapshot().await?;
    let user = users_by_id(&mut connection, [id]).await?.remove(&id);
    let user = user.ok_or_else(ApiError::not_found)?;
    let managed = is_managed(&mut connection, caller.user.workspace).await?;
    let data = members(&caller.actor(), managed, std::slice::from_ref(&user)).pop();
    Ok(one(user.version, data.ok_or_else(ApiError::not_found)?))
}

/// Removes a member from their workspace: they are disabled, and what depended on them ends.
#[utoipa::path(
    delete, path = "/api/v1/users/{id}", tag = "Members", operation_id = "removeUser",
    security(("apiKey" = ["users:write"])),
    params(OfUser, IfMatchOptional, Idempotent),
    responses((status = 200, body = Document<UserResource>, headers(("ETag" = String)))),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state", "managed_by_identity_provider"])))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, USERS_WRITE, &request, &Remove { id, request: &request }).await
}

struct Remove<'a> {
    id: String,
    request: &'a WriteRequest,
}

impl Attempt for Remove<'_> {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let id: UserId = known(&self.id)?;
        let user = users_by_id(connection, [id]).await?.remove(&id);
        let user = user.filter(|user| sees_member(&actor, user.id, user.workspace));
        let user = user.ok_or_else(ApiError::not_found)?;
        let managed = is_managed(connection, caller.user.workspace).await?;
        let current = members(&actor, managed, std::slice::from_ref(&user)).pop();
        let current = current.map(ChangedResource::User);
        let refuse = |error: ApiError| error.with_current(current, None, Some(user.updated_at));
        if !may_remove_member(&actor, &user.actor(), managed) {
            let would = |status| may_remove_member(&actor, &user.with(status).actor(), false);
            return Err(if !would(UserStatus::Live) {
                ApiError::forbidden()
            } else if managed {
                ApiError::new(
                    ErrorCode::ManagedByIdentityProvider,
                    "An identity provider adds and removes the members of this workspace. Remove \
                     them there.",
                )
            } else {
                refuse(ApiError::new(
                    ErrorCode::WrongState,
                    "This member was removed from the workspace before.",
                ))
            }
            .into());
        }
        if let Err(stale) = self.request.is_of_version(user.version, false) {
            return Err(refuse(stale).into());
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        let after = access::disable(connection, &user, &doing).await?;
        doing.finish(connection).await?;
        let data = members(&actor, managed, std::slice::from_ref(&after)).pop();
        let data = data.ok_or_else(ApiError::not_found)?;
        Ok(Reply::new(StatusCode::OK, after.version, &Document { data })?)
    }
}
