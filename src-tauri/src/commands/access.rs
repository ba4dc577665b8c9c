use tauri::State;

use super::Answer;
use crate::{
    controller::Controller,
    view::{
        AccountDetail, AccountPage, AccountQuery, AccountRow, ActInput, ActivityBar,
        ActivityChoices, ActivityFilter, ActivityPage, Impact, LoginPrepared, MemberPage,
        MemberQuery, PartnerMember, SavedFile, SharedAccountRow,
    },
};

/// One account, with its users and what is asked for.
#[tauri::command]
#[specta::specta]
pub async fn account(
    controller: State<'_, Controller>,
    profile: String,
    id: String,
) -> Answer<AccountDetail> {
    controller.account(&profile, &id).await
}

/// A page of a profile's accounts.
#[tauri::command]
#[specta::specta]
pub async fn accounts(
    controller: State<'_, Controller>,
    profile: String,
    query: AccountQuery,
) -> Answer<AccountPage> {
    controller.accounts(&profile, query).await
}

/// Does something beside deciding on partnerships: sharing, asking, changing, taking away.
#[tauri::command]
#[specta::specta]
pub async fn act(
    controller: State<'_, Controller>,
    profile: String,
    input: ActInput,
) -> Answer<()> {
    controller.act(&profile, input).await
}

/// A page of the Activity Log, as far as it is kept on this computer.
#[tauri::command]
#[specta::specta]
pub async fn activities(
    controller: State<'_, Controller>,
    profile: String,
    filter: ActivityFilter,
    offset: u32,
    limit: u32,
) -> Answer<ActivityPage> {
    controller.activities(&profile, filter, offset, limit).await
}

/// What the Activity Log can be narrowed to.
#[tauri::command]
#[specta::specta]
pub async fn activity_choices(
    controller: State<'_, Controller>,
    profile: String,
) -> Answer<ActivityChoices> {
    controller.activity_choices(&profile).await
}

/// How much happened over time.
#[tauri::command]
#[specta::specta]
pub async fn activity_bars(
    controller: State<'_, Controller>,
    profile: String,
    filter: ActivityFilter,
) -> Answer<Vec<ActivityBar>> {
    controller.activity_bars(&profile, filter).await
}

/// What removing a partnership would take away, as the server has it now.
#[tauri::command]
#[specta::specta]
pub async fn impact(
    controller: State<'_, Controller>,
    profile: String,
    id: String,
) -> Answer<Impact> {
    controller.impact(&profile, &id).await
}

/// Opens an account's address in the browser and lends its password to the clipboard.
#[tauri::command]
#[specta::specta]
pub async fn log_in(
    controller: State<'_, Controller>,
    profile: String,
    account: String,
) -> Answer<LoginPrepared> {
    controller.log_in(&profile, &account).await
}

/// A page of the members of a profile's workspace.
#[tauri::command]
#[specta::specta]
pub async fn members(
    controller: State<'_, Controller>,
    profile: String,
    query: MemberQuery,
) -> Answer<MemberPage> {
    controller.members(&profile, query).await
}

/// The guest members with access through a partnership.
#[tauri::command]
#[specta::specta]
pub async fn partner_members(
    controller: State<'_, Controller>,
    profile: String,
    partnership: String,
) -> Answer<Vec<PartnerMember>> {
    controller.partner_members(&profile, &partnership).await
}

/// Reads what is new in the Activity Log.
#[tauri::command]
#[specta::specta]
pub async fn read_activities(controller: State<'_, Controller>, profile: String) -> Answer<()> {
    controller.read_activities(&profile).await
}

/// Saves the Activity Log under a filter as CSV among the downloads.
#[tauri::command]
#[specta::specta]
pub async fn save_activities(
    controller: State<'_, Controller>,
    profile: String,
    filter: ActivityFilter,
) -> Answer<SavedFile> {
    controller.save_activities(&profile, filter).await
}

/// The accounts that this person owns and that are not shared through a partnership yet.
#[tauri::command]
#[specta::specta]
pub async fn shareable_accounts(
    controller: State<'_, Controller>,
    profile: String,
    partnership: String,
    search: String,
) -> Answer<Vec<AccountRow>> {
    controller.shareable_accounts(&profile, &partnership, search).await
}

/// The accounts that are shared through a partnership.
#[tauri::command]
#[specta::specta]
pub async fn shared_accounts(
    controller: State<'_, Controller>,
    profile: String,
    partnership: String,
) -> Answer<Vec<SharedAccountRow>> {
    controller.shared_accounts(&profile, &partnership).await
}
