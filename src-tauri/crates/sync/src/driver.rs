//! Performs the machine's effects with tokio, the client and the cache.

use std::{
    collections::{BTreeSet, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use entente_api_client::{ApiError, Client, EventStream, FeedEvent};
use entente_cache::{
    Applied, Cache, CacheError, Intent, Journal, MeRecord, PartnershipRecord, Record, RecordKey,
    TermsRecord, Whole,
};
use entente_domain::{PartnershipId, Timestamp};
use entente_wire::{Change, ErrorCode, Operation};
use rand::RngExt as _;
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, Sleep},
};

use crate::{
    convert,
    machine::{Circumstances, Connectivity, Effect, Failure, FailureKind, Input, Problem, State},
    snapshot::{Part, Snapshot},
};

/// What a session works with.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// The profile's id.
    pub profile: String,
    /// The profile's client.
    pub client: Client,
    /// The profile's cache; this session is its one writer.
    pub cache: Cache,
    /// The journal that all profiles share.
    pub journal: Journal,
}

/// What a session tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The cache has other content.
    Applied {
        /// What really changed, in order.
        changes: Vec<Applied>,
        /// On what occasion.
        applying: Applying,
    },
    /// Who the profile is of is known, or was changed.
    Introduced(MeRecord),
    /// The outcome of a decision came late.
    Settled {
        /// On what; none for a request that was refused.
        about: Option<RecordKey>,
        /// What was attempted.
        intent: Box<Intent>,
        /// Why it was not done, if it was not.
        refused: Option<Problem>,
    },
    /// The outcomes of so many decisions will never be known: the key that their record was encrypted
    /// with was lost.
    OutcomesLost(usize),
    /// Nothing that is cached may be shown any more; or, with false, it may again.
    Locked(bool),
    /// All that was cached was deleted.
    Purged,
    /// The cache's file is damaged: without another one, nothing new is kept.
    CacheDamaged,
}

/// On what occasion the cache changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applying {
    /// A full snapshot.
    Snapshot,
    /// What happened while there was no contact.
    CatchUp,
    /// As it happens.
    Live,
    /// The answer to this person's own decision.
    Own,
}

/// Keeps one profile in step until it is stopped.
#[derive(Debug)]
pub struct Session {
    pub(crate) shared: Arc<Shared>,
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: SessionConfig,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) nudges: mpsc::UnboundedSender<()>,
    pub(crate) status: watch::Sender<Connectivity>,
    /// Decisions that their own caller is carrying out just now.
    pub(crate) active: Mutex<BTreeSet<String>>,
}

/// Nothing that sync reads is ever forbidden to who may read the workspace at all.
const FORBIDDEN: u16 = 403;

/// What ends a contact early.
#[derive(Debug, Error)]
pub(crate) enum ContactError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self {
            code: error.code().into(),
            message: error.to_string(),
            fact: error.fact().map(str::to_owned),
            retryable: error.retryable(),
        }
    }
}

impl ContactError {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::Api(error) => error.clone().into(),
            Self::Cache(error) => Problem {
                code: error.code().into(),
                message: error.to_string(),
                fact: None,
                retryable: error.retryable(),
            },
        }
    }

    fn failure(&self) -> Failure {
        let kind = match self {
            Self::Api(ApiError::Unauthorized(error)) if error.code == ErrorCode::UserDisabled => {
                FailureKind::Removed
            }
            Self::Api(ApiError::Unauthorized(error))
                if error.code == ErrorCode::InvalidCredentials =>
            {
                FailureKind::Locked
            }
            Self::Api(ApiError::Unauthorized(_)) => FailureKind::SignedOut,
            Self::Api(ApiError::Refused(error)) if error.status == FORBIDDEN => FailureKind::Locked,
            Self::Api(ApiError::Refused(error)) if error.code == ErrorCode::CursorExpired => {
                FailureKind::CursorExpired
            }
            Self::Api(_) | Self::Cache(_) => FailureKind::Transient,
        };
        let retry_after = match self {
            Self::Api(error) => error.retry_after(),
            Self::Cache(_) => None,
        };
        Failure { problem: self.problem(), kind, retry_after }
    }
}

