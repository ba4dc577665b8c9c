//! Requests, what becomes of them, and who manages them.

use std::collections::BTreeSet;

use entente_domain::{
    Action, Awaited, PartnershipId, StateName, UserId, WorkspaceId, WorkspaceRole,
};
use entente_wire::ErrorCode;

use super::{
    DECISION, Entry, Mailing, Moment, Partnership, REMINDER, Reference, Transition, Verdict, Wrong,
    kept,
};
use crate::{
    attempt::{Attempt, Names, Seen},
    operation::{Agreed, Operation, PARTNER, reason as reason_text, text},
};

impl Partnership {
    /// The first moment that is too late to decide.
    pub fn expires_at(&self) -> Option<Moment> {
        self.since.map(|since| since + DECISION)
    }

    /// When the next reminder is possible, if there was one.
    pub fn next_reminder_at(&self) -> Option<Moment> {
        self.reminded_at.map(|at| at + REMINDER)
    }

    fn enter(&mut self, to: StateName, by: Option<UserId>, at: Moment, note: Option<String>) {
        self.history.push(Transition { from: Some(self.state), to, by, at, note });
        self.awaited = match (self.state, to) {
            (StateName::AwaitingApproval, StateName::Expired) => Some(Awaited::Approval),
            (StateName::AwaitingAcceptance, StateName::Expired) => Some(Awaited::Acceptance),
            _ => None,
        };
        if self.state != to {
            self.since = is_waiting(to).then_some(at);
        }
        self.state = to;
        self.changed(at);
    }

    fn changed(&mut self, at: Moment) {
        self.updated_at = at;
        self.version += 1;
    }
}

/// Somebody's turn.
pub fn is_waiting(state: StateName) -> bool {
    matches!(state, StateName::AwaitingApproval | StateName::AwaitingAcceptance)
}

/// Not closed.
pub fn is_open(state: StateName) -> bool {
    !matches!(state, StateName::DeclinedByHost | StateName::Withdrawn | StateName::Removed)
}

/// A new request of the same pair takes its place.
pub fn is_replaceable(state: StateName) -> bool {
    matches!(state, StateName::DeclinedByGuest | StateName::Expired)
}

impl Reference {
    /// Whether somebody may know of a partnership.
    pub fn sees(&self, who: UserId, partnership: &Partnership) -> bool {
        if self.is_live_in(who, partnership.host) {
            self.is_admin_of(who, partnership.host)
                || partnership.sender == who
                || partnership.owners.contains(&who)
        } else {
            self.is_admin_of(who, partnership.guest) && partnership.approval.is_some()
        }
    }

    /// Whether somebody is of those who take an action, in its turn.
    fn is_entitled(&self, who: UserId, partnership: &Partnership, action: Action) -> bool {
        let host_admin = self.is_admin_of(who, partnership.host);
        let guest_admin = self.is_admin_of(who, partnership.guest);
        let in_host = self.is_live_in(who, partnership.host);
        let owner = in_host && partnership.owners.contains(&who);
        let sender = in_host && partnership.sender == who;
        match action {
            Action::Approve => host_admin,
            Action::Accept => guest_admin,
            Action::Decline => match partnership.state {
                StateName::AwaitingApproval => host_admin,
                StateName::AwaitingAcceptance => guest_admin,
                _ => host_admin || guest_admin,
            },
            Action::Withdraw | Action::Remind => sender || owner,
            Action::Resend => owner,
            Action::Remove => owner || host_admin || guest_admin,
        }
    }

    /// What somebody can do to a partnership now.
    pub fn actions(&self, who: UserId, partnership: &Partnership) -> Vec<Action> {
        let possible = Action::ALL.iter().copied();
        possible
            .filter(|action| {
                fits(partnership.state, *action) && self.is_entitled(who, partnership, *action)
            })
            .collect()
    }

    /// The partnership that holds a pair, or else the last that was closed.
    fn newest(&self, host: WorkspaceId, guest: WorkspaceId) -> Option<PartnershipId> {
        let of_pair = self
            .partnerships
            .iter()
            .filter(|(_, found)| found.host == host && found.guest == guest);
        of_pair
            .max_by_key(|(id, found)| (is_open(found.state), found.created_at, **id))
            .map(|(id, _)| *id)
    }

    /// The requests whose deadline has come and that have not expired.
    pub fn due(&self) -> Vec<PartnershipId> {
        let is_due =
            |found: &Partnership| found.expires_at().is_some_and(|deadline| self.now >= deadline);
        self.partnerships.iter().filter(|(_, found)| is_due(found)).map(|(id, _)| *id).collect()
    }

