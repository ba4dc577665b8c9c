//! Keeps in step with the other processes over one PostgreSQL.

use std::{sync::Arc, time::Duration};

use entente_store::{Place, StoreError, has_between, has_unsettled};
use tokio::{task::JoinHandle, time::Instant};

use crate::app::App;

/// How long a word that was lost goes unnoticed, and how soon a lost connection is tried again.
const NET: Duration = Duration::from_secs(1);
/// How soon it is looked again for what an earlier transaction holds back: the longer it does, the
/// more seldom.
const SETTLING: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// Starts what keeps in step; it ends when the server stops.
pub(crate) fn start(app: &Arc<App>) -> [JoinHandle<()>; 3] {
    [
        tokio::spawn(until_it_stops(app.clone(), tell(app.clone()))),
        tokio::spawn(until_it_stops(app.clone(), hear(app.clone()))),
        tokio::spawn(until_it_stops(app.clone(), look(app.clone()))),
    ]
}

async fn until_it_stops(app: Arc<App>, work: impl Future<Output = ()>) {
    let mut stopping = app.stopping.subscribe();
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

/// Tells the others of this process's commits, those of a moment at once.
async fn tell(app: Arc<App>) {
    let mut own = app.own_commits.subscribe();
    while own.changed().await.is_ok() {
        if let Err(error) = app.store.tell_others().await {
            tracing::warn!(%error, "other processes were not told; they look by themselves");
        }
    }
}

/// Hears of the others' commits.
async fn hear(app: Arc<App>) {
    loop {
        let Err(error) = hear_until_lost(&app).await;
        tracing::warn!(%error, "other processes are not heard; it is looked instead");
        tokio::time::sleep(NET).await;
    }
}

async fn hear_until_lost(app: &App) -> Result<std::convert::Infallible, StoreError> {
    let mut listener = app.store.listen().await?;
    loop {
        // Also after the connection was made: what was told before it was not heard.
        app.others_committed();
        listener.heard().await?;
    }
}

/// Looks for what was not heard of, and for what could not be told yet because an earlier transaction
/// still ran. One for all streams of the process.
async fn look(app: Arc<App>) {
    let mut told = None;
    loop {
        tokio::select! {
            () = app.unsettled.notified() => {}
            () = tokio::time::sleep(NET) => {}
        }
        if let Err(error) = settle(&app, &mut told).await {
            tracing::warn!(%error, "it could not be looked for changes");
            tokio::time::sleep(NET).await;
        }
    }
}

async fn settle(app: &App, told: &mut Option<Place>) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut closely = false;
    loop {
        let mut connection = app.store.read().await?;
        let upto = if closely {
            app.store.settled_closely(&mut connection).await?
        } else {
            app.store.settled(&mut connection).await?
        };
        let is_more = match *told {
            Some(told) => has_between(&mut connection, told, upto).await?,
            None => true,
        };
        *told = Some(upto);
        if is_more {
            app.others_committed();
        }
        if !has_unsettled(&mut connection, upto).await? {
            return Ok(());
        }
        drop(connection);
        closely = true;
        tokio::time::sleep((begun.elapsed() / 4).clamp(SETTLING.0, SETTLING.1)).await;
    }
}
