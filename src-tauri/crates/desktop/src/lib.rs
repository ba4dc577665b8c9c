//! The operating system: notifications, the keyring, the clipboard, the browser, whether there is a
//! tray, wake from sleep.
//!
//! Nothing here knows what the program is about. May import crates for the operating system only;
//! notify-rust shows, keyring keeps. Nothing here makes an async caller wait for the desktop: what
//! can block runs on a thread of its own.

#![deny(missing_docs)]

mod browser;
mod clipboard;
mod keyring;
#[cfg(target_os = "linux")]
mod linux;
mod notifier;

pub use browser::{BrowserError, open_in_browser};
pub use clipboard::{Clipboard, ClipboardError};

pub use crate::keyring::{Keyring, KeyringError};
pub use notifier::{Banner, Notifier, NotifyError, Response};

/// Whether something shows tray icons. Where the answer is not to be had, there is one.
pub async fn has_tray() -> bool {
    #[cfg(target_os = "linux")]
    return linux::has_tray().await;
    #[cfg(not(target_os = "linux"))]
    true
}

/// Says so through the sender each time the machine woke or the network may have come back. Returns
/// when there is nothing to listen to.
pub async fn watch_wakes(woke: tokio::sync::mpsc::UnboundedSender<()>) {
    #[cfg(target_os = "linux")]
    linux::watch_wakes(woke).await;
    #[cfg(not(target_os = "linux"))]
    drop(woke);
}
