use entente_cache::{
    HistoryRecord, Intent, IntentAction, PartnershipRecord, PersonRecord, WorkspaceRecord,
};
use entente_domain::{Side, StateName, Timestamp};
use serde::{Deserialize, Serialize};
use specta::Type;

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PartnershipRow {
    /// Its id.
    pub id: String,
    /// The other workspace's name.
    pub name: String,
    /// Which end of it this person's workspace is: `host` or `guest`.
    pub side: String,
    /// Where it stands, in the API's word.
    pub state: String,
    /// How it is coloured.
    pub tone: Tone,
    /// Whom the sender knows at the guest.
    pub partner_email: String,
    /// When it last changed.
    pub updated_at: String,
    /// Since when it awaits somebody.
    pub awaiting_since: Option<String>,
    /// Until when.
    pub expires_at: Option<String>,
    /// Whether it waits for this person.
    pub awaiting_me: bool,
}

/// The meaning of a state for this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// They can decide.
    WaitsForYou,
    /// Somebody else can.
    WaitsForThem,
    /// It is active.
    Active,
    /// It came to nothing.
    Closed,
    /// Somebody said no.
    Error,
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Deserialize, Type)]
pub struct PartnershipQuery {
    /// Words to find.
    pub search: String,
    /// Only this end: `host` or `guest`.
    pub side: Option<String>,
    /// Only these states; empty means all.
    pub states: Vec<String>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// A part of a list.
#[derive(Debug, Clone, Serialize, Type)]
pub struct PartnershipPage {
    /// Its rows.
    pub rows: Vec<PartnershipRow>,
    /// How many rows the whole list has.
    pub total: u32,
    /// Whether a search found more than the list has, because its words are too common.
    pub more: bool,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Person {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct WorkspaceRef {
    /// Its workspace ID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// One of the three steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Step {
    /// Which.
    pub name: StepName,
    /// How far it is.
    pub status: StepStatus,
    /// What there is to say about it.
    pub how: Option<StepHow>,
    /// The person who did it, or the workspace that it waits for.
    pub who: Option<String>,
    /// When it was done.
    pub at: Option<String>,
    /// Until when it waits.
    pub until: Option<String>,
}

/// Which step it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// The request was sent.
    Requested,
    /// The host's Admin approved it.
    Approved,
    /// The guest's Admin accepted it.
    Accepted,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// Done.
    Done,
    /// Somebody's turn.
    Current,
    /// Later.
    Todo,
    /// It ended here.
    Failed,
}

/// What there is to say about a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StepHow {
    /// A person did it.
    Done,
    /// Sending the request was approving it.
    Automatically,
    /// It waits for an Admin of a workspace.
    AwaitsAdmin,
    /// Nobody decided in time.
    Expired,
    /// The request was withdrawn.
    Withdrawn,
    /// Somebody said no.
    Declined,
}

/// One transition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct HistoryEntry {
    /// When.
    pub at: String,
    /// What happened.
    pub what: HistoryKind,
    /// By whom; none if it was the server.
    pub by: Option<Person>,
    /// What they added.
    pub note: Option<String>,
}

/// What happened to a partnership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// The request was sent.
    Sent,
    /// The request was sent, and approved by that.
    SentAndApproved,
    /// A reminder was sent.
    Reminded,
    /// The host's Admin approved.
    Approved,
    /// The request was sent again.
    Resent,
    /// The guest's Admin accepted.
    Accepted,
    /// The host's Admin declined.
    DeclinedByHost,
    /// The guest's Admin declined.
    DeclinedByGuest,
    /// The request was withdrawn.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
    /// The partnership ended.
    Removed,
}

/// A decision that was sent and whose answer is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct PendingDecision {
    /// Which.
    pub action: String,
    /// When it was sent.
    pub since: String,
}

/// Everything about a partnership.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PartnershipDetail {
    /// As in a list.
    pub row: PartnershipRow,
    /// The version that is shown; a decision names it.
    pub version: u32,
    /// The workspace that shares.
    pub host: WorkspaceRef,
    /// The workspace that is shared with.
    pub guest: WorkspaceRef,
    /// Why; for the host side.
    pub reason: Option<String>,
    /// The sender.
    pub requested_by: Person,
    /// The Partnership Owners.
    pub owners: Vec<Person>,
    /// Whether sending it was approving it.
    pub approved_automatically: bool,
    /// When it was sent.
    pub created_at: String,
    /// How many reminders were sent.
    pub reminders_sent: u32,
    /// When the last one was.
    pub last_reminder_at: Option<String>,
    /// When the next one is possible.
    pub next_reminder_at: Option<String>,
    /// Requested, Approved, Accepted.
    pub steps: Vec<Step>,
    /// Every transition, oldest first.
    pub history: Vec<HistoryEntry>,
    /// What the server would let this person do now.
    pub allowed_actions: Vec<String>,
    /// A decision whose answer is not known.
    pub pending: Option<PendingDecision>,
    /// An earlier, closed partnership with the same workspace.
    pub predecessor_id: Option<String>,
}

