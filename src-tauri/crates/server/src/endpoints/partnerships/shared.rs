use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{
    Account, AccountId, AccountRole, Actor, Management, Partnership, allowed_management,
    may_manage, may_unshare, sees, sees_account,
};
use entente_store::{Connection, UserRow, admins_of, get_partnership, shared_through};
use entente_wire::{
    ChangedResource, Document, Documents, ErrorCode, List, ShareAccounts, SharedAccountResource,
};

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::{
        access::{Ledger, shared_accounts_of},
        one_document,
    },
    error::{ApiError, ApiResult},
    extract::{Id, Ids, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::{AccountIn, Idempotent, OfPartnership, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{ACCOUNTS_READ, ACCOUNTS_WRITE},
};

/// The most accounts that are shared at once.
const MOST: usize = 100;

/// The accounts shared through a partnership, as far as the caller may see.
#[utoipa::path(
    get, path = "/api/v1/partnerships/{id}/accounts", tag = "Partnerships",
    operation_id = "listSharedAccounts", security(("apiKey" = ["accounts:read"])),
    params(OfPartnership, Page),
    responses((status = 200, body = List<SharedAccountResource>))
)]
pub(crate) async fn accounts(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<SharedAccountResource>>> {
    caller.needs(ACCOUNTS_READ)?;
    let query = Query::parse(raw.as_deref(), &PAGE)?;
    let paging = Paging::read(&query)?;
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let found = get_partnership(&mut connection, known(&id)?).await?;
    let partnership = found.ok_or_else(ApiError::not_found)?;
    let shared = shared_through(&mut connection, [partnership.id]).await?;
    let all = shared_accounts_of(&mut connection, &actor, &shared).await?;
    // A guest's ordinary member sees the accounts that they have, and not the partnership.
    if all.is_empty() && !sees(&actor, &partnership) {
        return Err(ApiError::not_found());
    }
    Ok(Json(paging.page(&query, &format!("/api/v1/partnerships/{id}/accounts"), all)))
}

/// Shares accounts: every live Admin of the guest receives the role on each.
#[utoipa::path(
    post, path = "/api/v1/partnerships/{id}/accounts", tag = "Partnerships",
    operation_id = "shareAccounts", security(("apiKey" = ["accounts:write"])),
    params(OfPartnership, Idempotent),
    request_body = ShareAccounts,
    responses((status = 201, body = Documents<SharedAccountResource>)),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state", "already_shared", "no_guest_admin", "unknown_account", "invalid_value"])))
)]
pub(crate) async fn share(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, ACCOUNTS_WRITE, &request, &Share { id, wanted }).await
}

/// Takes an account out of a partnership, with all access to it that came through it.
#[utoipa::path(
    delete, path = "/api/v1/partnerships/{id}/accounts/{accountId}", tag = "Partnerships",
    operation_id = "unshareAccount", security(("apiKey" = ["accounts:write"])),
    params(OfPartnership, AccountIn, Idempotent),
    responses(
        (status = 200, body = Document<SharedAccountResource>, description = "The shared account as it was"),
    ),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn unshare(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, account): Ids,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, ACCOUNTS_WRITE, &request, &Unshare { id, account }).await
}

struct Share {
    id: String,
    wanted: ShareAccounts,
}

impl Attempt for Share {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let partnership = seen(connection, &actor, &self.id).await?;
        if !may_manage(&actor, &partnership, Management::ShareAccounts) {
            return Err(ApiError::forbidden().into());
        }
        if !allowed_management(&actor, &partnership).contains(&Management::ShareAccounts) {
            let detail = "Accounts can be shared while the partnership is active.";
            return Err(not_active(app, connection, &actor, &partnership, detail).await?.into());
        }
        let accounts = self.accounts(connection, &actor).await?;
        let admins: Vec<UserRow> = admins_of(connection, partnership.guest).await?;
        if admins.is_empty() {
            return Err(ApiError::new(
                ErrorCode::NoGuestAdmin,
                "The guest workspace has no Admin who could receive the account. Ask your partner.",
            )
            .into());
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        let shared = shared_through(connection, [partnership.id]).await?;
        let is_shared =
            |account: &&Account| shared.iter().any(|shared| shared.account == account.id);
        if let Some(account) = accounts.iter().find(is_shared) {
            return Err(ApiError::in_body(
                ErrorCode::AlreadyShared,
                "accountIds",
                format!(
                    "{}, {} is shared through this partnership already. Leave it out.",
                    account.application.as_str(),
                    account.label.as_str()
                ),
            )
            .into());
        }
        let mut done = Vec::new();
        for account in &accounts {
            let (role, by) = (self.wanted.role, actor.user);
            let shared =
                access::share(connection, &partnership, account, role, &admins, by, &doing).await?;
            done.extend(shared);
        }
        doing.finish(connection).await?;
        let data = shared_accounts_of(connection, &actor, &done).await?;
        Ok(Reply::without_version(StatusCode::CREATED, &Document { data })?)
    }
}

