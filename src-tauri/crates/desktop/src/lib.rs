//! The operating system: notifications, the keyring, the clipboard, the browser, packages, whether
//! there is a tray, wake from sleep, the languages.
//!
//! Nothing here knows what the program is about. May import crates for the operating system only;
//! notify-rust shows, keyring keeps. Nothing here makes an async caller wait for the desktop: what
//! can block runs on a thread of its own.

#![deny(missing_docs)]

mod autostart;
mod browser;
mod clipboard;
mod keyring;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod memory;
mod notifier;
mod package;

use tokio::sync::mpsc::UnboundedSender;

pub use autostart::{Autostart, AutostartError};
pub use browser::{BrowserError, open_in_browser};
pub use clipboard::{Clipboard, ClipboardError};

pub use crate::keyring::{Keyring, KeyringError};
pub use notifier::{Asked, Banner, Notifier, NotifyError};
pub use package::{PackageError, PackageKind, install_package};

/// The tags of the languages that the person's system speaks, such as `de-AT`, the best first.
#[must_use]
pub fn languages() -> Vec<String> {
    sys_locale::get_locales().collect()
}

/// Says through the sender whether something shows tray icons: at once, and each time that changes.
/// Where the answer is not to be had, there is one.
pub async fn watch_tray(changed: UnboundedSender<bool>) {
    #[cfg(target_os = "linux")]
    linux::watch_tray(changed).await;
    #[cfg(not(target_os = "linux"))]
    let _ = changed.send(true);
}

/// Says so through the sender each time the machine woke or the network may have come back. Returns
/// when there is nothing to listen to.
pub async fn watch_wakes(woke: UnboundedSender<()>) {
    #[cfg(target_os = "linux")]
    linux::watch_wakes(woke).await;
    #[cfg(not(target_os = "linux"))]
    drop(woke);
}

/// Gives back what only windows need, now that there is none. Callable where windows are made only, so
/// that there is none meanwhile.
pub fn window_gone() {
    #[cfg(target_os = "linux")]
    memory::end_network_process();
}

/// Gives back memory that was needed only until now: when a start is over, and when a window is gone.
pub async fn give_back_memory() {
    #[cfg(target_os = "linux")]
    match tokio::task::spawn_blocking(memory::let_go_of_code).await {
        Ok(Ok(bytes)) => tracing::debug!(bytes, "code was let go"),
        Ok(Err(error)) => tracing::debug!(%error, "code stays in memory"),
        Err(error) => tracing::debug!(%error, "code stays in memory"),
    }
}

/// Who shows notifications, with the version; none if nobody does.
pub async fn notification_service() -> Option<String> {
    #[cfg(target_os = "linux")]
    return linux::notification_service().await.ok();
    #[cfg(not(target_os = "linux"))]
    Some("the system".into())
}
