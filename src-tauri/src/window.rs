//! The one window: made when it is wanted, destroyed when it is closed, so that the resident program
//! is small.

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};

/// The window's label; the capability file names it.
pub const MAIN: &str = "main";

/// Brings the window to the front, making it if there is none. Callable from any thread.
pub fn show(app: &AppHandle) {
    let handle = app.clone();
    let shown = app.run_on_main_thread(move || {
        if let Some(window) = handle.get_webview_window(MAIN) {
            let raised =
                window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
            if let Err(error) = raised {
                tracing::warn!(%error, "the window could not be raised");
            }
        } else if let Err(error) = make(&handle) {
            tracing::error!(%error, "the window could not be made");
        }
    });
    if let Err(error) = shown {
        tracing::warn!(%error, "the event loop is gone");
    }
}

/// Makes the window; on the main thread only.
pub fn make(app: &AppHandle) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Entente")
        .inner_size(1180.0, 760.0)
        .min_inner_size(760.0, 520.0)
        .center()
        // Nothing leads out of the program's own page.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"))
        .build()?;
    Ok(())
}

/// Whether there is a window just now.
pub fn is_open(app: &AppHandle) -> bool {
    app.get_webview_window(MAIN).is_some()
}