pub(super) fn text(at: Timestamp) -> String {
    at.to_string()
}

/// A row for the person whose record it is.
pub fn row(record: &PartnershipRecord) -> PartnershipRow {
    PartnershipRow {
        id: record.id.to_string(),
        name: record.partner().name.clone(),
        side: record.side.to_string(),
        state: record.state.to_string(),
        tone: tone(record),
        partner_email: record.partner_email.clone(),
        updated_at: text(record.updated_at),
        awaiting_since: record.awaiting_since.map(text),
        expires_at: record.expires_at.map(text),
        awaiting_me: record.awaits_me(),
    }
}

fn tone(record: &PartnershipRecord) -> Tone {
    match record.state {
        StateName::AwaitingApproval | StateName::AwaitingAcceptance => {
            if record.awaits_me() {
                Tone::WaitsForYou
            } else {
                Tone::WaitsForThem
            }
        }
        StateName::Active => Tone::Active,
        StateName::DeclinedByHost | StateName::DeclinedByGuest | StateName::Removed => Tone::Error,
        StateName::Withdrawn | StateName::Expired => Tone::Closed,
    }
}

/// Everything about a partnership; `unsettled` are the profile's decisions without an answer.
pub fn detail(record: &PartnershipRecord, unsettled: &[Intent]) -> PartnershipDetail {
    PartnershipDetail {
        row: row(record),
        version: u32::try_from(record.version).unwrap_or(u32::MAX),
        host: workspace(&record.host),
        guest: workspace(&record.guest),
        reason: record.reason.clone(),
        requested_by: person(&record.requested_by),
        owners: record.owners.iter().map(person).collect(),
        approved_automatically: record.approved_automatically,
        created_at: text(record.created_at),
        reminders_sent: record.reminders_sent,
        last_reminder_at: record.last_reminder_at.map(text),
        next_reminder_at: record.next_reminder_at.map(text),
        steps: steps(record),
        history: record.history.iter().map(|entry| history(record, entry)).collect(),
        allowed_actions: record.allowed_actions.clone(),
        pending: unsettled.iter().find_map(|intent| match &intent.action {
            IntentAction::Act { action, partnership, .. } if *partnership == record.id => {
                Some(PendingDecision { action: action.to_string(), since: text(intent.at) })
            }
            IntentAction::Act { .. } | IntentAction::Request | IntentAction::Write { .. } => None,
        }),
        predecessor_id: record.predecessor.map(|id| id.to_string()),
    }
}

pub(super) fn workspace(workspace: &WorkspaceRecord) -> WorkspaceRef {
    WorkspaceRef { id: workspace.id.to_string(), name: workspace.name.clone() }
}

pub(super) fn person(person: &PersonRecord) -> Person {
    Person { id: person.id.to_string(), name: person.name.clone(), email: person.email.clone() }
}

fn history(record: &PartnershipRecord, entry: &HistoryRecord) -> HistoryEntry {
    let what = match (entry.from, entry.to) {
        // The guest's history begins with the approval, whatever came before it.
        (None, StateName::AwaitingAcceptance) if record.side == Side::Host => {
            HistoryKind::SentAndApproved
        }
        (None, _) => HistoryKind::Sent,
        (Some(from), to) if from == to => HistoryKind::Reminded,
        (Some(StateName::AwaitingApproval), StateName::AwaitingAcceptance) => HistoryKind::Approved,
        (Some(_), StateName::AwaitingApproval | StateName::AwaitingAcceptance) => {
            HistoryKind::Resent
        }
        (Some(_), StateName::Active) => HistoryKind::Accepted,
        (Some(_), StateName::DeclinedByHost) => HistoryKind::DeclinedByHost,
        (Some(_), StateName::DeclinedByGuest) => HistoryKind::DeclinedByGuest,
        (Some(_), StateName::Withdrawn) => HistoryKind::Withdrawn,
        (Some(_), StateName::Expired) => HistoryKind::Expired,
        (Some(_), StateName::Removed) => HistoryKind::Removed,
    };
    HistoryEntry {
        at: text(entry.at),
        what,
        by: entry.by.as_ref().map(person),
        note: entry.note.clone(),
    }
}

