use std::collections::BTreeMap;

use tauri::State;

use super::Answer;
use crate::{
    controller::Controller,
    view::{NotificationSettings, ProgramChange, ProgramSettings},
};

/// What the person chose about notifications.
#[tauri::command]
#[specta::specta]
pub async fn notification_settings(
    controller: State<'_, Controller>,
) -> Answer<NotificationSettings> {
    controller.notification_settings().await
}

/// Chooses about notifications; gives what is kept.
#[tauri::command]
#[specta::specta]
pub async fn change_notification_settings(
    controller: State<'_, Controller>,
    settings: NotificationSettings,
) -> Answer<NotificationSettings> {
    controller.change_notification_settings(settings).await
}

/// How the program behaves on this computer.
#[tauri::command]
#[specta::specta]
pub async fn program_settings(controller: State<'_, Controller>) -> Answer<ProgramSettings> {
    controller.program_settings().await
}

/// Changes how the program behaves on this computer; gives how it does then.
#[tauri::command]
#[specta::specta]
pub async fn change_program_settings(
    controller: State<'_, Controller>,
    change: ProgramChange,
) -> Answer<ProgramSettings> {
    controller.change_program_settings(change).await
}

/// What the window asked to remember, by name.
#[tauri::command]
#[specta::specta]
pub async fn window_memory(controller: State<'_, Controller>) -> Answer<BTreeMap<String, String>> {
    controller.window_memory().await
}

/// Remembers something for the window, such as where the person was or how wide a pane is; with no
/// value, forgets it.
#[tauri::command]
#[specta::specta]
pub async fn remember_for_window(
    controller: State<'_, Controller>,
    name: String,
    value: Option<String>,
) -> Answer<()> {
    controller.remember_for_window(name, value).await
}

/// What helps to find a fault, without anything secret: for a person to copy.
#[tauri::command]
#[specta::specta]
pub async fn diagnostics(controller: State<'_, Controller>) -> Answer<String> {
    controller.diagnostics().await
}
