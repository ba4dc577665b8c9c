//! Accounts that are shared through a partnership, and the guest members who have them.

use std::collections::BTreeSet;

use entente_domain::{AccountId, PartnershipId, UserId};
use entente_wire::ErrorCode;

use super::{Grant, Reference, Share, Verdict, Wrong, access::Place};
use crate::{
    attempt::{Attempt, Names, Seen},
    operation::Operation,
};

impl Reference {
    pub(super) fn may_share(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Share { partnership, accounts, .. } = &attempt.step.what else {
            return Verdict::Done;
        };
        let id = names.partnership(*partnership);
        let found = self.partnerships.get(&id);
        let Some(partnership) = found.filter(|found| self.sees(who, found)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.is_partnership_owner(who, id) {
            return Verdict::only(ErrorCode::Forbidden);
        }
        let mut reasons = Vec::new();
        if !self.is_active(id) {
            reasons.push(ErrorCode::WrongState);
        }
        if accounts.is_empty() {
            reasons.push(ErrorCode::InvalidValue);
        }
        for account in accounts.iter().map(|account| names.account(*account)) {
            if !self.sees_account(who, account) {
                reasons.push(ErrorCode::UnknownAccount);
            } else if !self.owners(account).contains(&who) {
                reasons.push(ErrorCode::Forbidden);
            } else if self.shares.contains_key(&(id, account)) {
                reasons.push(ErrorCode::AlreadyShared);
            }
        }
        if self.admins(partnership.guest).next().is_none() {
            reasons.push(ErrorCode::NoGuestAdmin);
        }
        Verdict::of(reasons)
    }

    pub(super) fn share(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        let Operation::Share { partnership, accounts, role } = &attempt.step.what else {
            return Ok(());
        };
        let id = names.partnership(*partnership);
        let Some(partnership) = self.partnerships.get(&id) else { return Ok(()) };
        let admins: Vec<UserId> = self.admins(partnership.guest).collect();
        let accounts: BTreeSet<AccountId> =
            accounts.iter().map(|account| names.account(*account)).collect();
        for account in &accounts {
            self.shares.insert((id, *account), Share { by: who, role: *role, at: self.now });
            for admin in &admins {
                self.grants.entry((*account, *admin)).or_insert(Grant {
                    role: (*role).into(),
                    through: Some(id),
                    since: self.now,
                    version: 1,
                });
            }
            self.note("account_shared_via_partnership", *account, Some(id), Some(who), None, role);
        }
        let told = seen.body["data"].as_array().map_or(0, Vec::len);
        if told != accounts.len() {
            return Err(Wrong(format!("{} accounts were shared", accounts.len())));
        }
        for shared in seen.body["data"].as_array().into_iter().flatten() {
            let account = shared["attributes"]["accountId"].as_str().unwrap_or_default();
            let account = account.parse().map_err(|_| Wrong("a shared account's id".into()))?;
            self.sight_of_share((id, account), who).is_in(shared)?;
        }
        Ok(())
    }

    pub(super) fn may_unshare(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::Unshare { partnership, account } = attempt.step.what else {
            return Verdict::Done;
        };
        let place = (names.partnership(partnership), names.account(account));
        if !self.shares.contains_key(&place) || !self.sees_share(who, place) {
            Verdict::only(ErrorCode::NotFound)
        } else if !self.unshares(who, place.0) {
            Verdict::only(ErrorCode::Forbidden)
        } else {
            Verdict::Done
        }
    }

    /// An account leaves a partnership with every role and pending request that depended on it.
    pub(super) fn unshare(
        &mut self,
        (through, account): (PartnershipId, AccountId),
        by: Option<UserId>,
    ) {
        self.close(by, |_, request| request.partnership == through && request.account == account);
        let roles: Vec<Place> = self
            .grants
            .iter()
            .filter(|((on, _), grant)| *on == account && grant.through == Some(through))
            .map(|(place, _)| *place)
            .collect();
        for place in roles {
            self.end_grant(place, by);
        }
        self.shares.remove(&(through, account));
        let event = "account_removed_from_partnership";
        self.note(event, account, Some(through), by, None, "");
    }

    pub(super) fn may_remove_member(
        &self,
        names: &Names,
        attempt: &Attempt,
        who: UserId,
    ) -> Verdict {
        let Operation::RemoveMember { partnership, user } = attempt.step.what else {
            return Verdict::Done;
        };
        let (id, user) = (names.partnership(partnership), names.user(user));
        if !self.partnerships.get(&id).is_some_and(|found| self.sees(who, found)) {
            Verdict::only(ErrorCode::NotFound)
        } else if !self.manages_members(who, id) {
            Verdict::only(ErrorCode::Forbidden)
        } else if !self.is_active(id) {
            Verdict::only(ErrorCode::WrongState)
        } else if self.roles_through(id, user).is_empty() {
            Verdict::only(ErrorCode::NotFound)
        } else {
            Verdict::Done
        }
    }

    fn roles_through(&self, through: PartnershipId, user: UserId) -> Vec<Place> {
        self.grants
            .iter()
            .filter(|((_, of), grant)| *of == user && grant.through == Some(through))
            .map(|(place, _)| *place)
            .collect()
    }

    pub(super) fn remove_member(&mut self, through: PartnershipId, user: UserId, by: UserId) {
        for place in self.roles_through(through, user) {
            self.revoke(place, Some(by));
        }
    }
}
