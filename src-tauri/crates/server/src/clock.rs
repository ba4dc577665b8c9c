use std::{
    fmt::Debug,
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, SystemTime},
};

use entente_domain::Timestamp;

/// Where the server reads the time: the one place.
pub trait Clock: Debug + Send + Sync {
    /// The current moment.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        // A clock beyond the year 9999 is no reason to fall over.
        Timestamp::try_from(SystemTime::now()).unwrap_or(EPOCH)
    }
}

const EPOCH: Timestamp = match Timestamp::from_unix_millis(0) {
    Ok(epoch) => epoch,
    Err(_) => unreachable!(),
};

/// A clock that moves only when it is told to, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.unix_millis()))
    }

    /// Moves it forward.
    pub fn pass(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst)).unwrap_or(EPOCH)
    }
}
