//! What one of the people sees: the documents, as far as the rules say what is in them.

use std::collections::BTreeMap;

use entente_domain::{
    AccessRequestId, AccountId, PartnershipId, RequestState, StateName, Timestamp, UserId,
};
use serde_json::{Value, json};

use super::{
    Moment, Partnership, Reference, Wrong,
    partnerships::{is_open, is_waiting},
};

/// What somebody sees of a resource: what its document has to hold, or nothing at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight(pub Option<Value>);

impl Sight {
    /// Compares it with a document; null stands for none.
    pub fn is_in(&self, document: &Value) -> Result<(), Wrong> {
        match &self.0 {
            Some(expected) => holds(expected, document, ""),
            None if document.is_null() => Ok(()),
            None => Err(Wrong(format!("it is not theirs to see: {document}"))),
        }
    }
}

/// Whether a document holds what is expected; the order of words and of people does not matter.
fn holds(expected: &Value, document: &Value, place: &str) -> Result<(), Wrong> {
    match expected {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            holds(value, &document[name], &format!("{place}/{name}"))
        }),
        Value::Array(expected) => {
            let mut found = document.as_array().cloned().unwrap_or_default();
            if expected.len() != found.len() {
                return Err(Wrong(format!("{place}: {found:?} instead of {expected:?}")));
            }
            let in_order = place.ends_with("/history");
            for (place_of, one) in expected.iter().enumerate() {
                let rest = found.iter().position(|found| holds(one, found, place).is_ok());
                match rest {
                    Some(index) if !in_order || index == 0 => drop(found.remove(index)),
                    _ => return Err(Wrong(format!("{place}/{place_of}: {one} in {found:?}"))),
                }
            }
            Ok(())
        }
        _ if expected == document => Ok(()),
        _ => Err(Wrong(format!("{place}: {document} instead of {expected}"))),
    }
}

fn time(at: Option<Moment>) -> Value {
    let at = at.and_then(|at| Timestamp::from_unix_millis(at).ok());
    at.map_or(Value::Null, |at| json!(at.to_string()))
}

