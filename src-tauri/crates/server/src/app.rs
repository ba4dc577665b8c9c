use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use entente_domain::{Deadlines, UserId};
use entente_store::Store;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Notify, watch};

use crate::{
    Clock, Config, Limits, Opened, Proxies, ServerSecret, SessionTimes, Vault, WebhookConfig,
    hub::Hub, metrics::Metrics, rates::Rates, sso::Providers,
};

/// What every request shares.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) secret: ServerSecret,
    pub(crate) vault: Vault,
    pub(crate) deadlines: Deadlines,
    pub(crate) limits: Limits,
    pub(crate) rates: Rates,
    pub(crate) proxies: Proxies,
    pub(crate) webhooks: WebhookConfig,
    pub(crate) metrics: Metrics,
    /// Whether it is reached over TLS without a proxy.
    pub(crate) is_tls: bool,
    /// Whether `/metrics` has an address of its own.
    pub(crate) metrics_apart: bool,
    /// Requests with an idempotency key that are being answered just now.
    pub(crate) in_flight: Mutex<HashSet<(UserId, String)>>,
    /// The open event streams.
    pub(crate) hub: Hub,
    /// Counts commits; what tells event streams, and the outbox wait on it.
    pub(crate) commits: watch::Sender<u64>,
    /// Counts those of this process.
    pub(crate) own_commits: watch::Sender<u64>,
    /// Told when something is committed that cannot be told yet, because an earlier transaction still
    /// runs.
    pub(crate) unsettled: Notify,
    /// Set once when the server stops; event streams end on it.
    pub(crate) stopping: watch::Sender<bool>,
    /// How often a user may ask for a workspace that there is not.
    pub(crate) probes: DefaultKeyedRateLimiter<UserId>,
    pub(crate) sessions: SessionTimes,
    pub(crate) providers: Providers,
}

/// Ten wrong workspace IDs a minute: plenty for a typing person, useless for a search.
const PROBES_A_MINUTE: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(9);

impl App {
    pub(crate) fn new(opened: Opened, config: &Config) -> Self {
        Self {
            store: opened.store,
            clock: config.clock.clone(),
            secret: opened.secret,
            vault: opened.vault,
            deadlines: config.deadlines,
            rates: Rates::new(&config.limits),
            limits: config.limits.clone(),
            proxies: config.proxies.clone(),
            is_tls: config.tls.is_some(),
            metrics_apart: config.metrics_listen.is_some(),
            webhooks: config.webhooks.clone(),
            metrics: Metrics::default(),
            in_flight: Mutex::default(),
            hub: Hub::default(),
            commits: watch::Sender::new(0),
            own_commits: watch::Sender::new(0),
            unsettled: Notify::new(),
            stopping: watch::Sender::new(false),
            probes: RateLimiter::keyed(Quota::per_minute(PROBES_A_MINUTE)),
            sessions: config.sessions,
            providers: Providers::default(),
        }
    }

    /// Tells those who wait that something was committed.
    pub(crate) fn committed(&self) {
        self.metrics.committed();
        self.own_commits.send_modify(|count| *count = count.wrapping_add(1));
        self.others_committed();
    }

    /// The same, where another process may have committed something.
    pub(crate) fn others_committed(&self) {
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
    }
}
