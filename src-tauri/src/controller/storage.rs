//! The disk is full, may not be written, or damages what is on it: what goes on meanwhile, and what
//! happens when that is over.

use std::{
    path::Path,
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};

use entente_cache::{Cache, CacheError, Keeping, Opened};

use super::{CALM, Controller, home::Profile, notes::Note};
use crate::view::{BackendEvent, NoticeKind};

/// How often it is looked whether the disk lets be written again.
const LOOK: Duration = Duration::from_secs(5);

impl Controller {
    /// Opens what the person has, or says why the disk does not let it be. Whether something is open.
    pub(super) async fn try_to_open(&self, demo: bool) -> bool {
        let opened = if demo { self.start_demo().await } else { self.open_real().await };
        match opened {
            Ok(_) => {
                if self.displaced().await.is_none() {
                    self.withdraw(NoticeKind::StorageFailed);
                }
                true
            }
            Err(error) => {
                tracing::error!(code = error.code, message = error.message, "not opened");
                self.note(Note::NotOpened(error.into()));
                // Without the demo there is the person's own.
                self.inner.home.read().await.is_some()
            }
        }
    }

    /// Opens a cache as it is wanted, or in memory where the disk does not let it be.
    pub(super) async fn open_cache(
        &self,
        path: &Path,
        wanted: &Keeping,
    ) -> Result<(Cache, Keeping), CacheError> {
        match Cache::open(path, wanted).await {
            Ok((cache, opened)) => {
                if let Opened::Rebuilt(why) = opened {
                    tracing::warn!(why, "a cache was rebuilt");
                    self.note(Note::CacheRebuilt);
                }
                Ok((cache, wanted.clone()))
            }
            Err(error) => {
                tracing::error!(%error, "a cache could not be opened");
                self.note(Note::NothingKept((&error).into()));
                let (cache, _) = Cache::open(path, &Keeping::Memory).await?;
                self.inner.displaced.notify_one();
                Ok((cache, Keeping::Memory))
            }
        }
    }

    /// Opens what could not be opened, and puts what had to be kept in memory back on the disk, as soon
    /// as that can be.
    pub(super) async fn watch_storage(self, demo: bool, mut is_open: bool) {
        loop {
            if is_open && self.displaced().await.is_none() {
                self.inner.displaced.notified().await;
            }
            tokio::time::sleep(LOOK).await;
            if !is_open {
                is_open = self.try_to_open(demo).await;
                continue;
            }
            let Some(profile) = self.displaced().await else { continue };
            match Cache::open(&profile.path, &profile.wanted).await {
                Ok((cache, _)) => cache.close().await,
                Err(_) => continue,
            }
            tracing::info!("the disk can be written again");
            self.withdraw(NoticeKind::StorageFailed);
            if let Err(error) = self.reopen_profiles(Profile::is_displaced).await {
                tracing::error!(code = error.code, "profiles stay in memory");
            }
        }
    }

    /// Looks through a profile's cache, and begins it anew if it is damaged.
    pub(super) async fn look_through(self, profile: Weak<Profile>) {
        tokio::time::sleep(CALM).await;
        let Some(profile) = profile.upgrade() else { return };
        match profile.cache.check().await {
            Err(error) if error.is_of_the_file() => {
                tracing::warn!(%error, "a cache was looked through");
                self.begin_cache_anew(profile);
            }
            // Closed meanwhile, or in the way of something that passes.
            Err(error) => tracing::debug!(%error, "a cache was not looked through"),
            Ok(()) => {}
        }
    }

    /// Deletes a cache that is damaged, and reads all of it from the server again.
    pub(super) fn begin_cache_anew(&self, profile: Arc<Profile>) {
        if profile.damaged.swap(true, Ordering::Relaxed) {
            return;
        }
        let this = self.clone();
        tauri::async_runtime::spawn(async move {
            if let Err(error) = this.reopen_profiles(Profile::is_damaged).await {
                tracing::error!(code = error.code, "a damaged cache stays");
                return;
            }
            this.note(Note::CacheRebuilt);
            let profile = profile.record.id.clone();
            this.emit(&BackendEvent::PartnershipsChanged { profile, ids: Vec::new() });
        });
    }

    /// A profile that is in memory because the disk did not let it be elsewhere.
    async fn displaced(&self) -> Option<Arc<Profile>> {
        let guard = self.inner.home.read().await;
        guard.as_ref()?.profiles.iter().find(|profile| profile.is_displaced()).cloned()
    }
}
