//! The state of one profile's sync, and what each input makes of it.

use std::time::Duration;

use entente_domain::Timestamp;

/// How a profile stands with its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connectivity {
    /// The first contact is under way.
    Connecting,
    /// The first sync is under way.
    FirstSync {
        /// How many partnerships have come.
        done: u64,
        /// How many there are, once known.
        total: Option<u64>,
    },
    /// Changes arrive as they happen.
    Live,
    /// Streams are blocked on the way: changes are asked for.
    Polling,
    /// No contact.
    Offline {
        /// Since when.
        since: Timestamp,
        /// Why.
        problem: Problem,
    },
    /// The server does not take the key.
    SignedOut {
        /// Why.
        problem: Problem,
    },
}

impl Connectivity {
    /// Whether a decision can be sent.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Live | Self::Polling)
    }
}

/// What went wrong, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A word from a closed list.
    pub code: String,
    /// A whole sentence.
    pub message: String,
    /// The one thing that the sentence names, for saying it in another language.
    pub fact: Option<String>,
    /// Whether trying again can help.
    pub retryable: bool,
}

/// A contact that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, for a person.
    pub problem: Problem,
    /// What it means here.
    pub kind: FailureKind,
    /// How long the server wants to be left alone.
    pub retry_after: Option<Duration>,
}

/// What a failed contact means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It may pass.
    Transient,
    /// The key is not taken.
    SignedOut,
    /// The key was revoked, or the workspace is shut to its user: what was seen is not shown until
    /// they sign in again.
    Locked,
    /// The key's user was removed: what was seen is not theirs any more.
    Removed,
    /// The change feed cannot go on from the cursor.
    CursorExpired,
}

/// What is under way; at most one contact at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Idle,
    Greeting,
    Snapshot,
    CatchingUp,
    Opening,
    Streaming,
    Waiting,
}

/// The state of one profile's sync.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    connectivity: Connectivity,
    work: Work,
    has_cursor: bool,
    attempt: u32,
    /// How often in a row a stream could not be had, or ended at once without having told anything.
    brief_streams: u32,
    /// Since when there is a stream, while there is one.
    streaming_since: Option<Timestamp>,
    polls: u32,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The session began.
    Started {
        /// Whether the cache has a cursor.
        has_cursor: bool,
    },
    /// The server knows the key; who it is and the terms are cached; decisions are settled.
    Greeted,
    /// A page of a snapshot is in the cache.
    PageApplied {
        /// How many partnerships have come.
        done: u64,
        /// How many there are.
        total: Option<u64>,
        /// Whether it was the last one.
        last: bool,
    },
    /// Changes are in the cache.
    ChangesApplied {
        /// Whether there are more.
        more: bool,
    },
    /// The event stream is open, and the server said something on it.
    StreamOpened,
    /// An event of it is in the cache.
    EventApplied,
    /// It ended.
    StreamEnded,
    /// What was under way failed.
    Failed(Failure),
    /// The time that was waited for is over.
    TimerFired,
    /// A person asked, the machine woke, the network came.
    Nudged,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Ask who the key is of, read the terms, settle decisions whose outcome is unknown.
    Greet,
    /// Read the first page of a snapshot.
    BeginSnapshot,
    /// Read its next page.
    ContinueSnapshot,
    /// Read what changed since the cursor.
    ReadChanges,
    /// Open the event stream at the cursor.
    OpenStream,
    /// Let the event stream go.
    CloseStream,
    /// Fire the timer after this long; there is one.
    SetTimer(Duration),
    /// Forget the cursor.
    ForgetCursor,
    /// Show nothing of what is cached.
    Lock,
    /// Delete what is cached.
    Purge,
}

/// What a step needs from outside.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// The time.
    pub now: Timestamp,
    /// A random number from 0 to 1, for jitter.
    pub random: f64,
}

const POLL: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const SHORTEST_WAIT: Duration = Duration::from_millis(250);
/// Up to which share of it one comes later than the server asked: it asks all alike.
const LATER: f64 = 0.25;
/// A stream that ends sooner, and told nothing, does not work.
const BRIEF: Duration = Duration::from_secs(5);
/// So many of those in a row are no accident.
const BLOCKED: u32 = 3;
/// Every so many polls a stream is tried again.
const POLLS_A_STREAM: u32 = 6;

impl Default for State {
    fn default() -> Self {
        Self {
            connectivity: Connectivity::Connecting,
            work: Work::Idle,
            has_cursor: false,
            attempt: 0,
            brief_streams: 0,
            streaming_since: None,
            polls: 0,
        }
    }
}

impl State {
    /// How the profile stands with its server.
    #[must_use]
    pub fn connectivity(&self) -> &Connectivity {
        &self.connectivity
    }

    /// What an input makes of the state, and what to do.
    #[must_use]
    pub fn step(mut self, input: Input, with: Circumstances) -> (Self, Vec<Effect>) {
        let effects = match input {
            Input::Started { has_cursor } => {
                self.has_cursor = has_cursor;
                self.greet()
            }
            Input::Greeted => self.greeted(),
            Input::PageApplied { done, total, last } => self.page(done, total, last),
            Input::ChangesApplied { more } => self.caught_up(more),
            Input::StreamOpened => self.opened(with),
            Input::EventApplied => {
                self.brief_streams = 0;
                Vec::new()
            }
            Input::StreamEnded => self.stream_ended(with),
            Input::Failed(failure) => self.failed(failure, with),
            Input::TimerFired => self.timer(),
            Input::Nudged => self.nudged(),
        };
        (self, effects)
    }

    fn greet(&mut self) -> Vec<Effect> {
        self.work = Work::Greeting;
        vec![Effect::Greet]
    }

