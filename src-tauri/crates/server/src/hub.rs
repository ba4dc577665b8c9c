//! Tells open event streams what was committed. The change log is read once for all streams, what it
//! leads to is worked out once for each view of the data, and each stream of that view gets the same
//! bytes.
//!
//! Streams join before they read for the first time, and from then on are told what is committed. A
//! stream that misses something, or whose caller may see or do something else, is told to look by
//! itself: it finds out then whether it still may read, and what it has missed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use entente_domain::{UserId, WorkspaceId};
use entente_store::{ChangeRow, Connection, LogEntry, Place, log_after};
use tokio::sync::{Notify, broadcast};

use crate::{
    app::App,
    auth::Caller,
    changes::{Sources, told},
    endpoints::events::event,
    error::ApiResult,
};

/// How often it is looked for what nobody told of: another program can write into the same file.
const NET: Duration = Duration::from_secs(15);
/// How many entries of the log are read at once.
const AT_ONCE: usize = 500;
/// How many rounds of news wait for a stream that does not take them; it has missed some after that.
const WAITING: usize = 8;
/// After how many views the work is interrupted for others.
const IN_A_ROW: usize = 32;

/// What a stream is told.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// What happened.
    Events(Arc<Events>),
    /// To look by itself.
    Look,
}

/// Events in commit order, as they are sent.
#[derive(Debug)]
pub(crate) struct Events {
    events: Vec<(Place, Bytes)>,
    /// All that happened up to here is told with these.
    pub(crate) upto: Place,
}

impl Events {
    /// Those after a place.
    pub(crate) fn after(&self, since: Place) -> Vec<Bytes> {
        let after = self.events.iter().filter(|(place, _)| *place > since);
        after.map(|(_, event)| event.clone()).collect()
    }
}

/// What decides what a caller sees, beside their workspace: who they are, which number their view has,
/// and what their key may read.
type View = (UserId, i64, Vec<String>);

/// The streams of one view.
#[derive(Debug)]
struct Streams {
    /// Any of their callers: they see the same.
    caller: Caller,
    news: broadcast::Sender<News>,
}

type Workspaces = BTreeMap<WorkspaceId, BTreeMap<View, Streams>>;

/// All open streams, by workspace and view.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    workspaces: Mutex<Workspaces>,
    /// Told when a stream joins where there was none.
    opened: Notify,
}

