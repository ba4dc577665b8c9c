//! A person's decision: recorded, sent, and its answer applied.

use std::sync::PoisonError;

use entente_api_client::{ApiError, Outcome};
use entente_cache::{CacheError, Intent, IntentAction, PartnershipRecord, Record};
use entente_domain::{Action, PartnershipId};
use entente_wire::{AcceptAttributes, Body, DeclineAttributes, ErrorCode, NewPartnership};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    Act, Session, convert,
    driver::{Applying, Shared, now},
    machine::Connectivity,
    settle::Told,
};

/// What a person decided on one version of a partnership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// On which partnership.
    pub partnership: PartnershipId,
    /// On which version of it.
    pub version: i64,
    /// What to do.
    pub action: Action,
    /// With a decline.
    pub note: Option<String>,
    /// With an acceptance: the version of the terms that the person agreed to.
    pub agreed_terms: Option<String>,
}

/// Why a decision was not carried out, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct DecideError {
    /// A word from a closed list.
    pub code: String,
    /// A whole sentence: what happened and what to do.
    pub message: String,
    /// The one thing that the sentence names, for saying it in another language.
    pub fact: Option<String>,
    /// Whether trying again can help.
    pub retryable: bool,
    /// Which field of a form it is about, in the API's word.
    pub field: Option<String>,
    /// The pair's existing partnership, where the person may see it.
    pub existing: Option<PartnershipId>,
}

impl DecideError {
    fn new(code: &str, message: &str, retryable: bool) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            fact: None,
            retryable,
            field: None,
            existing: None,
        }
    }

    fn of(error: &ApiError) -> Self {
        let object = error.object();
        let mut message = error.to_string();
        if let Some(by) = object.and_then(|object| object.meta.by.as_ref()) {
            message = format!("{} changed it before you. {message}", by.name);
        }
        Self {
            code: error.code().into(),
            message,
            fact: error.fact().map(str::to_owned),
            retryable: error.retryable(),
            field: object
                .filter(|object| object.meta.loc.first().is_some_and(|first| first == "body"))
                .and_then(|object| object.meta.loc.get(1).cloned()),
            existing: object.and_then(|object| object.meta.existing.as_ref()).map(|found| found.id),
        }
    }
}

impl Session {
    /// Sends a partnership request.
    pub async fn request(&self, new: NewPartnership) -> Result<PartnershipRecord, DecideError> {
        let about = new.partner_email.clone();
        the_partnership(self.shared.carry_out(IntentAction::Request, &new, about).await?)
    }

    /// Does something else than deciding on a partnership; what it changed is in the cache when this
    /// returns.
    pub async fn act(&self, act: &Act) -> Result<Vec<Record>, DecideError> {
        let action = IntentAction::Write {
            method: act.method().into(),
            path: act.path(),
            version: act.version(),
            what: act.deed().as_str().into(),
        };
        match self.shared.carry_out(action, &act.attributes(), String::new()).await? {
            Told::Is(records) => Ok(records),
            Told::Was(_) => Ok(Vec::new()),
        }
    }

    /// Carries out a decision. If only a reminder changed the partnership since the person looked,
    /// the decision is on what they saw all the same, and is sent once more.
    pub async fn decide(&self, decision: Decision) -> Result<PartnershipRecord, DecideError> {
        let id = decision.partnership;
        let seen = self.cache().get(id).await.ok().flatten();
        let first = self.shared.act(&decision, seen.as_ref()).await;
        let (Err(error), Some(seen)) = (&first, seen) else { return first };
        if error.code != ErrorCode::StaleVersion.as_str() || seen.version != decision.version {
            return first;
        }
        match self.cache().get(id).await {
            Ok(Some(current))
                if current.version > seen.version
                    && current.state == seen.state
                    && current.awaiting_since == seen.awaiting_since
                    && current.allows(decision.action.as_str()) =>
            {
                let again = Decision { version: current.version, ..decision };
                self.shared.act(&again, Some(&current)).await
            }
            _ => first,
        }
    }
}

