use std::collections::BTreeSet;

use entente_domain::{
    Approval, Awaited, Consent, EmailAddress, Partnership, Reason, Reminders, State, Timestamp,
    UserId, Waiting,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{StoreError, insert::Bound};

pub(super) const SELECT: &str = "SELECT id, host_id, guest_id, partner_email, reason, requested_by, \
     state, awaiting_since, expires_at, awaited, approved_by, approved_at, approved_automatically, \
     consent_by, consent_at, terms_version, terms_hash, reminders_sent, last_reminder_at, \
     predecessor_id, created_at, updated_at, version FROM partnerships WHERE ";

/// A row without its Partnership Owners, who are in a table of their own.
pub(super) fn partnership_row(row: &AnyRow) -> Result<Partnership, StoreError> {
    let id: String = row.try_get("id")?;
    let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("partnerships", &id)(why);
    let text = |column: &str| row.try_get::<String, _>(column);
    let some_text = |column: &str| row.try_get::<Option<String>, _>(column);
    let moment = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = row.try_get(column)?;
        millis.map(Timestamp::from_unix_millis).transpose().map_err(|why| bad(&why))
    };
    let user = |column: &str| -> Result<Option<UserId>, StoreError> {
        some_text(column)?.map(|id| id.parse()).transpose().map_err(|why| bad(&why))
    };

    let waiting = match (moment("awaiting_since")?, moment("expires_at")?) {
        (Some(since), Some(expires_at)) => Some(Waiting { since, expires_at }),
        _ => None,
    };
    let awaited: Option<Awaited> =
        some_text("awaited")?.map(|word| word.parse()).transpose().map_err(|why| bad(&why))?;
    let state = text("state")?.parse().map_err(|why| bad(&why))?;
    let automatic: i64 = row.try_get("approved_automatically")?;
    let approval = match (user("approved_by")?, moment("approved_at")?) {
        (Some(by), Some(at)) => Some(Approval { by, at, automatic: automatic != 0 }),
        _ => None,
    };
    let consent = match (
        user("consent_by")?,
        moment("consent_at")?,
        some_text("terms_version")?,
        some_text("terms_hash")?,
    ) {
        (Some(by), Some(at), Some(terms_version), Some(terms_hash)) => {
            Some(Consent { by, at, terms_version, terms_hash })
        }
        _ => None,
    };
    let sent: i64 = row.try_get("reminders_sent")?;
    Ok(Partnership {
        id: id.parse().map_err(|why| bad(&why))?,
        host: text("host_id")?.parse().map_err(|why| bad(&why))?,
        guest: text("guest_id")?.parse().map_err(|why| bad(&why))?,
        partner_email: EmailAddress::parse(&text("partner_email")?).map_err(|why| bad(&why))?,
        reason: some_text("reason")?
            .map(|reason| Reason::parse(&reason))
            .transpose()
            .map_err(|why| bad(&why))?,
        requested_by: text("requested_by")?.parse().map_err(|why| bad(&why))?,
        owners: BTreeSet::new(),
        approval,
        consent,
        state: State::from_facts(state, waiting, awaited).map_err(|why| bad(&why))?,
        reminders: Reminders {
            sent: u32::try_from(sent).map_err(|why| bad(&why))?,
            last_at: moment("last_reminder_at")?,
        },
        predecessor: some_text("predecessor_id")?
            .map(|id| id.parse())
            .transpose()
            .map_err(|why| bad(&why))?,
        created_at: moment("created_at")?.ok_or_else(|| bad(&"it lacks created_at"))?,
        updated_at: moment("updated_at")?.ok_or_else(|| bad(&"it lacks updated_at"))?,
        version: row.try_get("version")?,
    })
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
