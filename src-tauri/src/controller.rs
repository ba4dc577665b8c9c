//! What the program can do, whoever asks: the window, a banner, the tray.

mod access;
mod answers;
mod attending;
mod card;
mod closing;
mod diagnostics;
mod home;
mod links;
mod notes;
mod noticing;
mod opening;
mod outside;
mod profiles;
mod secrets;
mod settings;
mod storage;
mod trust;
mod updates;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use entente_attention::Item;
use entente_desktop::{Asked, Clipboard, Keyring, Notifier};
use entente_domain::Timestamp;
use tauri::AppHandle;
use tauri_specta::Event as _;
use tokio::sync::{Notify, RwLock, mpsc, oneshot};

use crate::{
    view::{BackendEvent, OpenItem},
    window,
};
use attending::Poke;
use home::Home;
use notes::Note;
use updates::Updates;
pub use updates::{UPDATER, is_updatable};

/// The name under which the keyring has the keys.
const SERVICE: &str = "app.entente.desktop";

/// How long after a start, or after a window is made or gone, nothing of that goes on any more.
const CALM: Duration = Duration::from_secs(5);

/// With what the program begins.
#[derive(Debug, Clone, Copy)]
pub struct Begin {
    /// In the demo.
    pub demo: bool,
    /// Without a window.
    pub hidden: bool,
}

/// What was asked to be seen.
#[derive(Debug, Default)]
struct OpenItems {
    /// Whether a window is there and hears of it.
    is_heard: bool,
    /// The last item, for the window that comes.
    waiting: Option<OpenItem>,
}

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
    notes: Mutex<Vec<Note>>,
    open_item: Mutex<OpenItems>,
    /// What a link asked for while it could not be known whose it is.
    wanted_link: Mutex<Option<Item>>,
    tray: Mutex<Option<entente_attention::TrayModel>>,
    /// What is known of newer versions.
    updates: Mutex<Updates>,
    /// Dropped to stop waiting for the browser.
    signing_in: Mutex<Option<oneshot::Sender<()>>>,
    /// Whether something shows the tray.
    has_tray: AtomicBool,
    /// Told when a profile was put into memory because the disk did not let it be there.
    displaced: Notify,
    /// Held while what the window wants to be remembered is written.
    window_memory: tokio::sync::Mutex<()>,
}

impl Controller {
    /// Makes the controller and starts what listens: to banners, to sleep, to what changes.
    pub fn start(app: AppHandle, root: PathBuf, begin: Begin) -> Self {
        let (notifier, asked) = Notifier::new("Entente");
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
                notes: Mutex::default(),
                open_item: Mutex::default(),
                wanted_link: Mutex::default(),
                tray: Mutex::default(),
                updates: Mutex::default(),
                signing_in: Mutex::default(),
                has_tray: AtomicBool::new(true),
                displaced: Notify::new(),
                window_memory: tokio::sync::Mutex::default(),
            }),
        };
        if begin.hidden {
            this.give_back_memory();
        }
        tauri::async_runtime::spawn(this.clone().attend(poked));
        tauri::async_runtime::spawn(this.clone().listen_to_banners(asked));
        tauri::async_runtime::spawn(this.clone().listen_to_wakes());
        tauri::async_runtime::spawn({
            let this = this.clone();
            async move {
                let is_open = this.try_to_open(begin.demo).await;
                tauri::async_runtime::spawn(this.clone().watch_storage(begin.demo, is_open));
                this.forget_what_was_told().await;
                this.come_back(begin.hidden).await;
                tauri::async_runtime::spawn(this.clone().look_for_updates());
                this.listen_to_tray(begin.hidden).await;
            }
        });
        this
    }

    /// Where profiles and caches are kept.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    async fn listen_to_banners(self, mut asked: mpsc::UnboundedReceiver<Asked>) {
        while let Some(Asked(command)) = asked.recv().await {
            let Ok(command) = command.parse() else {
                tracing::warn!("a banner has a button that nobody knows");
                continue;
            };
            let this = self.clone();
            tauri::async_runtime::spawn(async move { this.command(command).await });
        }
    }

    async fn listen_to_wakes(self) {
        let (woke, mut wakes) = mpsc::unbounded_channel();
        tauri::async_runtime::spawn(entente_desktop::watch_wakes(woke));
        while wakes.recv().await.is_some() {
            tracing::info!("the machine woke, or a network came");
            self.sync_all().await;
        }
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<Note>> {
        self.inner.notes.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Some(item) = item {
            let mut items = self.open_items();
            if items.is_heard {
                self.emit(&BackendEvent::ItemOpened { item });
            } else {
                items.waiting = Some(item);
            }
        }
        window::show(&self.inner.app);
    }

    /// The window hears from now on; gives what was asked for before.
    fn hand_over_open_item(&self) -> Option<OpenItem> {
        let mut items = self.open_items();
        items.is_heard = true;
        items.waiting.take()
    }

    /// There is a window from now on.
    pub fn window_made(&self) {
        self.give_back_memory();
    }

    /// There is no window any more.
    pub fn window_gone(&self) {
        self.open_items().is_heard = false;
        self.give_back_memory();
    }

    /// Gives back what was needed for what is going on just now, when it is over.
    fn give_back_memory(&self) {
        tauri::async_runtime::spawn(async {
            tokio::time::sleep(CALM).await;
            entente_desktop::give_back_memory().await;
        });
    }

    fn open_items(&self) -> std::sync::MutexGuard<'_, OpenItems> {
        self.inner.open_item.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one place of the program that reads the clock.
#[expect(clippy::disallowed_methods, reason = "the program's own edge")]
fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now())
        .or_else(|_| Timestamp::from_unix_millis(0))
        .unwrap_or_else(|_| unreachable!("the epoch is a moment"))
}
