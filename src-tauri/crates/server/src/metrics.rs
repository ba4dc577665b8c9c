use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

/// What `/metrics` tells.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    answers: Mutex<BTreeMap<u16, u64>>,
    streams: AtomicI64,
}

/// Counts an event stream for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenStream(std::sync::Arc<crate::app::App>);

impl OpenStream {
    pub(crate) fn new(app: std::sync::Arc<crate::app::App>) -> Self {
        app.metrics.streams.fetch_add(1, Ordering::Relaxed);
        Self(app)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.metrics.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    pub(crate) fn answered(&self, status: u16) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(status).or_default() += 1;
    }

    /// In the Prometheus text format.
    pub(crate) fn render(&self, unsent_mails: i64) -> String {
        let mut text = String::from(
            "# HELP entente_http_answers_total Answers by HTTP status.\n\
             # TYPE entente_http_answers_total counter\n",
        );
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        for (status, count) in answers.iter() {
            let _ = writeln!(text, "entente_http_answers_total{{status=\"{status}\"}} {count}");
        }
        let _ = write!(
            text,
            "# HELP entente_event_streams Open event streams.\n\
             # TYPE entente_event_streams gauge\n\
             entente_event_streams {}\n\
             # HELP entente_unsent_mails Mails in the outbox.\n\
             # TYPE entente_unsent_mails gauge\n\
             entente_unsent_mails {unsent_mails}\n",
            self.streams.load(Ordering::Relaxed),
        );
        text
    }
}
