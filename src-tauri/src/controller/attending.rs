//! Watches what changes, and decides with `attention` what the person is told and what the tray says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use entente_attention::{
    Command, Known, Moment, News, Notice, NoticeAction, Occasion, Pending, Settings, Standing,
    Text, TrayFacts, TrayProfile, plan, tray,
};
use entente_cache::Journal;
use entente_desktop::Banner;
use entente_domain::Timestamp;
use entente_sync::Connectivity;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    Controller,
    home::{Home, Profile},
    notes::Note,
    now,
};
use crate::{language, tray as drawing};

const CLOSED_TO_TRAY: &str = "told_closed_to_tray";
/// How often reminders, quiet hours and the end of a pause are looked for.
const LOOK: Duration = Duration::from_secs(60);
/// If so much more time has gone by than was waited for, the machine slept.
const SLEPT: Duration = Duration::from_secs(60);
/// A backlog has arrived once nothing came for this long.
const SETTLED: Duration = Duration::from_millis(400);
/// A backlog is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(3);
/// What was told so long ago is forgotten.
const TOLD_LONG_AGO: Duration = Duration::from_secs(90 * 24 * 60 * 60);

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

    fn join(&mut self, more: Self) {
        self.news.extend(more.news);
        if more.occasion == Occasion::Backlog {
            self.occasion = Occasion::Backlog;
        }
    }
}

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
struct Memory {
    /// When which banner was shown.
    shown: BTreeMap<String, Timestamp>,
    /// What was told and could not be recorded yet, and when.
    unrecorded: BTreeMap<String, Timestamp>,
    was_silent: bool,
    /// What there was to see. Whatever changes it pokes.
    seen: Option<Seen>,
}

/// What is looked at.
#[derive(Debug)]
struct Seen {
    facts: TrayFacts,
    /// The profiles that are in contact.
    in_contact: BTreeSet<String>,
    journal: Journal,
    settings: Settings,
    profiles: Vec<Arc<Profile>>,
    /// When what was told.
    told: BTreeMap<String, Timestamp>,
    /// The news that wait to be told.
    waiting: Vec<News>,
}

impl Memory {
    /// Records what was told, after it was shown, with what could not be recorded before.
    async fn record(&mut self, journal: &Journal, tells: &[String]) {
        let at = now();
        self.unrecorded.extend(tells.iter().map(|notice| (notice.clone(), at)));
        if self.unrecorded.is_empty() {
            return;
        }
        let notices: Vec<String> = self.unrecorded.keys().cloned().collect();
        match journal.mark_told(&notices, at).await {
            Ok(()) => self.unrecorded.clear(),
            Err(error) => tracing::error!(%error, "a notice may be shown again after a restart"),
        }
    }
}

impl Controller {
    /// Attends to pokes until the program ends.
    pub(super) async fn attend(self, mut poked: mpsc::UnboundedReceiver<Poke>) {
        let mut memory = Memory::default();
        loop {
            let waited_from = now();
            let poke = tokio::select! {
                poke = poked.recv() => match poke {
                    Some(poke) => Some(poke),
                    None => return,
                },
                () = tokio::time::sleep(LOOK) => None,
            };
            if now().since(waited_from) > LOOK + SLEPT {
                self.sync_all().await;
            }
            let poke = match poke {
                Some(poke) => {
                    memory.seen = None;
                    gather(poke, &mut poked).await
                }
                None => Poke::tray(),
            };
            self.look(poke, &mut memory).await;
            self.follow_wanted_link().await;
        }
    }

    /// What there is to see; none while nothing is open.
    async fn see(&self) -> Option<Seen> {
        let (facts, in_contact, journal, settings, profiles) = {
            let guard = self.inner.home.read().await;
            let home = guard.as_ref()?;
            let settings = self.settings(&home.journal).await;
            let (facts, in_contact) = facts(home, &settings).await;
            (facts, in_contact, home.journal.clone(), settings, home.profiles.clone())
        };
        let told = journal.told().await.unwrap_or_else(|error| {
            tracing::error!(%error, "what was told could not be read");
            BTreeMap::new()
        });
        let mut waiting = Vec::new();
        for profile in &profiles {
            waiting.extend(profile.news_to_tell().await);
        }
        Some(Seen { facts, in_contact, journal, settings, profiles, told, waiting })
    }

