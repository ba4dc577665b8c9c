//! Decisions whose outcome is unknown: sent again with the same key until it is known.

use std::sync::PoisonError;

use entente_api_client::{ApiError, Outcome, WriteCall};
use entente_cache::{CacheError, Intent, IntentAction, Record, RecordKey, RecordKind};

use crate::{
    Problem, convert,
    driver::{Applying, ContactError, Event, Shared},
};

impl Shared {
    /// Sends a decision as it was recorded; gives what the server told of it.
    pub(crate) async fn send(&self, intent: &Intent) -> Result<Told, ApiError> {
        let client = &self.config.client;
        let partnership =
            |resource| Ok(vec![Record::Partnership(Box::new(convert::partnership(resource)?))]);
        match &intent.action {
            IntentAction::Request => {
                partnership(client.create(&intent.body, &intent.id).await?).map(Told::Is)
            }
            IntentAction::Act { action, partnership: id, version } => {
                let act = client.act(*action, *id, *version, &intent.body, &intent.id);
                partnership(act.await?).map(Told::Is)
            }
            IntentAction::Write { method, path, version, .. } => {
                let call = WriteCall {
                    method,
                    path,
                    version: *version,
                    body: &intent.body,
                    idempotency_key: &intent.id,
                };
                let mut records = Vec::new();
                for resource in client.write(call).await? {
                    records.extend(convert::record(resource)?);
                }
                let keys = || records.iter().map(Record::key).collect::<Vec<_>>();
                let goes = |key: &RecordKey| {
                    matches!(key.kind, RecordKind::AccountUser | RecordKind::SharedAccount)
                };
                // These are answered as they were before they were taken away.
                if method == "DELETE" && keys().iter().all(goes) {
                    return Ok(Told::Was(keys()));
                }
                Ok(Told::Is(records))
            }
        }
    }

    /// Applies what the server told of a decision.
    pub(crate) async fn apply_told(&self, told: &Told) -> Result<(), CacheError> {
        match told {
            Told::Is(records) => self.apply(records, &[], None, Applying::Own).await,
            Told::Was(keys) => self.apply(&[], keys, None, Applying::Own).await,
        }
    }

    /// Settles what an earlier run, or a lost connection, left open.
    pub(crate) async fn settle_all(&self) -> Result<(), ContactError> {
        let lost = self.config.journal.forget_unreadable(&self.config.profile).await?;
        if lost > 0 {
            let _ = self.events.send(Event::OutcomesLost(lost));
        }
        for intent in self.config.journal.unsettled(&self.config.profile).await? {
            let active = {
                let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
                active.contains(&intent.id)
            };
            if !active {
                self.settle(&intent).await?;
            }
        }
        Ok(())
    }

    async fn settle(&self, intent: &Intent) -> Result<(), ContactError> {
        let (about, refused) = match self.send(intent).await {
            Ok(told) => {
                self.apply_told(&told).await?;
                (told.about(), None)
            }
            Err(error @ (ApiError::Refused(_) | ApiError::Redirected(_)))
                if error.outcome() == Outcome::NotDone =>
            {
                let about = match &intent.action {
                    IntentAction::Request | IntentAction::Write { .. } => None,
                    IntentAction::Act { partnership, .. } => {
                        Some(RecordKey::partnership(*partnership))
                    }
                };
                (about, Some(Problem::from(error)))
            }
            // Still unknown: the next contact asks again.
            Err(error) => return Err(error.into()),
        };
        if self.config.journal.settle_intent(&intent.id).await? {
            let intent = Box::new(intent.clone());
            let _ = self.events.send(Event::Settled { about, intent, refused });
        }
        Ok(())
    }
}

/// What the server told of a decision.
#[derive(Debug)]
pub(crate) enum Told {
    /// What is there now.
    Is(Vec<Record>),
    /// What is there no more.
    Was(Vec<RecordKey>),
}

impl Told {
    fn about(&self) -> Option<RecordKey> {
        match self {
            Self::Is(records) => records.first().map(Record::key),
            Self::Was(keys) => keys.first().cloned(),
        }
    }
}
