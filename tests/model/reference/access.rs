//! Who has which role on an account, and what follows from it.

use std::collections::BTreeSet;

use entente_domain::{AccountId, AccountRole, GuestRole, PartnershipId, StateName, UserId};
use entente_wire::ErrorCode;

use super::{Entry, Grant, Reference, Request, Sight, Verdict, Wrong};
use crate::{
    attempt::{Attempt, Names, Seen},
    operation::Operation,
};

/// A role is one user's on one account.
pub(super) type Place = (AccountId, UserId);

impl Reference {
    /// The Owners of an account.
    pub fn owners(&self, account: AccountId) -> BTreeSet<UserId> {
        let on = self.grants.range((account, first())..=(account, last()));
        on.filter(|(_, grant)| grant.role == AccountRole::Owner)
            .map(|((_, user), _)| *user)
            .collect()
    }

    /// Whether somebody decides who has access to an account: its Owners and, where there is none
    /// left, the Admins of its workspace.
    pub fn governs(&self, who: UserId, account: AccountId) -> bool {
        let Some(found) = self.accounts.get(&account) else { return false };
        let owners = self.owners(account);
        self.is_live_in(who, found.workspace)
            && (owners.contains(&who)
                || (owners.is_empty() && self.is_admin_of(who, found.workspace)))
    }

    /// Whether somebody sees an account.
    pub fn sees_account(&self, who: UserId, account: AccountId) -> bool {
        self.is_live(who)
            && (self.grants.contains_key(&(account, who)) || self.governs(who, account))
    }

    /// Whether somebody manages a partnership.
    pub(super) fn is_partnership_owner(&self, who: UserId, partnership: PartnershipId) -> bool {
        self.partnerships
            .get(&partnership)
            .is_some_and(|found| self.is_live_in(who, found.host) && found.owners.contains(&who))
    }

    /// Whether somebody looks after a partnership's members: its Owners and the host's Admins.
    pub fn manages_members(&self, who: UserId, partnership: PartnershipId) -> bool {
        self.is_partnership_owner(who, partnership)
            || self
                .partnerships
                .get(&partnership)
                .is_some_and(|found| self.is_admin_of(who, found.host))
    }

    pub(super) fn is_active(&self, partnership: PartnershipId) -> bool {
        let found = self.partnerships.get(&partnership);
        found.is_some_and(|found| found.state == StateName::Active)
    }

    /// Whether somebody sees an account in a partnership's list.
    pub fn sees_share(&self, who: UserId, (through, account): (PartnershipId, AccountId)) -> bool {
        let Some(partnership) = self.partnerships.get(&through) else { return false };
        let own = self.grants.get(&(account, who)).filter(|_| self.is_live(who));
        self.is_partnership_owner(who, through)
            || (self.is_admin_of(who, partnership.host) && own.is_some())
            || own.is_some_and(|own| own.through == Some(through))
    }

    /// Whether somebody takes an account out of a partnership.
    pub fn unshares(&self, who: UserId, through: PartnershipId) -> bool {
        self.is_partnership_owner(who, through) && self.is_active(through)
    }

    /// Whether somebody sees a role.
    pub fn sees_grant(&self, who: UserId, (account, user): Place) -> bool {
        let Some(grant) = self.grants.get(&(account, user)) else { return false };
        let of_same = self.user(user).zip(self.user(who));
        let of_same = of_same.is_some_and(|(user, who)| user.workspace == who.workspace);
        let own = self.grants.get(&(account, who));
        self.is_live(who)
            && (who == user
                || self.governs(who, account)
                || (of_same && own.is_some_and(|own| own.role >= AccountRole::Manager))
                || grant.through.is_some_and(|through| self.manages_members(who, through)))
    }

    /// What somebody can do with a role: whether change it, whether take it away.
    pub fn alters(&self, who: UserId, (account, user): Place) -> (bool, bool) {
        let Some(grant) = self.grants.get(&(account, user)) else { return (false, false) };
        let last = grant.role == AccountRole::Owner && self.owners(account).len() == 1;
        if last || !self.is_live(who) {
            return (false, false);
        }
        let governs = self.governs(who, account);
        let manages = grant.through.is_some_and(|through| self.manages_members(who, through));
        (governs, governs || manages)
    }

    /// Whether somebody logs in to an account.
    pub fn logs_in(&self, who: UserId, account: AccountId) -> bool {
        self.is_live(who)
            && self
                .grants
                .get(&(account, who))
                .is_some_and(|own| own.through.is_none_or(|through| self.is_active(through)))
    }

    /// The partnership through which a guest asks for access for others.
    pub fn asks_through(&self, who: UserId, account: AccountId) -> Option<PartnershipId> {
        let own = self.grants.get(&(account, who)).filter(|_| self.is_live(who))?;
        own.through.filter(|through| own.role >= AccountRole::Manager && self.is_active(*through))
    }

    /// Whether somebody sees an access request.
    pub fn sees_request(&self, who: UserId, request: &Request) -> bool {
        self.is_live(who) && (request.by == who || self.governs(who, request.account))
    }

    pub(super) fn may_add_user(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::AddUser { account, user, .. } = attempt.step.what else {
            return Verdict::Done;
        };
        let (account, user) = (names.account(account), names.user(user));
        let Some(found) = self.accounts.get(&account).filter(|_| self.sees_account(who, account))
        else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.governs(who, account) {
            Verdict::only(ErrorCode::Forbidden)
        } else if !self.is_live_in(user, found.workspace) {
            Verdict::only(ErrorCode::UnknownUser)
        } else if self.grants.contains_key(&(account, user)) {
            Verdict::only(ErrorCode::AlreadyMember)
        } else {
            Verdict::Done
        }
    }