impl Share {
    /// The accounts asked for, each owned by the caller.
    async fn accounts(
        &self,
        connection: &mut Connection,
        actor: &Actor,
    ) -> ApiResult<Vec<Account>> {
        let ids = distinct::<AccountId>(&self.wanted.account_ids, "accountIds", MOST)?;
        let unknown = || {
            ApiError::in_body(
                ErrorCode::UnknownAccount,
                "accountIds",
                "One of these is no account of yours. Choose among the accounts that you own.",
            )
        };
        let ids = ids.ok_or_else(unknown)?;
        let ledger = Ledger::read(connection, actor, ids.iter().copied(), []).await?;
        ids.iter()
            .map(|id| {
                let account = ledger.accounts.get(id).ok_or_else(unknown)?;
                let own = ledger.own(actor, *id);
                if !sees_account(actor, &ledger.facts(account), own) {
                    return Err(unknown());
                }
                match own.map(|own| own.role) {
                    Some(AccountRole::Owner) => Ok(account.clone()),
                    _ => Err(ApiError::forbidden().with(|meta| {
                        meta.loc = vec!["body".into(), "accountIds".into()];
                    })),
                }
            })
            .collect()
    }
}

/// The different ids among some texts, in order; none if one of them is no id.
pub(crate) fn distinct<T: std::str::FromStr + Ord>(
    texts: &[String],
    name: &str,
    most: usize,
) -> ApiResult<Option<BTreeSet<T>>> {
    if !(1..=most).contains(&texts.len()) {
        return Err(ApiError::in_body(
            ErrorCode::InvalidValue,
            name,
            format!("Name 1 to {most} of them."),
        ));
    }
    Ok(texts.iter().map(|text| text.parse().ok()).collect())
}

struct Unshare {
    id: String,
    account: String,
}

impl Attempt for Unshare {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let found = get_partnership(connection, known(&self.id)?).await?;
        let partnership = found.ok_or_else(ApiError::not_found)?;
        let account: AccountId = known(&self.account)?;
        let shared = shared_through(connection, [partnership.id]).await?;
        let shared = shared.into_iter().find(|shared| shared.account == account);
        let shared = shared.ok_or_else(ApiError::not_found)?;
        let one = std::slice::from_ref(&shared);
        let was = shared_accounts_of(connection, &actor, one).await?.pop();
        let data = was.ok_or_else(ApiError::not_found)?;
        if !may_unshare(&actor, &partnership) {
            return Err(ApiError::forbidden().into());
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        access::unshare(connection, &partnership, &shared, &doing).await?;
        doing.finish(connection).await?;
        Ok(Reply::without_version(StatusCode::OK, &Document { data })?)
    }
}

/// A partnership that the caller may see.
pub(crate) async fn seen(
    connection: &mut Connection,
    actor: &Actor,
    id: &str,
) -> ApiResult<Partnership> {
    let found = get_partnership(connection, known(id)?).await?;
    found.filter(|partnership| sees(actor, partnership)).ok_or_else(ApiError::not_found)
}

/// The refusal of something that needs an active partnership, with the partnership as it is.
pub(crate) async fn not_active(
    app: &App,
    connection: &mut Connection,
    actor: &Actor,
    partnership: &Partnership,
    detail: &str,
) -> ApiResult<ApiError> {
    let current = one_document(connection, actor, app.deadlines, partnership).await?;
    let current = current.map(ChangedResource::Partnership);
    let refusal = ApiError::new(ErrorCode::WrongState, detail);
    Ok(refusal.with_current(current, None, Some(partnership.updated_at)))
}
