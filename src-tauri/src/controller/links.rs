//! Where an item is: of which profile, and where the window shows it. Links only ever open.

use std::sync::PoisonError;

use entente_attention::{Item, read_link};
use entente_cache::CacheError;
use entente_sync::Connectivity;

use super::{Controller, home::Profile};
use crate::view::{OpenItem, OpenKind};

impl Controller {
    /// Opens what a link names; what is no link of ours opens nothing but the window.
    pub fn open_link(&self, link: &str) {
        let Some(item) = read_link(link) else {
            tracing::warn!("a link that is none was handed over");
            self.open(Some(unknown()));
            return;
        };
        *self.wanted_link() = Some(item);
        let this = self.clone();
        tauri::async_runtime::spawn(async move { this.follow_wanted_link().await });
    }

    fn wanted_link(&self) -> std::sync::MutexGuard<'_, Option<Item>> {
        self.inner.wanted_link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens what the last link named, once it is known whose it is.
    pub(super) async fn follow_wanted_link(&self) {
        let Some(item) = *self.wanted_link() else { return };
        let Some(place) = self.find(item).await else { return };
        let is_still_wanted = {
            let mut wanted = self.wanted_link();
            if *wanted == Some(item) { wanted.take() } else { None }
        };
        if is_still_wanted.is_some() {
            self.open(Some(place));
        }
    }

    /// Where an item is; none while a profile that may have it is still arriving. Of several profiles
    /// that see it, the one that it waits for, or the one that the window shows.
    async fn find(&self, item: Item) -> Option<OpenItem> {
        let guard = self.inner.home.read().await;
        let home = guard.as_ref()?;
        let mut found: Option<(bool, bool, OpenItem)> = None;
        let mut is_arriving = false;
        for profile in &home.profiles {
            let seen = seen(profile, item).await.unwrap_or_else(|error| {
                tracing::error!(%error, "an item could not be looked for");
                None
            });
            if let Some((awaits_me, place)) = seen {
                let is_active = home.active.as_deref() == Some(profile.record.id.as_str());
                let rank = (awaits_me, is_active);
                if found.as_ref().is_none_or(|(awaits, active, _)| rank > (*awaits, *active)) {
                    found = Some((awaits_me, is_active, place));
                }
            }
            is_arriving |= matches!(
                profile.connectivity().await,
                Connectivity::Connecting | Connectivity::FirstSync { .. }
            );
        }
        match found {
            Some((_, _, place)) => Some(place),
            None if is_arriving => None,
            None => Some(unknown()),
        }
    }

    /// Where the window shows an item of a profile.
    pub(super) async fn place_of(&self, profile: &str, item: Item) -> OpenItem {
        let profile = self.profile(profile).await.ok();
        let place = match &profile {
            Some(profile) => seen(profile, item).await.ok().flatten(),
            None => None,
        };
        place.map_or_else(unknown, |(_, place)| place)
    }
}

fn unknown() -> OpenItem {
    OpenItem { profile: None, kind: OpenKind::Unknown, id: None }
}

/// Where an item is, if a profile sees it, and whether it waits for its person.
async fn seen(profile: &Profile, item: Item) -> Result<Option<(bool, OpenItem)>, CacheError> {
    let cache = &profile.cache;
    let found = match item {
        Item::Partnership(id) => cache
            .get(id)
            .await?
            .map(|record| (record.awaits_me(), OpenKind::Partnership, record.id.to_string())),
        // A request is decided on its account's page.
        Item::AccessRequest(id) => cache.access_request(id).await?.map(|request| {
            (request.allows("accept"), OpenKind::Account, request.account.to_string())
        }),
        Item::Account(id) => cache
            .account(id)
            .await?
            .map(|account| (false, OpenKind::Account, account.id.to_string())),
    };
    Ok(found.map(|(awaits_me, kind, id)| {
        let profile = Some(profile.record.id.clone());
        (awaits_me, OpenItem { profile, kind, id: Some(id) })
    }))
}
