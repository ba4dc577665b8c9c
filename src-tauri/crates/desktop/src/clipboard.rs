use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use arboard::Clipboard as System;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

/// Why a secret is not on the clipboard.
#[derive(Debug, Error)]
#[error("the clipboard cannot be used: {0}")]
pub struct ClipboardError(String);

/// The clipboard, for secrets that stay there for a while only.
#[derive(Debug, Clone, Default)]
pub struct Clipboard {
    /// Counts what was put there, so that an older wait does not empty what is newer.
    turn: Arc<AtomicU64>,
}

impl Clipboard {
    /// Puts a secret on the clipboard and takes it away after a while, unless something else is there
    /// by then. Clipboard managers are asked to leave it alone, where the system knows how to ask.
    pub async fn lend(&self, secret: SecretString, time: Duration) -> Result<(), ClipboardError> {
        let turn = self.turn.fetch_add(1, Ordering::SeqCst) + 1;
        let current = self.turn.clone();
        let (put, is_put) = tokio::sync::oneshot::channel();
        // On X11 whoever put something on the clipboard serves it, so this thread stays until then.
        thread::Builder::new()
            .name("clipboard".into())
            .spawn(move || hold(&secret, time, turn, &current, put))
            .map_err(|error| ClipboardError(error.to_string()))?;
        match is_put.await {
            Ok(done) => done,
            Err(_) => Err(ClipboardError("it does not answer".into())),
        }
    }
}

fn hold(
    secret: &SecretString,
    time: Duration,
    turn: u64,
    current: &AtomicU64,
    put: tokio::sync::oneshot::Sender<Result<(), ClipboardError>>,
) {
    let failed = |error: arboard::Error| ClipboardError(error.to_string());
    let mut clipboard = match System::new().map_err(failed) {
        Ok(clipboard) => clipboard,
        Err(error) => {
            let _ = put.send(Err(error));
            return;
        }
    };
    let done = set(&mut clipboard, secret).map_err(failed);
    let failed = done.is_err();
    let _ = put.send(done);
    if failed {
        return;
    }
    thread::sleep(time);
    let is_ours = clipboard.get_text().is_ok_and(|text| text == secret.expose_secret());
    if current.load(Ordering::SeqCst) == turn
        && is_ours
        && let Err(error) = clipboard.clear()
    {
        tracing::warn!(%error, "the clipboard was not emptied");
    }
}

#[cfg(target_os = "linux")]
fn set(clipboard: &mut System, secret: &SecretString) -> Result<(), arboard::Error> {
    use arboard::SetExtLinux as _;
    clipboard.set().exclude_from_history().text(secret.expose_secret())
}

#[cfg(target_os = "windows")]
fn set(clipboard: &mut System, secret: &SecretString) -> Result<(), arboard::Error> {
    use arboard::SetExtWindows as _;
    clipboard
        .set()
        .exclude_from_cloud()
        .exclude_from_history()
        .exclude_from_monitoring()
        .text(secret.expose_secret())
}

#[cfg(target_os = "macos")]
fn set(clipboard: &mut System, secret: &SecretString) -> Result<(), arboard::Error> {
    use arboard::SetExtApple as _;
    clipboard.set().exclude_from_history().text(secret.expose_secret())
}