impl Session {
    /// Begins to keep a profile in step; what happens is told through the receiver.
    pub fn start(config: SessionConfig) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, told) = mpsc::unbounded_channel();
        let (nudges, nudged) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            config,
            events,
            nudges,
            status: watch::Sender::new(Connectivity::Connecting),
            active: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(run(shared.clone(), nudged, stopped));
        (Self { shared, task, stop }, told)
    }

    /// How the profile stands with its server, now and as it changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Connectivity> {
        self.shared.status.subscribe()
    }

    /// The profile's cache.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.shared.config.cache
    }

    /// Asks the server now instead of waiting: a person wants it, the machine woke, the network
    /// came.
    pub fn nudge(&self) {
        let _ = self.shared.nudges.send(());
    }

    /// Reads one partnership from the server, past the feed, and applies it: a last look before a
    /// decision.
    pub async fn refresh(&self, id: PartnershipId) -> Result<PartnershipRecord, Problem> {
        let read = async {
            let resource = self.shared.config.client.partnership(id).await?;
            let record = convert::partnership(resource)?;
            let one = [Record::Partnership(Box::new(record.clone()))];
            self.shared.apply(&one, &[], None, Applying::Live).await?;
            Ok::<_, ContactError>(record)
        };
        read.await.map_err(|error| error.problem())
    }

    /// The current terms: from the server, or as they were last read if it cannot be reached.
    pub async fn terms(&self) -> Result<TermsRecord, Problem> {
        let config = &self.shared.config;
        match config.client.terms().await {
            Ok(terms) => {
                let terms = convert::terms(terms);
                if let Err(error) = config.cache.put_terms(&terms).await {
                    tracing::warn!(%error, "the terms were not cached");
                }
                Ok(terms)
            }
            Err(error) => match config.cache.terms().await {
                Ok(Some(terms)) => Ok(terms),
                Ok(None) | Err(_) => Err(ContactError::Api(error).problem()),
            },
        }
    }

    /// Ends it. The cache stays open.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.task.await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the driver is where sync reads the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::try_from(SystemTime::now())
        .or_else(|_| Timestamp::from_unix_millis(0))
        .unwrap_or_else(|_| unreachable!("the epoch is a moment"))
}

impl Shared {
    /// Writes to the cache and tells what changed.
    pub(crate) async fn apply(
        &self,
        upserts: &[Record],
        deletes: &[RecordKey],
        cursor: Option<&str>,
        applying: Applying,
    ) -> Result<(), CacheError> {
        let changes = self.config.cache.apply(upserts, deletes, cursor, now()).await?;
        self.tell(changes, applying);
        Ok(())
    }

    fn tell(&self, changes: Vec<Applied>, applying: Applying) {
        if !changes.is_empty() {
            let _ = self.events.send(Event::Applied { changes, applying });
        }
    }

