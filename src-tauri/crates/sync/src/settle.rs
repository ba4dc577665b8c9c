//! Decisions whose outcome is unknown: sent again with the same key until it is known.

use std::sync::PoisonError;

use entente_api_client::{ApiError, Outcome};
use entente_cache::{Intent, IntentAction, PartnershipRecord};

use crate::{
    convert,
    driver::{Applying, ContactError, Event, Shared},
};

impl Shared {
    /// Sends a decision as it was recorded.
    pub(crate) async fn send(&self, intent: &Intent) -> Result<PartnershipRecord, ApiError> {
        let client = &self.config.client;
        let resource = match &intent.action {
            IntentAction::Request => client.create(&intent.body, &intent.id).await?,
            IntentAction::Act { action, partnership, version } => {
                client.act(*action, *partnership, *version, &intent.body, &intent.id).await?
            }
        };
        convert::partnership(resource)
    }

    /// Settles what an earlier run, or a lost connection, left open.
    pub(crate) async fn settle_all(&self) -> Result<(), ContactError> {
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
        let (partnership, done, message) = match self.send(intent).await {
            Ok(record) => {
                let id = record.id;
                let one = std::slice::from_ref(&record);
                self.apply(one, &[], None, Applying::Own).await?;
                (Some(id), true, format!("{} was done.", what(intent)))
            }
            Err(error @ (ApiError::Refused(_) | ApiError::Redirected(_)))
                if error.outcome() == Outcome::NotDone =>
            {
                let id = match &intent.action {
                    IntentAction::Request => None,
                    IntentAction::Act { partnership, .. } => Some(*partnership),
                };
                (id, false, format!("{} was not done. {error}", what(intent)))
            }
            // Still unknown: the next contact asks again.
            Err(error) => return Err(error.into()),
        };
        if self.config.journal.settle_intent(&intent.id).await? {
            let _ = self.events.send(Event::Settled { partnership, done, message });
        }
        Ok(())
    }
}

fn what(intent: &Intent) -> String {
    match &intent.action {
        IntentAction::Request => format!("Your request to {}", intent.about),
        IntentAction::Act { action, .. } => {
            format!("Your decision to {action} the partnership with {}", intent.about)
        }
    }
}
