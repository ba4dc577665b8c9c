use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entente_domain::Timestamp;
use entente_store::{
    ActivityFilter, ActivityRow, Connection, Event, StoreError, count_activities, list_activities,
};
use entente_wire::{
    ActivityAttributes, ActivityResource, List, Resource, ResourceMeta, ResourceType,
};

use super::csv;
use crate::{
    app::App,
    auth::Caller,
    document::Names,
    error::ApiResult,
    paging::{PAGE, Paging},
    query::Query,
    refusals::ReadRefusals,
    scopes::ACTIVITIES_READ,
};

const PATH: &str = "/api/v1/activities";
const FILTERS: [&str; 7] = [
    "filter[from]",
    "filter[to]",
    "filter[application]",
    "filter[account]",
    "filter[user]",
    "filter[event]",
    "filter[partnership]",
];

/// What happened, the newest first. As `text/csv`, all pages at once, for a spreadsheet.
#[utoipa::path(
    get, path = "/api/v1/activities", tag = "Activities", operation_id = "listActivities",
    security(("apiKey" = []), ("bearer" = [])),
    params(
        ("filter[from]" = Option<String>, Query, description = "From this moment on (RFC 3339)"),
        ("filter[to]" = Option<String>, Query, description = "Before this moment (RFC 3339)"),
        ("filter[application]" = Option<String>, Query, description = "Apps, parted by commas"),
        ("filter[account]" = Option<String>, Query, description = "Ids of accounts, parted by commas"),
        ("filter[user]" = Option<String>, Query, description = "Ids of users who did it or to whom it was done, parted by commas"),
        ("filter[event]" = Option<String>, Query, description = "Events, parted by commas: `partnership_accepted`, `account_credential_read`, ..."),
        ("filter[partnership]" = Option<String>, Query, description = "Ids of partnerships, parted by commas"),
        ("page[size]" = Option<u32>, Query, description = "1 to 100, default 25"),
        ("page[number]" = Option<u32>, Query, description = "From 1"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next`"),
    ),
    responses(
        (status = 200, content(
            (List<ActivityResource> = "application/json"),
            (String = "text/csv"),
        ), description = "`text/csv` (RFC 4180, UTF-8, all pages) where `Accept` asks for it"),
        ReadRefusals,
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> ApiResult<Response> {
    caller.needs(ACTIVITIES_READ)?;
    let query = Query::parse(raw.as_deref(), &[&FILTERS[..], &PAGE].concat())?;
    let paging = Paging::read(&query)?;
    let filter = filter(&query)?;
    if wants_csv(&headers) {
        return Ok(csv::stream(app, caller, filter));
    }
    let after = match &paging.after {
        Some(cursor) => {
            Some(decode(cursor).ok_or_else(|| Query::bad("page[after]", "it is no cursor"))?)
        }
        None => None,
    };
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = count_activities(&mut connection, &actor, &filter).await?;
    let (offset, most) = (paging.offset(), paging.most());
    let mut rows = list_activities(&mut connection, &actor, &filter, after, offset, most).await?;
    let more = paging.cut(&mut rows);
    let next = rows.last().filter(|_| more).map(|last| encode(last.at, &last.id));
    let data = documents(&mut connection, rows).await?;
    Ok(Json(paging.list(&query, PATH, data, next, total)).into_response())
}

fn wants_csv(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| {
        accept.split(',').any(|one| {
            let essence = one.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("text/csv")
        })
    })
}

fn filter(query: &Query) -> ApiResult<ActivityFilter> {
    let events: Vec<String> = query.words("filter[event]")?;
    let events = events.iter().map(|event| {
        let unknown = |()| Query::bad("filter[event]", &format!("{event:?} is not known"));
        event.parse::<Event>().map_err(unknown)
    });
    Ok(ActivityFilter {
        from: query.moment("filter[from]")?,
        to: query.moment("filter[to]")?,
        applications: query.words("filter[application]")?,
        accounts: query.words("filter[account]")?,
        users: query.words("filter[user]")?,
        events: events.collect::<ApiResult<_>>()?,
        partnerships: query.words("filter[partnership]")?,
    })
}

/// Activities as documents, in the same order.
pub(super) async fn documents(
    connection: &mut Connection,
    rows: Vec<ActivityRow>,
) -> Result<Vec<ActivityResource>, StoreError> {
    let people = rows.iter().flat_map(|row| row.actor.into_iter().chain(row.subject)).collect();
    let names = Names::read(connection, people, [].into()).await?;
    let document = |row: ActivityRow| Resource {
        id: row.id,
        r#type: ResourceType::Activity,
        attributes: ActivityAttributes {
            time: row.at,
            event: row.event.as_str().into(),
            event_label: row.event.label().into(),
            account: row.account_label,
            application: row.application,
            user: row.actor.map(|id| names.person(id)),
            location: row.origin.location,
            os: row.origin.os,
            device: row.origin.device,
            subject: row.subject.map(|id| names.person(id)),
            detail: row.detail,
            partnership_id: row.partnership,
            account_id: row.account,
        },
        meta: ResourceMeta::default(),
    };
    Ok(rows.into_iter().map(document).collect())
}

fn encode(at: Timestamp, id: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{} {id}", at.unix_millis()))
}

fn decode(cursor: &str) -> Option<(Timestamp, String)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (at, id) = text.split_once(' ')?;
    Some((Timestamp::from_unix_millis(at.parse().ok()?).ok()?, id.to_owned()))
}
