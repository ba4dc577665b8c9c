//! Ends requests that nobody decided in time.

use std::{sync::Arc, time::Duration};

use entente_domain::Timestamp;
use entente_store::{
    Origin, StoreError, due_partnerships, forget_answers_before, forget_deliveries_before,
    forget_mails_before, forget_sessions, prune_changes_before, save_step,
};
use tokio::time::MissedTickBehavior;

use crate::{app::App, news};

/// How many requests one transaction expires.
const BATCH: i64 = 100;
/// How long the answers to idempotency keys are kept.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the change log is kept: who was away for longer reads everything anew.
const CHANGES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long mails are kept after they were sent.
const MAILS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long sessions that are over are kept: long enough to look into what happened.
const SESSIONS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long deliveries to webhooks are kept after they ended.
const DELIVERIES_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Looks for overdue requests at every interval until the server stops. Of several processes one does
/// it, so that they are not in each other's way.
pub(crate) async fn run(app: Arc<App>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = app.stopping.subscribe();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        let now = app.clock.now();
        match app.store.lease("expiry", now, interval * 2).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tracing::error!(%error, "whose turn it is to expire requests is not known");
                continue;
            }
        }
        match expire_due(&app, now).await {
            Ok(()) => {}
            // Somebody decided one of them at the same moment. What is still due comes next time.
            Err(error) if error.is_conflict() => tracing::debug!(%error, "another was quicker"),
            Err(error) => tracing::error!(%error, "overdue requests could not be expired"),
        }
        if let Err(error) = forget(&app, now).await {
            tracing::error!(%error, "old answers could not be forgotten");
        }
    }
}

async fn expire_due(app: &App, now: Timestamp) -> Result<(), StoreError> {
    loop {
        let mut write = app.store.write().await?;
        let due = due_partnerships(write.connection(), now, BATCH).await?;
        if due.is_empty() {
            return Ok(());
        }
        for before in due {
            if let Some(step) = before.expire(now) {
                save_step(write.connection(), &before, &step, &Origin::default()).await?;
                news::of_step(write.connection(), &step).await?;
            }
        }
        write.commit().await?;
        app.committed();
    }
}

async fn forget(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let mut write = app.store.upkeep().await?;
    let connection = write.connection();
    let answers = forget_answers_before(connection, now.before(ANSWERS_KEPT)).await?;
    let changes = prune_changes_before(connection, now.before(CHANGES_KEPT)).await?;
    let mails = forget_mails_before(connection, now.before(MAILS_KEPT)).await?;
    let sessions = forget_sessions(connection, SESSIONS_KEPT, now).await?;
    let deliveries = forget_deliveries_before(connection, now.before(DELIVERIES_KEPT)).await?;
    if answers + changes + mails + sessions + deliveries > 0 {
        write.commit().await?;
    }
    Ok(())
}
