use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_store::{RequestFilter, count_access_requests, list_access_requests};
use entente_wire::{AccessRequestResource, List, schema::RequestState};

use crate::{
    app::App,
    auth::Caller,
    document::access,
    error::ApiResult,
    openapi::parameters::{Awaiting, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::ACCOUNTS_READ,
};

const PATH: &str = "/api/v1/access-requests";

/// The access requests that the caller sent, or can decide.
#[utoipa::path(
    get, path = "/api/v1/access-requests", tag = "Access requests",
    operation_id = "listAccessRequests", security(("apiKey" = ["accounts:read"])),
    params(
        ("filter[state]" = Option<Vec<RequestState>>, Query, style = Form, explode = false, min_items = 1, description = "Where they stand"),
        ("filter[account]" = Option<Vec<Uuid>>, Query, style = Form, explode = false, min_items = 1, description = "Of which accounts"),
        Awaiting,
        Page,
    ),
    responses((status = 200, body = List<AccessRequestResource>))
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
