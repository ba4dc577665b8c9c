use entente_domain::{PartnershipId, StateName, UserId, WorkspaceId};
use sqlx::{Row as _, SqlitePool, sqlite::SqliteRow};

use crate::CacheError;

/// What is known of a partner, for telling whether somebody is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPartner {
    /// Through which partnership.
    pub id: PartnershipId,
    /// The other workspace.
    pub partner: WorkspaceId,
    /// Its name.
    pub name: String,
    /// The mail address that speaks for it: whom the host named, or who asked the guest.
    pub email: String,
    /// Where the partnership stands.
    pub state: StateName,
    /// Who sent the request.
    pub sender: UserId,
}

/// All partners, in no order.
pub(crate) async fn partners(pool: &SqlitePool) -> Result<Vec<KnownPartner>, CacheError> {
    let rows = sqlx::query(
        "SELECT id, partner_id, doc ->> '$.state' AS state, \
         doc ->> '$.requested_by.id' AS sender, \
         CASE doc ->> '$.side' WHEN 'host' THEN doc ->> '$.guest.name' \
         ELSE doc ->> '$.host.name' END AS name, \
         CASE doc ->> '$.side' WHEN 'host' THEN doc ->> '$.partner_email' \
         ELSE doc ->> '$.requested_by.email' END AS email FROM partnerships",
    )
    .fetch_all(pool)
    .await?;
    rows.iter().map(partner).collect()
}

fn partner(row: &SqliteRow) -> Result<KnownPartner, CacheError> {
    Ok(KnownPartner {
        id: parsed(row, "id")?,
        partner: parsed(row, "partner_id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        state: parsed(row, "state")?,
        sender: parsed(row, "sender")?,
    })
}

fn parsed<T: std::str::FromStr>(row: &SqliteRow, column: &str) -> Result<T, CacheError> {
    let text: &str = row.try_get(column)?;
    let odd = || sqlx::Error::Protocol(format!("a partnership has an odd {column}"));
    Ok(text.parse().map_err(|_| odd())?)
}
