use std::{convert::Infallible, sync::Arc, time::Duration, vec};

use axum::{
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use entente_store::Place;
use entente_wire::Change;
use futures_util::stream;
use tokio::sync::{broadcast, watch};

use crate::{
    app::App,
    auth::Caller,
    changes::{decode, encode, read, view},
    error::{ApiError, ApiResult},
    hub::News,
    metrics::OpenStream,
    query::Query,
};

/// How often a quiet stream says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What it says, and at its beginning: whoever hears nothing knows that something on the way keeps it.
const COMMENT: &[u8] = b": still here\n\n";
const BATCH: usize = 100;

/// Changes as server-sent events, from now on or from `Last-Event-ID` on.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "Changes", security(("apiKey" = [])),
    params(
        ("since" = Option<String>, Query, description = "A cursor, as `Last-Event-ID`"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that was read"),
    ),
    responses(
        (status = 200, content_type = "text/event-stream", body = String,
         description = "Events named `change`: `id` is a cursor, `data` a Change. A comment at once and every 15 s"),
    ),
    extensions(("x-refusals" = json!(["cursor_expired"])))
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
        stopping: app.stopping.subscribe(),
        _open: OpenStream::new(app.clone()),
        told: app.hub.join(&caller),
        app,
        caller,
        since,
        ready: vec![Bytes::from_static(COMMENT)].into_iter(),
        look: true,
    };
    let events = stream::unfold(feed, async |mut feed| {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    Ok((head, Body::from_stream(events)).into_response())
}

/// An event as it is sent. One of several streams of the same view is the same.
pub(crate) fn event(app: &App, caller: &Caller, place: Place, change: &Change) -> ApiResult<Bytes> {
    let data = serde_json::to_string(change).map_err(ApiError::unwritable)?;
    let id = encode(app, caller, place);
    Ok(format!("event: change\nid: {id}\ndata: {data}\n\n").into())
}

/// What one stream is told, by the hub; where it has not been told everything, it reads by itself.
struct Feed {
    app: Arc<App>,
    caller: Caller,
    since: Place,
    ready: vec::IntoIter<Bytes>,
    /// Whether there may be something that it must read by itself.
    look: bool,
    told: broadcast::Receiver<News>,
    stopping: watch::Receiver<bool>,
    _open: OpenStream,
}

impl Feed {
    /// The next event; none when the stream is over: the server stops, the key is no longer taken,
    /// or the caller needs a full snapshot, which the next attempt to connect tells.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.ready.next() {
                return Some(event);
            }
            if self.look {
                // Apart, so that the many that wait do not keep room for it.
                Box::pin(self.read()).await?;
            } else if let Some(comment) = self.wait().await? {
                return Some(comment);
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let seen = view(&self.app, &self.caller);
        // Joined before anything is read, so that whatever this does not find is told.
        self.told = self.app.hub.join(&self.caller);
        self.caller = self.caller.again(&self.app).await.ok()?;
        let batch = read(&self.app, &self.caller, self.since, BATCH).await.ok()?;
        if view(&self.app, &self.caller) != seen {
            return None;
        }
        let event = |(place, change)| event(&self.app, &self.caller, place, &change);
        let ready: ApiResult<Vec<Bytes>> = batch.changes.into_iter().map(event).collect();
        self.ready = ready.ok()?.into_iter();
        self.since = batch.upto;
        self.look = batch.more;
        Some(())
    }

    /// Waits for what the hub tells; gives a comment where that is nothing for long.
    async fn wait(&mut self) -> Option<Option<Bytes>> {
        let left = self.time_left();
        let told = tokio::select! {
            told = self.told.recv() => Some(told),
            () = tokio::time::sleep(left.map_or(HEARTBEAT, |left| left.min(HEARTBEAT))) => None,
            _ = self.stopping.wait_for(|stopping| *stopping) => return None,
        };
        if self.time_left() == Some(Duration::ZERO) {
            return None;
        }
        match told {
            Some(Ok(News::Events(events))) => {
                let new = events.after(self.since);
                self.since = self.since.max(events.upto);
                self.ready = new.into_iter();
            }
            // It has missed some, or who it tells may see something else or not be told any more.
            Some(Ok(News::Look) | Err(_)) => self.look = true,
            None => return Some(Some(Bytes::from_static(COMMENT))),
        }
        Some(None)
    }

    /// How long the key is still good; none if it does not expire.
    fn time_left(&self) -> Option<Duration> {
        self.caller.key.expires_at.map(|at| at.since(self.app.clock.now()))
    }
}
