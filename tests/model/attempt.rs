//! A step as it is done in one world: the request, and what came back.

use entente_domain::{AccessRequestId, AccountId, Action, PartnershipId, UserId, WorkspaceId};
use entente_wire::ErrorCode;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    operation::{Agreed, Operation, PARTNER, Step, Version, reason as reason_text, text},
    reference::{Reference, Wrong, kept},
};

/// The ids behind the numbers, as of before a batch.
#[derive(Debug, Clone)]
pub struct Names {
    pub workspaces: Vec<WorkspaceId>,
    pub users: Vec<UserId>,
    pub accounts: Vec<AccountId>,
    pub partnerships: Vec<PartnershipId>,
    pub requests: Vec<AccessRequestId>,
    /// Ids of another world, for numbers that are too high.
    pub foreign: Foreign,
    /// The current terms' version.
    pub terms: String,
    /// The body that everything gets which is not there or not theirs to see.
    pub not_found: String,
}

/// Something of each kind that is none of this world's.
#[derive(Debug, Clone)]
pub struct Foreign {
    pub workspace: WorkspaceId,
    pub user: UserId,
    pub account: AccountId,
    pub partnership: PartnershipId,
    pub request: AccessRequestId,
}

impl Foreign {
    /// Ids that nothing has.
    pub fn unknown() -> Self {
        Self {
            workspace: WorkspaceId::new(Uuid::now_v7()),
            user: UserId::new(Uuid::now_v7()),
            account: AccountId::new(Uuid::now_v7()),
            partnership: PartnershipId::new(Uuid::now_v7()),
            request: AccessRequestId::new(Uuid::now_v7()),
        }
    }
}

impl Names {
    pub fn workspace(&self, number: usize) -> WorkspaceId {
        self.workspaces.get(number).copied().unwrap_or(self.foreign.workspace)
    }

    pub fn user(&self, number: usize) -> UserId {
        self.users.get(number).copied().unwrap_or(self.foreign.user)
    }

    pub fn account(&self, number: usize) -> AccountId {
        self.accounts.get(number).copied().unwrap_or(self.foreign.account)
    }

    pub fn partnership(&self, number: usize) -> PartnershipId {
        self.partnerships.get(number).copied().unwrap_or(self.foreign.partnership)
    }

    pub fn request(&self, number: usize) -> AccessRequestId {
        self.requests.get(number).copied().unwrap_or(self.foreign.request)
    }
}

/// A step, and the request that it makes in this world.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub step: Step,
    pub method: Method,
    /// Below `/api/v1`.
    pub path: String,
    pub body: Option<Value>,
    /// What `If-Match` names: a version, or any.
    pub version: Option<Matching>,
}

/// A version that is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    Any,
    Exactly(i64),
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    pub code: Option<ErrorCode>,
    pub etag: Option<String>,
    pub text: String,
    pub body: Value,
}

impl Attempt {
    /// Writes the request of a step, with the versions as they are now.
    pub fn new(now: &Reference, names: &Names, step: Step) -> Self {
        let (method, path, body) = request(names, &step.what);
        let version = version(&step.what).and_then(|version| {
            let current = current_version(now, names, &step.what).unwrap_or(1);
            match version {
                Version::Current => Some(Matching::Exactly(current)),
                Version::Stale => Some(Matching::Exactly(current - 1)),
                Version::Any => Some(Matching::Any),
                Version::Missing => None,
            }
        });
        Self { step, method, path, body, version }
    }

    /// Whether it is done by who runs the server, and not through the API.
    pub fn is_behind_the_api(&self) -> bool {
        matches!(self.step.what, Operation::SetRole { .. } | Operation::Join { .. })
    }

    /// What tells whether a request with the same idempotency key is the same one.
    pub fn fingerprint(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.body.clone().unwrap_or_default())
    }

    /// Whether it cannot be read, whoever asks and whatever is there.
    pub fn is_malformed(&self) -> bool {
        matches!(self.step.what, Operation::Take { action: Action::Decline, note, .. }
            if kept(&text(note), 500).is_err())
    }

    /// Whether what `If-Match` says goes with a version; `needed` where it must say something.
    pub fn goes_with(&self, current: i64, needed: bool) -> Result<(), ErrorCode> {
        match self.version {
            None if needed => Err(ErrorCode::VersionRequired),
            None | Some(Matching::Any) => Ok(()),
            Some(Matching::Exactly(named)) if named == current => Ok(()),
            Some(Matching::Exactly(_)) => Err(ErrorCode::StaleVersion),
        }
    }
}

fn version(what: &Operation) -> Option<Version> {
    match what {
        Operation::Take { version, .. }
        | Operation::NameOwner { version, .. }
        | Operation::DismissOwner { version, .. }
        | Operation::ChangeRole { version, .. }
        | Operation::Revoke { version, .. }
        | Operation::Decide { version, .. }
        | Operation::RemoveUser { version, .. } => Some(*version),
        _ => None,
    }
}

