//! The profiles of one place: the person's own, or the demo's.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use entente_api_client::{AddressError, Client, Credentials, ServerAddress};
use entente_attention::{Attempt, Occasion, Text};
use entente_cache::{
    Applied, Cache, CacheError, Intent, IntentAction, Journal, Keeping, MeRecord, ProfileRecord,
    Record, RecordKind,
};
use entente_sync::{Applying, Connectivity, Event, Problem, Session, SessionConfig};
use tokio::sync::{RwLock, mpsc};

use super::{Controller, attending::Poke, now, trust::client_options};
use crate::{embedded::Demo, language, view::BackendEvent};

/// The profiles of one place.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) root: PathBuf,
    pub(super) journal: Journal,
    pub(super) profiles: Vec<Arc<Profile>>,
    pub(super) active: Option<String>,
    pub(super) demo: Option<Demo>,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) record: ProfileRecord,
    pub(super) cache: Cache,
    pub(super) me: RwLock<Option<MeRecord>>,
    pub(super) demo: bool,
    /// Where its cache is, if it is on the disk.
    pub(super) path: PathBuf,
    /// How its cache is kept.
    pub(super) keeping: Keeping,
    /// How it would be kept if the disk let it be.
    pub(super) wanted: Keeping,
    /// The journal, for its own decisions.
    pub(super) journal: Journal,
    /// What it sends requests with, if that is known.
    pub(super) credentials: Option<Credentials>,
    look: Mutex<Look>,
    locked: AtomicBool,
    /// Whether the cache's file was found to be damaged.
    pub(super) damaged: AtomicBool,
    session: RwLock<Option<Session>>,
    /// Why there is no session.
    absent: Problem,
}

/// What a person changes about a profile.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) label: Option<String>,
    pub(super) color: u8,
}

impl Profile {
    pub(super) async fn connectivity(&self) -> Connectivity {
        match &*self.session.read().await {
            Some(session) => session.status().borrow().clone(),
            None => Connectivity::SignedOut { problem: self.absent.clone() },
        }
    }

    pub(super) fn look(&self) -> MutexGuard<'_, Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The record as it is to be kept.
    pub(super) fn record_now(&self) -> ProfileRecord {
        let Look { label, color } = self.look().clone();
        ProfileRecord { label, color, ..self.record.clone() }
    }

    /// Whether the server has shut the workspace to this user, so that nothing of it is shown.
    pub(super) fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Relaxed)
    }

    /// Whether its cache is not to be encrypted although it is the person's own.
    pub(super) fn lacks_keyring(&self) -> bool {
        !self.demo && !matches!(self.wanted, Keeping::Encrypted(_))
    }

    /// Whether its cache is in memory because the disk did not let it be elsewhere.
    pub(super) fn is_displaced(&self) -> bool {
        matches!(self.keeping, Keeping::Memory) && !matches!(self.wanted, Keeping::Memory)
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Relaxed)
    }

    /// The session, or why there is none.
    pub(super) async fn session(
        &self,
    ) -> Result<tokio::sync::RwLockReadGuard<'_, Session>, Problem> {
        let guard = self.session.read().await;
        tokio::sync::RwLockReadGuard::try_map(guard, Option::as_ref)
            .map_err(|_| self.absent.clone())
    }

    pub(super) async fn nudge(&self) {
        if let Ok(session) = self.session().await {
            session.nudge();
        }
    }

    /// Stops the session and closes the cache.
    pub(super) async fn close(&self) {
        let session = self.session.write().await.take();
        if let Some(session) = session {
            session.stop().await;
        }
        self.cache.close().await;
    }
}

impl Home {
    pub(super) fn profile(&self, id: &str) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|profile| profile.record.id == id)
    }

    /// Stops everything; what is on disk stays.
    pub(super) async fn close(self) {
        for profile in &self.profiles {
            profile.close().await;
        }
        self.journal.close().await;
        if let Some(demo) = self.demo {
            demo.stop().await;
        }
    }
}

impl Controller {
    /// Opens a profile's cache and, with credentials, begins to keep it in step.
    pub(super) async fn open_profile(
        &self,
        home: &Home,
        record: ProfileRecord,
        credentials: Result<Credentials, Problem>,
    ) -> Result<Arc<Profile>, CacheError> {
        let demo = home.demo.is_some();
        let wanted = match demo {
            true => Keeping::Plain,
            false => self.keeping(&home.journal, &record.id).await,
        };
        let path = home.root.join("profiles").join(&record.id).join("cache.db");
        let (cache, keeping) = self.open_cache(&path, &wanted).await?;
        let options = client_options(&home.journal).await;
        let client = credentials.clone().and_then(|credentials| {
            let server: ServerAddress = record.server.parse().map_err(unreadable)?;
            Client::new(server, credentials, options).map_err(Problem::from)
        });
        let me = cache.me().await?;
        let locked = cache.is_locked().await?;
        let journal = home.journal.sealed(&wanted);
        let (session, absent) = match client {
            Ok(client) => {
                let session = Session::start(SessionConfig {
                    profile: record.id.clone(),
                    client,
                    cache: cache.clone(),
                    journal: journal.clone(),
                });
                (Some(session), no_problem())
            }
            Err(problem) => (None, problem),
        };
        let (session, events) = session.unzip();
        let profile = Arc::new(Profile {
            look: Mutex::new(Look { label: record.label.clone(), color: record.color }),
            record,
            cache,
            me: RwLock::new(me),
            demo,
            path,
            keeping,
            wanted,
            journal,
            credentials: credentials.ok(),
            locked: AtomicBool::new(locked),
            damaged: AtomicBool::new(false),
            session: RwLock::new(session),
            absent,
        });
        if let Some(events) = events {
            tauri::async_runtime::spawn(self.clone().follow(profile.clone(), events));
        }
        tauri::async_runtime::spawn(self.clone().look_through(Arc::downgrade(&profile)));
        Ok(profile)
    }

