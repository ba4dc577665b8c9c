use tauri::State;

use super::Answer;
use crate::{
    controller::Controller,
    view::{AppState, NoticeKind, PauseChoice},
};

/// Everything that is not one screen's own content.
#[tauri::command]
#[specta::specta]
pub async fn app_state(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.app_state().await
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
