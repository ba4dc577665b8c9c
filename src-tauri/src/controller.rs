//! What the program can do, whoever asks: the window, a banner, the tray.

mod access;
mod answers;
mod attending;
mod home;
mod opening;
mod profiles;
mod secrets;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use entente_desktop::{Clipboard, Keyring, Notifier, Response};
use entente_domain::Timestamp;
use tauri::AppHandle;
use tauri_specta::Event as _;
use tokio::sync::{RwLock, mpsc, oneshot};

use crate::{
    view::{AppNotice, BackendEvent, NoticeKind, OpenItem},
    window,
};
use attending::Poke;
use home::Home;

/// The name under which the keyring has the keys.
const SERVICE: &str = "app.entente.desktop";

/// The program, as everybody who asks for something sees it.
#[derive(Debug, Clone)]
pub struct Controller {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: AppHandle,
    root: PathBuf,
    keyring: Keyring,
    clipboard: Clipboard,
    notifier: Notifier,
    home: RwLock<Option<Home>>,
    pokes: mpsc::UnboundedSender<Poke>,
    notices: Mutex<Vec<AppNotice>>,
    open_item: Mutex<Option<OpenItem>>,
    tray: Mutex<Option<entente_attention::TrayModel>>,
    /// Dropped to stop waiting for the browser.
    signing_in: Mutex<Option<oneshot::Sender<()>>>,
}

impl Controller {
    /// Makes the controller and starts what listens: to banners, to sleep, to what changes.
    pub fn start(app: AppHandle, root: PathBuf, demo: bool) -> Self {
        let (notifier, responses) = Notifier::new("Entente");
        let (pokes, poked) = mpsc::unbounded_channel();
        let this = Self {
            inner: Arc::new(Inner {
                app,
                root,
                keyring: Keyring::new(SERVICE),
                clipboard: Clipboard::default(),
                notifier,
                home: RwLock::default(),
                pokes,
                notices: Mutex::default(),
                open_item: Mutex::default(),
                tray: Mutex::default(),
                signing_in: Mutex::default(),
            }),
        };
        tauri::async_runtime::spawn(this.clone().attend(poked));
        tauri::async_runtime::spawn(this.clone().listen_to_banners(responses));
        tauri::async_runtime::spawn(this.clone().listen_to_wakes());
        tauri::async_runtime::spawn({
            let this = this.clone();
            async move {
                let opened = if demo { this.start_demo().await } else { this.open_real().await };
                if let Err(error) = opened {
                    tracing::error!(code = error.code, message = error.message, "not opened");
                    this.note(NoticeKind::StorageFailed, &error.message);
                }
                this.check_tray().await;
            }
        });
        this
    }

    async fn listen_to_banners(self, mut responses: mpsc::UnboundedReceiver<Response>) {
        while let Some(response) = responses.recv().await {
            let this = self.clone();
            tauri::async_runtime::spawn(async move { this.answer_banner(response).await });
        }
    }

    async fn listen_to_wakes(self) {
        let (woke, mut wakes) = mpsc::unbounded_channel();
        tauri::async_runtime::spawn(entente_desktop::watch_wakes(woke));
        while wakes.recv().await.is_some() {
            self.sync_all().await;
        }
    }

    async fn check_tray(&self) {
        if !entente_desktop::has_tray().await {
            self.note(
                NoticeKind::NoTray,
                "This desktop shows no tray icons. Closing the window ends Entente; minimise it to \
                 keep being notified.",
            );
        }
    }

    /// Whether the person was told that there is no tray: then closing the window ends the program.
    pub fn has_no_tray(&self) -> bool {
        self.notices().iter().any(|notice| notice.kind == NoticeKind::NoTray)
    }

    fn notices(&self) -> std::sync::MutexGuard<'_, Vec<AppNotice>> {
        self.inner.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a notice; one of each kind.
    fn note(&self, kind: NoticeKind, message: &str) {
        let notice = AppNotice { kind, message: message.into() };
        {
            let mut notices = self.notices();
            if notices.iter().any(|other| other.kind == kind) {
                return;
            }
            notices.push(notice);
        }
        self.emit(&BackendEvent::StateChanged);
    }

    fn emit(&self, event: &BackendEvent) {
        if let Err(error) = event.clone().emit(&self.inner.app) {
            tracing::warn!(%error, "the window was not told");
        }
    }

    /// Tells those who wait that something changed.
    fn poke(&self, poke: Poke) {
        let _ = self.inner.pokes.send(poke);
    }

    /// Shows the window, at an item if one is named.
    pub fn open(&self, item: Option<OpenItem>) {
        let is_open = window::is_open(&self.inner.app);
        if let Some(item) = item {
            if is_open {
                self.emit(&BackendEvent::ItemOpened {
                    profile: item.profile,
                    partnership_id: item.partnership_id,
                });
            } else {
                *self.inner.open_item.lock().unwrap_or_else(PoisonError::into_inner) = Some(item);
            }
        }
        window::show(&self.inner.app);
    }

    /// Told once, when the first window was closed and the program goes on.
    pub fn window_closed(&self) {
        let this = self.clone();
        tauri::async_runtime::spawn(async move { this.tell_closed_to_tray().await });
    }
}

/// The one place of the program that reads the clock.
#[expect(clippy::disallowed_methods, reason = "the program's own edge")]
fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now())
        .or_else(|_| Timestamp::from_unix_millis(0))
        .unwrap_or_else(|_| unreachable!("the epoch is a moment"))
}
