//! Accounts, roles on them, and which of them are shared.

use std::collections::BTreeMap;

use entente_domain::{
    Account, AccountId, AccountLabel, Actor, ApplicationName, Grant, GrantId, PartnershipId,
    SharedAccount, SharedAccountId, Timestamp, UserId,
};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    Connection, StoreError,
    people::{folded, like},
    read::Read,
    sql::{Statement, count, select_in},
};

const ACCOUNT: &str = "SELECT id, workspace_id, application, label, url, created_by, created_at, \
     updated_at, last_login_at, version FROM accounts WHERE ";
const GRANT: &str = "SELECT id, account_id, host_id, user_id, workspace_id, role, partnership_id, \
     created_at, version FROM grants WHERE ";
const SHARED: &str = "SELECT id, partnership_id, account_id, shared_by, role, shared_at \
     FROM shared_accounts WHERE ";

fn account_row(row: &AnyRow) -> Result<Account, StoreError> {
    let read = Read::new("accounts", row)?;
    Ok(Account {
        id: read.parsed("id")?,
        workspace: read.parsed("workspace_id")?,
        application: read.checked("application", ApplicationName::parse)?,
        label: read.checked("label", AccountLabel::parse)?,
        url: read.text("url")?,
        created_by: read.parsed("created_by")?,
        created_at: read.moment("created_at")?,
        updated_at: read.moment("updated_at")?,
        last_login_at: read.some_moment("last_login_at")?,
        version: read.number("version")?,
    })
}

fn grant_row(row: &AnyRow) -> Result<Grant, StoreError> {
    let read = Read::new("grants", row)?;
    Ok(Grant {
        id: read.parsed("id")?,
        account: read.parsed("account_id")?,
        host: read.parsed("host_id")?,
        user: read.parsed("user_id")?,
        workspace: read.parsed("workspace_id")?,
        role: read.parsed("role")?,
        partnership: read.some_parsed("partnership_id")?,
        created_at: read.moment("created_at")?,
        version: read.number("version")?,
    })
}

fn shared_row(row: &AnyRow) -> Result<SharedAccount, StoreError> {
    let read = Read::new("shared_accounts", row)?;
    Ok(SharedAccount {
        id: read.parsed("id")?,
        partnership: read.parsed("partnership_id")?,
        account: read.parsed("account_id")?,
        shared_by: read.parsed("shared_by")?,
        role: read.parsed("role")?,
        shared_at: read.moment("shared_at")?,
    })
}