    /// Passes on what a session tells, until it is stopped.
    async fn follow(self, profile: Arc<Profile>, mut events: mpsc::UnboundedReceiver<Event>) {
        let Ok(mut status) = profile.session().await.map(|session| session.status()) else {
            return;
        };
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.heard(&profile, event).await,
                    None => return,
                },
                changed = status.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let is_online = status.borrow_and_update().is_online();
                    // What came meanwhile is told now, all at once.
                    self.poke(if is_online { Poke::backlog() } else { Poke::tray() });
                    self.emit(&BackendEvent::StateChanged);
                }
            }
        }
    }

    /// Tells the window what to read again.
    fn tell_changed(&self, profile: String, changes: &[Applied]) {
        let keys = changes
            .iter()
            .filter_map(|change| change.after.as_ref().or(change.before.as_ref()))
            .map(Record::key);
        let mut ids = Vec::new();
        let mut kinds = BTreeSet::new();
        for key in keys {
            if key.kind == RecordKind::Partnership {
                ids.push(key.id);
            } else {
                kinds.insert(key.kind.word().to_owned());
            }
        }
        if !kinds.is_empty() {
            let kinds = kinds.into_iter().collect();
            self.emit(&BackendEvent::ResourcesChanged { profile: profile.clone(), kinds });
        }
        if !ids.is_empty() {
            self.emit(&BackendEvent::PartnershipsChanged { profile, ids });
        }
    }

    async fn heard(&self, profile: &Arc<Profile>, event: Event) {
        let id = profile.record.id.clone();
        match event {
            Event::Applied { changes, applying } => {
                let news = match applying {
                    Applying::Live | Applying::CatchUp => profile.news(&changes).await,
                    Applying::Own | Applying::Snapshot => Vec::new(),
                };
                let occasion = match applying {
                    Applying::Live | Applying::Own => Occasion::Live,
                    Applying::CatchUp | Applying::Snapshot => Occasion::Backlog,
                };
                self.poke(Poke { occasion, news });
                self.tell_changed(id, &changes);
            }
            Event::Introduced(me) => {
                *profile.me.write().await = Some(me);
                self.poke(Poke::tray());
                self.emit(&BackendEvent::StateChanged);
            }
            Event::Settled { about, intent, refused } => {
                let about = about.filter(|about| about.kind == RecordKind::Partnership);
                let language = language::spoken();
                let why = refused
                    .map(|why| language.refusal(&why.code, why.fact.as_deref(), &why.message));
                let (attempt, refused) = (attempt(&intent), why.as_deref());
                self.emit(&BackendEvent::DecisionSettled {
                    profile: id,
                    partnership_id: about.map(|about| about.id),
                    ok: refused.is_none(),
                    message: language.say(&Text::Settled { attempt, refused }),
                });
            }
            Event::OutcomesLost(lost) => {
                self.emit(&BackendEvent::DecisionSettled {
                    profile: id,
                    partnership_id: None,
                    ok: false,
                    message: language::say(&Text::OutcomesLost(lost)),
                });
            }
            Event::Locked(locked) => {
                profile.locked.store(locked, Ordering::Relaxed);
                self.poke(Poke::tray());
                self.emit(&BackendEvent::StateChanged);
                self.emit(&BackendEvent::PartnershipsChanged { profile: id, ids: Vec::new() });
            }
            Event::Purged => {
                *profile.me.write().await = None;
                self.poke(Poke::tray());
                self.emit(&BackendEvent::PartnershipsChanged { profile: id, ids: Vec::new() });
            }
            Event::CacheDamaged => self.begin_cache_anew(profile.clone()),
        }
        tracing::debug!(at = %now(), "heard");
    }
}

fn attempt(intent: &Intent) -> Attempt<'_> {
    match &intent.action {
        IntentAction::Request => Attempt::Request { address: &intent.about },
        IntentAction::Act { action, .. } => {
            Attempt::Action { action: *action, partner: &intent.about }
        }
        IntentAction::Write { what, .. } => what.parse().map_or(Attempt::Unknown, Attempt::Deed),
    }
}

fn no_problem() -> Problem {
    Problem {
        code: "signed_out".into(),
        message: "This profile is signed out.".into(),
        fact: None,
        retryable: false,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err gives")]
fn unreadable(error: AddressError) -> Problem {
    Problem { code: error.code().into(), message: error.to_string(), fact: None, retryable: false }
}
