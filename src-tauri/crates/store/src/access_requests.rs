use entente_domain::{
    AccessRequest, AccessRequestId, AccountId, Actor, Message, PartnershipId, RequestState,
    Timestamp, UserId,
};
use sqlx::any::AnyRow;

use crate::{
    Connection, StoreError,
    read::Read,
    sql::{Statement, count, select_in},
};

const SELECT: &str = "SELECT id, partnership_id, account_id, host_id, guest_id, member_id, role, \
     requested_by, message, state, decided_by, decided_at, created_at, version \
     FROM access_requests WHERE ";

fn request_row(row: &AnyRow) -> Result<AccessRequest, StoreError> {
    let read = Read::new("access_requests", row)?;
    Ok(AccessRequest {
        id: read.parsed("id")?,
        partnership: read.parsed("partnership_id")?,
        account: read.parsed("account_id")?,
        host: read.parsed("host_id")?,
        guest: read.parsed("guest_id")?,
        member: read.parsed("member_id")?,
        role: read.parsed("role")?,
        requested_by: read.parsed("requested_by")?,
        message: match read.some_text("message")? {
            Some(_) => Some(read.checked("message", Message::parse)?),
            None => None,
        },
        state: read.parsed("state")?,
        decided_by: read.some_parsed("decided_by")?,
        decided_at: read.some_moment("decided_at")?,
        created_at: read.moment("created_at")?,
        version: read.number("version")?,
    })
}

/// Adds a request; false if one is pending for the same member and account.
pub async fn insert_access_request(
    connection: &mut Connection,
    request: &AccessRequest,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO access_requests (id, partnership_id, account_id, host_id, guest_id, member_id, \
         role, requested_by, message, state, decided_by, decided_at, created_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (account_id, member_id) WHERE state = 'pending' DO NOTHING",
    )
    .bind(request.id.to_string())
    .bind(request.partnership.to_string())
    .bind(request.account.to_string())
    .bind(request.host.to_string())
    .bind(request.guest.to_string())
    .bind(request.member.to_string())
    .bind(request.role.as_str())
    .bind(request.requested_by.to_string())
    .bind(request.message.as_ref().map(|message| message.as_str().to_owned()))
    .bind(request.state.as_str())
    .bind(request.decided_by.map(|id| id.to_string()))
    .bind(request.decided_at.map(Timestamp::unix_millis))
    .bind(request.created_at.unix_millis())
    .bind(request.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Saves the end of a request; false if it was changed meanwhile.
pub async fn update_access_request(
    connection: &mut Connection,
    before: &AccessRequest,
    after: &AccessRequest,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE access_requests SET state = $1, decided_by = $2, decided_at = $3, version = $4 \
         WHERE id = $5 AND version = $6",
    )
    .bind(after.state.as_str())
    .bind(after.decided_by.map(|id| id.to_string()))
    .bind(after.decided_at.map(Timestamp::unix_millis))
    .bind(after.version)
    .bind(before.id.to_string())
    .bind(before.version)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of the requests asked for that there are.
pub async fn access_requests_by_id(
    connection: &mut Connection,
    ids: impl IntoIterator<Item = AccessRequestId>,
) -> Result<Vec<AccessRequest>, StoreError> {
    let Some(query) = select_in(connection, SELECT, "id", ids.into_iter().map(|id| id.to_string()))
    else {
        return Ok(Vec::new());
    };
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(request_row).collect()
}

/// What pending requests depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingOn {
    /// A partnership.
    Partnership(PartnershipId),
    /// An account.
    Account(AccountId),
    /// An account in a partnership.
    Shared(PartnershipId, AccountId),
    /// The member they are for, or the Manager who sent them.
    User(UserId),
    /// A Manager, on one account.
    Manager(UserId, AccountId),
    /// The member they are for, on one account.
    Member(UserId, AccountId),
}

/// The pending requests that depend on something.
pub async fn pending_requests(
    connection: &mut Connection,
    on: PendingOn,
) -> Result<Vec<AccessRequest>, StoreError> {
    let mut query = Statement::new(SELECT);
    query.push("state = 'pending'");
    match on {
        PendingOn::Partnership(id) => {
            query.push(" AND partnership_id = ").push_bind(id.to_string());
        }
        PendingOn::Account(account) => {
            query.push(" AND account_id = ").push_bind(account.to_string());
        }
        PendingOn::Shared(partnership, account) => {
            query.push(" AND partnership_id = ").push_bind(partnership.to_string());
            query.push(" AND account_id = ").push_bind(account.to_string());
        }
        PendingOn::User(user) => {
            query.push(" AND (member_id = ").push_bind(user.to_string());
            query.push(" OR requested_by = ").push_bind(user.to_string()).push(")");
        }
        PendingOn::Manager(user, account) => {
            query.push(" AND requested_by = ").push_bind(user.to_string());
            query.push(" AND account_id = ").push_bind(account.to_string());
        }
        PendingOn::Member(user, account) => {
            query.push(" AND member_id = ").push_bind(user.to_string());
            query.push(" AND account_id = ").push_bind(account.to_string());
        }
    }
    query.push(" ORDER BY id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(request_row).collect()
}

/// What a list of requests is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Only those in one of these states; empty means all.
    pub states: Vec<RequestState>,
    /// Only those on one of these accounts; empty means all.
    pub accounts: Vec<AccountId>,
    /// Only those that the caller can decide.
    pub awaiting_me: bool,
}

fn visible_to(query: &mut Statement, actor: &Actor, filter: &RequestFilter) {
    let user = actor.user.to_string();
    query.push(" FROM access_requests r WHERE (");
    query.push(
        "EXISTS (SELECT 1 FROM grants o WHERE o.account_id = r.account_id \
         AND o.role = 'account_owner' AND o.user_id = ",
    );
    query.push_bind(user.clone()).push(")");
    if actor.role.is_admin() {
        query.push(" OR (r.host_id = ").push_bind(actor.workspace.to_string());
        query.push(
            " AND NOT EXISTS (SELECT 1 FROM grants o WHERE o.account_id = r.account_id \
             AND o.role = 'account_owner'))",
        );
    }
    if filter.awaiting_me {
        query.push(") AND r.state = 'pending'");
    } else {
        query.push(" OR r.requested_by = ").push_bind(user).push(")");
    }
    if !filter.states.is_empty() {
        query
            .push(" AND r.state IN (")
            .push_list(filter.states.iter().map(|state| state.as_str()))
            .push(")");
    }
    if !filter.accounts.is_empty() {
        query
            .push(" AND r.account_id IN (")
            .push_list(filter.accounts.iter().map(|account| account.to_string()))
            .push(")");
    }
}

/// How many requests a caller may see under a filter.
pub async fn count_access_requests(
    connection: &mut Connection,
    actor: &Actor,
    filter: &RequestFilter,
) -> Result<u64, StoreError> {
    count(connection, |query| visible_to(query, actor, filter)).await
}

/// A page of the ids of what a caller may see, by id: after one, or after so many rows.
pub async fn list_access_requests(
    connection: &mut Connection,
    actor: &Actor,
    filter: &RequestFilter,
    after: Option<AccessRequestId>,
    offset: u64,
    most: u32,
) -> Result<Vec<AccessRequestId>, StoreError> {
    let mut query = Statement::new("SELECT r.id AS id");
    visible_to(&mut query, actor, filter);
    let query = query.page("r.id", after, offset, most);
    crate::read::ids("access_requests", &query.build().fetch_all(connection).await?)
}
