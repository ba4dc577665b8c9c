mod list;
mod row;

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{
    Initiator, Partnership, PartnershipId, State, StateName, Step, Timestamp, Transition, UserId,
    WorkspaceId,
};

use crate::{
    Audience, Connection, Event, NewActivity, Origin, ResourceKind, StoreError,
    activities::record_activities,
    insert::{Bound, insert},
    people::folded,
    record_activity, record_change,
    sql::rows_in,
};

pub use list::{ListFilter, ListPosition, Sort, list_partnerships, snapshot_page, visible_count};
use row::Row;

/// A recorded transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitionRow {
    /// From which state.
    pub from: Option<StateName>,
    /// To which state.
    pub to: StateName,
    /// By whom; none if it was the server.
    pub actor: Option<UserId>,
    /// When.
    pub at: Timestamp,
    /// What they added.
    pub note: Option<String>,
}

/// One partnership, if there is such a one.
pub async fn get_partnership(
    connection: &mut Connection,
    id: PartnershipId,
) -> Result<Option<Partnership>, StoreError> {
    Ok(partnerships_by_id(connection, [id]).await?.pop())
}

/// Those of the partnerships asked for that there are.
pub async fn partnerships_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = PartnershipId>,
) -> Result<Vec<Partnership>, StoreError> {
    let ids = ids.into_iter().map(|id| id.to_string()).collect();
    let rows: Vec<Row> = rows_in(connection, row::COLUMNS, "partnerships", "id", ids).await?;
    let found = rows.into_iter().map(Row::partnership).collect::<Result<Vec<_>, _>>()?;
    with_owners(connection, found).await
}

async fn with_owners(
    connection: &mut Connection,
    mut found: Vec<Partnership>,
) -> Result<Vec<Partnership>, StoreError> {
    let table = "partnership_owners";
    let (columns, column) = ("partnership_id, user_id", "partnership_id");
    let ids = found.iter().map(|partnership| partnership.id.to_string()).collect();
    let rows: Vec<(String, String)> = rows_in(connection, columns, table, column, ids).await?;
    let mut owners: BTreeMap<PartnershipId, BTreeSet<UserId>> = BTreeMap::new();
    for (partnership, user) in rows {
        let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent(table, &partnership)(why);
        let user = user.parse().map_err(|why| bad(&why))?;
        let partnership = partnership.parse().map_err(|why| bad(&why))?;
        owners.entry(partnership).or_default().insert(user);
    }
    for partnership in &mut found {
        partnership.owners = owners.remove(&partnership.id).unwrap_or_default();
    }
    Ok(found)
}

/// The newest partnership of a pair: the one that holds it, or the last that was closed.
pub async fn newest_of_pair(
    connection: &mut Connection,
    host: WorkspaceId,
    guest: WorkspaceId,
) -> Result<Option<Partnership>, StoreError> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT id FROM partnerships WHERE host_id = $1 AND guest_id = $2 \
         ORDER BY holds_pair DESC, created_at DESC, id DESC LIMIT 1",
    )
    .bind(host.to_string())
    .bind(guest.to_string())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(id) = id else { return Ok(None) };
    let id = id.parse().map_err(|why| StoreError::inconsistent("partnerships", &id)(&why))?;
    get_partnership(connection, id).await
}

/// Partnerships whose deadline has come, the most overdue first.
pub async fn due_partnerships(
    connection: &mut Connection,
    at: Timestamp,
    most: i64,
) -> Result<Vec<Partnership>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM partnerships WHERE expires_at IS NOT NULL AND expires_at <= $1 \
         ORDER BY expires_at LIMIT $2",
    )
    .bind(at.unix_millis())
    .bind(most)
    .fetch_all(&mut *connection)
    .await?;
    let ids = ids
        .iter()
        .map(|id| id.parse().map_err(|why| StoreError::inconsistent("partnerships", id)(&why)))
        .collect::<Result<Vec<PartnershipId>, _>>()?;
    partnerships_by_id(connection, ids).await
}

const PARTNERSHIPS: &str = "INSERT INTO partnerships (state, holds_pair, awaiting_since, \
     expires_at, awaited, approved_by, approved_at, approved_automatically, consent_by, consent_at, \
     terms_version, terms_hash, reminders_sent, last_reminder_at, updated_at, version, id, host_id, \
     guest_id, partner_email, reason, requested_by, predecessor_id, created_at, folded_email)";

fn bind_partnership(query: Bound, partnership: &Partnership) -> Bound {
    row::Values::of(partnership)
        .bind(query)
        .bind(partnership.id.to_string())
        .bind(partnership.host.to_string())
        .bind(partnership.guest.to_string())
        .bind(partnership.partner_email.as_str())
        .bind(partnership.reason.as_ref().map(|reason| reason.as_str()))
        .bind(partnership.requested_by.to_string())
        .bind(partnership.predecessor.map(|id| id.to_string()))
        .bind(partnership.created_at.unix_millis())
        .bind(folded(partnership.partner_email.as_str()))
}