impl Shared {
    async fn act(
        &self,
        decision: &Decision,
        seen: Option<&PartnershipRecord>,
    ) -> Result<PartnershipRecord, DecideError> {
        let action = IntentAction::Act {
            action: decision.action,
            partnership: decision.partnership,
            version: decision.version,
        };
        let about = seen.map_or_else(String::new, |record| record.partner().name.clone());
        let told = match decision.action {
            Action::Decline => {
                let body = DeclineAttributes { note: decision.note.clone() };
                self.carry_out(action, &body, about).await
            }
            Action::Accept => {
                let body = AcceptAttributes {
                    terms_version: decision.agreed_terms.clone().unwrap_or_default(),
                    agreed: decision.agreed_terms.is_some(),
                };
                self.carry_out(action, &body, about).await
            }
            Action::Approve
            | Action::Withdraw
            | Action::Remind
            | Action::Resend
            | Action::Remove => {
                self.carry_out(action, &Value::Object(Default::default()), about).await
            }
        };
        the_partnership(told?)
    }

    async fn carry_out<A: Serialize>(
        &self,
        action: IntentAction,
        attributes: &A,
        about: String,
    ) -> Result<Told, DecideError> {
        self.check_online()?;
        let unwritten = |_| {
            DecideError::new(
                "not_kept",
                "The decision could not be kept on this computer, so it was not sent. Is the disk full?",
                true,
            )
        };
        let body = serde_json::to_value(Body(attributes)).map_err(|_| unwritten(()))?;
        let intent = Intent {
            id: Uuid::now_v7().to_string(),
            profile: self.config.profile.clone(),
            action,
            body,
            about,
            at: now(),
        };
        let _active = Active::new(self, &intent.id);
        self.config.journal.record_intent(&intent).await.map_err(|_| unwritten(()))?;
        let answer = self.send(&intent).await;
        match answer {
            Ok(told) => {
                if let Err(error) = self.apply_told(&told).await {
                    tracing::warn!(%error, "an answer was not cached; the change feed brings it");
                }
                self.settled(&intent).await;
                Ok(told)
            }
            Err(error) if error.outcome() == Outcome::NotDone => {
                self.settled(&intent).await;
                self.learn_from(&error).await;
                Err(DecideError::of(&error))
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "the outcome of a decision is unknown");
                let _ = self.nudges.send(());
                Err(DecideError::new(
                    "outcome_unknown",
                    "The connection was lost before the server answered. Entente finds out what \
                     became of it as soon as it can, and tells you.",
                    false,
                ))
            }
        }
    }

    fn check_online(&self) -> Result<(), DecideError> {
        match &*self.status.borrow() {
            Connectivity::Live | Connectivity::Polling => Ok(()),
            // The way to the server is free; this computer is what is in the way.
            Connectivity::Offline { problem, .. } if CacheError::is_code(&problem.code) => {
                let message = format!("{} Nothing was sent.", problem.message);
                Err(DecideError::new(&problem.code, &message, true))
            }
            Connectivity::Offline { .. } => Err(DecideError::new(
                "offline",
                "You are offline. Decide again when the server can be reached; nothing was sent.",
                true,
            )),
            Connectivity::SignedOut { .. } => Err(DecideError::new(
                "signed_out",
                "You are signed out. Sign in again to decide; nothing was sent.",
                false,
            )),
            Connectivity::Connecting | Connectivity::FirstSync { .. } => Err(DecideError::new(
                "connecting",
                "Entente is still getting in step with the server. Decide again in a moment.",
                true,
            )),
        }
    }

    async fn settled(&self, intent: &Intent) {
        if let Err(error) = self.config.journal.settle_intent(&intent.id).await {
            tracing::error!(%error, "a settled decision is asked about again at the next contact");
        }
    }

    /// A refusal may carry the resource as it is now, or say that the key is not taken.
    async fn learn_from(&self, error: &ApiError) {
        if matches!(error, ApiError::Unauthorized(_)) {
            let _ = self.nudges.send(());
        }
        let current = error.object().and_then(|object| object.meta.current.clone());
        if let Some(Ok(Some(record))) = current.map(|current| convert::record(*current))
            && let Err(error) = self.apply(&[record], &[], None, Applying::Live).await
        {
            tracing::warn!(%error, "the current state was not cached");
        }
    }
}

/// The partnership that an answer told.
fn the_partnership(told: Told) -> Result<PartnershipRecord, DecideError> {
    let first = match told {
        Told::Is(records) => records.into_iter().next(),
        Told::Was(_) => None,
    };
    match first {
        Some(Record::Partnership(record)) => Ok(*record),
        _ => Err(DecideError::of(&ApiError::NotEntente)),
    }
}

/// Marks a decision as being carried out, so that nobody else settles it.
struct Active<'a> {
    shared: &'a Shared,
    id: String,
}

impl<'a> Active<'a> {
    fn new(shared: &'a Shared, id: &str) -> Self {
        shared.active.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        Self { shared, id: id.to_owned() }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.shared.active.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