    async fn look(&self, poke: Poke, memory: &mut Memory) {
        let seen = match memory.seen.take() {
            Some(seen) => Some(seen),
            None => self.see().await,
        };
        let Some(mut seen) = seen else {
            let language = language::spoken();
            self.draw(&TrayFacts { language, ..TrayFacts::default() });
            return;
        };
        // A disk that is full must not make one hear the same again and again.
        seen.told.extend(memory.unrecorded.clone());
        memory.record(&seen.journal, &[]).await;
        let on_screen: BTreeSet<String> = self.inner.notifier.shown().into_iter().collect();
        memory.shown.retain(|id, _| on_screen.contains(id));

        let at = moment();
        let is_silent = seen.settings.is_silent(at);
        let is_over = std::mem::replace(&mut memory.was_silent, is_silent) && !is_silent;
        let occasion = if is_over { Occasion::Backlog } else { poke.occasion };
        let news: Vec<News> = seen.waiting.iter().chain(&poke.news).cloned().collect();
        let known = Known {
            pending: &seen.facts.pending,
            news: &news,
            in_contact: &seen.in_contact,
            told: &seen.told,
            shown: &memory.shown,
            language: language::spoken(),
        };
        let plan = plan(known, &seen.settings, occasion, at);
        let mut later = plan.later;
        for action in plan.actions {
            match action {
                NoticeAction::Withdraw(id) => {
                    memory.shown.remove(&id);
                    self.inner.notifier.close(&id);
                }
                NoticeAction::Show(notice) => {
                    let id = notice.id.clone();
                    let tells = notice.tells.clone();
                    if self.show(notice).await {
                        memory.shown.insert(id, at.now);
                        memory.record(&seen.journal, &tells).await;
                        seen.told.extend(tells.into_iter().map(|notice| (notice, at.now)));
                    } else {
                        later.extend(
                            news.iter().filter(|news| tells.contains(&news.key())).cloned(),
                        );
                    }
                }
            }
        }
        if later != seen.waiting {
            for profile in &seen.profiles {
                profile.keep_news_to_tell(&later).await;
            }
            seen.waiting = later;
        }
        self.draw(&seen.facts);
        memory.seen = Some(seen);
    }

    /// Shows a notice. Whether it was shown.
    async fn show(&self, notice: Notice) -> bool {
        let banner = Banner {
            id: notice.id,
            title: notice.title,
            body: notice.body,
            click: Some(notice.click.to_string()),
            buttons: notice
                .buttons
                .iter()
                .map(|button| (button.command.to_string(), button.label.clone()))
                .collect(),
        };
        if let Err(error) = self.inner.notifier.show(banner).await {
            tracing::warn!(%error, "a notice was not shown");
            self.note(Note::NoNotifications);
            return false;
        }
        true
    }

    /// Tells the outcome of a decision that was made outside the window.
    pub(super) async fn tell_outcome(&self, click: Command, message: &str) {
        let banner = Banner {
            id: format!("outcome/{click}"),
            title: language::say(&Text::NothingChanged),
            body: message.into(),
            click: Some(click.to_string()),
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

    /// Says once that the program goes on without its window.
    pub(super) async fn tell_closed_to_tray(&self) {
        let Ok(journal) = self.journal().await else { return };
        if matches!(journal.setting(CLOSED_TO_TRAY).await, Ok(Some(true))) {
            return;
        }
        let banner = Banner {
            id: "closed-to-tray".into(),
            title: language::say(&Text::GoesOn),
            body: language::say(&Text::GoesOnHow),
            click: Some(Command::Open.to_string()),
            buttons: Vec::new(),
        };
        if self.inner.notifier.show(banner).await.is_ok()
            && let Err(error) = journal.put_setting(CLOSED_TO_TRAY, &true).await
        {
            tracing::warn!(%error, "this is told once more");
        }
    }

    /// Forgets what was told so long ago that nothing depends on it.
    pub(super) async fn forget_what_was_told(&self) {
        let Ok(journal) = self.journal().await else { return };
        if let Err(error) = journal.forget_told(now().before(TOLD_LONG_AGO)).await {
            tracing::warn!(%error, "what was told long ago is still known");
        }
    }
}

/// Takes what came together. A backlog is waited for until it has arrived, so that it is told once.
async fn gather(mut poke: Poke, poked: &mut mpsc::UnboundedReceiver<Poke>) -> Poke {
    while let Ok(more) = poked.try_recv() {
        poke.join(more);
    }
    let latest = Instant::now() + PATIENCE;
    while poke.occasion == Occasion::Backlog {
        let settled = (Instant::now() + SETTLED).min(latest);
        match timeout_at(settled, poked.recv()).await {
            Ok(Some(more)) => poke.join(more),
            Ok(None) | Err(_) => break,
        }
    }
    poke
}

/// What the tray shows, and which profiles are in contact.
async fn facts(home: &Home, settings: &Settings) -> (TrayFacts, BTreeSet<String>) {
    let mut pending: Vec<Pending> = Vec::new();
    let mut profiles = Vec::new();
    let mut in_contact = BTreeSet::new();
    for profile in &home.profiles {
        pending.extend(profile.pending().await);
        let connectivity = profile.connectivity().await;
        if connectivity.is_online() {
            in_contact.insert(profile.record.id.clone());
        }
        profiles.push(tray_profile(profile, &connectivity, home.active.as_deref()).await);
    }
    pending.sort_by_key(|pending| pending.since);
    let (paused_until, language) = (settings.paused_until, language::spoken());
    (TrayFacts { profiles, pending, paused_until, language }, in_contact)
}

async fn tray_profile(
    profile: &Profile,
    connectivity: &Connectivity,
    active: Option<&str>,
) -> TrayProfile {
    let me = profile.me.read().await;
    let record = &profile.record;
    TrayProfile {
        id: record.id.clone(),
        user: me.as_ref().map_or_else(|| record.user_name.clone(), |me| me.user.name.clone()),
        workspace: me
            .as_ref()
            .map_or_else(|| record.workspace_name.clone(), |me| me.workspace.name.clone()),
        standing: match connectivity {
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

/// This moment where the person is.
fn moment() -> Moment {
    let offset = time::UtcOffset::current_local_offset().unwrap_or(time::UtcOffset::UTC);
    Moment { now: now(), offset: offset.whole_minutes() }
}
