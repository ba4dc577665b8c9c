use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use notify_rust::{Hint, Notification, NotificationHandle, NotificationResponse};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// A notification to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banner {
    /// Names its place: a later one of the same id replaces it.
    pub id: String,
    /// Its first line: text, never markup.
    pub title: String,
    /// The rest: text, never markup.
    pub body: String,
    /// What a click on it asks for; none if on nothing.
    pub click: Option<String>,
    /// Its buttons: what each asks for and what people read.
    pub buttons: Vec<(String, String)>,
}

/// What a person asked for by clicking on a notification or one of its buttons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked(pub String);

/// Why nothing was shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotifyError {
    /// Nobody shows notifications here, or the one who does refuses.
    #[error("notifications cannot be shown: {0}")]
    Unavailable(String),
}

/// Shows notifications. Every handle is held by a thread until its notification is gone, because a
/// dropped one takes the buttons with it.
#[derive(Debug, Clone)]
pub struct Notifier {
    name: &'static str,
    shown: Arc<Mutex<HashMap<String, u32>>>,
    asked: mpsc::UnboundedSender<Asked>,
}

const CLICKED: &str = "default";

impl Notifier {
    /// A notifier for a program of that name; what is asked for on its notifications comes through
    /// the receiver.
    #[must_use]
    pub fn new(name: &'static str) -> (Self, mpsc::UnboundedReceiver<Asked>) {
        let (asked, receiver) = mpsc::unbounded_channel();
        (Self { name, shown: Arc::default(), asked }, receiver)
    }

    /// Shows a notification; it was shown when this returns.
    pub async fn show(&self, banner: Banner) -> Result<(), NotifyError> {
        let (told, hear) = oneshot::channel();
        let this = self.clone();
        std::thread::Builder::new()
            .name("notification".into())
            .spawn(move || this.show_and_wait(banner, told))
            .map_err(|error| NotifyError::Unavailable(error.to_string()))?;
        hear.await.map_err(|_| NotifyError::Unavailable("the thread ended".into()))?
    }

    /// Takes a notification away, if it is still there.
    pub fn close(&self, id: &str) {
        let Some(number) = self.lock().remove(id) else { return };
        // The service tells the waiting thread; asking must not make anybody wait.
        let _ = std::thread::Builder::new().name("close-notification".into()).spawn(move || {
            close_number(number);
        });
    }

    /// The ids of the notifications that are on the screen.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_and_wait(self, banner: Banner, told: oneshot::Sender<Result<(), NotifyError>>) {
        let mut notification = Notification::new();
        notification
            .appname(self.name)
            .summary(&banner.title)
            .body(&body(&banner.body))
            .icon("app.entente.desktop")
            .hint(Hint::DesktopEntry("app.entente.desktop".into()))
            .hint(Hint::Category("im.received".into()))
            .timeout(notify_rust::Timeout::Default);
        if banner.click.is_some() {
            notification.action(CLICKED, "Open");
        }
        for (id, label) in &banner.buttons {
            notification.action(id, label);
        }
        if let Some(number) = self.lock().get(&banner.id) {
            notification.id(*number);
        }
        let handle = match notification.show() {
            Ok(handle) => handle,
            Err(error) => {
                let _ = told.send(Err(NotifyError::Unavailable(error.to_string())));
                return;
            }
        };
        let number = number_of(&handle);
        self.lock().insert(banner.id.clone(), number);
        let _ = told.send(Ok(()));
        let Banner { id, click, .. } = banner;
        let asked = self.asked.clone();
        // Not every service takes a notification away when it was answered.
        let answered = Arc::new(AtomicBool::new(false));
        let was_answered = answered.clone();
        let waited = handle.wait_for_response(move |response: &NotificationResponse| {
            let ask = match response {
                NotificationResponse::Default => click.clone(),
                NotificationResponse::Action(action) if action == CLICKED => click.clone(),
                NotificationResponse::Action(action) => Some(action.clone()),
                _ => return,
            };
            answered.store(true, Ordering::SeqCst);
            if let Some(ask) = ask {
                let _ = asked.send(Asked(ask));
            }
        });
        if let Err(error) = waited {
            tracing::debug!(%error, "nobody tells what became of a notification");
        }
        if was_answered.load(Ordering::SeqCst) {
            close_number(number);
        }
        let mut shown = self.lock();
        // A later one may have taken the place.
        if shown.get(&id) == Some(&number) {
            shown.remove(&id);
        }
    }
}

fn number_of(handle: &NotificationHandle) -> u32 {
    handle.id()
}

/// The body can be read as markup (Desktop Notifications Specification 1.2), so what looks like
/// markup is escaped where the service reads it so.
#[cfg(target_os = "linux")]
fn body(text: &str) -> String {
    let markup = notify_rust::get_capabilities()
        .is_ok_and(|capabilities| capabilities.iter().any(|word| word == "body-markup"));
    if !markup {
        return text.to_owned();
    }
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(not(target_os = "linux"))]
fn body(text: &str) -> String {
    text.to_owned()
}

#[cfg(target_os = "linux")]
fn close_number(number: u32) {
    let close = || -> zbus::Result<()> {
        zbus::blocking::Connection::session()?.call_method(
            Some("org.freedesktop.Notifications"),
            "/org/freedesktop/Notifications",
            Some("org.freedesktop.Notifications"),
            "CloseNotification",
            &(number,),
        )?;
        Ok(())
    };
    if let Err(error) = close() {
        tracing::debug!(%error, "a notification was not closed");
    }
}

#[cfg(not(target_os = "linux"))]
fn close_number(_: u32) {}
