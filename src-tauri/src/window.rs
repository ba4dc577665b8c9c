//! The one window: made when it is wanted, destroyed when it is closed, so that the resident program
//! is small. It comes back at the size and place that it had.

mod place;

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use crate::controller::Controller;
use place::{Area, Place};

/// The window's label; the capability file names it.
pub const MAIN: &str = "main";
/// What is remembered of the window. A file of its own, because it is wanted before the journal is
/// open.
const FILE: &str = "window.json";
const LEAST: (f64, f64) = (760.0, 520.0);

/// Brings the window to the front, making it if there is none. Callable from any thread.
pub fn show(app: &AppHandle) {
    on_main_thread(app, |app| {
        if let Some(window) = app.get_webview_window(MAIN) {
            let raised =
                window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
            if let Err(error) = raised {
                tracing::warn!(%error, "the window could not be raised");
            }
        } else if let Err(error) = make(app) {
            tracing::error!(%error, "the window could not be made");
        }
    });
}

/// Minimises the window. Callable from any thread.
pub fn minimise(app: &AppHandle) {
    on_main_thread(app, |app| {
        if let Some(window) = app.get_webview_window(MAIN)
            && let Err(error) = window.minimize()
        {
            tracing::warn!(%error, "the window could not be minimised");
        }
    });
}

fn on_main_thread(app: &AppHandle, work: impl FnOnce(&AppHandle) + Send + 'static) {
    let handle = app.clone();
    if let Err(error) = app.run_on_main_thread(move || work(&handle)) {
        tracing::warn!(%error, "the event loop is gone");
    }
}

/// Makes the window; on the main thread only.
pub fn make(app: &AppHandle) -> tauri::Result<()> {
    let file = app.state::<Controller>().root().join(FILE);
    let place = Place::read(&file, LEAST).unwrap_or_default();
    let mut builder = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::default())
        .title("Entente")
        .inner_size(place.width, place.height)
        .min_inner_size(LEAST.0, LEAST.1)
        .maximized(place.maximized)
        // Nothing leads out of the program's own page.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"));
    builder = match place.position_on(&screens(app)) {
        Some((x, y)) => builder.position(x, y),
        None => builder.center(),
    };
    builder.build()?;
    app.state::<Controller>().window_made();
    Ok(())
}

/// The parts of the desktop that can be seen, in logical pixels.
fn screens(app: &AppHandle) -> Vec<Area> {
    let monitors = app.available_monitors().unwrap_or_default();
    monitors
        .iter()
        .map(|monitor| {
            let scale = monitor.scale_factor();
            let position = monitor.position().to_logical::<f64>(scale);
            let size = monitor.size().to_logical::<f64>(scale);
            Area { x: position.x, y: position.y, width: size.width, height: size.height }
        })
        .collect()
}

/// Remembers where the window is, if there is one.
pub fn remember(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let file = app.state::<Controller>().root().join(FILE);
    let before = Place::read(&file, LEAST).unwrap_or_default();
    let done = place_of(&window, before).map_err(std::io::Error::other);
    if let Err(error) = done.and_then(|place| place.write(&file)) {
        tracing::warn!(%error, "the window's place is not remembered");
    }
}

fn place_of(window: &WebviewWindow, before: Place) -> tauri::Result<Place> {
    if window.is_minimized()? {
        return Ok(before);
    }
    if window.is_maximized()? {
        return Ok(Place { maximized: true, ..before });
    }
    let scale = window.scale_factor()?;
    let size = window.inner_size()?.to_logical::<f64>(scale);
    let position = window.outer_position()?.to_logical::<f64>(scale);
    Ok(Place {
        width: size.width,
        height: size.height,
        position: Some((position.x, position.y)),
        maximized: false,
    })
}
