use std::{sync::Arc, time::Duration};

use entente_store::{OutboxMail, StoreError, due_mails, mark_sent, postpone};

use super::{Transport, TransportError};
use crate::app::App;

/// How many mails are sent between two looks at whether to stop.
const BATCH: i64 = 20;
/// How often the outbox is looked at without a commit.
const INTERVAL: Duration = Duration::from_secs(5);

/// Sends what is in the outbox until the server stops. One worker, one mail at a time, each marked
/// before the next: a kill can repeat at most the one that was under way.
pub(crate) async fn run(app: Arc<App>, transport: Transport) {
    let mut commits = app.commits.subscribe();
    let mut stopping = app.stopping.subscribe();
    loop {
        match send_due(&app, &transport).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => tracing::error!(%error, "the outbox could not be read"),
        }
        tokio::select! {
            _ = commits.changed() => {}
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

async fn send_due(app: &App, transport: &Transport) -> Result<usize, StoreError> {
    let due = due_mails(&mut *app.store.read().await?, app.clock.now(), BATCH).await?;
    for mail in &due {
        let sent = transport.send(mail).await;
        note(app, mail, sent).await?;
        if *app.stopping.borrow() {
            break;
        }
    }
    Ok(due.len())
}

async fn note(
    app: &App,
    mail: &OutboxMail,
    sent: Result<(), TransportError>,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut write = app.store.write().await?;
    match sent {
        Ok(()) => mark_sent(write.connection(), &mail.id, now).await?,
        Err(error) => {
            tracing::warn!(%error, mail = mail.id, attempts = mail.attempts, "a mail was not sent");
            // 1 min, 2 min, 4 min, up to 4 h.
            let doubled = 60_u64 << u32::try_from(mail.attempts.clamp(0, 8)).unwrap_or(0);
            let wait = Duration::from_secs(doubled.min(4 * 60 * 60));
            postpone(write.connection(), &mail.id, now.after(wait)).await?;
        }
    }
    write.commit().await
}
