use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use entente_store::Place;
use entente_wire::{Change, ErrorDocument};
use futures_util::stream;
use tokio::sync::watch;

use crate::{
    app::App,
    auth::Caller,
    changes::{decode, encode, read, view},
    error::ApiResult,
    metrics::OpenStream,
    query::Query,
    refusals::ReadRefusals,
};

/// How often a quiet stream says that it is alive, and looks whether the key still is.
const HEARTBEAT: Duration = Duration::from_secs(15);
const BATCH: usize = 100;

/// Changes as server-sent events, from now on or from `Last-Event-ID` on.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "Changes", security(("apiKey" = []), ("bearer" = [])),
    params(
        ("since" = Option<String>, Query, description = "A cursor, as `Last-Event-ID`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was read"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
         description = "Events named `change`: `id` is a cursor, `data` a Change. A comment every 15 s"),
        ReadRefusals,
        (status = 410, body = ErrorDocument, description = "`cursor_expired`: read a full snapshot"),
    )
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> ApiResult<Response> {
    let query = Query::parse(raw.as_deref(), &["since"])?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let since = match last.or_else(|| query.get("since")) {
        Some(cursor) => decode(&app, &caller, cursor).await?,
        None => app.store.settled_closely(&mut *app.store.read().await?).await?,
    };
    let feed = Feed {
        commits: app.commits.subscribe(),
        stopping: app.stopping.subscribe(),
        _open: OpenStream::new(app.clone()),
        app,
        caller,
        since,
        ready: VecDeque::new(),
        look: true,
    };
    let stream = stream::unfold(feed, async |mut feed| {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    let keep_alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Ok(Sse::new(Box::pin(stream)).keep_alive(keep_alive).into_response())
}

struct Feed {
    app: Arc<App>,
    caller: Caller,
    since: Place,
    ready: VecDeque<(Place, Change)>,
    /// Whether there may be something to read.
    look: bool,
    commits: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    _open: OpenStream,
}

impl Feed {
    /// The next event; none when the stream is over: the server stops, the key is no longer taken,
    /// or the caller needs a full snapshot, which the next attempt to connect tells.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((place, change)) = self.ready.pop_front() {
                let event =
                    Event::default().event("change").id(encode(&self.app, &self.caller, place));
                return event.json_data(&change).ok();
            }
            if self.look {
                self.read().await?;
            } else {
                self.wait().await?;
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        self.look = false;
        self.commits.mark_unchanged();
        let seen = view(&self.app, &self.caller);
        self.caller = self.caller.again(&self.app).await.ok()?;
        let batch = read(&self.app, &self.caller, self.since, BATCH).await.ok()?;
        if view(&self.app, &self.caller) != seen {
            return None;
        }
        self.since = batch.upto;
        self.look = batch.more;
        self.ready.extend(batch.changes);
        Some(())
    }

    async fn wait(&mut self) -> Option<()> {
        tokio::select! {
            changed = self.commits.changed() => changed.ok()?,
            () = tokio::time::sleep(HEARTBEAT) => {}
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        }
        self.look = true;
        Some(())
    }
}
