use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_store::{AccountFilter, count_accounts, list_accounts};
use entente_wire::{AccountResource, Document, List};

use crate::{
    app::App,
    auth::Caller,
    document::access,
    endpoints::{One, one},
    error::{ApiError, ApiResult},
    extract::{Id, known},
    paging::{PAGE, Paging},
    query::Query,
    refusals::ReadRefusals,
    scopes::ACCOUNTS_READ,
};

const PATH: &str = "/api/v1/accounts";

/// The accounts that the caller has access to, owned or shared in.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "Accounts", operation_id = "listAccounts",
    security(("apiKey" = []), ("bearer" = [])),
    params(
        ("filter[role]" = Option<String>, Query, description = "The caller's roles, parted by commas: `account_owner`, `account_manager`, `account_collaborator`"),
        ("search" = Option<String>, Query, description = "A part of the app or the label"),
        ("page[size]" = Option<u32>, Query, description = "1 to 100, default 25"),
        ("page[number]" = Option<u32>, Query, description = "From 1"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next`"),
    ),
    responses((status = 200, body = List<AccountResource>), ReadRefusals)
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<AccountResource>>> {
    caller.needs(ACCOUNTS_READ)?;
    let query = Query::parse(raw.as_deref(), &[&["filter[role]", "search"][..], &PAGE].concat())?;
    let paging = Paging::read(&query)?;
    let filter =
        AccountFilter { search: query.text("search"), roles: query.words("filter[role]")? };
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = count_accounts(&mut connection, &actor, &filter).await?;
    let (after, offset) = (paging.after()?, paging.offset());
    let mut ids =
        list_accounts(&mut connection, &actor, &filter, after, offset, paging.most()).await?;
    let more = paging.cut(&mut ids);
    let next = ids.last().filter(|_| more).map(ToString::to_string);
    let data = access::accounts(&mut connection, &actor, ids).await?;
    Ok(Json(paging.list(&query, PATH, data, next, total)))
}

/// One account.
#[utoipa::path(
    get, path = "/api/v1/accounts/{id}", tag = "Accounts", operation_id = "getAccount",
    security(("apiKey" = []), ("bearer" = [])),
    params(("id" = String, Path, description = "The account's id", format = Uuid)),
    responses(
        (status = 200, body = Document<AccountResource>, headers(("ETag" = String))),
        ReadRefusals,
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
) -> ApiResult<One<AccountResource>> {
    caller.needs(ACCOUNTS_READ)?;
    let mut connection = app.store.snapshot().await?;
    let found = access::accounts(&mut connection, &caller.actor(), [known(&id)?]).await?.pop();
    let data = found.ok_or_else(ApiError::not_found)?;
    Ok(one(data.attributes.version, data))
}