/// What tells a document from others: its type and what it is about.
pub fn key(document: &Value) -> String {
    let attributes = &document["attributes"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match document["type"].as_str().unwrap_or_default() {
        "shared_account" => {
            let (through, account) = (&attributes["partnershipId"], &attributes["accountId"]);
            format!("shared_account {} {}", text(through), text(account))
        }
        "account_user" => {
            let (account, user) = (&attributes["accountId"], &attributes["user"]["id"]);
            format!("account_user {} {}", text(account), text(user))
        }
        kind => format!("{kind} {}", text(&document["id"])),
    }
}

impl Reference {
    /// Everything that somebody sees, by what it is about.
    pub fn sights(&self, who: UserId) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let mut add = |key: String, sight: Sight| {
            if let Some(expected) = sight.0 {
                all.insert(key, expected);
            }
        };
        for id in self.partnerships.keys() {
            add(format!("partnership {id}"), self.sight_of_partnership(*id, who));
        }
        for id in self.users.keys() {
            add(format!("user {id}"), self.sight_of_user(*id, who));
        }
        for id in self.accounts.keys() {
            add(format!("account {id}"), self.sight_of_account(*id, who));
        }
        for place in self.shares.keys() {
            let key = format!("shared_account {} {}", place.0, place.1);
            add(key, self.sight_of_share(*place, who));
        }
        for place in self.grants.keys() {
            let key = format!("account_user {} {}", place.0, place.1);
            add(key, self.sight_of_grant(*place, who));
        }
        for id in self.requests.keys() {
            add(format!("access_request {id}"), self.sight_of_request(*id, who));
        }
        all
    }

    pub fn sight_of_partnership(&self, id: PartnershipId, who: UserId) -> Sight {
        let found = self.partnerships.get(&id).filter(|found| self.sees(who, found));
        let Some(partnership) = found else { return Sight(None) };
        let host = self.is_live_in(who, partnership.host);
        let mut words: Vec<String> =
            self.actions(who, partnership).iter().map(ToString::to_string).collect();
        let owner = host && partnership.owners.contains(&who);
        let admin = self.is_admin_of(who, partnership.host);
        let active = partnership.state == StateName::Active;
        if owner && active {
            words.push("share_accounts".into());
        }
        if (owner || admin) && active {
            words.push("see_members".into());
        }
        if admin && is_open(partnership.state) {
            words.push("name_owner".into());
            if partnership.owners.len() > 1 {
                words.push("dismiss_owner".into());
            }
        }
        let owners: Vec<Value> =
            partnership.owners.iter().map(|owner| json!({"id": owner})).collect();
        let waiting = is_waiting(partnership.state);
        let next_reminder = partnership.next_reminder_at().filter(|_| waiting);
        Sight(Some(json!({
            "id": id,
            "type": "partnership",
            "attributes": {
                "version": partnership.version,
                "side": if host { "host" } else { "guest" },
                "state": partnership.state,
                "host": {"id": partnership.host},
                "guest": {"id": partnership.guest},
                // What the host's user wrote is for the host.
                "reason": partnership.reason.as_ref().filter(|_| host),
                "requestedBy": {"id": partnership.sender},
                "owners": owners,
                "approvedAutomatically": partnership.approval.is_some_and(|(_, _, auto)| auto),
                "createdAt": time(Some(partnership.created_at)),
                "updatedAt": time(Some(partnership.updated_at)),
                "awaitingSince": time(partnership.since),
                "expiresAt": time(partnership.expires_at()),
                "remindersSent": partnership.reminders,
                "lastReminderAt": time(partnership.reminded_at),
                "nextReminderAt": time(next_reminder),
                "predecessorId": partnership.predecessor.filter(|_| host),
                "history": history(partnership, host),
            },
            "meta": {"allowedActions": words},
        })))
    }

    fn sight_of_user(&self, id: UserId, who: UserId) -> Sight {
        let Some(user) = self.user(id).filter(|_| self.sees_member(who, id)) else {
            return Sight(None);
        };
        let words: Vec<&str> =
            self.removes_member(who, id).then_some("remove").into_iter().collect();
        Sight(Some(json!({
            "id": id,
            "type": "user",
            "attributes": {"version": user.version, "role": user.role, "status": user.status},
            "meta": {"allowedActions": words},
        })))
    }

    fn sight_of_account(&self, id: AccountId, who: UserId) -> Sight {
        let found = self.accounts.get(&id).filter(|_| self.sees_account(who, id));
        let Some(account) = found else { return Sight(None) };
        let own = self.grants.get(&(id, who));
        let through = own.and_then(|own| own.through);
        let mut words = Vec::new();
        if self.logs_in(who, id) {
            words.push("log_in");
        }
        if self.asks_through(who, id).is_some() {
            words.push("request_access");
        }
        if self.governs(who, id) {
            words.push("add_user");
        }
        let owners: Vec<Value> = self.owners(id).iter().map(|owner| json!({"id": owner})).collect();
        Sight(Some(json!({
            "id": id,
            "type": "account",
            "attributes": {
                "version": account.version,
                "workspace": {"id": account.workspace},
                "role": own.map(|own| own.role),
                "via": through.map_or(Value::Null, |_| json!({"id": account.workspace})),
                "partnershipId": through,
                "owners": owners,
                "lastLoginDate": time(account.last_login),
            },
            "meta": {"allowedActions": words},
        })))
    }

    pub fn sight_of_share(&self, place: (PartnershipId, AccountId), who: UserId) -> Sight {
        let Some(share) = self.shares.get(&place).filter(|_| self.sees_share(who, place)) else {
            return Sight(None);
        };
        let words: Vec<&str> =
            self.unshares(who, place.0).then_some("remove").into_iter().collect();
        let owners: Vec<Value> =
            self.owners(place.1).iter().map(|owner| json!({"id": owner})).collect();
        Sight(Some(json!({
            "type": "shared_account",
            "attributes": {
                "partnershipId": place.0,
                "accountId": place.1,
                "owners": owners,
                "sharedBy": {"id": share.by},
                "role": share.role,
                "sharedAt": time(Some(share.at)),
            },
            "meta": {"allowedActions": words},
        })))
    }

    pub fn sight_of_grant(&self, place: (AccountId, UserId), who: UserId) -> Sight {
        let sees = self.sees_grant(who, place);
        Sight(sees.then(|| self.grant_document(place, who)).flatten())
    }

    /// A role as somebody is told of it who has just given or changed it, whether they see it any
    /// more or not.
    pub fn grant_document(&self, place: (AccountId, UserId), who: UserId) -> Option<Value> {
        let grant = self.grants.get(&place)?;
        let (changes, removes) = self.alters(who, place);
        let words = [(changes, "change_role"), (removes, "remove")];
        let words: Vec<&str> =
            words.into_iter().filter(|(may, _)| *may).map(|(_, word)| word).collect();
        Some(json!({
            "type": "account_user",
            "attributes": {
                "version": grant.version,
                "accountId": place.0,
                "user": {"id": place.1},
                "isGuest": grant.through.is_some(),
                "partnershipId": grant.through,
                "role": grant.role,
                "createdAt": time(Some(grant.since)),
            },
            "meta": {"allowedActions": words},
        }))
    }

    pub fn sight_of_request(&self, id: AccessRequestId, who: UserId) -> Sight {
        let found = self.requests.get(&id).filter(|found| self.sees_request(who, found));
        let Some(request) = found else { return Sight(None) };
        let decides = request.state == RequestState::Pending && self.governs(who, request.account);
        let words: &[&str] = if decides { &["accept", "decline"] } else { &[] };
        Sight(Some(json!({
            "id": id,
            "type": "access_request",
            "attributes": {
                "version": request.version,
                "state": request.state,
                "partnershipId": request.partnership,
                "accountId": request.account,
                "member": {"id": request.member},
                "role": request.role,
                "requestedBy": {"id": request.by},
                "message": request.message,
                "decidedBy": request.decided_by.map_or(Value::Null, |by| json!({"id": by})),
                "decidedAt": time(request.decided_at),
                "createdAt": time(Some(request.at)),
            },
            "meta": {"allowedActions": words},
        })))
    }
}

/// Every transition that somebody may know of: a guest, from the host's approval on.
fn history(partnership: &Partnership, host: bool) -> Vec<Value> {
    let asked = |to: StateName| to == StateName::AwaitingAcceptance;
    let known = partnership.history.iter().skip_while(|one| !host && !asked(one.to));
    known
        .map(|one| {
            let by = match one.by {
                Some(by) => json!({"kind": "user", "id": by}),
                None => json!({"kind": "system"}),
            };
            json!({
                "at": time(Some(one.at)), "from": one.from, "to": one.to, "by": by, "note": one.note,
            })
        })
        .collect()
}
