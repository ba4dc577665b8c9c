//! What the window shows beside a decision.

use entente_cache::ResourceQuery;

use super::{
    Controller,
    answers::{Answer, gone},
};
use crate::view::{DecisionCard, decision_card};

impl Controller {
    /// What an admin needs to decide well, beside the request itself.
    pub async fn decision_card(&self, profile: &str, id: &str) -> Answer<DecisionCard> {
        let profile = self.profile(profile).await?;
        let id = id.parse().map_err(|_| gone())?;
        let record = profile.cache.get(id).await?.ok_or_else(gone)?;
        let sender = ResourceQuery {
            user: Some(record.requested_by.id.to_string()),
            limit: 1,
            ..ResourceQuery::default()
        };
        let sender = profile.cache.members(&sender).await?.pop();
        let others = profile.cache.known_partners().await?;
        let me = profile.me.read().await.clone();
        Ok(decision_card(&record, me.as_ref(), sender.as_ref(), &others))
    }
}
