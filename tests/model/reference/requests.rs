//! What Managers ask for, and what the Owners say to it.

use std::collections::BTreeSet;

use entente_domain::{AccessRequestId, AccountRole, RequestState, UserId};
use entente_wire::ErrorCode;

use super::{Entry, Reference, Request, Verdict, Wrong, kept};
use crate::{
    attempt::{Attempt, Names, Seen},
    operation::{Operation, text},
};

impl Reference {
    pub(super) fn may_ask(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Ask { account, users, role, message } = &attempt.step.what else {
            return Verdict::Done;
        };
        let account = names.account(*account);
        let mut reasons = Vec::new();
        reasons.extend(kept(&text(*message), 500).err());
        if !self.sees_account(who, account) {
            reasons.push(ErrorCode::UnknownAccount);
            return Verdict::Refused(reasons);
        }
        if self.asks_through(who, account).is_none() {
            reasons.push(ErrorCode::Forbidden);
            return Verdict::Refused(reasons);
        }
        if users.is_empty() {
            reasons.push(ErrorCode::InvalidValue);
        }
        let own = self.user(who).map(|own| own.workspace);
        for user in users.iter().map(|user| names.user(*user)) {
            if !own.is_some_and(|own| self.is_live_in(user, own)) {
                reasons.push(ErrorCode::UnknownUser);
            } else if self
                .grants
                .get(&(account, user))
                .is_some_and(|has| has.role >= AccountRole::from(*role))
            {
                reasons.push(ErrorCode::AlreadyMember);
            }
        }
        Verdict::of(reasons)
    }

    pub(super) fn ask(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::Ask { account, users, role, message } = &attempt.step.what else {
            return Ok(());
        };
        let account = names.account(*account);
        let Some(through) = self.asks_through(who, account) else { return Ok(()) };
        let users: BTreeSet<UserId> = users.iter().map(|user| names.user(*user)).collect();
        let mut told: BTreeSet<AccessRequestId> = BTreeSet::new();
        for document in seen.body["data"].as_array().into_iter().flatten() {
            let id = document["id"].as_str().and_then(|id| id.parse().ok());
            told.insert(id.ok_or_else(|| Wrong("the id of a request".into()))?);
        }
        for member in users {
            let pending = |request: &Request| {
                request.state == RequestState::Pending
                    && request.account == account
                    && request.member == member
            };
            let already = self.requests.iter().find(|(_, request)| pending(request));
            if let Some((id, request)) = already {
                // Not stored twice. Another Manager's is not theirs to see.
                if told.remove(id) != self.sees_request(who, request) {
                    return Err(Wrong(format!("{id} was pending before")));
                }
                continue;
            }
            let is_of_member = |document: &&serde_json::Value| {
                document["attributes"]["member"]["id"] == serde_json::json!(member)
            };
            let data = seen.body["data"].as_array().into_iter().flatten();
            let id = data.clone().find(is_of_member).and_then(|found| found["id"].as_str());
            let id: AccessRequestId = id
                .and_then(|id| id.parse().ok())
                .filter(|id| told.remove(id) && !self.requests.contains_key(id))
                .ok_or_else(|| Wrong(format!("a request for {member} had to be told")))?;
            let request = Request {
                partnership: through,
                account,
                member,
                role: *role,
                by: who,
                message: kept(&text(*message), 500).ok().flatten(),
                state: RequestState::Pending,
                decided_by: None,
                decided_at: None,
                at: self.now,
                version: 1,
            };
            self.requests.insert(id, request);
            let (by, to) = (Some(who), Some(member));
            self.note("account_access_requested", account, Some(through), by, to, role);
        }
        for document in seen.body["data"].as_array().into_iter().flatten() {
            let id = document["id"].as_str().and_then(|id| id.parse().ok());
            if let Some(id) = id {
                self.sight_of_request(id, who).is_in(document)?;
            }
        }
        if told.is_empty() { Ok(()) } else { Err(Wrong("it told of too many requests".into())) }
    }

