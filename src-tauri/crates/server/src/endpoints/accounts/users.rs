use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{
    Account, AccountAction, AccountRole, Actor, Grant, GrantAction, UserId,
    allowed_account_actions, allowed_grant_actions, sees_account, sees_grant,
};
use entente_store::{Connection, grants_on, users_by_id};
use entente_wire::{
    AccountUserResource, ChangedResource, Document, ErrorCode, List, NewAccountUser, RoleAttributes,
};

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::access::{Ledger, account_user_done, account_users_of},
    error::{ApiError, ApiResult},
    extract::{Id, Ids, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::{Idempotent, IfMatch, IfMatchOptional, OfAccount, Page, UserIn},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{ACCOUNTS_READ, ACCOUNTS_WRITE},
};

/// Who has which role on an account, as far as the caller may see.
#[utoipa::path(
    get, path = "/api/v1/accounts/{id}/users", tag = "Accounts", operation_id = "listAccountUsers",
    security(("apiKey" = ["accounts:read"])),
    params(OfAccount, Page),
    responses((status = 200, body = List<AccountUserResource>))
)]
pub(crate) async fn users(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<AccountUserResource>>> {
    caller.needs(ACCOUNTS_READ)?;
    let query = Query::parse(raw.as_deref(), &PAGE)?;
    let paging = Paging::read(&query)?;
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let place = Place::read(&mut connection, &actor, &id).await?;
    let grants = grants_on(&mut connection, [place.account.id]).await?;
    let all = account_users_of(&mut connection, &actor, &grants).await?;
    // Host Admins and Partnership Owners see guests on accounts that they have no role on.
    if all.is_empty() && !place.is_seen {
        return Err(ApiError::not_found());
    }
    Ok(Json(paging.page(&query, &format!("/api/v1/accounts/{id}/users"), all)))
}

/// Gives a member of the workspace that holds the account a role.
#[utoipa::path(
    post, path = "/api/v1/accounts/{id}/users", tag = "Accounts", operation_id = "addAccountUser",
    security(("apiKey" = ["accounts:write"])),
    params(OfAccount, Idempotent),
    request_body = NewAccountUser,
    responses(
        (status = 201, body = Document<AccountUserResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "already_member", "unknown_user"])))
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, ACCOUNTS_WRITE, &request, &Add { id, wanted }).await
}

/// Changes somebody's role on an account.
#[utoipa::path(
    patch, path = "/api/v1/accounts/{id}/users/{userId}", tag = "Accounts",
    operation_id = "changeAccountUser", security(("apiKey" = ["accounts:write"])),
    params(OfAccount, UserIn, IfMatch, Idempotent),
    request_body = RoleAttributes,
    responses(
        (status = 200, body = Document<AccountUserResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "last_owner", "guest_cannot_own"])))
)]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(account, user): Ids,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted: RoleAttributes = request.attributes()?;
    let attempt = Alter { account, user, request: &request, to: Some(wanted.role) };
    write(&app, &caller, ACCOUNTS_WRITE, &request, &attempt).await
}

/// Takes somebody's role on an account away.
#[utoipa::path(
    delete, path = "/api/v1/accounts/{id}/users/{userId}", tag = "Accounts",
    operation_id = "removeAccountUser", security(("apiKey" = ["accounts:write"])),
    params(OfAccount, UserIn, IfMatchOptional, Idempotent),
    responses(
        (status = 200, body = Document<AccountUserResource>, description = "The role as it was"),
    ),
    extensions(("x-refusals" = json!(["forbidden", "last_owner"])))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(account, user): Ids,
    request: WriteRequest,
) -> ApiResult<Response> {
    let attempt = Alter { account, user, request: &request, to: None };
    write(&app, &caller, ACCOUNTS_WRITE, &request, &attempt).await
}

/// An account that exists, and what the caller is to it.
struct Place {
    ledger: Ledger,
    account: Account,
    is_seen: bool,
}

impl Place {
    async fn read(connection: &mut Connection, actor: &Actor, id: &str) -> ApiResult<Self> {
        let id = known(id)?;
        let ledger = Ledger::read(connection, actor, [id], []).await?;
        let account = ledger.accounts.get(&id).cloned().ok_or_else(ApiError::not_found)?;
        let is_seen = sees_account(actor, &ledger.facts(&account), ledger.own(actor, id));
        Ok(Self { ledger, account, is_seen })
    }
}

