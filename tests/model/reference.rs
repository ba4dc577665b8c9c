//! What must be true, as maps and sets: written from the rules alone, and independent of the server's
//! code. It takes ids and words from the domain, and no rule.

mod access;
mod partnerships;
mod people;
mod requests;
mod sharing;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{
    AccessRequestId, AccountId, AccountRole, Awaited, GuestRole, PartnershipId, RequestState,
    StateName, UserId, UserStatus, WorkspaceId, WorkspaceRole,
};
use entente_wire::ErrorCode;

pub use access::GUEST_ROLES;
pub use partnerships::is_open;
pub use view::{Sight, key};

use crate::{
    attempt::{Attempt, Names, Seen},
    operation::Operation,
};

/// A moment, in milliseconds since 1970.
pub type Moment = i64;

/// A request awaits somebody for so long.
pub const DECISION: Moment = 14 * 24 * 60 * 60 * 1_000;
/// So long after a reminder the next one is possible.
pub const REMINDER: Moment = 4 * 60 * 60 * 1_000;
/// An answer to an idempotency key is kept for so long.
pub const ANSWERS: Moment = 24 * 60 * 60 * 1_000;

/// Everything that the world's people can know of, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    pub now: Moment,
    pub users: BTreeMap<UserId, User>,
    pub partnerships: BTreeMap<PartnershipId, Partnership>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub shares: BTreeMap<(PartnershipId, AccountId), Share>,
    pub grants: BTreeMap<(AccountId, UserId), Grant>,
    pub requests: BTreeMap<AccessRequestId, Request>,
    /// What was answered under which idempotency key.
    pub answers: BTreeMap<(UserId, u32), Answer>,
    /// What was added to the audit since it was last compared.
    pub audit: Vec<Entry>,
    /// Who was written to since then, by the cause.
    pub mails: BTreeMap<String, Mailing>,
}

/// Whom the mails of one cause go to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailing {
    /// One to each of these addresses.
    pub to: BTreeSet<String>,
    /// These may get one too: they lose something by the same cause.
    pub perhaps: BTreeSet<String>,
    /// Those of them who may read what the host's user wrote.
    pub secret: BTreeSet<String>,
}

impl Mailing {
    /// Whether the mails that were found are those that there have to be.
    pub fn is(&self, found: &Self) -> bool {
        self.to.is_subset(&found.to)
            && found.to.iter().all(|one| self.to.contains(one) || self.perhaps.contains(one))
            && found.secret.is_subset(&self.secret)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub workspace: WorkspaceId,
    pub email: String,
    pub role: WorkspaceRole,
    pub status: UserStatus,
    pub version: i64,
}

impl User {
    fn is_live(&self) -> bool {
        self.status == UserStatus::Live
    }

    fn is_admin(&self) -> bool {
        self.is_live() && self.role >= WorkspaceRole::Admin
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partnership {
    pub host: WorkspaceId,
    pub guest: WorkspaceId,
    pub reason: Option<String>,
    pub sender: UserId,
    pub owners: BTreeSet<UserId>,
    pub state: StateName,
    /// Since when it awaits somebody.
    pub since: Option<Moment>,
    /// What it awaited when it expired.
    pub awaited: Option<Awaited>,
    /// Who approved it, when, and whether by sending it.
    pub approval: Option<(UserId, Moment, bool)>,
    /// Who consented, and when.
    pub consent: Option<(UserId, Moment)>,
    pub reminders: u32,
    pub reminded_at: Option<Moment>,
    pub predecessor: Option<PartnershipId>,
    pub created_at: Moment,
    pub updated_at: Moment,
    pub version: i64,
    pub history: Vec<Transition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    pub from: Option<StateName>,
    pub to: StateName,
    pub by: Option<UserId>,
    pub at: Moment,
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub workspace: WorkspaceId,
    pub version: i64,
    pub last_login: Option<Moment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub by: UserId,
    pub role: GuestRole,
    pub at: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: AccountRole,
    /// The partnership that it came through; none for a host user.
    pub through: Option<PartnershipId>,
    pub since: Moment,
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub partnership: PartnershipId,
    pub account: AccountId,
    pub member: UserId,
    pub role: GuestRole,
    pub by: UserId,
    pub message: Option<String>,
    pub state: RequestState,
    pub decided_by: Option<UserId>,
    pub decided_at: Option<Moment>,
    pub at: Moment,
    pub version: i64,
}

/// What was answered to a request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Method, path and body of the request.
    pub request: String,
    pub status: u16,
    pub text: String,
    pub at: Moment,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub event: String,
    pub partnership: Option<PartnershipId>,
    pub account: Option<AccountId>,
    pub by: Option<UserId>,
    pub to: Option<UserId>,
    pub guest_sees: bool,
    pub detail: String,
    pub at: Moment,
}

/// Why an answer cannot be what the server had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong(pub String);

/// What the rules say of an attempt.
pub enum Verdict {
    /// It is done.
    Done,
    /// It is refused for one of these reasons, whichever is told.
    Refused(Vec<ErrorCode>),
}

impl Verdict {
    fn of(reasons: Vec<ErrorCode>) -> Self {
        if reasons.is_empty() { Self::Done } else { Self::Refused(reasons) }
    }