/// Adds an account.
pub async fn insert_account(
    connection: &mut Connection,
    account: &Account,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO accounts (id, workspace_id, application, label, url, created_by, created_at, \
         updated_at, last_login_at, version, folded_application, folded_label) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(account.id.to_string())
    .bind(account.workspace.to_string())
    .bind(account.application.as_str())
    .bind(account.label.as_str())
    .bind(&account.url)
    .bind(account.created_by.to_string())
    .bind(account.created_at.unix_millis())
    .bind(account.updated_at.unix_millis())
    .bind(account.last_login_at.map(Timestamp::unix_millis))
    .bind(account.version)
    .bind(folded(account.application.as_str()))
    .bind(folded(account.label.as_str()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes a login to an account.
pub async fn note_login(
    connection: &mut Connection,
    account: AccountId,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE accounts SET last_login_at = $1, version = version + 1 WHERE id = $2")
        .bind(at.unix_millis())
        .bind(account.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Those of the accounts asked for that there are.
pub async fn accounts_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = AccountId>,
) -> Result<BTreeMap<AccountId, Account>, StoreError> {
    let Some(query) =
        select_in(connection, ACCOUNT, "id", ids.into_iter().map(|id| id.to_string()))
    else {
        return Ok(BTreeMap::new());
    };
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| account_row(row).map(|account| (account.id, account))).collect()
}

/// Every role on some accounts.
pub async fn grants_on(
    connection: &mut Connection,
    accounts: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<Grant>, StoreError> {
    grants_where(connection, "account_id", accounts.into_iter().map(|id| id.to_string())).await
}

/// Every role of some users.
pub async fn grants_of(
    connection: &mut Connection,
    users: impl IntoIterator<Item = UserId>,
) -> Result<Vec<Grant>, StoreError> {
    grants_where(connection, "user_id", users.into_iter().map(|id| id.to_string())).await
}

/// Every role that came through a partnership.
pub async fn grants_through(
    connection: &mut Connection,
    partnership: PartnershipId,
) -> Result<Vec<Grant>, StoreError> {
    grants_where(connection, "partnership_id", std::iter::once(partnership.to_string())).await
}

/// Those of the roles asked for that there are.
pub async fn grants_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = GrantId>,
) -> Result<Vec<Grant>, StoreError> {
    grants_where(connection, "id", ids.into_iter().map(|id| id.to_string())).await
}

async fn grants_where(
    connection: &mut Connection,
    column: &'static str,
    values: impl Iterator<Item = String>,
) -> Result<Vec<Grant>, StoreError> {
    let Some(mut query) = select_in(connection, GRANT, column, values) else {
        return Ok(Vec::new());
    };
    query.push(" ORDER BY account_id, created_at, id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(grant_row).collect()
}

/// Adds a role; false if the user has one on the account already.
pub async fn insert_grant(connection: &mut Connection, grant: &Grant) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO grants (id, account_id, host_id, user_id, workspace_id, role, partnership_id, \
         created_at, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (account_id, user_id) DO NOTHING",
    )
    .bind(grant.id.to_string())
    .bind(grant.account.to_string())
    .bind(grant.host.to_string())
    .bind(grant.user.to_string())
    .bind(grant.workspace.to_string())
    .bind(grant.role.as_str())
    .bind(grant.partnership.map(|id| id.to_string()))
    .bind(grant.created_at.unix_millis())
    .bind(grant.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Changes a role; false if it was changed meanwhile.
pub async fn update_grant(
    connection: &mut Connection,
    before: &Grant,
    after: &Grant,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("UPDATE grants SET role = $1, version = $2 WHERE id = $3 AND version = $4")
            .bind(after.role.as_str())
            .bind(after.version)
            .bind(before.id.to_string())
            .bind(before.version)
            .execute(connection)
            .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a role away.
pub async fn delete_grant(connection: &mut Connection, grant: &Grant) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM grants WHERE id = $1")
        .bind(grant.id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds an account to a partnership; false if it is shared there already.
pub async fn insert_shared(
    connection: &mut Connection,
    shared: &SharedAccount,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO shared_accounts (id, partnership_id, account_id, shared_by, role, shared_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (partnership_id, account_id) DO NOTHING",
    )
    .bind(shared.id.to_string())
    .bind(shared.partnership.to_string())
    .bind(shared.account.to_string())
    .bind(shared.shared_by.to_string())
    .bind(shared.role.as_str())
    .bind(shared.shared_at.unix_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an account out of a partnership; its roles there were taken away before.
pub async fn delete_shared(
    connection: &mut Connection,
    shared: &SharedAccount,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM shared_accounts WHERE id = $1")
        .bind(shared.id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The accounts that are shared through some partnerships.
pub async fn shared_through(
    connection: &mut Connection,
    partnerships: impl IntoIterator<Item = PartnershipId>,
) -> Result<Vec<SharedAccount>, StoreError> {
    shared_where(connection, "partnership_id", partnerships.into_iter().map(|id| id.to_string()))
        .await
}

/// Where some accounts are shared.
pub async fn shares_of(
    connection: &mut Connection,
    accounts: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<SharedAccount>, StoreError> {
    shared_where(connection, "account_id", accounts.into_iter().map(|id| id.to_string())).await
}

/// Those of the shared accounts asked for that there are.
pub async fn shared_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = SharedAccountId>,
) -> Result<Vec<SharedAccount>, StoreError> {
    shared_where(connection, "id", ids.into_iter().map(|id| id.to_string())).await
}

async fn shared_where(
    connection: &mut Connection,
    column: &'static str,
    values: impl Iterator<Item = String>,
) -> Result<Vec<SharedAccount>, StoreError> {
    let Some(mut query) = select_in(connection, SHARED, column, values) else {
        return Ok(Vec::new());
    };
    query.push(" ORDER BY shared_at, id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(shared_row).collect()
}

/// What a list of accounts is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only those whose app or label holds this.
    pub search: Option<String>,
    /// Only those where the caller has one of these roles; empty means all.
    pub roles: Vec<entente_domain::AccountRole>,
}

/// The caller's accounts, and those of their workspace that have no Owner, for its Admins.
fn visible_to(query: &mut Statement, actor: &Actor, filter: &AccountFilter) {
    query.push(" FROM accounts a LEFT JOIN grants g ON g.account_id = a.id AND g.user_id = ");
    query.push_bind(actor.user.to_string());
    query.push(" WHERE (g.id IS NOT NULL");
    if actor.role.is_admin() {
        query.push(" OR (a.workspace_id = ").push_bind(actor.workspace.to_string());
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM grants o WHERE o.account_id = a.id \
             AND o.role = 'account_owner'))",
        );
    }
    query.push(")");
    if !filter.roles.is_empty() {
        query
            .push(" AND g.role IN (")
            .push_list(filter.roles.iter().map(|role| role.as_str()))
            .push(")");
    }
    if let Some(search) = &filter.search {
        let pattern = like(search);
        query.push(" AND (a.folded_application LIKE ").push_bind(pattern.clone());
        query.push(" ESCAPE '!' OR a.folded_label LIKE ").push_bind(pattern);
        query.push(" ESCAPE '!')");
    }
}

/// How many accounts a caller may see under a filter.
pub async fn count_accounts(
    connection: &mut Connection,
    actor: &Actor,
    filter: &AccountFilter,
) -> Result<u64, StoreError> {
    count(connection, |query| visible_to(query, actor, filter)).await
}

/// A page of the ids of what a caller may see, by id: after one, or after so many rows.
pub async fn list_accounts(
    connection: &mut Connection,
    actor: &Actor,
    filter: &AccountFilter,
    after: Option<AccountId>,
    offset: u64,
    most: u32,
) -> Result<Vec<AccountId>, StoreError> {
    let mut query = Statement::new("SELECT a.id AS id");
    visible_to(&mut query, actor, filter);
    let query = query.page("a.id", after, offset, most);
    crate::read::ids("accounts", &query.build().fetch_all(connection).await?)
}

/// The roles that a caller may see.
fn visible_grants(query: &mut Statement, actor: &Actor) {
    let user = actor.user.to_string();
    query.push(" FROM grants g WHERE (g.user_id = ");
    query.push_bind(user.clone());
    query.push(
        " OR EXISTS (SELECT 1 FROM grants o WHERE o.account_id = g.account_id AND o.user_id = ",
    );
    query.push_bind(user.clone());
    query.push(
        " AND (o.role = 'account_owner' OR (o.role = 'account_manager' \
         AND o.workspace_id = g.workspace_id)))",
    );
    query.push(
        " OR EXISTS (SELECT 1 FROM partnership_owners p WHERE p.partnership_id = g.partnership_id \
         AND p.user_id = ",
    );
    query.push_bind(user).push(")");
    if actor.role.is_admin() {
        let workspace = actor.workspace.to_string();
        query
            .push(" OR (g.partnership_id IS NOT NULL AND g.host_id = ")
            .push_bind(workspace.clone());
        query.push(") OR (g.host_id = ").push_bind(workspace);
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM grants o WHERE o.account_id = g.account_id \
             AND o.role = 'account_owner'))",
        );
    }
    query.push(")");
}

/// How many roles a caller may see.
pub async fn count_grants(connection: &mut Connection, actor: &Actor) -> Result<u64, StoreError> {
    count(connection, |query| visible_grants(query, actor)).await
}

/// A page of the ids of the roles that a caller may see, by id, for a full snapshot.
pub async fn list_grants(
    connection: &mut Connection,
    actor: &Actor,
    after: Option<GrantId>,
    most: u32,
) -> Result<Vec<GrantId>, StoreError> {
    let mut query = Statement::new("SELECT g.id AS id");
    visible_grants(&mut query, actor);
    let query = query.page("g.id", after, 0, most);
    crate::read::ids("grants", &query.build().fetch_all(connection).await?)
}

/// The shared accounts that a caller may see.
fn visible_shared(query: &mut Statement, actor: &Actor) {
    let user = actor.user.to_string();
    query.push(
        " FROM shared_accounts s LEFT JOIN grants g ON g.account_id = s.account_id \
         AND g.user_id = ",
    );
    query.push_bind(user.clone());
    query.push(" WHERE (g.partnership_id = s.partnership_id");
    if actor.role.is_admin() {
        query.push(" OR g.host_id = ").push_bind(actor.workspace.to_string());
        query.push(" AND g.partnership_id IS NULL");
    }
    query.push(
        " OR EXISTS (SELECT 1 FROM partnership_owners p WHERE p.partnership_id = s.partnership_id \
         AND p.user_id = ",
    );
    query.push_bind(user).push("))");
}

/// How many shared accounts a caller may see.
pub async fn count_shared(connection: &mut Connection, actor: &Actor) -> Result<u64, StoreError> {
    count(connection, |query| visible_shared(query, actor)).await
}

/// A page of the ids of the shared accounts that a caller may see, by id, for a full snapshot.
pub async fn list_shared(
    connection: &mut Connection,
    actor: &Actor,
    after: Option<SharedAccountId>,
    most: u32,
) -> Result<Vec<SharedAccountId>, StoreError> {
    let mut query = Statement::new("SELECT s.id AS id");
    visible_shared(&mut query, actor);
    let query = query.page("s.id", after, 0, most);
    crate::read::ids("shared_accounts", &query.build().fetch_all(connection).await?)
}

/// A sealed credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// Of which account.
    pub account: AccountId,
    /// What it is: `username`, `password`.
    pub secret_type: String,
    /// The id of the key that sealed it.
    pub key_id: String,
    /// The sealed bytes, as text.
    pub sealed: String,
}

/// Sets a credential.
pub async fn put_secret(
    connection: &mut Connection,
    secret: &SealedSecret,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO secrets (account_id, secret_type, key_id, sealed, updated_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, secret_type) DO UPDATE \
         SET key_id = excluded.key_id, sealed = excluded.sealed, updated_at = excluded.updated_at",
    )
    .bind(secret.account.to_string())
    .bind(&secret.secret_type)
    .bind(&secret.key_id)
    .bind(&secret.sealed)
    .bind(at.unix_millis())
    .execute(connection)
    .await?;
    Ok(())
}

fn secret_row(row: &AnyRow) -> Result<SealedSecret, StoreError> {
    let account: String = row.try_get("account_id")?;
    Ok(SealedSecret {
        account: account
            .parse()
            .map_err(|why| StoreError::inconsistent("secrets", &account)(&why))?,
        secret_type: row.try_get("secret_type")?,
        key_id: row.try_get("key_id")?,
        sealed: row.try_get("sealed")?,
    })
}

/// An account's sealed credentials.
pub async fn secrets_of(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<SealedSecret>, StoreError> {
    let rows = sqlx::query(
        "SELECT account_id, secret_type, key_id, sealed FROM secrets WHERE account_id = $1 \
         ORDER BY secret_type",
    )
    .bind(account.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(secret_row).collect()
}

/// The Owners' roles on some accounts, and one user's own: what most of the policy needs.
pub async fn owners_and_own(
    connection: &mut Connection,
    accounts: impl IntoIterator<Item = AccountId>,
    user: UserId,
) -> Result<Vec<Grant>, StoreError> {
    let accounts = accounts.into_iter().map(|id| id.to_string());
    let Some(mut query) = select_in(connection, GRANT, "account_id", accounts) else {
        return Ok(Vec::new());
    };
    query.push(" AND (role = 'account_owner' OR user_id = ").push_bind(user.to_string());
    query.push(") ORDER BY account_id, created_at, id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(grant_row).collect()
}
