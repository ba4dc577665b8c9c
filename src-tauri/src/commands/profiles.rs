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

/// Gives a profile another colour, 0 to 7.
#[tauri::command]
#[specta::specta]
pub async fn color_profile(
    controller: State<'_, Controller>,
    profile: String,
    color: u8,
) -> Answer<AppState> {
    controller.color_profile(&profile, color).await
}

/// Stops waiting for the browser: `sign_in` or `sign_in_again` then fails with `cancelled`.
#[tauri::command]
#[specta::specta]
pub async fn cancel_sign_in(controller: State<'_, Controller>) -> Answer<()> {
    controller.cancel_sign_in();
    Ok(())
}

/// Where there is no keyring: keeps what was seen on the disk unencrypted, or not at all.
#[tauri::command]
#[specta::specta]
pub async fn keep_unencrypted(controller: State<'_, Controller>, allow: bool) -> Answer<AppState> {
    controller.keep_unencrypted(allow).await
}

/// Gives a profile a name of the person's own; an empty one takes it away.
#[tauri::command]
#[specta::specta]
pub async fn rename_profile(
    controller: State<'_, Controller>,
    profile: String,
    label: String,
) -> Answer<AppState> {
    controller.rename_profile(&profile, &label).await
}

/// Gives a profile a new key of the same user, when the one before is not taken any more.
#[tauri::command]
#[specta::specta]
pub async fn renew_key(
    controller: State<'_, Controller>,
    profile: String,
    key: String,
) -> Answer<AppState> {
    controller.renew_key(&profile, SecretString::from(key)).await
}

/// Adds a profile by single sign-on: opens the system's browser and waits until it comes back.
/// `address` is a mail address or a workspace ID.
#[tauri::command]
#[specta::specta]
pub async fn sign_in(
    controller: State<'_, Controller>,
    server: String,
    address: String,
) -> Answer<AppState> {
    controller.sign_in(&server, &address).await
}

/// Signs a profile's user in again, in the system's browser.
#[tauri::command]
#[specta::specta]
pub async fn sign_in_again(controller: State<'_, Controller>, profile: String) -> Answer<AppState> {
    controller.sign_in_again(&profile).await
}

/// Reads a profile's key from the keyring once more, after it was unlocked.
#[tauri::command]
#[specta::specta]
pub async fn unlock_profile(
    controller: State<'_, Controller>,
    profile: String,
) -> Answer<AppState> {
    controller.unlock_profile(&profile).await
}

/// Stops the demo and deletes its data.
#[tauri::command]
#[specta::specta]
pub async fn end_demo(controller: State<'_, Controller>) -> Answer<AppState> {
    controller.end_demo().await
}

/// Removes a profile: ends its session, deletes its key and what was kept of it.
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