    fn only(reason: ErrorCode) -> Self {
        Self::Refused(vec![reason])
    }
}

impl Reference {
    pub fn new(now: Moment) -> Self {
        Self {
            now,
            users: BTreeMap::new(),
            partnerships: BTreeMap::new(),
            accounts: BTreeMap::new(),
            shares: BTreeMap::new(),
            grants: BTreeMap::new(),
            requests: BTreeMap::new(),
            answers: BTreeMap::new(),
            audit: Vec::new(),
            mails: BTreeMap::new(),
        }
    }

    /// What the rules say of an attempt now.
    pub fn verdict(&self, names: &Names, attempt: &Attempt) -> Verdict {
        let who = names.user(attempt.step.who);
        if !attempt.is_behind_the_api() {
            match self.users.get(&who) {
                Some(user) if user.is_live() => {}
                Some(_) => return Verdict::only(ErrorCode::UserDisabled),
                None => return Verdict::only(ErrorCode::InvalidCredentials),
            }
        }
        match &attempt.step.what {
            Operation::Request { .. } => self.may_request(names, attempt, who),
            Operation::Take { .. } => self.may_take(names, attempt, who),
            Operation::NameOwner { .. } | Operation::DismissOwner { .. } => {
                self.may_change_owners(names, attempt, who)
            }
            Operation::Share { .. } => self.may_share(names, attempt, who),
            Operation::Unshare { .. } => self.may_unshare(names, attempt, who),
            Operation::RemoveMember { .. } => self.may_remove_member(names, attempt, who),
            Operation::AddUser { .. } => self.may_add_user(names, attempt, who),
            Operation::ChangeRole { .. } | Operation::Revoke { .. } => {
                self.may_alter(names, attempt, who)
            }
            Operation::Ask { .. } => self.may_ask(names, attempt, who),
            Operation::Decide { .. } => self.may_decide(names, attempt, who),
            Operation::LogIn { .. } => self.may_log_in(names, attempt, who),
            Operation::RemoveUser { .. } => self.may_remove_user(names, attempt, who),
            Operation::SetRole { .. } | Operation::Join { .. } => Verdict::Done,
            Operation::Look { partnership } => {
                match self.partnerships.get(&names.partnership(*partnership)) {
                    Some(found) if self.sees(who, found) => Verdict::Done,
                    _ => Verdict::only(ErrorCode::NotFound),
                }
            }
            Operation::Follow => Verdict::Done,
        }
    }

    /// Takes what was seen as what happened next; an error if it cannot have.
    pub fn take(&mut self, names: &Names, attempt: &Attempt, seen: &Seen) -> Result<(), Wrong> {
        let who = names.user(attempt.step.who);
        let live = self.users.get(&who).is_some_and(User::is_live);
        if live && let Some(key) = attempt.step.key {
            if seen.code == Some(ErrorCode::RequestInProgress) {
                // Its twin of the same batch was being answered.
                return Ok(());
            }
            if let Some(answer) = self.answers.get(&(who, key)) {
                return answer.is_repeated(attempt, seen);
            }
        }
        // Too busy to answer is always possible, and changes nothing. How often is counted.
        if seen.code == Some(ErrorCode::Unavailable) {
            return Ok(());
        }
        match self.verdict(names, attempt) {
            Verdict::Refused(reasons) => {
                let told = seen.code.filter(|code| reasons.contains(code)).ok_or_else(|| {
                    Wrong(format!("it had to be refused with one of {reasons:?}"))
                })?;
                self.refused(names, attempt, seen, told)?;
            }
            Verdict::Done if seen.status >= 400 => {
                return Err(Wrong("it had to be done".into()));
            }
            Verdict::Done => self.done(names, attempt, seen, who)?,
        }
        if live
            && let Some(key) = attempt.step.key
            && seen.status != 429
            && !attempt.is_malformed()
        {
            let answer = Answer {
                request: attempt.fingerprint(),
                status: seen.status,
                text: seen.text.clone(),
                at: self.now,
            };
            self.answers.insert((who, key), answer);
        }
        Ok(())
    }

