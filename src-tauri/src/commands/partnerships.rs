use tauri::State;

use super::Answer;
use crate::{
    controller::Controller,
    view::{
        Decision, DecisionCard, Draft, InboxItem, PartnershipDetail, PartnershipPage,
        PartnershipQuery, PartnershipRow, Terms,
    },
};

/// Takes a decision on the version that the person saw.
#[tauri::command]
#[specta::specta]
pub async fn decide(
    controller: State<'_, Controller>,
    profile: String,
    id: String,
    version: u32,
    decision: Decision,
) -> Answer<PartnershipDetail> {
    controller.decide(&profile, &id, version, decision).await
}

/// What an admin needs to decide well, beside the request itself.
#[tauri::command]
#[specta::specta]
pub async fn decision_card(
    controller: State<'_, Controller>,
    profile: String,
    id: String,
) -> Answer<DecisionCard> {
    controller.decision_card(&profile, &id).await
}

/// All that waits for the person, over all profiles, oldest first.
#[tauri::command]
#[specta::specta]
pub async fn inbox(controller: State<'_, Controller>) -> Answer<Vec<InboxItem>> {
    controller.inbox().await
}

/// One partnership.
#[tauri::command]
#[specta::specta]
pub async fn partnership(
    controller: State<'_, Controller>,
    profile: String,
    id: String,
) -> Answer<PartnershipDetail> {
    controller.partnership(&profile, &id).await
}

/// The partnership with a workspace that is not closed, if there is one.
#[tauri::command]
#[specta::specta]
pub async fn partnership_with(
    controller: State<'_, Controller>,
    profile: String,
    workspace_id: String,
) -> Answer<Option<PartnershipRow>> {
    controller.partnership_with(&profile, &workspace_id).await
}

/// A page of a profile's partnerships.
#[tauri::command]
#[specta::specta]
pub async fn partnerships(
    controller: State<'_, Controller>,
    profile: String,
    query: PartnershipQuery,
) -> Answer<PartnershipPage> {
    controller.partnerships(&profile, query).await
}

/// Sends a partnership request.
#[tauri::command]
#[specta::specta]
pub async fn send_request(
    controller: State<'_, Controller>,
    profile: String,
    draft: Draft,
) -> Answer<PartnershipDetail> {
    controller.send_request(&profile, draft).await
}

/// The current Terms of Service.
#[tauri::command]
#[specta::specta]
pub async fn terms(controller: State<'_, Controller>, profile: String) -> Answer<Terms> {
    controller.terms(&profile).await
}