    /// Those of them for which it matters whether they expire before an attempt or after it.
    pub fn due_for(&self, names: &Names, attempt: &Attempt) -> Vec<PartnershipId> {
        let mut due = self.due();
        match &attempt.step.what {
            Operation::Take { partnership, .. }
            | Operation::NameOwner { partnership, .. }
            | Operation::DismissOwner { partnership, .. } => {
                due.retain(|due| *due == names.partnership(*partnership));
            }
            Operation::Request { guest, .. } => {
                let host = self.user(names.user(attempt.step.who)).map(|user| user.workspace);
                let about = host.and_then(|host| self.newest(host, names.workspace(*guest)));
                due.retain(|due| Some(*due) == about);
            }
            // Whoever leaves is not an Owner any more, and not written to.
            Operation::RemoveUser { user, .. } => {
                let who = names.user(*user);
                let theirs = |one: &Partnership| one.sender == who || one.owners.contains(&who);
                due.retain(|due| self.partnerships.get(due).is_some_and(theirs));
            }
            _ => due.clear(),
        }
        due
    }

    /// The clock decides.
    pub fn expire(&mut self, id: PartnershipId) {
        let now = self.now;
        self.go_on(id, StateName::Expired, None, None, now);
    }

    fn go_on(
        &mut self,
        id: PartnershipId,
        to: StateName,
        by: Option<UserId>,
        note: Option<String>,
        at: Moment,
    ) {
        let Some(partnership) = self.partnerships.get_mut(&id) else { return };
        let from = partnership.state;
        partnership.enter(to, by, at, note);
        let event = match to {
            StateName::Active => "partnership_accepted",
            StateName::DeclinedByHost | StateName::DeclinedByGuest => "partnership_declined",
            StateName::Removed => "partnership_removed",
            _ => "partnership_updated",
        };
        let guest_sees = partnership.approval.is_some();
        self.write_to(id);
        self.audit.push(Entry {
            event: event.into(),
            partnership: Some(id),
            account: None,
            by,
            to: None,
            guest_sees,
            detail: format!("{from} -> {to}"),
            at,
        });
    }

    pub(super) fn may_request(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Request { guest, reason } = attempt.step.what else {
            return Verdict::Done;
        };
        let Some(user) = self.user(who) else { return Verdict::only(ErrorCode::NotFound) };
        let guest = names.workspace(guest);
        let mut reasons = Vec::new();
        if guest == user.workspace {
            reasons.push(ErrorCode::OwnWorkspace);
        } else if !names.workspaces.contains(&guest) {
            // How often somebody may ask for what there is not is limited.
            reasons.extend([ErrorCode::UnknownWorkspace, ErrorCode::RateLimited]);
        }
        if user.role < WorkspaceRole::Admin {
            match kept(&reason_text(reason), 2_000) {
                Ok(Some(_)) => {}
                Ok(None) => reasons.push(ErrorCode::ReasonRequired),
                Err(code) => reasons.push(code),
            }
        }
        let newest = self.newest(user.workspace, guest).and_then(|id| self.partnerships.get(&id));
        if newest.is_some_and(|newest| is_open(newest.state) && !is_replaceable(newest.state)) {
            reasons.push(ErrorCode::PartnershipExists);
        }
        Verdict::of(reasons)
    }

    pub(super) fn request(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::Request { guest, reason } = attempt.step.what else { return Ok(()) };
        let Some(user) = self.user(who).cloned() else { return Ok(()) };
        let (at, guest) = (self.now, names.workspace(guest));
        let predecessor = self.newest(user.workspace, guest);
        if let Some(before) = predecessor
            && self.partnerships.get(&before).is_some_and(|found| is_replaceable(found.state))
        {
            self.go_on(before, StateName::Withdrawn, Some(who), None, at);
        }
        let admin = user.is_admin();
        let state = if admin { StateName::AwaitingAcceptance } else { StateName::AwaitingApproval };
        let id: PartnershipId = seen.id()?;
        let partnership = Partnership {
            host: user.workspace,
            guest,
            reason: if admin { None } else { kept(&reason_text(reason), 2_000).ok().flatten() },
            sender: who,
            owners: BTreeSet::from([who]),
            state,
            since: Some(at),
            awaited: None,
            approval: admin.then_some((who, at, true)),
            consent: None,
            reminders: 0,
            reminded_at: None,
            predecessor,
            created_at: at,
            updated_at: at,
            version: 1,
            history: vec![Transition { from: None, to: state, by: Some(who), at, note: None }],
        };
        self.audit.push(Entry {
            event: "partnership_requested".into(),
            partnership: Some(id),
            account: None,
            by: Some(who),
            to: None,
            guest_sees: admin,
            detail: state.to_string(),
            at,
        });
        if self.partnerships.insert(id, partnership).is_some() {
            return Err(Wrong("the id of a new partnership was taken".into()));
        }
        self.write_to(id);
        self.shows_partnership(id, who, seen)
    }

