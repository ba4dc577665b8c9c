use tauri::{State, WebviewWindow};

use super::Answer;
use crate::{
    controller::Controller,
    view::{AppState, CommandError, NoticeKind, PauseChoice},
};

/// Everything that is not one screen's own content.
#[tauri::command]
#[specta::specta]
pub async fn app_state(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.app_state_for_window().await
}

/// Takes a notice away.
#[tauri::command]
#[specta::specta]
pub async fn dismiss_notice(
    controller: State<'_, Controller>,
    kind: NoticeKind,
) -> Answer<AppState> {
    controller.dismiss_notice(kind).await
}

/// Shows no notification for a while; with no choice, shows them again.
#[tauri::command]
#[specta::specta]
pub async fn pause_notifications(
    controller: State<'_, Controller>,
    choice: Option<PauseChoice>,
) -> Answer<AppState> {
    controller.pause(choice).await
}

/// Shows everything in the window larger or smaller, in percent.
#[tauri::command]
#[specta::specta]
pub async fn zoom(window: WebviewWindow, percent: u32) -> Answer<()> {
    let factor = f64::from(percent.clamp(50, 300)) / 100.0;
    window.set_zoom(factor).map_err(|error| {
        CommandError::new("zoom_failed", &format!("The size was not changed: {error}."))
    })
}

/// Looks for a newer version now; it is in the state that is given.
#[tauri::command]
#[specta::specta]
pub async fn look_for_update(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.look_for_update().await
}

/// Does not show the newer version by itself any more, until there is a still newer one.
#[tauri::command]
#[specta::specta]
pub async fn put_off_update(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.put_off_update().await
}

/// Downloads the newer version, installs it, and starts it in the place of this one.
#[tauri::command]
#[specta::specta]
pub async fn install_update(controller: State<'_, Controller>) -> Answer<()> {
    controller.install_update().await
}
