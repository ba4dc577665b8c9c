use std::{sync::Arc, time::Duration};

use entente_domain::Timestamp;
use entente_store::{ClaimedMail, MailState, StoreError, has_due_mail};

use super::{Transport, transport::Failure};
use crate::app::App;

/// How often the outbox is looked at without a commit.
const INTERVAL: Duration = Duration::from_secs(5);
/// How long a stop waits for the mail that is under way.
const GRACE: Duration = Duration::from_secs(10);
/// The longest pause while there is no mail server; the first is a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How often a mail is tried that the mail server puts off: for some five days.
const ATTEMPTS: i64 = 40;

/// Sends what is in the outbox until the server stops.
///
/// A mail is claimed before it is sent, so that no two processes send it, and a process that is killed
/// leaves at most the one that was under way, of which nobody knows: it becomes unconfirmed.
pub(crate) async fn run(app: Arc<App>, mut transport: Transport) {
    let mut commits = app.commits.subscribe();
    let mut stopping = app.stopping.subscribe();
    let mut pause = None;
    loop {
        let pass = send_due(&app, &mut transport).await;
        transport.rest().await;
        pause = match pass {
            Ok(Pass::NoServer) => Some(
                pause
                    .map_or(Duration::from_secs(1), |last: Duration| (last * 2).min(LONGEST_PAUSE)),
            ),
            Ok(Pass::Done) => None,
            Err(error) => {
                tracing::error!(%error, "the outbox could not be used");
                pause
            }
        };
        tokio::select! {
            _ = commits.changed(), if pause.is_none() => {}
            () = tokio::time::sleep(pause.unwrap_or(INTERVAL)) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

enum Pass {
    /// There is nothing more to send just now.
    Done,
    /// The mail server cannot be used just now.
    NoServer,
}

async fn send_due(app: &App, transport: &mut Transport) -> Result<Pass, StoreError> {
    let mut look_at = app.clock.now();
    while !*app.stopping.borrow() {
        let now = app.clock.now();
        // However many wait, what another left is not looked for later than without them.
        if now >= look_at {
            for id in app.store.mails_left_unconfirmed(now).await? {
                tracing::warn!(mail = id, "whether a mail was sent is not known; see `mail list`");
            }
            look_at = now.after(INTERVAL);
        }
        if !has_due_mail(&mut *app.store.read().await?, now).await? {
            break;
        }
        let until = now.after(transport.longest());
        let Some(mail) = app.store.claim_mail(now, until).await? else { continue };
        let sent = send(app, transport, &mail).await;
        let is_down = matches!(sent, Err(Failure::NoServer(_)));
        note(app, &mail, sent).await?;
        if is_down {
            return Ok(Pass::NoServer);
        }
    }
    Ok(Pass::Done)
}

/// Sends a mail; a stop does not wait for it forever.
async fn send(app: &App, transport: &mut Transport, mail: &ClaimedMail) -> Result<(), Failure> {
    let mut stopping = app.stopping.subscribe();
    let patience = async {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        sent = transport.send(mail) => sent,
        () = patience => Err(Failure::Unknown("the server stopped while it sent this mail".into())),
    }
}

/// Notes what became of a mail. That it was sent is worth more than one try: a mail of which it is not
/// noted becomes unconfirmed.
async fn note(app: &App, mail: &ClaimedMail, sent: Result<(), Failure>) -> Result<(), StoreError> {
    let now = app.clock.now();
    let failure = match sent {
        Ok(()) => {
            let mut wait = Duration::from_millis(100);
            loop {
                match app.store.mail_sent(mail, now).await {
                    Err(error) if wait < GRACE => {
                        tracing::warn!(%error, mail = mail.id, "that a mail was sent was not noted");
                        tokio::time::sleep(wait).await;
                        wait *= 4;
                    }
                    done => return done,
                }
            }
        }
        Err(failure) => failure,
    };
    let (id, attempts) = (&mail.id, mail.attempts + 1);
    match &failure {
        Failure::NoServer(why) => {
            tracing::warn!(mail = id, why, "the mail server cannot be used; mails wait");
            app.store.mail_postponed(mail, now, mail.attempts, why).await
        }
        Failure::Later(why) if attempts < ATTEMPTS => {
            tracing::info!(mail = id, attempts, "the mail server put a mail off");
            app.store.mail_postponed(mail, next(now, mail.attempts), attempts, why).await
        }
        Failure::Later(why) | Failure::Never(why) => {
            tracing::warn!(mail = id, attempts, "the mail server refused a mail; see `mail list`");
            app.store.mail_ended(mail, MailState::Failed, why).await
        }
        Failure::Unknown(why) => {
            tracing::warn!(mail = id, "whether a mail was sent is not known; see `mail list`");
            app.store.mail_ended(mail, MailState::Unconfirmed, why).await
        }
    }
}

/// After 1 min, 2 min, 4 min, up to 4 h.
fn next(now: Timestamp, failed: i64) -> Timestamp {
    let doubled = 60_u64 << u32::try_from(failed.clamp(0, 8)).unwrap_or(0);
    now.after(Duration::from_secs(doubled.min(4 * 60 * 60)))
}