    /// The mails of the transition that a partnership has just made.
    fn write_to(&mut self, id: PartnershipId) {
        let Some(partnership) = self.partnerships.get(&id) else { return };
        let addresses = |who: &mut dyn Iterator<Item = UserId>| -> BTreeSet<String> {
            who.filter_map(|who| self.user(who).filter(|user| user.is_live()))
                .map(|user| user.email.clone())
                .collect()
        };
        let hosts = addresses(&mut self.admins(partnership.host));
        let guests = addresses(&mut self.admins(partnership.guest));
        let managers =
            addresses(&mut partnership.owners.iter().copied().chain([partnership.sender]));
        let mut mailing = Mailing::default();
        match partnership.state {
            StateName::AwaitingApproval => {
                mailing.secret.clone_from(&hosts);
                mailing.to = hosts;
            }
            StateName::AwaitingAcceptance => {
                mailing.to = guests;
                mailing.to.insert(PARTNER.into());
            }
            StateName::Active
            | StateName::DeclinedByHost
            | StateName::DeclinedByGuest
            | StateName::Expired => mailing.to = managers,
            StateName::Removed => {
                let through = self.grants.iter().filter(|(_, has)| has.through == Some(id));
                mailing.perhaps = addresses(&mut through.map(|((_, user), _)| *user));
                mailing.to = managers;
                mailing.to.extend(hosts);
                mailing.to.extend(guests);
            }
            StateName::Withdrawn => {}
        }
        self.mails.insert(format!("{id}/{}", partnership.version), mailing);
    }

