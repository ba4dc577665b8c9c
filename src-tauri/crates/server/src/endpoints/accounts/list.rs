use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_store::{AccountFilter, count_accounts, list_accounts};
use entente_wire::{AccountResource, Document, List, schema::AccountRole};

use crate::{
    app::App,
    auth::Caller,
    document::access,
    endpoints::{One, one},
    error::{ApiError, ApiResult},
    extract::{Id, NoQuery, known},
    openapi::parameters::{OfAccount, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::ACCOUNTS_READ,
};

const PATH: &str = "/api/v1/accounts";

/// The accounts that the caller has access to, owned or shared in.
#[utoipa::path(
    get, path = "/api/v1/accounts", tag = "Accounts", operation_id = "listAccounts",
    security(("apiKey" = ["accounts:read"])),
    params(
        ("filter[role]" = Option<Vec<AccountRole>>, Query, style = Form, explode = false, min_items = 1, description = "The caller's role on them"),
        ("search" = Option<String>, Query, description = "A part of the app or the label"),
        Page,
    ),
    responses((status = 200, body = List<AccountResource>))
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
    security(("apiKey" = ["accounts:read"])),
    params(OfAccount),
    responses((status = 200, body = Document<AccountResource>, headers(("ETag" = String))))
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
    Id(id): Id,
) -> ApiResult<One<AccountResource>> {
    caller.needs(ACCOUNTS_READ)?;
    let mut connection = app.store.snapshot().await?;
    let found = access::accounts(&mut connection, &caller.actor(), [known(&id)?]).await?.pop();
    let data = found.ok_or_else(ApiError::not_found)?;
    Ok(one(data.attributes.version, data))
}
