//! Ends requests that nobody decided in time.

use std::{sync::Arc, time::Duration};

use entente_domain::Timestamp;
use entente_store::{StoreError, due_partnerships, forget_answers_before, save_step};
use tokio::time::MissedTickBehavior;

use crate::{app::App, mail};

/// How many requests one transaction expires.
const BATCH: i64 = 100;
/// How long the answers to idempotency keys are kept.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks for overdue requests at every interval until the server stops.
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
        if let Err(error) = expire_due(&app, now).await {
            tracing::error!(%error, "overdue requests could not be expired");
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
                save_step(write.connection(), &before, &step).await?;
                mail::queue_for(write.connection(), &step).await?;
            }
        }
        write.commit().await?;
        app.committed();
    }
}

async fn forget(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let before =
        now.unix_millis().saturating_sub(i64::try_from(ANSWERS_KEPT.as_millis()).unwrap_or(0));
    let Ok(before) = Timestamp::from_unix_millis(before) else { return Ok(()) };
    let mut write = app.store.write().await?;
    if forget_answers_before(write.connection(), before).await? > 0 {
        write.commit().await?;
    }
    Ok(())
}
