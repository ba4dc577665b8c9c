use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use entente_domain::{Actor, Timestamp, sees_origin};
use entente_store::{
    ActivityFilter, ActivityRow, Connection, Event, Origin, StoreError, count_activities,
    list_activities,
};
use entente_wire::{
    ActivityAttributes, ActivityResource, List, Resource, ResourceMeta, ResourceType,
};

use super::csv;
use crate::{
    app::App,
    auth::Caller,
    cursor,
    document::Names,
    error::ApiResult,
    openapi::parameters::{Events, Page},
    paging::{PAGE, Paging},
    query::Query,
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
    security(("apiKey" = ["activities:read"])),
    params(
        ("filter[from]" = Option<String>, Query, format = DateTime, description = "From this moment on (RFC 3339)"),
        ("filter[to]" = Option<String>, Query, format = DateTime, description = "Before this moment (RFC 3339)"),
        ("filter[application]" = Option<Vec<String>>, Query, style = Form, explode = false, min_items = 1, description = "Names of apps"),
        ("filter[account]" = Option<Vec<Uuid>>, Query, style = Form, explode = false, min_items = 1, description = "Ids of accounts"),
        ("filter[user]" = Option<Vec<Uuid>>, Query, style = Form, explode = false, min_items = 1, description = "Ids of users who did it or to whom it was done"),
        Events,
        ("filter[partnership]" = Option<Vec<Uuid>>, Query, style = Form, explode = false, min_items = 1, description = "Ids of partnerships"),
        Page,
    ),
    responses(
        (status = 200, content(
            (List<ActivityResource> = "application/json"),
            (String = "text/csv"),
        ), description = "`text/csv` (RFC 4180, UTF-8, all pages) where `Accept` asks for it"),
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
    let after = paging.place(place)?;
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let total = count_activities(&mut connection, &actor, &filter).await?;
    let (offset, most) = (paging.offset(), paging.most());
    let mut rows = list_activities(&mut connection, &actor, &filter, after, offset, most).await?;
    let more = paging.cut(&mut rows);
    let next = rows
        .last()
        .filter(|_| more)
        .map(|last| cursor::encode(&format!("{} {}", last.at.unix_millis(), last.id)));
    let data = documents(&mut connection, &actor, rows).await?;
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

/// Activities as documents for a caller, in the same order.
pub(super) async fn documents(
    connection: &mut Connection,
    actor: &Actor,
    rows: Vec<ActivityRow>,
) -> Result<Vec<ActivityResource>, StoreError> {
    let people = rows.iter().flat_map(|row| row.actor.into_iter().chain(row.subject)).collect();
    let names = Names::read(connection, people, [].into()).await?;
    let document = |row: ActivityRow| {
        let doer = row.actor.and_then(|id| names.workspace_of(id));
        let seen = sees_origin(actor, row.host, doer);
        let Origin { location, os, device } = if seen { row.origin } else { Origin::default() };
        Resource {
            id: row.id,
            r#type: ResourceType::Activity,
            attributes: ActivityAttributes {
                time: row.at,
                event: row.event.as_str().into(),
                event_label: row.event.label().into(),
                account: row.account_label,
                application: row.application,
                user: row.actor.map(|id| names.person(id)),
                location,
                os,
                device,
                subject: row.subject.map(|id| names.person(id)),
                detail: row.detail,
                partnership_id: row.partnership,
                account_id: row.account,
            },
            meta: ResourceMeta::default(),
        }
    };
    Ok(rows.into_iter().map(document).collect())
}

fn place(text: &str) -> Option<(Timestamp, String)> {
    let (at, id) = text.split_once(' ')?;
    Some((Timestamp::from_unix_millis(at.parse().ok()?).ok()?, id.to_owned()))
}