    async fn apply_changes(
        &self,
        changes: Vec<Change>,
        cursor: &str,
        applying: Applying,
    ) -> Result<(), ContactError> {
        let mut upserts = Vec::new();
        let mut deletes = Vec::new();
        for change in changes {
            match (change.op, change.resource) {
                (Operation::Upsert, Some(resource)) => {
                    upserts.extend(convert::record(resource)?);
                }
                (Operation::Delete, _) => deletes.extend(convert::key(change.r#type, change.id)),
                (Operation::Upsert, None) => return Err(ApiError::NotEntente.into()),
            }
        }
        Ok(self.apply(&upserts, &deletes, Some(cursor), applying).await?)
    }

    fn failed(&self, error: &ContactError) -> Input {
        if matches!(error, ContactError::Cache(error) if error.is_of_the_file()) {
            let _ = self.events.send(Event::CacheDamaged);
        }
        Input::Failed(error.failure())
    }

    async fn greet(&self) -> Result<Input, ContactError> {
        let config = &self.config;
        let me = convert::me(&config.client.me().await?)?;
        if config.cache.is_locked().await? {
            config.cache.put_locked(false).await?;
            let _ = self.events.send(Event::Locked(false));
        }
        if config.cache.me().await?.as_ref() != Some(&me) {
            config.cache.put_me(&me).await?;
            let _ = self.events.send(Event::Introduced(me));
        }
        let terms = convert::terms(config.client.terms().await?);
        config.cache.put_terms(&terms).await?;
        self.settle_all().await?;
        Ok(Input::Greeted)
    }

    async fn page(&self, mut place: SnapshotPlace) -> Result<(Input, SnapshotPlace), ContactError> {
        let generation = match place.generation {
            Some(generation) => generation,
            None => self.config.cache.begin_snapshot().await?,
        };
        let begin = || Snapshot::begin(self.config.client.clone());
        let snapshot = place.snapshot.get_or_insert_with(begin);
        let Part { records, read, total, cursor } = snapshot.next().await?;
        place.done += read;
        let last = cursor.is_some();
        let whole = match cursor {
            Some(cursor) => Whole::Last(generation, cursor),
            None => Whole::Part(generation),
        };
        let changes = self.config.cache.apply_snapshot(records, whole, now()).await?;
        self.tell(changes, Applying::Snapshot);
        let input = Input::PageApplied { done: place.done, total, last };
        Ok((input, SnapshotPlace { generation: Some(generation), ..place }))
    }

    async fn changes(&self) -> Result<Input, ContactError> {
        let cursor = self.config.cache.cursor().await?.unwrap_or_default();
        let page = self.config.client.changes(&cursor).await?;
        let more = page.links.next.is_some();
        self.apply_changes(page.data, &page.meta.cursor, Applying::CatchUp).await?;
        Ok(Input::ChangesApplied { more })
    }

    async fn open_stream(&self) -> Result<EventStream, ContactError> {
        let cursor = self.config.cache.cursor().await?.unwrap_or_default();
        Ok(self.config.client.events(&cursor).await?)
    }
}

/// How far a snapshot was read.
#[derive(Debug, Default)]
struct SnapshotPlace {
    generation: Option<i64>,
    snapshot: Option<Snapshot>,
    done: u64,
}

/// What a contact brought.
enum Contact {
    Input(Input),
    Page(Input, SnapshotPlace),
    Stream(EventStream),
}

/// What the driver waits for.
enum Happened {
    Stopped,
    Input(Input),
    Event(Box<FeedEvent>),
}

type InFlight = Pin<Box<dyn Future<Output = Result<Contact, ContactError>> + Send>>;

struct Driver {
    shared: Arc<Shared>,
    in_flight: Option<InFlight>,
    stream: Option<EventStream>,
    timer: Option<Pin<Box<Sleep>>>,
    snapshot: SnapshotPlace,
}

async fn run(
    shared: Arc<Shared>,
    mut nudged: mpsc::UnboundedReceiver<()>,
    mut stopped: watch::Receiver<bool>,
) {
    let has_cursor = matches!(shared.config.cache.cursor().await, Ok(Some(_)));
    let mut driver = Driver {
        shared,
        in_flight: None,
        stream: None,
        timer: None,
        snapshot: SnapshotPlace::default(),
    };
    let mut state = State::default();
    let mut inputs = VecDeque::from([Input::Started { has_cursor }]);
    loop {
        while let Some(input) = inputs.pop_front() {
            let with = Circumstances { now: now(), random: rand::rng().random() };
            let (next, effects) = state.step(input, with);
            state = next;
            for effect in effects {
                driver.perform(effect).await;
            }
            driver.shared.status.send_if_modified(|status| {
                let changed = status != state.connectivity();
                if changed {
                    status.clone_from(state.connectivity());
                }
                changed
            });
        }
        let happened = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => Happened::Stopped,
            Some(()) = nudged.recv() => Happened::Input(Input::Nudged),
            happened = driver.next() => happened,
        };
        inputs.push_back(match happened {
            Happened::Stopped => return,
            Happened::Input(input) => input,
            // Applied here, where no other branch can cut it short and lose the event.
            Happened::Event(event) => applied(&driver.shared, *event).await,
        });
    }
}

impl Driver {
    async fn perform(&mut self, effect: Effect) {
        let shared = self.shared.clone();
        match effect {
            Effect::Greet => self.contact(async move { Ok(Contact::Input(shared.greet().await?)) }),
            Effect::BeginSnapshot => {
                self.snapshot = SnapshotPlace::default();
                self.read_page();
            }
            Effect::ContinueSnapshot => self.read_page(),
            Effect::ReadChanges => {
                self.contact(async move { Ok(Contact::Input(shared.changes().await?)) });
            }
            Effect::OpenStream => {
                self.contact(async move { Ok(Contact::Stream(shared.open_stream().await?)) });
            }
            Effect::CloseStream => self.stream = None,
            Effect::SetTimer(wait) => {
                self.timer = Some(Box::pin(tokio::time::sleep_until(Instant::now() + wait)));
            }
            Effect::ForgetCursor => {
                if let Err(error) = shared.config.cache.forget_cursor().await {
                    tracing::error!(%error, "the cursor was not forgotten");
                }
            }
            Effect::Lock => {
                if let Err(error) = shared.config.cache.put_locked(true).await {
                    tracing::error!(%error, "the cache is locked only until the program ends");
                }
                let _ = shared.events.send(Event::Locked(true));
            }
            Effect::Purge => {
                if let Err(error) = shared.config.cache.purge().await {
                    tracing::error!(%error, "the cache was not purged");
                }
                let _ = shared.events.send(Event::Purged);
            }
        }
    }

