use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_store::{ListFilter, ListPosition, Sort, list_partnerships, visible_count};
use entente_wire::{
    List, PartnershipResource,
    schema::{Side, StateName},
};

use crate::{
    app::App,
    auth::Caller,
    cursor,
    document::documents,
    error::{ApiError, ApiResult},
    openapi::parameters::{Awaiting, Page, SortPartnerships},
    paging::{PAGE, Paging},
    query::Query,
    scopes::PARTNERSHIPS_READ,
};

const PATH: &str = "/api/v1/partnerships";

/// What `sort` can be, the usual one first.
pub(crate) const SORTS: [&str; 6] =
    ["-createdAt", "createdAt", "name", "-name", "updatedAt", "-updatedAt"];

/// The partnerships that the caller may see.
#[utoipa::path(
    get, path = "/api/v1/partnerships", tag = "Partnerships", operation_id = "listPartnerships",
    security(("apiKey" = ["partnerships:read"])),
    params(
        ("filter[side]" = Option<Vec<Side>>, Query, style = Form, explode = false, min_items = 1, description = "On which side the caller's workspace is"),
        ("filter[state]" = Option<Vec<StateName>>, Query, style = Form, explode = false, min_items = 1, description = "Where they stand"),
        Awaiting,
        ("search" = Option<String>, Query, description = "A part of the other workspace's name or of the partner's address"),
        SortPartnerships,
        Page,
    ),
    responses((status = 200, body = List<PartnershipResource>))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<PartnershipResource>>> {
    caller.needs(PARTNERSHIPS_READ)?;
    let known = ["filter[side]", "filter[state]", "filter[awaiting]", "search", "sort"];
    let query = Query::parse(raw.as_deref(), &[&known[..], &PAGE].concat())?;
    let paging = Paging::read(&query)?;
    let sort = sort(&query)?;
    let filter = filter(&query)?;
    let position = paging.place(place)?.unwrap_or(ListPosition::Offset(paging.offset()));

    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = visible_count(&mut connection, &actor, &filter).await?;
    let most = paging.most();
    let mut rows =
        list_partnerships(&mut connection, &actor, &filter, sort, &position, most).await?;
    let more = paging.cut(&mut rows);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|(last, value)| cursor::encode(&format!("{}{value}", last.id)));
    let page: Vec<_> = rows.into_iter().map(|(partnership, _)| partnership).collect();
    let data = documents(&mut connection, &actor, app.deadlines, &page).await?;
    Ok(Json(paging.list(&query, PATH, data, next, total)))
}

fn sort(query: &Query) -> ApiResult<Sort> {
    let text = query.get("sort").unwrap_or(SORTS[0]);
    let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
    match name {
        "name" => Ok(Sort::Name { descending }),
        "updatedAt" => Ok(Sort::UpdatedAt { descending }),
        "createdAt" => Ok(Sort::CreatedAt { descending }),
        _ => Err(Query::bad("sort", "it must be name, updatedAt or createdAt")),
    }
}

fn filter(query: &Query) -> Result<ListFilter, ApiError> {
    let mut sides = query.words("filter[side]")?;
    sides.sort_unstable();
    sides.dedup();
    Ok(ListFilter {
        sides,
        states: query.words("filter[state]")?,
        awaiting_me: query.awaiting_me()?,
        search: query.text("search"),
    })
}

fn place(text: &str) -> Option<ListPosition> {
    let (id, value) = text.split_at_checked(36)?;
    Some(ListPosition::After(value.to_owned(), id.parse().ok()?))
}
