//! The window's end and the program's: with a tray, without one.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::sync::mpsc;

use super::{Controller, notes::Note};
use crate::{
    view::{CloseChoice, NoticeKind},
    window,
};

const TOLD_NO_TRAY: &str = "told_no_tray";
/// At login the panel may come later than this program.
const PANELS_TIME: Duration = Duration::from_secs(10);

impl Controller {
    /// Whether something shows the tray.
    pub fn has_tray(&self) -> bool {
        self.inner.has_tray.load(Ordering::SeqCst)
    }

    /// Follows whether something shows the tray. Where nothing does, a start without a window would
    /// be unreachable, so there is one.
    pub(super) async fn listen_to_tray(&self, started_hidden: bool) {
        let (changed, mut changes) = mpsc::unbounded_channel();
        tauri::async_runtime::spawn(entente_desktop::watch_tray(changed));
        let mut patience = started_hidden.then_some(PANELS_TIME);
        loop {
            let change = match patience {
                Some(time) => tokio::time::timeout(time, changes.recv()).await.ok(),
                None => Some(changes.recv().await),
            };
            let has_tray = match change {
                Some(Some(has_tray)) => has_tray,
                // The time is over, or nobody tells any more.
                ended => {
                    if patience.take().is_some() && !self.has_tray() {
                        window::show(&self.inner.app);
                    }
                    match ended {
                        None => continue,
                        Some(_) => return,
                    }
                }
            };
            if has_tray {
                patience = None;
            }
            self.inner.has_tray.store(has_tray, Ordering::SeqCst);
            if has_tray {
                self.withdraw(NoticeKind::NoTray);
            } else {
                self.tell_no_tray().await;
            }
        }
    }

    async fn tell_no_tray(&self) {
        if let Ok(journal) = self.journal().await
            && matches!(journal.setting(TOLD_NO_TRAY).await, Ok(Some(true)))
        {
            return;
        }
        self.note(Note::NoTray);
    }

    /// That there is no tray is said until the person has read it.
    pub(super) async fn remember_dismissed(&self, kind: NoticeKind) {
        if kind == NoticeKind::NoTray
            && let Ok(journal) = self.journal().await
            && let Err(error) = journal.put_setting(TOLD_NO_TRAY, &true).await
        {
            tracing::warn!(%error, "this is told once more");
        }
    }

    /// The window was closed and the program goes on, which is told once.
    pub fn window_closed(&self) {
        let this = self.clone();
        tauri::async_runtime::spawn(async move { this.tell_closed_to_tray().await });
    }

    /// Somebody wants to close the window where there is no tray.
    pub fn close_without_tray(&self) {
        let this = self.clone();
        tauri::async_runtime::spawn(async move {
            let choice = match this.journal().await {
                Ok(journal) => this.close_choice(&journal).await,
                Err(_) => CloseChoice::default(),
            };
            match choice {
                CloseChoice::Minimise => window::minimise(&this.inner.app),
                CloseChoice::Quit => this.quit().await,
            }
        });
    }

    /// Ends what runs, and then the program.
    pub async fn quit(&self) {
        self.end().await;
        self.inner.app.exit(0);
    }

    /// Ends the program, and begins it again as it is on the disk now.
    pub(super) async fn restart(&self) {
        self.end().await;
        self.inner.app.request_restart();
    }

    async fn end(&self) {
        window::remember(&self.inner.app);
        self.shut_down().await;
    }
}