    pub(super) fn add_user(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::AddUser { account, user, role } = attempt.step.what else { return Ok(()) };
        let place = (names.account(account), names.user(user));
        self.grant(place, role, None, Some(who));
        self.shows_grant(place, who, seen)
    }

    pub(super) fn may_alter(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let (account, user, to) = match attempt.step.what {
            Operation::ChangeRole { account, user, role, .. } => (account, user, Some(role)),
            Operation::Revoke { account, user, .. } => (account, user, None),
            _ => return Verdict::Done,
        };
        let place = (names.account(account), names.user(user));
        let Some(grant) = self.grants.get(&place).filter(|_| self.sees_grant(who, place)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        let (changes, removes) = self.alters(who, place);
        if !(if to.is_some() { changes } else { removes }) {
            // Whoever may at all is told that it is the last Owner.
            let governs = self.governs(who, place.0);
            let reason = if governs { ErrorCode::LastOwner } else { ErrorCode::Forbidden };
            return Verdict::only(reason);
        }
        let mut reasons = Vec::new();
        reasons.extend(attempt.goes_with(grant.version, to.is_some()).err());
        if grant.through.is_some() && to == Some(AccountRole::Owner) {
            reasons.push(ErrorCode::GuestCannotOwn);
        }
        Verdict::of(reasons)
    }

    pub(super) fn change_role(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::ChangeRole { account, user, role, .. } = attempt.step.what else {
            return Ok(());
        };
        let place = (names.account(account), names.user(user));
        self.change_grant(place, role, Some(who));
        self.shows_grant(place, who, seen)
    }

    /// A Manager who is one no more takes what they asked for with them.
    pub(super) fn change_grant(&mut self, place: Place, role: AccountRole, by: Option<UserId>) {
        let (account, user) = place;
        let Some(grant) = self.grants.get_mut(&place) else { return };
        let (was, through) = (grant.role, grant.through);
        if was == role {
            return;
        }
        grant.role = role;
        grant.version += 1;
        if role < AccountRole::Manager {
            self.close(by, |_, request| request.by == user && request.account == account);
        }
        let detail = format!("{was} -> {role}");
        self.note("account_access_changed", account, through, by, Some(user), detail);
    }

    pub(super) fn grant(
        &mut self,
        place: Place,
        role: AccountRole,
        through: Option<PartnershipId>,
        by: Option<UserId>,
    ) {
        let grant = Grant { role, through, since: self.now, version: 1 };
        self.grants.insert(place, grant);
        self.note("account_access_granted", place.0, through, by, Some(place.1), role);
    }

    /// A role ends, with the requests of a Manager; an account whose last guest has gone is not
    /// shared any more.
    pub(super) fn revoke(&mut self, place: Place, by: Option<UserId>) {
        let (account, user) = place;
        let Some(through) = self.grants.get(&place).map(|grant| grant.through) else { return };
        self.close(by, |_, request| request.by == user && request.account == account);
        self.end_grant(place, by);
        let Some(through) = through else { return };
        let is_left =
            |((on, _), grant): (&Place, &Grant)| *on == account && grant.through == Some(through);
        if !self.grants.iter().any(is_left) {
            self.unshare((through, account), by);
        }
    }

    pub(super) fn end_grant(&mut self, place: Place, by: Option<UserId>) {
        if let Some(grant) = self.grants.remove(&place) {
            let event = "account_access_removed";
            self.note(event, place.0, grant.through, by, Some(place.1), grant.role);
        }
    }

    pub(super) fn may_log_in(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::LogIn { account } = attempt.step.what else { return Verdict::Done };
        let account = names.account(account);
        if !self.sees_account(who, account) {
            Verdict::only(ErrorCode::NotFound)
        } else if !self.logs_in(who, account) {
            Verdict::only(ErrorCode::Forbidden)
        } else {
            Verdict::Done
        }
    }

    pub(super) fn log_in(&mut self, account: AccountId, who: UserId) {
        let through = self.grants.get(&(account, who)).and_then(|own| own.through);
        if let Some(found) = self.accounts.get_mut(&account) {
            found.last_login = Some(self.now);
            found.version += 1;
        }
        self.note("account_credential_read", account, through, Some(who), Some(who), "");
    }

    pub(super) fn note(
        &mut self,
        event: &str,
        account: AccountId,
        partnership: Option<PartnershipId>,
        by: Option<UserId>,
        to: Option<UserId>,
        detail: impl ToString,
    ) {
        self.audit.push(Entry {
            event: event.into(),
            partnership,
            account: Some(account),
            by,
            to,
            guest_sees: partnership.is_some(),
            detail: detail.to_string(),
            at: self.now,
        });
    }

    fn shows_grant(&self, place: Place, who: UserId, seen: &Seen) -> Result<(), Wrong> {
        if let Some(grant) = self.grants.get(&place) {
            seen.has_etag(grant.version)?;
        }
        Sight(self.grant_document(place, who)).is_in(&seen.body["data"])
    }
}

fn first() -> UserId {
    UserId::new(uuid::Uuid::nil())
}

fn last() -> UserId {
    UserId::new(uuid::Uuid::max())
}

/// What a guest can be given.
pub const GUEST_ROLES: [GuestRole; 2] = [GuestRole::Collaborator, GuestRole::Manager];
