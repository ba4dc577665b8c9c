//! Newer versions: looking for one once a day, unless that is switched off, and installing it when the
//! person asks. See decision 007.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use entente_api_client::ApiError;
use entente_cache::Journal;
use entente_desktop::{PackageKind, install_package};
use entente_domain::Timestamp;
use tauri::utils::{config::BundleType, platform::bundle_type};
use tauri_plugin_updater::{Error, Update, UpdaterExt as _};
use tokio::sync::oneshot;

use super::{Controller, answers::Answer, now, trust::client_options};
use crate::{
    view::{AppState, BackendEvent, CommandError, NewerVersion, UpdateStage},
    window,
};

/// Where the configuration says where newer versions are, and whose signature they have.
pub const UPDATER: &str = "updater";

pub(super) const LOOK_FOR_UPDATES: &str = "look_for_updates";
const LOOKED_AT: &str = "looked_for_updates_at";
const PUT_OFF: &str = "put_off_update";
const COMES_BACK: &str = "comes_back_after_update";

/// After the start, when nobody waits for anything any more.
const FIRST: Duration = Duration::from_secs(10);
/// How often it is seen whether it is time: a computer may have slept.
const OFTEN: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So that not all look at once.
const MOST_JITTER: Duration = Duration::from_secs(2 * 60 * 60);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Many times what a version takes.
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// What is known of newer versions.
#[derive(Default)]
pub(super) struct Updates {
    found: Option<Update>,
    put_off: bool,
    stage: UpdateStage,
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = self.found.as_ref().map(|update| &update.version);
        f.debug_struct("Updates").field("found", &found).finish_non_exhaustive()
    }
}

/// Whether whoever built the program named a place for newer versions.
pub fn is_updatable(config: &tauri::Config) -> bool {
    config.plugins.0.contains_key(UPDATER)
}

/// Whether it is time to look for a newer version.
fn is_due(looked_at: Option<Timestamp>, now: Timestamp, jitter: Duration) -> bool {
    // A time to come is one of a clock that was wrong.
    looked_at.is_none_or(|at| now < at || now >= at.after(DAY + jitter))
}

impl Controller {
    /// Whether newer versions are looked for; none where there is no place for them.
    pub(super) async fn looks_for_updates(&self, journal: &Journal) -> Option<bool> {
        if !is_updatable(self.inner.app.config()) {
            return None;
        }
        match journal.setting(LOOK_FOR_UPDATES).await {
            Ok(choice) => Some(choice.unwrap_or(true)),
            Err(error) => {
                tracing::error!(%error, "whether to look for newer versions could not be read");
                Some(false)
            }
        }
    }

