//! What must hold in every database, whoever wrote to it: one that the server has, or has left behind.

use anyhow::{Context as _, Result, ensure};
use entente_store::Store;
use sqlx::Row as _;

/// What no row may ever be: each statement finds the rows that break one of the invariants.
const NEVER: &[(&str, &str)] = &[
    (
        "1: two open partnerships of one pair",
        "SELECT MIN(id) AS id FROM partnerships \
         WHERE state NOT IN ('declined_by_host', 'withdrawn', 'removed') \
         GROUP BY host_id, guest_id HAVING COUNT(*) > 1",
    ),
    (
        "2: a transition without its one audit entry",
        "SELECT t.partnership_id AS id FROM transitions t GROUP BY t.partnership_id \
         HAVING COUNT(*) <> (SELECT COUNT(*) FROM activities a \
           WHERE a.partnership_id = t.partnership_id AND a.account_id IS NULL \
           AND a.event IN ('partnership_requested', 'partnership_accepted', \
             'partnership_declined', 'partnership_updated', 'partnership_removed') \
           AND a.detail NOT IN ('owner named', 'owner dismissed'))",
    ),
    (
        "3: access before approval and consent, in this order",
        "SELECT id FROM partnerships WHERE state IN ('active', 'removed') \
         AND (approved_at IS NULL OR consent_at IS NULL OR consent_at < approved_at \
           OR terms_version IS NULL OR terms_hash IS NULL)",
    ),
    (
        "5: a guest's role without an active partnership, a shared account, a live member",
        "SELECT g.id AS id FROM grants g LEFT JOIN partnerships p ON p.id = g.partnership_id \
         LEFT JOIN shared_accounts s ON s.partnership_id = g.partnership_id \
           AND s.account_id = g.account_id \
         LEFT JOIN users u ON u.id = g.user_id \
         WHERE g.partnership_id IS NOT NULL AND (p.id IS NULL OR p.state <> 'active' \
           OR s.id IS NULL OR u.status <> 'live' OR u.workspace_id <> p.guest_id \
           OR g.role = 'account_owner')",
    ),
    (
        "5: a role of somebody who was removed",
        "SELECT g.id AS id FROM grants g JOIN users u ON u.id = g.user_id WHERE u.status <> 'live'",
    ),
    (
        "6: an account shared through what is not active",
        "SELECT s.id AS id FROM shared_accounts s JOIN partnerships p ON p.id = s.partnership_id \
         WHERE p.state <> 'active'",
    ),
    (
        "6: an account shared with nobody",
        "SELECT s.id AS id FROM shared_accounts s WHERE NOT EXISTS (SELECT 1 FROM grants g \
         WHERE g.partnership_id = s.partnership_id AND g.account_id = s.account_id)",
    ),
    (
        "6: a pending request whose Manager, member, account or partnership is gone",
        "SELECT r.id AS id FROM access_requests r JOIN partnerships p ON p.id = r.partnership_id \
         JOIN users m ON m.id = r.member_id LEFT JOIN grants g ON g.account_id = r.account_id \
           AND g.user_id = r.requested_by AND g.partnership_id = r.partnership_id \
         WHERE r.state = 'pending' AND (p.state <> 'active' OR m.status <> 'live' \
           OR g.id IS NULL OR g.role <> 'account_manager')",
    ),
    (
        "7: two pending requests for one member and account",
        "SELECT MIN(id) AS id FROM access_requests WHERE state = 'pending' \
         GROUP BY account_id, member_id HAVING COUNT(*) > 1",
    ),
    (
        "10: an owner of a partnership who cannot act",
        "SELECT o.partnership_id AS id FROM partnership_owners o JOIN users u ON u.id = o.user_id \
         WHERE u.status <> 'live'",
    ),
    (
        "11: a place in the history that is not the next one",
        "SELECT partnership_id AS id FROM transitions GROUP BY partnership_id \
         HAVING MIN(position) <> 1 OR COUNT(DISTINCT position) <> COUNT(*)",
    ),
    (
        "2: a mail twice for one cause and recipient",
        "SELECT MIN(id) AS id FROM outbox GROUP BY cause, recipient HAVING COUNT(*) > 1",
    ),
];

/// Looks for rows that break an invariant, in the whole database.
pub async fn never(store: &Store) -> Result<()> {
    let mut connection = store.read().await?;
    for (what, query) in NEVER {
        let rows = sqlx::query(*query).fetch_all(&mut *connection).await.context(*what)?;
        let ids: Vec<String> =
            rows.iter().map(|row| row.try_get("id")).collect::<Result<_, _>>()?;
        ensure!(ids.is_empty(), "invariant {what}: {ids:?}");
    }
    Ok(())
}
