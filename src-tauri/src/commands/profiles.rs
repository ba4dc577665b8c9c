use secrecy::SecretString;
use tauri::State;

use super::Answer;
use crate::{controller::Controller, view::AppState};

/// Shows another profile's partnerships.
#[tauri::command]
#[specta::specta]
pub async fn activate_profile(
    controller: State<'_, Controller>,
    profile: String,
) -> Answer<AppState> {
    controller.activate(&profile).await
}

/// Adds a profile: asks the server who the key's user is, keeps the key, and starts to sync.
#[tauri::command]
#[specta::specta]
pub async fn connect(
    controller: State<'_, Controller>,
    server: String,
    key: String,
) -> Answer<AppState> {
    controller.connect(&server, SecretString::from(key)).await
}

/// Stops the demo and deletes its data.
#[tauri::command]
#[specta::specta]
pub async fn end_demo(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.end_demo().await
}

/// Removes a profile, its key and its cache.
#[tauri::command]
#[specta::specta]
pub async fn sign_out(controller: State<'_, Controller>, profile: String) -> Answer<AppState> {
    controller.sign_out(&profile).await
}

/// Starts the embedded server with sample people.
#[tauri::command]
#[specta::specta]
pub async fn start_demo(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.start_demo().await
}

/// Asks the server now instead of waiting.
#[tauri::command]
#[specta::specta]
pub async fn sync_now(controller: State<'_, Controller>, profile: String) -> Answer<()> {
    controller.sync_now(&profile).await
}