fn current_version(now: &Reference, names: &Names, what: &Operation) -> Option<i64> {
    match what {
        Operation::Take { partnership, .. }
        | Operation::NameOwner { partnership, .. }
        | Operation::DismissOwner { partnership, .. } => {
            now.partnerships.get(&names.partnership(*partnership)).map(|found| found.version)
        }
        Operation::ChangeRole { account, user, .. } | Operation::Revoke { account, user, .. } => {
            let place = (names.account(*account), names.user(*user));
            now.grants.get(&place).map(|found| found.version)
        }
        Operation::Decide { request, .. } => {
            now.requests.get(&names.request(*request)).map(|found| found.version)
        }
        Operation::RemoveUser { user, .. } => {
            now.users.get(&names.user(*user)).map(|found| found.version)
        }
        _ => None,
    }
}

fn request(names: &Names, what: &Operation) -> (Method, String, Option<Value>) {
    let partnership = |number: &usize| format!("/partnerships/{}", names.partnership(*number));
    let account = |number: &usize| format!("/accounts/{}", names.account(*number));
    let user = |number: &usize| names.user(*number);
    match what {
        Operation::Request { guest, reason } => {
            let body = json!({
                "guestWorkspaceId": names.workspace(*guest),
                "partnerEmail": PARTNER,
                "reason": reason_text(*reason),
            });
            (Method::POST, "/partnerships".into(), Some(body))
        }
        Operation::Take { partnership: id, action: Action::Remove, .. } => {
            (Method::DELETE, partnership(id), None)
        }
        Operation::Take { partnership: id, action, note, agreed, .. } => {
            let body = match action {
                Action::Decline => Some(json!({"note": text(*note)})),
                Action::Accept => Some(match agreed {
                    Agreed::Yes => json!({"termsVersion": names.terms, "agreed": true}),
                    Agreed::No => json!({"termsVersion": names.terms, "agreed": false}),
                    Agreed::ToOthers => json!({"termsVersion": "1999-01-01", "agreed": true}),
                }),
                _ => None,
            };
            (Method::POST, format!("{}/{action}", partnership(id)), body)
        }
        Operation::NameOwner { partnership: id, user: named, .. } => {
            let body = json!({"userId": user(named)});
            (Method::POST, format!("{}/owners", partnership(id)), Some(body))
        }
        Operation::DismissOwner { partnership: id, user: dismissed, .. } => {
            (Method::DELETE, format!("{}/owners/{}", partnership(id), user(dismissed)), None)
        }
        Operation::Share { partnership: id, accounts, role } => {
            let ids: Vec<_> = accounts.iter().map(|account| names.account(*account)).collect();
            let body = json!({"accountIds": ids, "role": role});
            (Method::POST, format!("{}/accounts", partnership(id)), Some(body))
        }
        Operation::Unshare { partnership: id, account } => {
            let account = names.account(*account);
            (Method::DELETE, format!("{}/accounts/{account}", partnership(id)), None)
        }
        Operation::RemoveMember { partnership: id, user: member } => {
            (Method::DELETE, format!("{}/members/{}", partnership(id), user(member)), None)
        }
        Operation::AddUser { account: id, user: added, role } => {
            let body = json!({"userId": user(added), "role": role});
            (Method::POST, format!("{}/users", account(id)), Some(body))
        }
        Operation::ChangeRole { account: id, user: of, role, .. } => {
            let path = format!("{}/users/{}", account(id), user(of));
            (Method::PATCH, path, Some(json!({"role": role})))
        }
        Operation::Revoke { account: id, user: of, .. } => {
            (Method::DELETE, format!("{}/users/{}", account(id), user(of)), None)
        }
        Operation::Ask { account, users, role, message } => {
            let ids: Vec<_> = users.iter().map(user).collect();
            let body = json!({
                "accountId": names.account(*account),
                "userIds": ids,
                "role": role,
                "message": text(*message),
            });
            (Method::POST, "/access-requests".into(), Some(body))
        }
        Operation::Decide { request, accept, .. } => {
            let word = if *accept { "accept" } else { "decline" };
            let path = format!("/access-requests/{}/{word}", names.request(*request));
            (Method::POST, path, None)
        }
        Operation::LogIn { account: id } => (Method::GET, format!("{}/secrets", account(id)), None),
        Operation::RemoveUser { user: removed, .. } => {
            (Method::DELETE, format!("/users/{}", user(removed)), None)
        }
        Operation::Look { partnership: id } => (Method::GET, partnership(id), None),
        Operation::Follow => (Method::GET, "/changes".into(), None),
        Operation::SetRole { .. } | Operation::Join { .. } => (Method::GET, String::new(), None),
    }
}

impl Seen {
    /// The id of what was made.
    pub fn id<T: std::str::FromStr>(&self) -> Result<T, Wrong> {
        let id = self.body["data"]["id"].as_str().and_then(|id| id.parse().ok());
        id.ok_or_else(|| Wrong("the id of what was made".into()))
    }

    /// Whether the answer tells the version of what it holds.
    pub fn has_etag(&self, version: i64) -> Result<(), Wrong> {
        let expected = format!("\"{version}\"");
        if self.etag.as_deref() == Some(&expected) {
            Ok(())
        } else {
            Err(Wrong(format!("the ETag is {:?} instead of {expected}", self.etag)))
        }
    }
}