    pub(super) fn may_take(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Take { partnership, action, agreed, .. } = attempt.step.what else {
            return Verdict::Done;
        };
        if attempt.is_malformed() {
            return Verdict::only(ErrorCode::InvalidText);
        }
        let Some(partnership) = self.partnerships.get(&names.partnership(partnership)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.sees(who, partnership) {
            return Verdict::only(ErrorCode::NotFound);
        }
        let mut reasons = Vec::new();
        let decides = matches!(action, Action::Approve | Action::Decline | Action::Accept);
        // At the deadline the clock decides: nothing is done before it has, and who comes with it is
        // told so.
        let is_late = partnership.expires_at().is_some_and(|deadline| self.now >= deadline);
        if is_late || (decides && partnership.state == StateName::Expired) {
            reasons.push(ErrorCode::DeadlinePassed);
        }
        if !self.is_entitled(who, partnership, action) {
            reasons.push(ErrorCode::Forbidden);
            return Verdict::Refused(reasons);
        }
        reasons.extend(attempt.goes_with(partnership.version, action != Action::Remind).err());
        if !fits(partnership.state, action) {
            reasons.push(ErrorCode::WrongState);
        } else if action == Action::Remind
            && partnership.next_reminder_at().is_some_and(|at| self.now < at)
        {
            reasons.push(ErrorCode::ReminderTooSoon);
        } else if action == Action::Accept {
            match agreed {
                Agreed::Yes => {}
                Agreed::No => reasons.push(ErrorCode::TermsNotAgreed),
                Agreed::ToOthers => reasons.push(ErrorCode::TermsChanged),
            }
        }
        Verdict::of(reasons)
    }

    pub(super) fn transition(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::Take { partnership, action, note, .. } = attempt.step.what else {
            return Ok(());
        };
        let (id, at) = (names.partnership(partnership), self.now);
        let Some(partnership) = self.partnerships.get_mut(&id) else { return Ok(()) };
        let to = match action {
            Action::Approve => StateName::AwaitingAcceptance,
            Action::Accept => StateName::Active,
            Action::Decline if partnership.state == StateName::AwaitingApproval => {
                StateName::DeclinedByHost
            }
            Action::Decline => StateName::DeclinedByGuest,
            Action::Withdraw => StateName::Withdrawn,
            Action::Remind => partnership.state,
            Action::Resend if partnership.approval.is_some() => StateName::AwaitingAcceptance,
            Action::Resend => StateName::AwaitingApproval,
            Action::Remove => StateName::Removed,
        };
        match action {
            Action::Approve => partnership.approval = Some((who, at, false)),
            Action::Accept => partnership.consent = Some((who, at)),
            Action::Remind => {
                partnership.reminders += 1;
                partnership.reminded_at = Some(at);
            }
            Action::Decline | Action::Withdraw | Action::Resend | Action::Remove => {}
        }
        let note = match action {
            Action::Decline => kept(&text(note), 500).ok().flatten(),
            _ => None,
        };
        self.go_on(id, to, Some(who), note, at);
        if action == Action::Remove {
            let shared: Vec<_> =
                self.shares.keys().filter(|(through, _)| *through == id).copied().collect();
            for place in shared {
                self.unshare(place, Some(who));
            }
        }
        self.shows_partnership(id, who, seen)
    }

    pub(super) fn refused_transition(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        told: ErrorCode,
    ) -> Result<(), Wrong> {
        let Operation::Take { partnership, action, .. } = attempt.step.what else {
            return Ok(());
        };
        let (id, who) = (names.partnership(partnership), names.user(attempt.step.who));
        if told == ErrorCode::NotFound || attempt.is_malformed() || !self.is_live(who) {
            return Ok(());
        }
        let Some(partnership) = self.partnerships.get(&id) else { return Ok(()) };
        self.audit.push(Entry {
            event: "decision_refused".into(),
            partnership: Some(id),
            account: None,
            by: Some(who),
            to: None,
            guest_sees: self.is_live_in(who, partnership.guest),
            detail: format!("{action} refused: {}", told.as_str()),
            at: self.now,
        });
        let meta = &seen.body["errors"][0]["meta"];
        if matches!(seen.status, 409 | 412) {
            self.sight_of_partnership(id, who).is_in(&meta["current"])?;
        }
        // Who is told that it is not possible any more learns who won, and when.
        if let Some(last) = partnership.history.last()
            && told == ErrorCode::WrongState
        {
            let by = last.by.map(|by| by.to_string());
            if meta["by"]["id"].as_str() != by.as_deref() {
                return Err(Wrong(format!("it was {by:?} who decided")));
            }
        }
        Ok(())
    }

    pub(super) fn may_change_owners(
        &self,
        names: &Names,
        attempt: &Attempt,
        who: UserId,
    ) -> Verdict {
        let (id, user, names_one) = match attempt.step.what {
            Operation::NameOwner { partnership, user, .. } => (partnership, user, true),
            Operation::DismissOwner { partnership, user, .. } => (partnership, user, false),
            _ => return Verdict::Done,
        };
        let user = names.user(user);
        let found = self.partnerships.get(&names.partnership(id));
        let Some(partnership) = found.filter(|found| self.sees(who, found)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.is_admin_of(who, partnership.host) {
            return Verdict::only(ErrorCode::Forbidden);
        }
        let mut reasons = Vec::new();
        reasons.extend(attempt.goes_with(partnership.version, false).err());
        if !is_open(partnership.state) {
            reasons.push(ErrorCode::WrongState);
        }
        if names_one {
            if !self.is_live_in(user, partnership.host) {
                reasons.push(ErrorCode::UnknownUser);
            }
        } else if !partnership.owners.contains(&user) {
            reasons.push(ErrorCode::NotFound);
        } else if partnership.owners.len() == 1 && is_open(partnership.state) {
            reasons.push(ErrorCode::LastOwner);
        }
        Verdict::of(reasons)
    }

    pub(super) fn change_owners(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let (id, user, detail) = match attempt.step.what {
            Operation::NameOwner { partnership, user, .. } => (partnership, user, "owner named"),
            Operation::DismissOwner { partnership, user, .. } => {
                (partnership, user, "owner dismissed")
            }
            _ => return Ok(()),
        };
        let (id, user, at) = (names.partnership(id), names.user(user), self.now);
        let Some(partnership) = self.partnerships.get_mut(&id) else { return Ok(()) };
        let changed = match attempt.step.what {
            Operation::NameOwner { .. } => partnership.owners.insert(user),
            _ => partnership.owners.remove(&user),
        };
        if changed {
            partnership.changed(at);
            let guest_sees = partnership.approval.is_some();
            self.audit.push(Entry {
                event: "partnership_updated".into(),
                partnership: Some(id),
                account: None,
                by: Some(who),
                to: Some(user),
                guest_sees,
                detail: detail.into(),
                at,
            });
        }
        self.shows_partnership(id, who, seen)
    }

    /// A Partnership Owner has left: the others, or an Admin, go on.
    pub(super) fn owner_left(&mut self, user: UserId) {
        let at = self.now;
        for partnership in self.partnerships.values_mut() {
            if partnership.owners.remove(&user) {
                partnership.changed(at);
            }
        }
    }

    fn shows_partnership(&self, id: PartnershipId, who: UserId, seen: &Seen) -> Result<(), Wrong> {
        if let Some(partnership) = self.partnerships.get(&id) {
            seen.has_etag(partnership.version)?;
        }
        self.sight_of_partnership(id, who).is_in(&seen.body["data"])
    }
}

fn fits(state: StateName, action: Action) -> bool {
    match action {
        Action::Approve => state == StateName::AwaitingApproval,
        Action::Accept => state == StateName::AwaitingAcceptance,
        Action::Decline | Action::Remind => is_waiting(state),
        Action::Withdraw => is_waiting(state) || is_replaceable(state),
        Action::Resend => is_replaceable(state),
        Action::Remove => state == StateName::Active,
    }
}
