//! Watches what changes, and decides with `attention` what the person is told and what the tray says.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entente_attention::{
    News, Notice, NoticeAction, Occasion, Pending, Settings, Standing, TrayFacts, TrayProfile,
    plan, tray,
};
use entente_cache::Journal;
use entente_desktop::Banner;
use entente_domain::{PartnershipId, Timestamp};
use entente_sync::Connectivity;
use tokio::sync::mpsc;

use super::{Controller, home::Profile, now};
use crate::{
    tray as drawing,
    view::{AppState, BackendEvent, CommandError, NoticeKind, PauseChoice},
};

const SETTINGS: &str = "notifications";
const CLOSED_TO_TRAY: &str = "told_closed_to_tray";
/// How often reminders and the end of a pause are looked for.
const LOOK: Duration = Duration::from_secs(60);

/// A reason to look at what the person should know.
#[derive(Debug)]
pub(super) struct Poke {
    pub(super) occasion: Occasion,
    pub(super) news: Vec<News>,
}

impl Poke {
    /// Only how something stands changed.
    pub(super) fn tray() -> Self {
        Self { occasion: Occasion::Live, news: Vec::new() }
    }

    /// Much may have changed at once.
    pub(super) fn backlog() -> Self {
        Self { occasion: Occasion::Backlog, news: Vec::new() }
    }
}

impl Controller {
    /// Attends to pokes until the program ends.
    pub(super) async fn attend(self, mut poked: mpsc::UnboundedReceiver<Poke>) {
        loop {
            let mut poke = tokio::select! {
                poke = poked.recv() => match poke {
                    Some(poke) => poke,
                    None => return,
                },
                () = tokio::time::sleep(LOOK) => Poke::tray(),
            };
            // What came together is told together.
            while let Ok(more) = poked.try_recv() {
                poke.news.extend(more.news);
                if more.occasion == Occasion::Backlog {
                    poke.occasion = Occasion::Backlog;
                }
            }
            self.look(poke).await;
        }
    }

    async fn look(&self, poke: Poke) {
        let (pending, facts, journal, settings) = {
            let guard = self.inner.home.read().await;
            let Some(home) = guard.as_ref() else {
                self.draw(&TrayFacts::default());
                return;
            };
            let settings = self.settings(&home.journal).await;
            let mut pending: Vec<Pending> = Vec::new();
            let mut profiles = Vec::new();
            for profile in &home.profiles {
                pending.extend(profile.pending().await);
                profiles.push(tray_profile(profile, home.active.as_deref()).await);
            }
            pending.sort_by_key(|pending| pending.since);
            let facts = TrayFacts {
                profiles,
                pending: pending.clone(),
                paused_until: settings.paused_until,
            };
            (pending, facts, home.journal.clone(), settings)
        };
        let told = journal.told().await.unwrap_or_else(|error| {
            tracing::error!(%error, "what was told could not be read");
            BTreeMap::new()
        });
        let shown: BTreeSet<String> = self.inner.notifier.shown().into_iter().collect();
        let actions = plan(&pending, &poke.news, &told, &shown, &settings, poke.occasion, now());
        for action in actions {
            match action {
                NoticeAction::Withdraw(id) => self.inner.notifier.close(&id),
                NoticeAction::Show(notice) => self.show(notice, &journal).await,
            }
        }
        self.draw(&facts);
    }