    fn done(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        who: UserId,
    ) -> Result<(), Wrong> {
        match &attempt.step.what {
            Operation::Request { .. } => self.request(names, attempt, seen, who),
            Operation::Take { .. } => self.transition(names, attempt, seen, who),
            Operation::NameOwner { .. } | Operation::DismissOwner { .. } => {
                self.change_owners(names, attempt, seen, who)
            }
            Operation::Share { .. } => self.share(names, attempt, seen, who),
            Operation::Unshare { partnership, account } => {
                let shared = (names.partnership(*partnership), names.account(*account));
                self.unshare(shared, Some(who));
                Ok(())
            }
            Operation::RemoveMember { partnership, user } => {
                self.remove_member(names.partnership(*partnership), names.user(*user), who);
                Ok(())
            }
            Operation::AddUser { .. } => self.add_user(names, attempt, seen, who),
            Operation::ChangeRole { .. } => self.change_role(names, attempt, seen, who),
            Operation::Revoke { account, user, .. } => {
                self.revoke((names.account(*account), names.user(*user)), Some(who));
                Ok(())
            }
            Operation::Ask { .. } => self.ask(names, attempt, seen, who),
            Operation::Decide { .. } => self.decide(names, attempt, seen, who),
            Operation::LogIn { account } => {
                self.log_in(names.account(*account), who);
                Ok(())
            }
            Operation::RemoveUser { user, .. } => {
                self.remove_user(names.user(*user), Some(who));
                Ok(())
            }
            Operation::SetRole { user, role } => {
                self.set_role(names.user(*user), *role);
                Ok(())
            }
            Operation::Join { role, .. } => self.join(names, attempt, seen, *role),
            // What it showed is compared once it is known what happened.
            Operation::Look { .. } | Operation::Follow => Ok(()),
        }
    }

    /// A refused attempt to decide is in the audit, and tells what the decision would be about.
    fn refused(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        told: ErrorCode,
    ) -> Result<(), Wrong> {
        if told == ErrorCode::NotFound && seen.text != names.not_found {
            return Err(Wrong("what is not theirs to see is told alike".into()));
        }
        match &attempt.step.what {
            Operation::Take { .. } => self.refused_transition(names, attempt, seen, told),
            Operation::Decide { .. } => self.refused_request(names, attempt, seen, told),
            _ => Ok(()),
        }
    }

    fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    fn is_admin_of(&self, id: UserId, workspace: WorkspaceId) -> bool {
        self.user(id).is_some_and(|user| user.is_admin() && user.workspace == workspace)
    }

    fn is_live_in(&self, id: UserId, workspace: WorkspaceId) -> bool {
        self.user(id).is_some_and(|user| user.is_live() && user.workspace == workspace)
    }

    /// Whether somebody is told where the doer of something was: guests are of their own people only.
    pub fn is_told_where(&self, who: UserId, doer: Option<UserId>, host: WorkspaceId) -> bool {
        let workspace = |id: UserId| self.user(id).map(|user| user.workspace);
        [Some(host), doer.and_then(workspace)].contains(&workspace(who))
    }

    /// The live Admins of a workspace.
    pub fn admins(&self, workspace: WorkspaceId) -> impl Iterator<Item = UserId> {
        let admin = move |user: &User| user.is_admin() && user.workspace == workspace;
        self.users.iter().filter(move |(_, user)| admin(user)).map(|(id, _)| *id)
    }
}

impl Answer {
    fn is_repeated(&self, attempt: &Attempt, seen: &Seen) -> Result<(), Wrong> {
        if attempt.is_malformed() {
            return Ok(());
        }
        if self.request != attempt.fingerprint() {
            return match seen.code {
                Some(ErrorCode::IdempotencyKeyReused) => Ok(()),
                _ => Err(Wrong("its idempotency key was used for another request".into())),
            };
        }
        if (self.status, &self.text) != (seen.status, &seen.text) {
            return Err(Wrong(format!(
                "it had to be answered as before: {} {}",
                self.status, self.text
            )));
        }
        Ok(())
    }
}

/// What a person wrote as it is kept: trimmed, with one kind of line end; none if nothing is left.
pub fn kept(text: &str, most: usize) -> Result<Option<String>, ErrorCode> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim();
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().any(bad) || text.chars().count() > most {
        return Err(ErrorCode::InvalidText);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}