impl Hub {
    /// From now on, a stream is told what happens.
    pub(crate) fn join(&self, caller: &Caller) -> broadcast::Receiver<News> {
        let view = (caller.user.id, caller.user.view_number, caller.key.scopes.clone());
        let mut workspaces = self.lock();
        if workspaces.is_empty() {
            self.opened.notify_one();
        }
        let views = workspaces.entry(caller.user.workspace).or_default();
        let streams = views.entry(view).or_insert_with(|| Streams {
            caller: caller.clone(),
            news: broadcast::Sender::new(WAITING),
        });
        streams.news.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Workspaces> {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets views that nobody has open; whether all were.
    fn is_deserted(&self) -> bool {
        let mut workspaces = self.lock();
        workspaces.retain(|_, views| {
            views.retain(|_, streams| streams.news.receiver_count() > 0);
            !views.is_empty()
        });
        workspaces.is_empty()
    }

    /// Has some streams look by themselves, and join anew.
    fn look(&self, which: impl Fn(WorkspaceId, UserId) -> bool) {
        for (workspace, views) in self.lock().iter_mut() {
            views.retain(|(user, ..), streams| {
                let looks = which(*workspace, *user);
                if looks {
                    // That nobody listens is nobody's loss.
                    let _ = streams.news.send(News::Look);
                }
                !looks
            });
        }
    }

    fn all_look(&self) {
        self.look(|_, _| true);
    }

    /// The views of a workspace that are open, each with a way to tell its streams.
    fn views(&self, workspace: WorkspaceId) -> Vec<(Caller, broadcast::Sender<News>)> {
        let workspaces = self.lock();
        let views = workspaces.get(&workspace).into_iter().flat_map(BTreeMap::values);
        views.map(|streams| (streams.caller.clone(), streams.news.clone())).collect()
    }
}

/// How far the streams were told.
struct Head {
    /// Of which copy of the database.
    epoch: String,
    place: Place,
}

/// Tells until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut commits = app.commits.subscribe();
    let mut stopping = app.stopping.subscribe();
    let mut head = None;
    loop {
        tokio::select! {
            _ = commits.changed() => {}
            () = app.hub.opened.notified() => {}
            () = tokio::time::sleep(NET) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        if app.hub.is_deserted() {
            head = None;
            continue;
        }
        head = match tell(&app, head).await {
            Ok(head) => Some(head),
            Err(error) => {
                tracing::warn!(code = error.code().as_str(), "event streams were not told");
                // They find out by themselves, or end.
                app.hub.all_look();
                None
            }
        };
    }
}

/// Tells what is new; gives how far that is.
async fn tell(app: &App, head: Option<Head>) -> ApiResult<Head> {
    let epoch = app.store.epoch();
    let mut place = match head {
        Some(head) if head.epoch == epoch => head.place,
        _ => {
            let place = app.store.settled(&mut *app.store.read().await?).await?;
            app.hub.all_look();
            return Ok(Head { epoch, place });
        }
    };
    loop {
        // Before the snapshot, so that everything up to it is in there.
        let settled = app.store.settled(&mut *app.store.read().await?).await?;
        let mut connection = app.store.snapshot().await?;
        let entries = log_after(&mut connection, place, AT_ONCE).await?;
        let last = entries.last().map(LogEntry::place).filter(|_| entries.len() == AT_ONCE);
        let upto = last.map_or(settled, |last| last.min(settled)).max(place);
        if entries.last().is_some_and(|last| last.place() > settled) {
            app.unsettled.notify_one();
        }
        let rows = sort(app, entries, upto);
        for (workspace, rows) in rows {
            if let Err(error) = tell_workspace(app, &mut connection, workspace, &rows, upto).await {
                tracing::warn!(code = error.code().as_str(), "a workspace's streams were not told");
                app.hub.look(|of, _| of == workspace);
            }
        }
        if app.store.epoch() != epoch {
            app.hub.all_look();
        }
        let is_all = last.is_none() || upto == place;
        place = upto;
        if is_all {
            return Ok(Head { epoch, place });
        }
    }
}

/// Sorts what is settled by workspace. Who may see something else or whose key was ended looks at
/// once, also where an earlier transaction still holds the rest back.
fn sort(app: &App, entries: Vec<LogEntry>, upto: Place) -> BTreeMap<WorkspaceId, Vec<ChangeRow>> {
    let mut callers = BTreeSet::new();
    let mut rows: BTreeMap<WorkspaceId, Vec<ChangeRow>> = BTreeMap::new();
    for entry in entries {
        match entry {
            LogEntry::Caller(_, user) => {
                callers.insert(user);
            }
            LogEntry::Change(workspace, row) if row.place <= upto => {
                rows.entry(workspace).or_default().push(row);
            }
            LogEntry::Change(..) => {}
        }
    }
    if !callers.is_empty() {
        app.hub.look(|_, user| callers.contains(&user));
    }
    rows
}

async fn tell_workspace(
    app: &App,
    connection: &mut Connection,
    workspace: WorkspaceId,
    rows: &[ChangeRow],
    upto: Place,
) -> ApiResult<()> {
    let views = app.hub.views(workspace);
    let concerned = |(caller, news)| {
        let Caller { user, .. } = &caller;
        let actor = user.actor();
        let rows: Vec<&ChangeRow> = rows.iter().filter(|row| row.concerns(&actor)).collect();
        (!rows.is_empty()).then_some((caller, news, rows))
    };
    let concerned: Vec<(Caller, broadcast::Sender<News>, Vec<&ChangeRow>)> =
        views.into_iter().filter_map(concerned).collect();
    if concerned.is_empty() {
        return Ok(());
    }
    let rows: Vec<&ChangeRow> = rows.iter().collect();
    let sources = Sources::read(connection, workspace, &rows).await?;
    for (number, (caller, news, rows)) in concerned.into_iter().enumerate() {
        let changes = told(app, &caller, connection, &rows, &sources).await?;
        let event = |(place, change)| Ok((place, event(app, &caller, place, &change)?));
        let events = changes.into_iter().map(event).collect::<ApiResult<Vec<_>>>()?;
        if !events.is_empty() {
            let _ = news.send(News::Events(Arc::new(Events { events, upto })));
        }
        if number % IN_A_ROW == IN_A_ROW - 1 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}