    /// Shows a notice, and records it as told once it was shown.
    async fn show(&self, notice: Notice, journal: &Journal) {
        let banner = Banner {
            id: notice.id,
            title: notice.title,
            body: notice.body,
            buttons: notice
                .buttons
                .iter()
                .map(|button| (button.command.to_string(), button.label.clone()))
                .collect(),
        };
        match self.inner.notifier.show(banner).await {
            Ok(()) => {
                for key in notice.tells {
                    if let Err(error) = journal.mark_told(&key, now()).await {
                        tracing::error!(%error, "a notice may be shown again");
                    }
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a notice was not shown");
                self.note(
                    NoticeKind::NoNotifications,
                    "This desktop shows no notifications. What waits for you is in the inbox and in \
                     the tray.",
                );
            }
        }
    }

    /// Tells the outcome of a decision that was made outside the window.
    pub(super) async fn tell_outcome(&self, profile: &str, id: PartnershipId, message: &str) {
        let banner = Banner {
            id: format!("outcome/{profile}/{id}"),
            title: "Nothing was changed".into(),
            body: message.into(),
            buttons: Vec::new(),
        };
        if let Err(error) = self.inner.notifier.show(banner).await {
            tracing::warn!(%error, "an outcome was not shown");
        }
    }

    fn draw(&self, facts: &TrayFacts) {
        let model = tray(facts, now());
        {
            let mut drawn =
                self.inner.tray.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            // An open menu must not close because nothing changed.
            if drawn.as_ref() == Some(&model) {
                return;
            }
            *drawn = Some(model.clone());
        }
        drawing::draw(&self.inner.app, model);
    }

    pub(super) async fn settings(&self, journal: &Journal) -> Settings {
        match journal.setting(SETTINGS).await {
            Ok(settings) => settings.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the settings could not be read");
                Settings::default()
            }
        }
    }

    /// Shows no notification for a while; with no choice, shows them again.
    pub async fn pause(&self, choice: Option<PauseChoice>) -> Result<AppState, CommandError> {
        let paused_until = choice.map(|choice| match choice {
            PauseChoice::Hour => now().after(Duration::from_secs(60 * 60)),
            PauseChoice::Today => next_midnight(now()),
        });
        {
            let guard = self.inner.home.read().await;
            let home = guard.as_ref().ok_or_else(CommandError::not_open)?;
            let settings = Settings { paused_until, ..self.settings(&home.journal).await };
            home.journal.put_setting(SETTINGS, &settings).await?;
        }
        self.poke(Poke::backlog());
        self.emit(&BackendEvent::StateChanged);
        self.app_state().await
    }

    /// Says once that the program goes on without its window.
    pub(super) async fn tell_closed_to_tray(&self) {
        let guard = self.inner.home.read().await;
        let Some(home) = guard.as_ref() else { return };
        if matches!(home.journal.setting(CLOSED_TO_TRAY).await, Ok(Some(true))) {
            return;
        }
        let banner = Banner {
            id: "closed-to-tray".into(),
            title: "Entente goes on in the tray".into(),
            body: "You are told when somebody waits for you. Quit in the tray's menu.".into(),
            buttons: Vec::new(),
        };
        if self.inner.notifier.show(banner).await.is_ok()
            && let Err(error) = home.journal.put_setting(CLOSED_TO_TRAY, &true).await
        {
            tracing::warn!(%error, "this is told once more");
        }
    }
}

/// The next midnight where the person is.
fn next_midnight(now: Timestamp) -> Timestamp {
    let offset = time::UtcOffset::current_local_offset().unwrap_or(time::UtcOffset::UTC);
    let local = now.to_date_time().to_offset(offset);
    let midnight = local.date().next_day().map(|day| day.midnight().assume_offset(offset));
    midnight
        .and_then(|at| Timestamp::try_from(at).ok())
        .unwrap_or_else(|| now.after(Duration::from_secs(24 * 60 * 60)))
}

async fn tray_profile(profile: &Profile, active: Option<&str>) -> TrayProfile {
    let me = profile.me.read().await;
    let record = &profile.record;
    TrayProfile {
        id: record.id.clone(),
        user: me.as_ref().map_or_else(|| record.user_name.clone(), |me| me.user.name.clone()),
        workspace: me
            .as_ref()
            .map_or_else(|| record.workspace_name.clone(), |me| me.workspace.name.clone()),
        standing: match profile.connectivity().await {
            Connectivity::Connecting
            | Connectivity::FirstSync { .. }
            | Connectivity::Live
            | Connectivity::Polling => Standing::Online,
            Connectivity::Offline { .. } => Standing::Offline,
            Connectivity::SignedOut { .. } => Standing::SignedOut,
        },
        active: active == Some(record.id.as_str()),
    }
}
