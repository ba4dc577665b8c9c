use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entente_domain::PartnershipId;
use entente_store::{ListFilter, latest_change, snapshot_page, visible_count};
use entente_wire::{ChangeMeta, Changes, ErrorDocument, Links};

use crate::{
    app::App,
    auth::Caller,
    changes::{decode, encode, read, upsert},
    document::documents,
    error::ApiResult,
    query::Query,
};

const PATH: &str = "/api/v1/changes";

/// What changed since a cursor; without one, a full snapshot in pages.
#[utoipa::path(
    get, path = "/api/v1/changes", tag = "Changes", security(("apiKey" = []), ("bearer" = [])),
    params(
        ("since" = Option<String>, Query, description = "The `meta.cursor` of an earlier answer"),
        ("page[size]" = Option<u32>, Query, description = "1 to 500, default 500"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next` of a snapshot"),
    ),
    responses(
        (status = 200, body = Changes),
        (status = 400, body = ErrorDocument), (status = 401, body = ErrorDocument),
        (status = 410, body = ErrorDocument, description = "`cursor_expired`: read a full snapshot"),
    )
)]
pub(crate) async fn changes(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<Changes>> {
    let query = Query::parse(raw.as_deref(), &["since", "page[size]", "page[after]"])?;
    let size = u32::try_from(query.number("page[size]", 1, 500, 500)?).unwrap_or(500);
    match query.get("since") {
        Some(_) if query.get("page[after]").is_some() => {
            Err(Query::bad("page[after]", "it does not go with since"))
        }
        Some(cursor) => {
            let since = decode(&app, &caller, cursor).await?;
            since_page(&app, &caller, &query, since, size).await
        }
        None => snapshot(&app, &caller, &query, size).await,
    }
}

async fn since_page(
    app: &App,
    caller: &Caller,
    query: &Query,
    since: i64,
    size: u32,
) -> ApiResult<Json<Changes>> {
    let batch = read(app, caller, since, size as usize).await?;
    let cursor = encode(app, caller, batch.upto);
    let next = batch.more.then(|| query.with(PATH, &[("since", Some(cursor.clone()))]));
    Ok(Json(Changes {
        data: batch.changes.into_iter().map(|(_, change)| change).collect(),
        links: Links { this: query.with(PATH, &[]), next, previous: None },
        meta: ChangeMeta { cursor, full: false, total: None },
    }))
}

/// What changes while the pages are read is after the cursor, which was taken before the first one.
async fn snapshot(
    app: &App,
    caller: &Caller,
    query: &Query,
    size: u32,
) -> ApiResult<Json<Changes>> {
    let actor = caller.actor();
    let mut connection = app.store.read().await?;
    let (cursor, after) = match query.get("page[after]") {
        Some(text) => {
            let (cursor, after) =
                parse_position(text).ok_or_else(|| Query::bad("page[after]", "it is no cursor"))?;
            decode(app, caller, &cursor).await?;
            (cursor, Some(after))
        }
        None => (encode(app, caller, latest_change(&mut connection).await?), None),
    };
    let page = snapshot_page(&mut connection, &actor, after, size).await?;
    let next = page.last().filter(|_| page.len() == size as usize).map(|last| {
        let position = URL_SAFE_NO_PAD.encode(format!("{}{cursor}", last.id));
        query.with(PATH, &[("page[after]", Some(position))])
    });
    let total = visible_count(&mut connection, &actor, &ListFilter::default()).await?;
    let data = documents(&mut connection, &actor, app.deadlines, &page).await?;
    Ok(Json(Changes {
        data: data.into_iter().map(upsert).collect(),
        links: Links { this: query.with(PATH, &[]), next, previous: None },
        meta: ChangeMeta { cursor, full: true, total: Some(total) },
    }))
}

fn parse_position(text: &str) -> Option<(String, PartnershipId)> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
    let (id, cursor) = text.split_at_checked(36)?;
    Some((cursor.to_owned(), id.parse().ok()?))
}