struct Add {
    id: String,
    wanted: NewAccountUser,
}

impl Attempt for Add {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let Place { ledger, account, is_seen } = Place::read(connection, &actor, &self.id).await?;
        if !is_seen {
            return Err(ApiError::not_found().into());
        }
        let own = ledger.own(&actor, account.id);
        let through = ledger.partnership(own.and_then(|own| own.partnership));
        let allowed = allowed_account_actions(&actor, &ledger.facts(&account), own, through);
        if !allowed.contains(&AccountAction::AddUser) {
            return Err(ApiError::forbidden().into());
        }
        let unknown = || {
            ApiError::in_body(
                ErrorCode::UnknownUser,
                "userId",
                "No live member of your workspace has this id. Guests come through a partnership.",
            )
        };
        let user: UserId = self.wanted.user_id.parse().map_err(|_| unknown())?;
        let found = users_by_id(connection, [user]).await?.remove(&user);
        let user = found
            .filter(|user| user.workspace == account.workspace && user.actor().is_live())
            .ok_or_else(unknown)?;
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        let role = self.wanted.role;
        let granted = access::grant(connection, &account, None, &user, role, &doing).await?;
        let Some(granted) = granted else {
            return Err(ApiError::new(
                ErrorCode::AlreadyMember,
                "This user has a role on the account already. Change it instead.",
            )
            .into());
        };
        doing.finish(connection).await?;
        reply(connection, &actor, StatusCode::CREATED, &granted).await
    }
}

/// Changes a role, or takes it away.
struct Alter<'a> {
    account: String,
    user: String,
    request: &'a WriteRequest,
    to: Option<AccountRole>,
}

impl Attempt for Alter<'_> {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let user: UserId = known(&self.user)?;
        let account = known(&self.account)?;
        let grants = grants_on(connection, [account]).await?;
        let grant = grants.iter().find(|grant| grant.user == user);
        let grant = *grant.ok_or_else(ApiError::not_found)?;
        let ledger = Ledger::read(connection, &actor, [account], grant.partnership).await?;
        let account = ledger.accounts.get(&account).ok_or_else(ApiError::not_found)?;
        let facts = ledger.facts(account);
        let through = ledger.partnership(grant.partnership);
        let own = ledger.own(&actor, account.id);
        if !sees_grant(&actor, &facts, own, &grant, through) {
            return Err(ApiError::not_found().into());
        }
        let action = if self.to.is_some() { GrantAction::ChangeRole } else { GrantAction::Remove };
        if !allowed_grant_actions(&actor, &facts, &grant, through).contains(&action) {
            return Err(refusal(facts.is_governed_by(&actor)).into());
        }
        if let Err(stale) = self.request.is_of_version(grant.version, self.to.is_some()) {
            let current = account_users_of(connection, &actor, &[grant]).await?.pop();
            let current = current.map(ChangedResource::AccountUser);
            return Err(stale.with_current(current, None, None).into());
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        let Some(role) = self.to else {
            // Told as it was: who took it away may not see it any more.
            let was = reply(connection, &actor, StatusCode::OK, &grant).await?;
            access::revoke(connection, &grant, &doing).await?;
            doing.finish(connection).await?;
            return Ok(was);
        };
        if grant.partnership.is_some() && role == AccountRole::Owner {
            return Err(ApiError::in_body(
                ErrorCode::GuestCannotOwn,
                "role",
                "A guest cannot own an account. Give them account_manager or account_collaborator.",
            )
            .into());
        }
        let mut after = grant;
        if role != grant.role {
            after = access::change_role(connection, account, through, &grant, role, &doing).await?;
            doing.finish(connection).await?;
        }
        reply(connection, &actor, StatusCode::OK, &after).await
    }
}

/// Why somebody who sees a role cannot alter it: only the last Owner's is kept from who governs the
/// account.
fn refusal(governs: bool) -> ApiError {
    if governs {
        ApiError::new(
            ErrorCode::LastOwner,
            "An account keeps at least one Owner. Name another Owner first.",
        )
    } else {
        ApiError::forbidden()
    }
}

async fn reply(
    connection: &mut Connection,
    actor: &Actor,
    status: StatusCode,
    grant: &Grant,
) -> Outcome {
    let data = account_user_done(connection, actor, grant).await?;
    let data = data.ok_or_else(ApiError::not_found)?;
    Ok(Reply::new(status, grant.version, &Document { data })?)
}