    fn read_page(&mut self) {
        let shared = self.shared.clone();
        let place = std::mem::take(&mut self.snapshot);
        self.contact(async move {
            let (input, place) = shared.page(place).await?;
            Ok(Contact::Page(input, place))
        });
    }

    fn contact(
        &mut self,
        future: impl Future<Output = Result<Contact, ContactError>> + Send + 'static,
    ) {
        self.timer = None;
        self.in_flight = Some(Box::pin(future));
    }

    /// What happens next; cancelling it loses nothing.
    async fn next(&mut self) -> Happened {
        let Self { shared, in_flight, stream, timer, snapshot, .. } = self;
        tokio::select! {
            contact = wait_for(in_flight) => {
                *in_flight = None;
                Happened::Input(match contact {
                    Ok(Contact::Input(input)) => input,
                    Ok(Contact::Page(input, place)) => {
                        *snapshot = place;
                        input
                    }
                    Ok(Contact::Stream(opened)) => {
                        *stream = Some(opened);
                        Input::StreamOpened
                    }
                    Err(error) => {
                        tracing::info!(code = error.problem().code, "a contact failed");
                        shared.failed(&error)
                    }
                })
            }
            event = next_event(stream) => match event {
                Some(Ok(event)) => Happened::Event(Box::new(event)),
                Some(Err(_)) | None => Happened::Input(Input::StreamEnded),
            },
            () = wait_for_timer(timer) => {
                *timer = None;
                Happened::Input(Input::TimerFired)
            }
        }
    }
}

async fn applied(shared: &Shared, event: FeedEvent) -> Input {
    match shared.apply_changes(vec![event.change], &event.cursor, Applying::Live).await {
        Ok(()) => Input::EventApplied,
        Err(error) => shared.failed(&error),
    }
}

async fn wait_for(in_flight: &mut Option<InFlight>) -> Result<Contact, ContactError> {
    match in_flight {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn next_event(stream: &mut Option<EventStream>) -> Option<Result<FeedEvent, ApiError>> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

async fn wait_for_timer(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}