    fn greeted(&mut self) -> Vec<Effect> {
        if self.work != Work::Greeting {
            return Vec::new();
        }
        if self.has_cursor { self.catch_up() } else { self.snapshot() }
    }

    fn snapshot(&mut self) -> Vec<Effect> {
        self.work = Work::Snapshot;
        self.connectivity = Connectivity::FirstSync { done: 0, total: None };
        vec![Effect::BeginSnapshot]
    }

    fn catch_up(&mut self) -> Vec<Effect> {
        self.work = Work::CatchingUp;
        vec![Effect::ReadChanges]
    }

    fn page(&mut self, done: u64, total: Option<u64>, last: bool) -> Vec<Effect> {
        if self.work != Work::Snapshot {
            return Vec::new();
        }
        self.attempt = 0;
        self.connectivity = Connectivity::FirstSync { done, total };
        if last {
            self.has_cursor = true;
            return self.catch_up();
        }
        vec![Effect::ContinueSnapshot]
    }

    fn caught_up(&mut self, more: bool) -> Vec<Effect> {
        if self.work != Work::CatchingUp {
            return Vec::new();
        }
        self.attempt = 0;
        if more {
            return vec![Effect::ReadChanges];
        }
        if self.brief_streams >= BLOCKED {
            self.polls = self.polls.wrapping_add(1);
            if !self.polls.is_multiple_of(POLLS_A_STREAM) {
                return self.poll_later();
            }
        }
        self.work = Work::Opening;
        vec![Effect::OpenStream]
    }

    fn poll_later(&mut self) -> Vec<Effect> {
        self.connectivity = Connectivity::Polling;
        self.work = Work::Waiting;
        vec![Effect::SetTimer(POLL)]
    }

    fn opened(&mut self, with: Circumstances) -> Vec<Effect> {
        if self.work != Work::Opening {
            return vec![Effect::CloseStream];
        }
        self.work = Work::Streaming;
        self.streaming_since = Some(with.now);
        self.connectivity = Connectivity::Live;
        Vec::new()
    }

    fn stream_ended(&mut self, with: Circumstances) -> Vec<Effect> {
        if self.work != Work::Streaming {
            return Vec::new();
        }
        // One that lasted works, also where something on the way ends each after a while, or the
        // machine slept.
        let lasted = self.streaming_since.take().is_some_and(|at| with.now.since(at) >= BRIEF);
        self.brief_streams = if lasted { 0 } else { self.brief_streams.saturating_add(1) };
        let mut effects = vec![Effect::CloseStream];
        effects.extend(self.catch_up());
        effects
    }

    fn failed(&mut self, failure: Failure, with: Circumstances) -> Vec<Effect> {
        let problem = failure.problem;
        match failure.kind {
            FailureKind::SignedOut | FailureKind::Locked | FailureKind::Removed => {
                self.work = Work::Idle;
                self.connectivity = Connectivity::SignedOut { problem };
                let mut effects = vec![Effect::CloseStream];
                if failure.kind == FailureKind::Locked {
                    effects.push(Effect::Lock);
                }
                if failure.kind == FailureKind::Removed {
                    self.has_cursor = false;
                    effects.push(Effect::Purge);
                }
                effects
            }
            FailureKind::CursorExpired => {
                self.has_cursor = false;
                let mut effects = vec![Effect::CloseStream, Effect::ForgetCursor];
                effects.extend(self.snapshot());
                effects
            }
            // The changes could be read and the stream not: something on the way blocks streams.
            FailureKind::Transient if self.work == Work::Opening => {
                self.brief_streams = self.brief_streams.saturating_add(1);
                self.poll_later()
            }
            FailureKind::Transient => {
                let since = match self.connectivity {
                    Connectivity::Offline { since, .. } => since,
                    Connectivity::Connecting
                    | Connectivity::FirstSync { .. }
                    | Connectivity::Live
                    | Connectivity::Polling
                    | Connectivity::SignedOut { .. } => with.now,
                };
                self.connectivity = Connectivity::Offline { since, problem };
                self.work = Work::Waiting;
                let wait = match failure.retry_after {
                    Some(asked) => asked.mul_f64(1.0 + LATER * with.random.clamp(0.0, 1.0)),
                    None => backoff(self.attempt, with),
                };
                self.attempt = self.attempt.saturating_add(1);
                vec![Effect::CloseStream, Effect::SetTimer(wait)]
            }
        }
    }

    fn timer(&mut self) -> Vec<Effect> {
        if self.work != Work::Waiting {
            return Vec::new();
        }
        if self.connectivity == Connectivity::Polling { self.catch_up() } else { self.greet() }
    }

    fn nudged(&mut self) -> Vec<Effect> {
        match self.work {
            Work::Waiting | Work::Idle => {
                self.attempt = 0;
                if self.connectivity == Connectivity::Polling {
                    self.catch_up()
                } else {
                    self.greet()
                }
            }
            // After a sleep the connection may be dead without anybody having noticed. Greeting
            // settles what is unsettled, too.
            Work::Streaming => {
                let mut effects = vec![Effect::CloseStream];
                effects.extend(self.greet());
                effects
            }
            Work::Greeting | Work::Snapshot | Work::CatchingUp | Work::Opening => Vec::new(),
        }
    }
}

/// Exponential from one second to a minute, with full jitter, so that many clients do not come back
/// at once.
fn backoff(attempt: u32, with: Circumstances) -> Duration {
    let most = Duration::from_secs(1_u64 << attempt.min(6)).min(LONGEST_WAIT);
    most.mul_f64(with.random.clamp(0.0, 1.0)).max(SHORTEST_WAIT)
}