    /// Looks for newer versions as long as the program runs.
    pub(super) async fn look_for_updates(self) {
        if !is_updatable(self.inner.app.config()) {
            return;
        }
        let millis = u64::try_from(MOST_JITTER.as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(RandomState::new().hash_one(()) % millis);
        tokio::time::sleep(FIRST).await;
        loop {
            match self.look_if_due(jitter).await {
                Ok(looked) => tracing::info!(looked, "time to look for a newer version?"),
                Err(error) => tracing::warn!(code = error.code, "no newer version was looked for"),
            }
            tokio::time::sleep(OFTEN).await;
        }
    }

    async fn look_if_due(&self, jitter: Duration) -> Answer<bool> {
        // What is tried out stays on this computer.
        if self.inner.home.read().await.as_ref().is_some_and(|home| home.demo.is_some()) {
            return Ok(false);
        }
        let journal = self.journal().await?;
        let is_on = self.looks_for_updates(&journal).await == Some(true);
        if !is_on || !is_due(journal.setting(LOOKED_AT).await?, now(), jitter) {
            return Ok(false);
        }
        self.find_update(&journal).await?;
        Ok(true)
    }

    /// Looks for a newer version now, because the person asks.
    pub async fn look_for_update(&self) -> Answer<AppState> {
        let journal = self.journal().await?;
        journal.put_setting(PUT_OFF, &None::<String>).await?;
        self.find_update(&journal).await?;
        self.app_state().await
    }

    async fn find_update(&self, journal: &Journal) -> Answer<()> {
        if !is_updatable(self.inner.app.config()) {
            return Err(no_update());
        }
        let options = client_options(journal).await;
        let updater = self.inner.app.updater_builder().timeout(PATIENCE);
        let updater = updater.configure_client(move |builder| {
            options.prepare(builder).read_timeout(options.silence).https_only(true)
        });
        let found = updater.build().map_err(failed)?.check().await.map_err(failed)?;
        journal.put_setting(LOOKED_AT, &now()).await?;
        let put_off: Option<String> = journal.setting(PUT_OFF).await?.flatten();
        {
            let mut updates = self.updates();
            if updates.stage != UpdateStage::Waiting {
                return Ok(());
            }
            updates.put_off =
                found.as_ref().is_some_and(|it| Some(&it.version) == put_off.as_ref());
            updates.found = found;
        }
        self.emit(&BackendEvent::StateChanged);
        Ok(())
    }

    /// Does not show by itself the version that was found.
    pub async fn put_off_update(&self) -> Answer<AppState> {
        let journal = self.journal().await?;
        let version = self.updates().found.as_ref().map(|update| update.version.clone());
        if let Some(version) = version {
            journal.put_setting(PUT_OFF, &Some(version)).await?;
            self.updates().put_off = true;
        }
        self.app_state().await
    }

    pub(super) fn newer_version(&self) -> Option<NewerVersion> {
        let updates = self.updates();
        let Updates { found, put_off, stage } = &*updates;
        let version = found.as_ref()?.version.clone();
        Some(NewerVersion { version, put_off: *put_off, stage: *stage })
    }

    /// Installs the version that was found, and begins it.
    pub async fn install_update(&self) -> Answer<()> {
        let journal = self.journal().await?;
        let update = {
            let mut updates = self.updates();
            if updates.stage != UpdateStage::Waiting {
                return Err(CommandError::new("installing", "It is already being installed."));
            }
            let update = updates.found.clone().ok_or_else(no_update)?;
            updates.stage = UpdateStage::Downloading { percent: None };
            update
        };
        self.emit(&BackendEvent::StateChanged);
        // Said before, because on Windows the installer ends this program.
        journal.put_setting(COMES_BACK, &true).await?;
        let installed = self.install(update).await;
        self.put_stage(UpdateStage::Waiting);
        if let Err(error) = installed {
            tracing::warn!(code = error.code, "a newer version was not installed");
            journal.put_setting(COMES_BACK, &false).await?;
            return Err(error);
        }
        self.restart().await;
        Ok(())
    }

    /// After an update the person sees the window again, however the program was started.
    pub(super) async fn come_back(&self, hidden: bool) {
        let Ok(journal) = self.journal().await else { return };
        if matches!(journal.setting(COMES_BACK).await, Ok(Some(true))) {
            if let Err(error) = journal.put_setting(COMES_BACK, &false).await {
                tracing::warn!(%error, "the window comes once more");
            }
            if hidden {
                window::show(&self.inner.app);
            }
        }
    }

    async fn install(&self, update: Update) -> Answer<()> {
        let package = self.download(&update).await?;
        self.put_stage(UpdateStage::Installing);
        window::remember(&self.inner.app);
        let kind = match bundle_type() {
            Some(BundleType::Deb) => PackageKind::Deb,
            Some(BundleType::Rpm) => PackageKind::Rpm,
            _ => {
                let installed = tokio::task::spawn_blocking(move || update.install(package)).await;
                return installed.map_err(|error| not_installed(&error))?.map_err(failed);
            }
        };
        self.install_package(kind, &update.version, &package).await
    }

    /// Downloads a version and sees that it is genuine.
    async fn download(&self, update: &Update) -> Answer<Vec<u8>> {
        let (stop, stopped) = oneshot::channel();
        let (mut stop, mut got, mut told) = (Some(stop), 0_usize, None);
        let on_piece = |piece: usize, of: Option<u64>| {
            got = got.saturating_add(piece);
            if got > MOST_BYTES {
                stop.take().map(|stop: oneshot::Sender<()>| stop.send(()));
            }
            let percent = of.and_then(|of| (got as u64).saturating_mul(100).checked_div(of));
            let percent = percent.map(|percent| u8::try_from(percent.min(100)).unwrap_or(100));
            if percent != told {
                told = percent;
                self.put_stage(UpdateStage::Downloading { percent });
            }
        };
        tokio::select! {
            package = update.download(on_piece, || {}) => package.map_err(failed),
            Ok(()) = stopped => Err(not_genuine()),
        }
    }

    /// Has the system install a package; it is kept where the system does not.
    async fn install_package(
        &self,
        kind: PackageKind,
        version: &str,
        package: &[u8],
    ) -> Answer<()> {
        let folder = self.inner.root.join("updates");
        let _ = tokio::fs::remove_dir_all(&folder).await;
        let file = folder.join(format!("entente-{version}.{}", kind.suffix()));
        tokio::fs::create_dir_all(&folder).await.map_err(|error| not_installed(&error))?;
        tokio::fs::write(&file, package).await.map_err(|error| not_installed(&error))?;
        if let Err(error) = install_package(kind, &file).await {
            let by_hand = format!("{} {}", kind.command().join(" "), file.display());
            let message = format!(
                "{error} The package is genuine and was kept. An administrator can install it with: \
                 {by_hand}"
            );
            return Err(CommandError::of("package_kept", Some(&by_hand), &message));
        }
        let _ = tokio::fs::remove_dir_all(&folder).await;
        Ok(())
    }

    fn put_stage(&self, stage: UpdateStage) {
        self.updates().stage = stage;
        self.emit(&BackendEvent::StateChanged);
    }

    fn updates(&self) -> MutexGuard<'_, Updates> {
        self.inner.updates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_update() -> CommandError {
    CommandError::new("no_update", "No newer version is known.")
}

fn not_genuine() -> CommandError {
    CommandError::new(
        "not_genuine",
        "What was downloaded is not signed by whoever you have Entente from, so it was not \
         installed. Tell your Admin.",
    )
}

fn not_installed(error: &dyn fmt::Display) -> CommandError {
    CommandError::new("not_installed", &format!("The newer version was not installed: {error}."))
}

/// What went wrong, for people.
fn failed(error: Error) -> CommandError {
    tracing::warn!(%error, "an update");
    let retryable = |code: &str, message: &str| CommandError {
        retryable: true,
        ..CommandError::new(code, message)
    };
    let odd = || {
        retryable(
            "odd_place",
            "The place for newer versions does not answer as it should. Try again later.",
        )
    };
    match error {
        Error::Minisign(_)
        | Error::Base64(_)
        | Error::SignatureUtf8(_)
        | Error::SignedVersionMismatch { .. }
        | Error::MissingSignedVersion => not_genuine(),
        Error::TargetNotFound(_) | Error::TargetsNotFound(_) => CommandError::new(
            "no_package",
            "There is a newer version, but no package of it for this computer.",
        ),
        Error::Reqwest(error) if error.is_decode() => odd(),
        Error::ReleaseNotFound | Error::Serialization(_) | Error::Network(_) => odd(),
        Error::Reqwest(error) => match ApiError::from(error) {
            untrusted @ ApiError::Untrusted => retryable(untrusted.code(), &untrusted.to_string()),
            _ => retryable(
                "place_unreachable",
                "The place for newer versions cannot be reached. Check your connection and try \
                 again.",
            ),
        },
        other => not_installed(&other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_once_a_day_and_not_by_all_at_once() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000).expect("a moment");
        let (none, hour) = (Duration::ZERO, Duration::from_secs(60 * 60));
        assert!(is_due(None, now, none), "never yet");
        assert!(!is_due(Some(now), now, none));
        assert!(!is_due(Some(now.before(DAY - hour)), now, none));
        assert!(is_due(Some(now.before(DAY)), now, none));
        assert!(!is_due(Some(now.before(DAY)), now, hour), "an hour later on this computer");
        assert!(is_due(Some(now.before(DAY + hour)), now, hour));
        assert!(is_due(Some(now.after(hour)), now, none), "the clock was wrong");
    }
}
