use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_store::{RequestFilter, count_access_requests, list_access_requests};
use entente_wire::{AccessRequestResource, List};

use crate::{
    app::App,
    auth::Caller,
    document::access,
    error::ApiResult,
    paging::{PAGE, Paging},
    query::Query,
    refusals::ReadRefusals,
    scopes::ACCOUNTS_READ,
};

const PATH: &str = "/api/v1/access-requests";

/// The access requests that the caller sent, or can decide.
#[utoipa::path(
    get, path = "/api/v1/access-requests", tag = "Access requests",
    operation_id = "listAccessRequests", security(("apiKey" = []), ("bearer" = [])),
    params(
        ("filter[state]" = Option<String>, Query, description = "`pending`, `accepted`, `declined`, `closed`, parted by commas"),
        ("filter[account]" = Option<String>, Query, description = "Ids of accounts, parted by commas"),
        ("filter[awaiting]" = Option<String>, Query, description = "`me`: those that the caller can decide"),
        ("page[size]" = Option<u32>, Query, description = "1 to 100, default 25"),
        ("page[number]" = Option<u32>, Query, description = "From 1"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next`"),
    ),
    responses((status = 200, body = List<AccessRequestResource>), ReadRefusals)
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<AccessRequestResource>>> {
    caller.needs(ACCOUNTS_READ)?;
    let known = ["filter[state]", "filter[account]", "filter[awaiting]"];
    let query = Query::parse(raw.as_deref(), &[&known[..], &PAGE].concat())?;
    let paging = Paging::read(&query)?;
    let filter = RequestFilter {
        states: query.words("filter[state]")?,
        accounts: query.words("filter[account]")?,
        awaiting_me: query.awaiting_me()?,
    };
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = count_access_requests(&mut connection, &actor, &filter).await?;
    let (after, offset) = (paging.after()?, paging.offset());
    let mut ids =
        list_access_requests(&mut connection, &actor, &filter, after, offset, paging.most())
            .await?;
    let more = paging.cut(&mut ids);
    let next = ids.last().filter(|_| more).map(ToString::to_string);
    let data = access::access_requests(&mut connection, &actor, ids).await?;
    Ok(Json(paging.list(&query, PATH, data, next, total)))
}