    pub(super) fn may_decide(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Decide { request, .. } = attempt.step.what else { return Verdict::Done };
        let found = self.requests.get(&names.request(request));
        let Some(request) = found.filter(|found| self.sees_request(who, found)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.governs(who, request.account) {
            return Verdict::only(ErrorCode::Forbidden);
        }
        let mut reasons = Vec::new();
        reasons.extend(attempt.goes_with(request.version, true).err());
        if request.state != RequestState::Pending {
            reasons.push(ErrorCode::WrongState);
        }
        Verdict::of(reasons)
    }

    pub(super) fn decide(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::Decide { request, accept, .. } = attempt.step.what else { return Ok(()) };
        let id = names.request(request);
        let state = if accept { RequestState::Accepted } else { RequestState::Declined };
        self.end_request(id, state, Some(who), Some(who));
        let Some(request) = self.requests.get(&id).cloned() else { return Ok(()) };
        if accept {
            let place = (request.account, request.member);
            let role = request.role.into();
            match self.grants.get(&place).map(|has| has.role) {
                None => self.grant(place, role, Some(request.partnership), Some(who)),
                Some(has) if has < role => self.change_grant(place, role, Some(who)),
                Some(_) => {}
            }
        }
        seen.has_etag(request.version)?;
        self.sight_of_request(id, who).is_in(&seen.body["data"])
    }

    pub(super) fn refused_request(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        told: ErrorCode,
    ) -> Result<(), Wrong> {
        let Operation::Decide { request, accept, .. } = attempt.step.what else { return Ok(()) };
        let (id, who) = (names.request(request), names.user(attempt.step.who));
        if told == ErrorCode::NotFound || !self.is_live(who) {
            return Ok(());
        }
        let Some(request) = self.requests.get(&id) else { return Ok(()) };
        let Some(through) = self.partnerships.get(&request.partnership) else { return Ok(()) };
        let guest_sees = self.is_live_in(who, through.guest);
        let action = if accept { "accept" } else { "decline" };
        self.audit.push(Entry {
            event: "decision_refused".into(),
            partnership: Some(request.partnership),
            account: Some(request.account),
            by: Some(who),
            to: Some(request.member),
            guest_sees,
            detail: format!("{action} refused: {}", told.as_str()),
            at: self.now,
        });
        let meta = &seen.body["errors"][0]["meta"];
        if matches!(seen.status, 409 | 412) {
            self.sight_of_request(id, who).is_in(&meta["current"])?;
        }
        if told == ErrorCode::WrongState {
            let by = request.decided_by.map(|by| by.to_string());
            if meta["by"]["id"].as_str() != by.as_deref() {
                return Err(Wrong(format!("it was {by:?} who decided")));
            }
        }
        Ok(())
    }

    /// Ends the pending requests that depend on something.
    pub(super) fn close(
        &mut self,
        by: Option<UserId>,
        depends: impl Fn(AccessRequestId, &Request) -> bool,
    ) {
        let ends: Vec<AccessRequestId> = self
            .requests
            .iter()
            .filter(|(_, request)| request.state == RequestState::Pending)
            .filter(|(id, request)| depends(**id, request))
            .map(|(id, _)| *id)
            .collect();
        for id in ends {
            self.end_request(id, RequestState::Closed, None, by);
        }
    }

    fn end_request(
        &mut self,
        id: AccessRequestId,
        state: RequestState,
        decided_by: Option<UserId>,
        by: Option<UserId>,
    ) {
        let now = self.now;
        let Some(request) = self.requests.get_mut(&id) else { return };
        request.state = state;
        request.decided_by = decided_by;
        request.decided_at = Some(now);
        request.version += 1;
        let request = request.clone();
        let event = match state {
            RequestState::Accepted => "access_request_accepted",
            RequestState::Declined => "access_request_declined",
            RequestState::Pending | RequestState::Closed => "access_request_closed",
        };
        let (through, to) = (Some(request.partnership), Some(request.member));
        self.note(event, request.account, through, by, to, request.role);
    }
}