/// Adds a partnership with its first transition, its audit entry and its change.
pub async fn insert_partnership(
    connection: &mut Connection,
    step: &Step,
    origin: &Origin,
) -> Result<(), StoreError> {
    let partnership = &step.partnership;
    insert(connection, PARTNERSHIPS, &[partnership], |query, row| bind_partnership(query, row))
        .await
        .map_err(|error| match error.as_database_error() {
            Some(database) if database.is_unique_violation() => StoreError::PairTaken,
            _ => error.into(),
        })?;
    for owner in &partnership.owners {
        insert_owner(connection, partnership.id, *owner).await?;
    }
    record_step(connection, step, origin).await?;
    changed(connection, None, partnership).await
}

/// Adds many partnerships as their transitions would have left them, each from its request on: rows,
/// Partnership Owners, history and audit. They are not in the change log: who read before reads anew.
pub async fn insert_histories(
    connection: &mut Connection,
    histories: &[Vec<Step>],
    origin: &Origin,
) -> Result<(), StoreError> {
    let last: Vec<&Partnership> =
        histories.iter().filter_map(|steps| steps.last()).map(|step| &step.partnership).collect();
    insert(connection, PARTNERSHIPS, &last, |query, row| bind_partnership(query, row)).await?;
    let owners: Vec<(PartnershipId, UserId)> = last
        .iter()
        .flat_map(|partnership| partnership.owners.iter().map(|owner| (partnership.id, *owner)))
        .collect();
    insert(connection, OWNERS, &owners, |query, row| bind_owner(query, *row)).await?;
    let steps: Vec<&Step> = histories.iter().flatten().collect();
    insert(connection, TRANSITIONS, &steps, |query, step| bind_transition(query, step)).await?;
    let activities: Vec<NewActivity<'_>> = steps.iter().map(|step| activity(step)).collect();
    record_activities(connection, &activities, origin).await
}

/// Saves a transition: compares the version and sets the row, adds the history, the audit entry and
/// the change.
pub async fn save_step(
    connection: &mut Connection,
    before: &Partnership,
    step: &Step,
    origin: &Origin,
) -> Result<(), StoreError> {
    let query = sqlx::query(
        "UPDATE partnerships SET state = $1, holds_pair = $2, awaiting_since = $3, expires_at = $4, \
         awaited = $5, approved_by = $6, approved_at = $7, approved_automatically = $8, \
         consent_by = $9, consent_at = $10, terms_version = $11, terms_hash = $12, \
         reminders_sent = $13, last_reminder_at = $14, updated_at = $15, version = $16 \
         WHERE id = $17 AND version = $18",
    );
    let done = row::Values::of(&step.partnership)
        .bind(query)
        .bind(before.id.to_string())
        .bind(before.version)
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Changed(before.id));
    }
    record_step(connection, step, origin).await?;
    changed(connection, Some(before), &step.partnership).await
}

async fn changed(
    connection: &mut Connection,
    before: Option<&Partnership>,
    after: &Partnership,
) -> Result<(), StoreError> {
    let seen = before.map(Audience::of_partnership).unwrap_or_default();
    let sees = Audience::of_partnership(after);
    record_change(connection, ResourceKind::Partnership, after.id, &seen, &sees, after.updated_at)
        .await
}

/// Saves other Partnership Owners: compares the version, sets the row, adds the change.
pub async fn save_owners(
    connection: &mut Connection,
    before: &Partnership,
    after: &Partnership,
) -> Result<(), StoreError> {
    let done = sqlx::query(
        "UPDATE partnerships SET updated_at = $1, version = $2 WHERE id = $3 AND version = $4",
    )
    .bind(after.updated_at.unix_millis())
    .bind(after.version)
    .bind(before.id.to_string())
    .bind(before.version)
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() != 1 {
        return Err(StoreError::Changed(before.id));
    }
    for owner in after.owners.difference(&before.owners) {
        insert_owner(connection, after.id, *owner).await?;
    }
    for owner in before.owners.difference(&after.owners) {
        sqlx::query("DELETE FROM partnership_owners WHERE partnership_id = $1 AND user_id = $2")
            .bind(after.id.to_string())
            .bind(owner.to_string())
            .execute(&mut *connection)
            .await?;
    }
    changed(connection, Some(before), after).await
}

const OWNERS: &str = "INSERT INTO partnership_owners (partnership_id, user_id)";

fn bind_owner(query: Bound, (partnership, owner): (PartnershipId, UserId)) -> Bound {
    query.bind(partnership.to_string()).bind(owner.to_string())
}

