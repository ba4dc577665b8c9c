use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entente_domain::PartnershipId;
use entente_store::{ListFilter, ListPosition, Sort, list_partnerships, visible_count};
use entente_wire::{List, PartnershipResource};

use crate::{
    app::App,
    auth::Caller,
    document::documents,
    error::{ApiError, ApiResult},
    paging::{PAGE, Paging},
    query::Query,
    refusals::ReadRefusals,
    scopes::PARTNERSHIPS_READ,
};

const PATH: &str = "/api/v1/partnerships";

/// The partnerships that the caller may see.
#[utoipa::path(
    get, path = "/api/v1/partnerships", tag = "Partnerships", operation_id = "listPartnerships",
    security(("apiKey" = []), ("bearer" = [])),
    params(
        ("filter[side]" = Option<String>, Query, description = "`host`, `guest`, or both parted by a comma"),
        ("filter[state]" = Option<String>, Query, description = "States, parted by commas"),
        ("filter[awaiting]" = Option<String>, Query, description = "`me`: those that the caller can decide"),
        ("search" = Option<String>, Query, description = "A part of the other workspace's name or of the partner's address"),
        ("sort" = Option<String>, Query, description = "`name`, `updatedAt`, `createdAt`; with `-` before it, descending. Default `-createdAt`"),
        ("page[size]" = Option<u32>, Query, description = "1 to 100, default 25"),
        ("page[number]" = Option<u32>, Query, description = "From 1"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next`"),
    ),
    responses(
        (status = 200, body = List<PartnershipResource>),
        ReadRefusals,
    )
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
    let position = match &paging.after {
        Some(cursor) => {
            decode(cursor).ok_or_else(|| Query::bad("page[after]", "it is no cursor"))?
        }
        None => ListPosition::Offset(paging.offset()),
    };

    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = visible_count(&mut connection, &actor, &filter).await?;
    let most = paging.most();
    let mut rows =
        list_partnerships(&mut connection, &actor, &filter, sort, &position, most).await?;
    let more = paging.cut(&mut rows);
    let next = rows.last().filter(|_| more).map(|(last, value)| encode(value, last.id));
    let page: Vec<_> = rows.into_iter().map(|(partnership, _)| partnership).collect();
    let data = documents(&mut connection, &actor, app.deadlines, &page).await?;
    Ok(Json(paging.list(&query, PATH, data, next, total)))
}

fn sort(query: &Query) -> ApiResult<Sort> {
    let text = query.get("sort").unwrap_or("-createdAt");
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

fn encode(value: &str, id: PartnershipId) -> String {
    URL_SAFE_NO_PAD.encode(format!("{id}{value}"))
}

fn decode(cursor: &str) -> Option<ListPosition> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (id, value) = text.split_at_checked(36)?;
    Some(ListPosition::After(value.to_owned(), id.parse().ok()?))
}
