//! What is asked for outside the window: on a banner or in the tray.

use entente_attention::{Became, Command, Item, Text, Verb};
use entente_cache::{AccessRequestRecord, PartnershipRecord, PersonRecord};
use entente_domain::{AccessRequestId, Action, PartnershipId, RequestState, StateName};
use entente_sync::{Act, Decision};

use super::{
    Controller,
    answers::{Answer, gone},
};
use crate::{
    language,
    view::{BackendEvent, CommandError, OpenItem, OpenKind, PauseChoice, account_name},
};

impl Controller {
    /// Does what a banner or the tray asks for.
    pub async fn command(&self, command: Command) {
        let done = match command.clone() {
            Command::Open => {
                self.open(None);
                Ok(())
            }
            Command::Inbox => {
                self.open(Some(OpenItem { profile: None, kind: OpenKind::Inbox, id: None }));
                Ok(())
            }
            Command::SyncNow => {
                self.sync_all().await;
                Ok(())
            }
            Command::PauseHour => self.pause(Some(PauseChoice::Hour)).await.map(drop),
            Command::PauseToday => self.pause(Some(PauseChoice::Today)).await.map(drop),
            Command::Resume => self.pause(None).await.map(drop),
            Command::Profile(id) => {
                let profile = Some(id);
                self.open(Some(OpenItem { profile, kind: OpenKind::Partners, id: None }));
                Ok(())
            }
            Command::Quit => {
                self.quit().await;
                Ok(())
            }
            Command::Item { verb: Verb::Review, profile, item } => {
                self.open(Some(self.place_of(&profile, item).await));
                Ok(())
            }
            Command::Item { verb, profile, item } => {
                self.decide_outside(verb, &profile, item).await;
                Ok(())
            }
        };
        if let Err(error) = done {
            tracing::error!(code = error.code, %command, "a command failed");
        }
    }

    /// A decision from a banner or the tray. Looks again first, so that nothing is overwritten, and
    /// tells where the person is if nothing was done.
    async fn decide_outside(&self, verb: Verb, profile: &str, item: Item) {
        let outcome = match (item, verb) {
            (Item::Partnership(id), Verb::Approve) => {
                self.decide_partnership(profile, id, Action::Approve).await
            }
            (Item::Partnership(id), Verb::Decline) => {
                self.decide_partnership(profile, id, Action::Decline).await
            }
            (Item::AccessRequest(id), Verb::Accept) => self.decide_access(profile, id, true).await,
            (Item::AccessRequest(id), Verb::Decline) => {
                self.decide_access(profile, id, false).await
            }
            // No banner and no menu has these: what is accepted needs consent in the window.
            (Item::Partnership(_), Verb::Accept | Verb::Review)
            | (Item::AccessRequest(_), Verb::Approve | Verb::Review)
            | (Item::Account(_), _) => return,
        };
        let (ok, message) = match outcome {
            Ok(message) => (true, message),
            Err(error) => (false, error.message),
        };
        if !ok {
            let review = Command::Item { verb: Verb::Review, profile: profile.into(), item };
            self.tell_outcome(review, &message).await;
        }
        let partnership_id = match item {
            Item::Partnership(id) => Some(id.to_string()),
            Item::AccessRequest(_) | Item::Account(_) => None,
        };
        let profile = profile.into();
        self.emit(&BackendEvent::DecisionSettled { profile, partnership_id, ok, message });
    }

    async fn decide_partnership(
        &self,
        profile: &str,
        id: PartnershipId,
        action: Action,
    ) -> Answer<String> {
        let profile = self.profile(profile).await?;
        let session = profile.session().await?;
        let record = session.refresh(id).await?;
        if !record.allows(action.as_str()) {
            return Err(already(partnership_was(&record)));
        }
        let version = record.version;
        let decision =
            Decision { partnership: id, version, action, note: None, agreed_terms: None };
        let record = session.decide(decision).await?;
        let (partner, state) = (&record.partner().name, record.state);
        Ok(language::say(&Text::StandsNow { partner, state }))
    }

    /// The server takes the decision only on the version that is known here, which is looking again.
    async fn decide_access(
        &self,
        profile: &str,
        id: AccessRequestId,
        accept: bool,
    ) -> Answer<String> {
        let profile = self.profile(profile).await?;
        let request = profile.cache.access_request(id).await?.ok_or_else(gone)?;
        if request.state != RequestState::Pending {
            return Err(already(request_was(&request)));
        }
        let decision = Act::DecideAccess { request: id, version: request.version, accept };
        if let Err(error) = profile.session().await?.act(&decision).await {
            // A refusal brings what is now.
            let now = profile.cache.access_request(id).await?;
            return Err(match now.filter(|now| now.state != RequestState::Pending) {
                Some(now) => already(request_was(&now)),
                None => error.into(),
            });
        }
        let account = account_name(&request.application, &request.label);
        let (member, account) = (&request.member.name, &account);
        Ok(language::say(&Text::AccessDecided { accepted: accept, member, account }))
    }
}

fn already((became, by): (Became, Option<&PersonRecord>)) -> CommandError {
    let by = by.map(|by| by.name.as_str());
    CommandError {
        message: language::say(&Text::Already { became, by }),
        ..CommandError::new("wrong_state", "")
    }
}

/// What became of a request, and by whom.
fn partnership_was(record: &PartnershipRecord) -> (Became, Option<&PersonRecord>) {
    let became = match record.state {
        StateName::AwaitingAcceptance | StateName::Active => Became::Approved,
        StateName::DeclinedByHost | StateName::DeclinedByGuest => Became::Declined,
        StateName::Withdrawn => Became::Withdrawn,
        StateName::Expired => Became::Expired,
        StateName::Removed => Became::Removed,
        StateName::AwaitingApproval => Became::Changed,
    };
    (became, record.history.last().and_then(|entry| entry.by.as_ref()))
}

fn request_was(request: &AccessRequestRecord) -> (Became, Option<&PersonRecord>) {
    let became = match request.state {
        RequestState::Accepted => Became::Accepted,
        RequestState::Declined => Became::Declined,
        RequestState::Closed => Became::Closed,
        RequestState::Pending => Became::Changed,
    };
    (became, request.decided_by.as_ref())
}
