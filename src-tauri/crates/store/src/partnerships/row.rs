use std::collections::BTreeSet;

use entente_domain::{
    Approval, Awaited, Consent, EmailAddress, Partnership, Reason, Reminders, State, Timestamp,
    UserId, Waiting,
};
use serde::Deserialize;

use crate::{StoreError, insert::Bound};

/// In the order of [`Row`].
pub(super) const COLUMNS: &str = "id, host_id, guest_id, partner_email, reason, requested_by, state, \
     awaiting_since, expires_at, awaited, approved_by, approved_at, approved_automatically, \
     consent_by, consent_at, terms_version, terms_hash, reminders_sent, last_reminder_at, \
     predecessor_id, created_at, updated_at, version";

/// A row without its Partnership Owners, who are in a table of their own.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    id: String,
    host: String,
    guest: String,
    partner_email: String,
    reason: Option<String>,
    requested_by: String,
    state: String,
    awaiting_since: Option<i64>,
    expires_at: Option<i64>,
    awaited: Option<String>,
    approved_by: Option<String>,
    approved_at: Option<i64>,
    approved_automatically: i64,
    consent_by: Option<String>,
    consent_at: Option<i64>,
    terms_version: Option<String>,
    terms_hash: Option<String>,
    reminders_sent: i64,
    last_reminder_at: Option<i64>,
    predecessor: Option<String>,
    created_at: i64,
    updated_at: i64,
    version: i64,
}

impl Row {
    pub(super) fn partnership(self) -> Result<Partnership, StoreError> {
        let id = self.id;
        let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("partnerships", &id)(why);
        let moment = |millis: i64| Timestamp::from_unix_millis(millis).map_err(|why| bad(&why));
        let some_moment = |millis: Option<i64>| millis.map(moment).transpose();
        let user = |id: Option<String>| -> Result<Option<UserId>, StoreError> {
            id.map(|id| id.parse()).transpose().map_err(|why| bad(&why))
        };

        let waiting = match (some_moment(self.awaiting_since)?, some_moment(self.expires_at)?) {
            (Some(since), Some(expires_at)) => Some(Waiting { since, expires_at }),
            _ => None,
        };
        let awaited: Option<Awaited> =
            self.awaited.map(|word| word.parse()).transpose().map_err(|why| bad(&why))?;
        let state = self.state.parse().map_err(|why| bad(&why))?;
        let approval = match (user(self.approved_by)?, some_moment(self.approved_at)?) {
            (Some(by), Some(at)) => {
                Some(Approval { by, at, automatic: self.approved_automatically != 0 })
            }
            _ => None,
        };
        let consent = match (
            user(self.consent_by)?,
            some_moment(self.consent_at)?,
            self.terms_version,
            self.terms_hash,
        ) {
            (Some(by), Some(at), Some(terms_version), Some(terms_hash)) => {
                Some(Consent { by, at, terms_version, terms_hash })
            }
            _ => None,
        };
        Ok(Partnership {
            id: id.parse().map_err(|why| bad(&why))?,
            host: self.host.parse().map_err(|why| bad(&why))?,
            guest: self.guest.parse().map_err(|why| bad(&why))?,
            partner_email: EmailAddress::parse(&self.partner_email).map_err(|why| bad(&why))?,
            reason: self
                .reason
                .map(|reason| Reason::parse(&reason))
                .transpose()
                .map_err(|why| bad(&why))?,
            requested_by: self.requested_by.parse().map_err(|why| bad(&why))?,
            owners: BTreeSet::new(),
            approval,
            consent,
            state: State::from_facts(state, waiting, awaited).map_err(|why| bad(&why))?,
            reminders: Reminders {
                sent: u32::try_from(self.reminders_sent).map_err(|why| bad(&why))?,
                last_at: some_moment(self.last_reminder_at)?,
            },
            predecessor: self
                .predecessor
                .map(|id| id.parse())
                .transpose()
                .map_err(|why| bad(&why))?,
            created_at: moment(self.created_at)?,
            updated_at: moment(self.updated_at)?,
            version: self.version,
        })
    }
}

/// The columns that transitions change, in the order of both statements that write them.
pub(super) struct Values {
    state: &'static str,
    holds_pair: bool,
    waiting: Option<Waiting>,
    awaited: Option<&'static str>,
    approval: Option<Approval>,
    consent: Option<Consent>,
    reminders: Reminders,
    updated_at: Timestamp,
    version: i64,
}

impl Values {
    pub(super) fn of(partnership: &Partnership) -> Self {
        let name = partnership.state.name();
        Self {
            state: name.as_str(),
            holds_pair: name.holds_pair(),
            waiting: partnership.state.waiting(),
            awaited: match partnership.state {
                State::Expired(awaited) => Some(awaited.as_str()),
                State::AwaitingApproval(_)
                | State::AwaitingAcceptance(_)
                | State::Active
                | State::DeclinedByHost
                | State::DeclinedByGuest
                | State::Withdrawn
                | State::Removed => None,
            },
            approval: partnership.approval,
            consent: partnership.consent.clone(),
            reminders: partnership.reminders,
            updated_at: partnership.updated_at,
            version: partnership.version,
        }
    }

    /// Binds `$1` to `$16`.
    pub(super) fn bind(self, query: Bound) -> Bound {
        let (consent_by, consent_at, version, hash) = match self.consent {
            Some(consent) => (
                Some(consent.by.to_string()),
                Some(consent.at.unix_millis()),
                Some(consent.terms_version),
                Some(consent.terms_hash),
            ),
            None => (None, None, None, None),
        };
        query
            .bind(self.state)
            .bind(i64::from(self.holds_pair))
            .bind(self.waiting.map(|waiting| waiting.since.unix_millis()))
            .bind(self.waiting.map(|waiting| waiting.expires_at.unix_millis()))
            .bind(self.awaited)
            .bind(self.approval.map(|approval| approval.by.to_string()))
            .bind(self.approval.map(|approval| approval.at.unix_millis()))
            .bind(i64::from(self.approval.is_some_and(|approval| approval.automatic)))
            .bind(consent_by)
            .bind(consent_at)
            .bind(version)
            .bind(hash)
            .bind(i64::from(self.reminders.sent))
            .bind(self.reminders.last_at.map(Timestamp::unix_millis))
            .bind(self.updated_at.unix_millis())
            .bind(self.version)
    }
}
