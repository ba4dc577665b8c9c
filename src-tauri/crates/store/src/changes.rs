use std::collections::BTreeSet;

use entente_domain::{Actor, Partnership, PartnershipId, Side, UserId, WorkspaceId};
use sqlx::{Row as _, any::AnyRow};

use crate::{Connection, StoreError};

/// One entry of the change log: which partnership changed, and who could see it before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Its place in commit order.
    pub seq: i64,
    /// What changed.
    pub partnership: PartnershipId,
    host: WorkspaceId,
    guest: WorkspaceId,
    people_before: Option<BTreeSet<UserId>>,
    guest_before: bool,
}

impl ChangeRow {
    /// Whether somebody could see the partnership before this change.
    #[must_use]
    pub fn was_seen_by(&self, actor: &Actor) -> bool {
        let Some(people) = &self.people_before else { return false };
        if actor.workspace == self.host {
            actor.role.is_admin() || people.contains(&actor.user)
        } else {
            actor.workspace == self.guest && self.guest_before && actor.role.is_admin()
        }
    }
}

/// Logs a change, in its transaction. SQLite commits writers one after the other, so that the order
/// of `seq` is the order of commits.
pub async fn record_change(
    connection: &mut Connection,
    before: Option<&Partnership>,
    after: &Partnership,
) -> Result<(), StoreError> {
    let people = before.map(|before| {
        let mut people = before.owners.clone();
        people.insert(before.requested_by);
        people.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    });
    let guest_before = before.is_some_and(|before| before.approval.is_some());
    sqlx::query(
        "INSERT INTO changes (partnership_id, host_id, guest_id, people_before, guest_before) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(after.id.to_string())
    .bind(after.host.to_string())
    .bind(after.guest.to_string())
    .bind(people)
    .bind(i64::from(guest_before))
    .execute(connection)
    .await?;
    Ok(())
}

fn change_row(row: &AnyRow) -> Result<ChangeRow, StoreError> {
    let seq: i64 = row.try_get("seq")?;
    let bad = |why: &dyn std::fmt::Display| StoreError::inconsistent("changes", seq)(why);
    let id = |column: &str| row.try_get::<String, _>(column);
    let people: Option<String> = row.try_get("people_before")?;
    let guest_before: i64 = row.try_get("guest_before")?;
    Ok(ChangeRow {
        seq,
        partnership: id("partnership_id")?.parse().map_err(|why| bad(&why))?,
        host: id("host_id")?.parse().map_err(|why| bad(&why))?,
        guest: id("guest_id")?.parse().map_err(|why| bad(&why))?,
        people_before: people
            .map(|people| people.split_whitespace().map(str::parse).collect())
            .transpose()
            .map_err(|why| bad(&why))?,
        guest_before: guest_before != 0,
    })
}

/// What changed in a workspace's partnerships after `since`, on one side of them, in commit order.
async fn changes_of_side(
    connection: &mut Connection,
    workspace: WorkspaceId,
    side: Side,
    since: i64,
    most: i64,
) -> Result<Vec<ChangeRow>, StoreError> {
    let rows = sqlx::query(match side {
        Side::Host => {
            "SELECT seq, partnership_id, host_id, guest_id, people_before, guest_before FROM changes \
             WHERE host_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
        }
        Side::Guest => {
            "SELECT seq, partnership_id, host_id, guest_id, people_before, guest_before FROM changes \
             WHERE guest_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
        }
    })
    .bind(workspace.to_string())
    .bind(since)
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.iter().map(change_row).collect()
}

/// What changed in a workspace's partnerships after `since`, in commit order, at most `most`.
pub async fn changes_since(
    connection: &mut Connection,
    workspace: WorkspaceId,
    since: i64,
    most: usize,
) -> Result<Vec<ChangeRow>, StoreError> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let mut rows = changes_of_side(connection, workspace, Side::Host, since, limit).await?;
    rows.extend(changes_of_side(connection, workspace, Side::Guest, since, limit).await?);
    rows.sort_by_key(|row| row.seq);
    rows.truncate(most);
    Ok(rows)
}

/// The place of the newest change; 0 if there is none.
pub async fn latest_change(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM changes")
        .fetch_one(connection)
        .await?)
}

/// The place of the oldest change that is kept; 0 if there is none.
pub async fn oldest_change(connection: &mut Connection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COALESCE(MIN(seq), 0) FROM changes")
        .fetch_one(connection)
        .await?)
}