async fn insert_owner(
    connection: &mut Connection,
    partnership: PartnershipId,
    owner: UserId,
) -> Result<(), StoreError> {
    let row = [(partnership, owner)];
    Ok(insert(connection, OWNERS, &row, |query, row| bind_owner(query, *row)).await?)
}

/// The partnerships that somebody owns.
pub async fn partnerships_owned_by(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<Partnership>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT partnership_id FROM partnership_owners WHERE user_id = $1")
            .bind(user.to_string())
            .fetch_all(&mut *connection)
            .await?;
    let ids = ids
        .iter()
        .map(|id| {
            id.parse().map_err(|why| StoreError::inconsistent("partnership_owners", id)(&why))
        })
        .collect::<Result<Vec<PartnershipId>, _>>()?;
    partnerships_by_id(connection, ids).await
}

const TRANSITIONS: &str =
    "INSERT INTO transitions (partnership_id, position, from_state, to_state, actor_id, at, note)";

fn actor(transition: &Transition) -> Option<UserId> {
    match transition.by {
        Initiator::User(user) => Some(user),
        Initiator::System => None,
    }
}

fn bind_transition(query: Bound, step: &Step) -> Bound {
    let transition = &step.transition;
    // Every transition raises the version by one, so the version is the position.
    query
        .bind(transition.partnership.to_string())
        .bind(step.partnership.version)
        .bind(transition.from.map(StateName::as_str))
        .bind(transition.to.as_str())
        .bind(actor(transition).map(|user| user.to_string()))
        .bind(transition.at.unix_millis())
        .bind(transition.note.as_ref().map(|note| note.as_str().to_owned()))
}

fn activity(step: &Step) -> NewActivity<'static> {
    let Step { partnership, transition } = step;
    let event = match (transition.from, &partnership.state) {
        (None, _) => Event::PartnershipRequested,
        (Some(_), State::Active) => Event::PartnershipAccepted,
        (Some(_), State::DeclinedByHost | State::DeclinedByGuest) => Event::PartnershipDeclined,
        (Some(_), State::Removed) => Event::PartnershipRemoved,
        (
            Some(_),
            State::AwaitingApproval(_)
            | State::AwaitingAcceptance(_)
            | State::Withdrawn
            | State::Expired(_),
        ) => Event::PartnershipUpdated,
    };
    let detail = transition
        .from
        .map_or_else(|| transition.to.to_string(), |from| format!("{from} -> {}", transition.to));
    NewActivity { detail, ..NewActivity::of(event, partnership, actor(transition), transition.at) }
}

async fn record_step(
    connection: &mut Connection,
    step: &Step,
    origin: &Origin,
) -> Result<(), StoreError> {
    insert(connection, TRANSITIONS, &[step], |query, step| bind_transition(query, step)).await?;
    record_activity(connection, &activity(step), origin).await
}

/// The recorded transitions of some partnerships, each oldest first.
pub async fn transitions_of(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = PartnershipId>,
) -> Result<BTreeMap<PartnershipId, Vec<TransitionRow>>, StoreError> {
    type Columns = (String, i64, Option<String>, String, Option<String>, i64, Option<String>);
    let columns = "partnership_id, position, from_state, to_state, actor_id, at, note";
    let ids = ids.into_iter().map(|id| id.to_string()).collect();
    let mut rows: Vec<Columns> =
        rows_in(connection, columns, "transitions", "partnership_id", ids).await?;
    rows.sort_by_key(|(_, position, ..)| *position);
    let mut found: BTreeMap<PartnershipId, Vec<TransitionRow>> = BTreeMap::new();
    for (id, _, from, to, actor, at, note) in rows {
        let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("transitions", &id)(why);
        let transition = TransitionRow {
            from: from.map(|from| from.parse()).transpose().map_err(|why| bad(&why))?,
            to: to.parse().map_err(|why| bad(&why))?,
            actor: actor.map(|actor| actor.parse()).transpose().map_err(|why| bad(&why))?,
            at: Timestamp::from_unix_millis(at).map_err(|why| bad(&why))?,
            note,
        };
        found.entry(id.parse().map_err(|why| bad(&why))?).or_default().push(transition);
    }
    Ok(found)
}

/// Puts what was found into the order in which it was asked for.
fn with_order(
    found: Vec<Partnership>,
    order: Vec<(PartnershipId, String)>,
) -> Vec<(Partnership, String)> {
    let mut by_id: BTreeMap<PartnershipId, Partnership> =
        found.into_iter().map(|partnership| (partnership.id, partnership)).collect();
    order
        .into_iter()
        .filter_map(|(id, value)| by_id.remove(&id).map(|partnership| (partnership, value)))
        .collect()
}
