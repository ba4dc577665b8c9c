use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{
    Actor, Grant, Management, Partnership, UserId, allowed_management, may_manage,
};
use entente_store::{Connection, StoreError, accounts_by_id, grants_through, users_by_id};
use entente_wire::{
    Document, List, MemberAccount, MemberAttributes, MemberResource, Resource, ResourceMeta,
    ResourceType,
};

use super::shared::{not_active, seen};
use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::{Id, Ids, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::{Idempotent, OfPartnership, Page, UserIn},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{ACCOUNTS_READ, ACCOUNTS_WRITE},
};

/// The guest members with access, and on what.
#[utoipa::path(
    get, path = "/api/v1/partnerships/{id}/members", tag = "Partnerships",
    operation_id = "listMembers", security(("apiKey" = ["accounts:read"])),
    params(OfPartnership, Page),
    responses((status = 200, body = List<MemberResource>)),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state"])))
)]
pub(crate) async fn members(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<MemberResource>>> {
    caller.needs(ACCOUNTS_READ)?;
    let query = Query::parse(raw.as_deref(), &PAGE)?;
    let paging = Paging::read(&query)?;
    let mut connection = app.store.snapshot().await?;
    let partnership = governed(&app, &mut connection, &caller.actor(), &id).await?;
    let grants = grants_through(&mut connection, partnership.id).await?;
    let all = documents(&mut connection, &grants).await?;
    Ok(Json(paging.page(&query, &format!("/api/v1/partnerships/{id}/members"), all)))
}

/// Takes all access of a guest member away that came through the partnership.
#[utoipa::path(
    delete, path = "/api/v1/partnerships/{id}/members/{userId}", tag = "Partnerships",
    operation_id = "removeMember", security(("apiKey" = ["accounts:write"])),
    params(OfPartnership, UserIn, Idempotent),
    responses(
        (status = 200, body = Document<MemberResource>, description = "The access as it was"),
    ),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state"])))
)]
pub(crate) async fn remove_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, user): Ids,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, ACCOUNTS_WRITE, &request, &RemoveMember { id, user }).await
}

/// A partnership whose members the caller may see: who may see them may remove them too.
async fn governed(
    app: &App,
    connection: &mut Connection,
    actor: &Actor,
    id: &str,
) -> ApiResult<Partnership> {
    let partnership = seen(connection, actor, id).await?;
    if !may_manage(actor, &partnership, Management::SeeMembers) {
        return Err(ApiError::forbidden());
    }
    if allowed_management(actor, &partnership).contains(&Management::SeeMembers) {
        return Ok(partnership);
    }
    let detail = "Members have access while the partnership is active.";
    Err(not_active(app, connection, actor, &partnership, detail).await?)
}

struct RemoveMember {
    id: String,
    user: String,
}

impl Attempt for RemoveMember {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let partnership = governed(app, connection, &caller.actor(), &self.id).await?;
        let user: UserId = known(&self.user)?;
        let mut grants = grants_through(connection, partnership.id).await?;
        grants.retain(|grant| grant.user == user);
        let data = documents(connection, &grants).await?.pop().ok_or_else(ApiError::not_found)?;
        let doing = Doing::new(Some(caller.user.id), app.clock.now(), &caller.origin);
        for grant in &grants {
            access::revoke(connection, grant, &doing).await?;
        }
        doing.finish(connection).await?;
        Ok(Reply::without_version(StatusCode::OK, &Document { data })?)
    }
}

async fn documents(
    connection: &mut Connection,
    grants: &[Grant],
) -> Result<Vec<MemberResource>, StoreError> {
    let users = users_by_id(connection, grants.iter().map(|grant| grant.user)).await?;
    let accounts = accounts_by_id(connection, grants.iter().map(|grant| grant.account)).await?;
    let mut by_user: BTreeMap<UserId, Vec<MemberAccount>> = BTreeMap::new();
    for grant in grants {
        let Some(account) = accounts.get(&grant.account) else { continue };
        by_user.entry(grant.user).or_default().push(MemberAccount {
            account_id: account.id,
            application: account.application.as_str().into(),
            label: account.label.as_str().into(),
            role: grant.role,
            since: grant.created_at,
        });
    }
    let members = by_user.into_iter().filter_map(|(id, accounts)| {
        let user = users.get(&id)?;
        Some(Resource {
            id: id.to_string(),
            r#type: ResourceType::Member,
            attributes: MemberAttributes {
                name: user.name.clone(),
                email: user.email.clone(),
                accounts,
            },
            meta: ResourceMeta { allowed_actions: vec!["remove".into()] },
        })
    });
    Ok(members.collect())
}
