use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
};
use entente_wire::{ChangeMeta, Changes, Links};

use crate::{
    app::App,
    auth::Caller,
    changes::{SnapshotPosition, decode, encode, expired, read, snapshot, total, upsert, view},
    cursor,
    error::ApiResult,
    query::Query,
};

const PATH: &str = "/api/v1/changes";

/// What changed since a cursor; without one, a full snapshot in pages.
#[utoipa::path(
    get, path = "/api/v1/changes", tag = "Changes", security(("apiKey" = [])),
    params(
        ("since" = Option<String>, Query, description = "The `meta.cursor` of an earlier answer"),
        ("page[size]" = Option<u32>, Query, minimum = 1, maximum = 500, description = "How many changes at most, default 500"),
        ("page[after]" = Option<String>, Query, description = "The cursor in `links.next` of a snapshot"),
    ),
    responses((status = 200, body = Changes)),
    extensions(("x-refusals" = json!(["cursor_expired"])))
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
        Some(cursor) => since_page(&app, &caller, &query, cursor, size).await,
        None => full(&app, &caller, &query, size).await,
    }
}

async fn since_page(
    app: &App,
    caller: &Caller,
    query: &Query,
    cursor: &str,
    size: u32,
) -> ApiResult<Json<Changes>> {
    let seen = view(app, caller);
    let since = decode(app, caller, cursor).await?;
    let batch = read(app, caller, since, size as usize).await?;
    // Another copy of the database came to answer in between.
    if view(app, caller) != seen {
        return Err(expired());
    }
    let cursor = encode(app, caller, batch.upto);
    let next = batch.more.then(|| query.with(PATH, &[("since", Some(cursor.clone()))]));
    Ok(Json(Changes {
        data: batch.changes.into_iter().map(|(_, change)| change).collect(),
        links: Links { this: query.with(PATH, &[]), next, previous: None },
        meta: ChangeMeta { cursor, full: false, total: None },
    }))
}

/// What changes while the pages are read is after the cursor, which was taken before the first one.
async fn full(app: &App, caller: &Caller, query: &Query, size: u32) -> ApiResult<Json<Changes>> {
    let begun = match query.get("page[after]") {
        Some(text) => {
            let begun =
                parse_position(text).ok_or_else(|| Query::bad("page[after]", "it is no cursor"))?;
            decode(app, caller, &begun.0).await?;
            Some(begun)
        }
        None => None,
    };
    let (mut connection, (cursor, total, position)) = match begun {
        Some(begun) => (app.store.snapshot().await?, begun),
        None => {
            // Before the snapshot, so that everything up to it is in there.
            let place = app.store.settled_closely(&mut *app.store.read().await?).await?;
            let mut connection = app.store.snapshot().await?;
            // Counted once: it takes as long as there is much, and there are as many pages.
            let total = total(caller, &mut connection).await?;
            (connection, (encode(app, caller, place), total, SnapshotPosition::START))
        }
    };
    let (page, next) = snapshot(app, caller, &mut connection, position, size).await?;
    let next = next.map(|next| {
        let position = cursor::encode(&format!("{} {total} {cursor}", next.encode()));
        query.with(PATH, &[("page[after]", Some(position))])
    });
    Ok(Json(Changes {
        data: page.into_iter().map(upsert).collect(),
        links: Links { this: query.with(PATH, &[]), next, previous: None },
        meta: ChangeMeta { cursor, full: true, total: Some(total) },
    }))
}

fn parse_position(text: &str) -> Option<(String, u64, SnapshotPosition)> {
    let text = cursor::decode(text)?;
    let mut parts = text.splitn(3, ' ');
    let position = SnapshotPosition::decode(parts.next()?)?;
    let total = parts.next()?.parse().ok()?;
    Some((parts.next()?.to_owned(), total, position))
}
