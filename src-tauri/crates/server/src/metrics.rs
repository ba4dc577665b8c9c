use std::{sync::Arc, time::Duration};

use entente_store::{MailState, Store};
use prometheus_client::{
    encoding::{EncodeLabelSet, prometheus_text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

use crate::app::App;

/// The media type of what [`Metrics::render`] gives.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bounds of the latencies that are told apart, in seconds.
const LATENCIES: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Asked {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Connections {
    pool: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limited {
    limit: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Mails {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Deliveries {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// What `/metrics` tells.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answer, Counter>,
    seconds: Family<Asked, Histogram, fn() -> Histogram>,
    connections: Gauge,
    streams: Gauge,
    limited: Family<Limited, Counter>,
    commits: Counter,
    /// Writes that met another one and were tried again.
    pub(crate) retries: Counter,
    /// Writes that met others so often that they were given up.
    pub(crate) given_up: Counter,
    mails: Family<Mails, Gauge>,
    deliveries: Family<Deliveries, Gauge>,
    database_up: Gauge,
    database: Family<Connections, Gauge>,
}

/// What waits to leave the server.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    pub(crate) mails: Vec<(MailState, i64)>,
    pub(crate) deliveries: Vec<(&'static str, i64)>,
}

/// Counts an event stream for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenStream(Arc<App>);

impl OpenStream {
    pub(crate) fn new(app: Arc<App>) -> Self {
        app.metrics.streams.inc();
        Self(app)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

/// Counts a connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<App>);

impl OpenConnection {
    pub(crate) fn new(app: Arc<App>) -> Self {
        app.metrics.connections.inc();
        Self(app)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("entente");
        let latencies: fn() -> Histogram = || Histogram::new(LATENCIES);
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(latencies),
            connections: Gauge::default(),
            streams: Gauge::default(),
            limited: Family::default(),
            commits: Counter::default(),
            retries: Counter::default(),
            given_up: Counter::default(),
            mails: Family::default(),
            deliveries: Family::default(),
            database_up: Gauge::default(),
            database: Family::default(),
            registry: Registry::default(),
        };
        let build = Info::new(Build { version: env!("CARGO_PKG_VERSION") });
        registry.register("build", "The program", build);
        registry.register(
            "http_requests",
            "Answered requests by method, route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time to the first byte of the answer by method and route",
            metrics.seconds.clone(),
        );
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register("event_streams", "Open event streams", metrics.streams.clone());
        registry.register(
            "rate_limited",
            "Requests refused because a key asked, or an address failed, too often",
            metrics.limited.clone(),
        );
        registry.register(
            "commits",
            "Transactions that changed something",
            metrics.commits.clone(),
        );
        registry.register(
            "write_retries",
            "Writes that met another one and were tried again",
            metrics.retries.clone(),
        );
        registry.register(
            "writes_given_up",
            "Writes that met others too often and were refused",
            metrics.given_up.clone(),
        );
        registry.register(
            "mails",
            "Mails in the outbox by state, but for those that were sent",
            metrics.mails.clone(),
        );
        registry.register(
            "webhook_deliveries",
            "Events for webhooks by state, but for those that were delivered",
            metrics.deliveries.clone(),
        );
        registry.register(
            "database_up",
            "Whether the database answered when this was asked",
            metrics.database_up.clone(),
        );
        registry.register(
            "database_connections",
            "Connections to the database by pool and state",
            metrics.database.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        let asked = Asked { method: method.clone(), route: route.clone() };
        self.seconds.get_or_create(&asked).observe(took.as_secs_f64());
        self.requests.get_or_create(&Answer { method, route, status }).inc();
    }

    /// Counts a request that was refused: `key` or `address`.
    pub(crate) fn limited(&self, limit: &'static str) {
        self.limited.get_or_create(&Limited { limit }).inc();
    }

    pub(crate) fn committed(&self) {
        self.commits.inc();
    }

    /// In the Prometheus text format. `queues` is none if the database does not answer.
    pub(crate) fn render(&self, store: &Store, queues: Option<Queues>) -> String {
        self.database_up.set(i64::from(queues.is_some()));
        let Queues { mails, deliveries } = queues.unwrap_or_default();
        for (state, count) in mails {
            self.mails.get_or_create(&Mails { state: state.as_str() }).set(count);
        }
        for (state, count) in deliveries {
            self.deliveries.get_or_create(&Deliveries { state }).set(count);
        }
        for (pool, used, idle) in store.connections() {
            for (state, count) in [("used", used), ("idle", idle)] {
                let labels = Connections { pool, state };
                self.database.get_or_create(&labels).set(i64::from(count));
            }
        }
        let mut text = String::new();
        if prometheus_text::encode(&mut text, &self.registry).is_err() {
            tracing::error!("the metrics could not be written");
        }
        text
    }
}