/// Requested, Approved, Accepted: who and when, whose turn, or where it ended.
fn steps(record: &PartnershipRecord) -> Vec<Step> {
    let find = |to| record.history.iter().rev().find(|entry| entry.to == to);
    let approval = record.history.iter().find(|entry| entry.to == StateName::AwaitingAcceptance);
    let todo =
        |name| Step { name, status: StepStatus::Todo, how: None, who: None, at: None, until: None };
    let by = |entry: Option<&HistoryRecord>| {
        entry.and_then(|entry| entry.by.as_ref()).map(|by| by.name.clone())
    };
    let done = |name, entry: Option<&HistoryRecord>| Step {
        status: StepStatus::Done,
        how: Some(StepHow::Done),
        who: by(entry),
        at: entry.map(|entry| text(entry.at)),
        ..todo(name)
    };
    let current = |name, workspace: &WorkspaceRecord| Step {
        status: StepStatus::Current,
        how: Some(StepHow::AwaitsAdmin),
        who: Some(workspace.name.clone()),
        until: record.expires_at.map(text),
        ..todo(name)
    };
    let ended = |name| {
        let entry = find(record.state);
        Step {
            status: StepStatus::Failed,
            how: Some(match record.state {
                StateName::Expired => StepHow::Expired,
                StateName::Withdrawn => StepHow::Withdrawn,
                StateName::AwaitingApproval
                | StateName::AwaitingAcceptance
                | StateName::Active
                | StateName::DeclinedByHost
                | StateName::DeclinedByGuest
                | StateName::Removed => StepHow::Declined,
            }),
            who: by(entry),
            at: entry.map(|entry| text(entry.at)),
            ..todo(name)
        }
    };
    let requested = Step {
        status: StepStatus::Done,
        how: Some(StepHow::Done),
        who: Some(record.requested_by.name.clone()),
        at: Some(text(record.created_at)),
        ..todo(StepName::Requested)
    };
    let approved = match (record.state, approval) {
        (_, Some(_)) if record.approved_automatically => Step {
            how: Some(StepHow::Automatically),
            who: None,
            ..done(StepName::Approved, approval)
        },
        (_, Some(_)) => done(StepName::Approved, approval),
        (StateName::AwaitingApproval, None) => current(StepName::Approved, &record.host),
        (_, None) => ended(StepName::Approved),
    };
    let accepted = match (record.state, approval) {
        (StateName::Active | StateName::Removed, _) => {
            done(StepName::Accepted, find(StateName::Active))
        }
        (StateName::AwaitingAcceptance, _) => current(StepName::Accepted, &record.guest),
        (_, Some(_)) => ended(StepName::Accepted),
        (_, None) => todo(StepName::Accepted),
    };
    vec![requested, approved, accepted]
}

#[cfg(test)]
mod tests {
    use entente_domain::Timestamp;

    use super::*;

    fn record(state: StateName, history: &[(Option<StateName>, StateName)]) -> PartnershipRecord {
        let id = "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e";
        let at = Timestamp::from_unix_millis(1_790_000_000_000).expect("a time");
        let person = PersonRecord {
            id: id.parse().expect("an id"),
            name: "Ana Lima".into(),
            email: "ana@globex.example".into(),
        };
        let workspace =
            |name: &str| WorkspaceRecord { id: id.parse().expect("an id"), name: name.into() };
        PartnershipRecord {
            id: id.parse().expect("an id"),
            version: 1,
            side: Side::Host,
            state,
            host: workspace("Globex"),
            guest: workspace("Initech"),
            partner_email: "pat@initech.example".into(),
            reason: None,
            requested_by: person.clone(),
            owners: Vec::new(),
            approved_automatically: false,
            created_at: at,
            updated_at: at,
            awaiting_since: None,
            expires_at: None,
            reminders_sent: 0,
            last_reminder_at: None,
            next_reminder_at: None,
            predecessor: None,
            history: history
                .iter()
                .map(|(from, to)| HistoryRecord {
                    at,
                    from: *from,
                    to: *to,
                    by: Some(person.clone()),
                    note: None,
                })
                .collect(),
            allowed_actions: Vec::new(),
        }
    }

    #[test]
    fn the_three_steps_say_whose_turn_it_is_or_where_it_ended() {
        use StateName::*;
        use StepStatus::{Current, Done, Failed, Todo};
        let sent = (None, AwaitingApproval);
        let approved = (Some(AwaitingApproval), AwaitingAcceptance);
        for (state, history, expected) in [
            (AwaitingApproval, vec![sent], [Done, Current, Todo]),
            (AwaitingAcceptance, vec![sent, approved], [Done, Done, Current]),
            (Active, vec![sent, approved, (Some(AwaitingAcceptance), Active)], [Done, Done, Done]),
            (
                DeclinedByHost,
                vec![sent, (Some(AwaitingApproval), DeclinedByHost)],
                [Done, Failed, Todo],
            ),
            (
                DeclinedByGuest,
                vec![sent, approved, (Some(AwaitingAcceptance), DeclinedByGuest)],
                [Done, Done, Failed],
            ),
            (Expired, vec![sent, (Some(AwaitingApproval), Expired)], [Done, Failed, Todo]),
            (
                Withdrawn,
                vec![sent, approved, (Some(AwaitingAcceptance), Withdrawn)],
                [Done, Done, Failed],
            ),
            (
                Removed,
                vec![sent, approved, (Some(AwaitingAcceptance), Active), (Some(Active), Removed)],
                [Done, Done, Done],
            ),
        ] {
            let statuses: Vec<_> =
                steps(&record(state, &history)).iter().map(|s| s.status).collect();
            assert_eq!(statuses, expected, "{state}");
        }
    }
}
