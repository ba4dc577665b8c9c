use entente_domain::{Actor, Partnership, PartnershipId, Side, StateName};
use sqlx::Row as _;

use super::{partnerships_by_id, with_order};
use crate::{
    Connection, Engine, StoreError,
    people::like,
    read::ids,
    sql::{Statement, count},
};

/// What a list of partnerships is narrowed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only those where the caller's workspace is on one of these sides; empty means both.
    pub sides: Vec<Side>,
    /// Only those in one of these states; empty means all.
    pub states: Vec<StateName>,
    /// Only those that await the caller.
    pub awaiting_me: bool,
    /// Only those whose other workspace's name or partner's address holds this.
    pub search: Option<String>,
}

/// In which order a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By the other workspace's name.
    Name {
        /// From z to a.
        descending: bool,
    },
    /// By the last change.
    UpdatedAt {
        /// The newest first.
        descending: bool,
    },
    /// By when it was sent.
    CreatedAt {
        /// The newest first.
        descending: bool,
    },
}

impl Sort {
    fn column(self, engine: Engine) -> &'static str {
        match self {
            Self::Name { .. } => bytewise_name(engine),
            Self::UpdatedAt { .. } => "p.updated_at",
            Self::CreatedAt { .. } => "p.created_at",
        }
    }

    fn descending(self) -> bool {
        match self {
            Self::Name { descending }
            | Self::UpdatedAt { descending }
            | Self::CreatedAt { descending } => descending,
        }
    }
}

/// The other workspace's name, in an order that the place where the database runs has no say in.
fn bytewise_name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "w.folded_name",
        Engine::Postgres => "w.folded_name COLLATE \"C\"",
    }
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListPosition {
    /// So many rows are passed over.
    Offset(u64),
    /// Right after a row: the value it is sorted by, as text, and its id.
    After(String, PartnershipId),
}

/// `FROM ... WHERE` for what a caller may see: host Admins all of theirs, other host users those they
/// own or sent, guest Admins those that the host has approved. With the other workspace, where its name
/// matters.
fn visible_to(query: &mut Statement, actor: &Actor, by_name: bool) {
    let workspace = actor.workspace.to_string();
    query.push(" FROM partnerships p");
    if by_name {
        query.push(" JOIN workspaces w ON w.id = CASE WHEN p.host_id = ");
        query.push_bind(workspace.clone());
        query.push(" THEN p.guest_id ELSE p.host_id END");
    }
    query.push(" WHERE (");
    query.push("(p.host_id = ").push_bind(workspace.clone());
    if !actor.role.is_admin() {
        let user = actor.user.to_string();
        query.push(" AND (p.requested_by = ").push_bind(user.clone());
        query.push(
            " OR EXISTS (SELECT 1 FROM partnership_owners o WHERE o.partnership_id = p.id \
             AND o.user_id = ",
        );
        query.push_bind(user).push("))");
    }
    query.push(")");
    if actor.role.is_admin() {
        query.push(" OR (p.approved_at IS NOT NULL AND p.guest_id = ");
        query.push_bind(workspace).push(")");
    }
    query.push(")");
}

fn narrow(query: &mut Statement, actor: &Actor, filter: &ListFilter) {
    let workspace = actor.workspace.to_string();
    if let [side] = filter.sides[..] {
        query.push(match side {
            Side::Host => " AND p.host_id = ",
            Side::Guest => " AND p.guest_id = ",
        });
        query.push_bind(workspace.clone());
    }
    if !filter.states.is_empty() {
        query
            .push(" AND p.state IN (")
            .push_list(filter.states.iter().map(|state| state.as_str()))
            .push(")");
    }
    if filter.awaiting_me {
        if actor.role.is_admin() {
            query.push(" AND ((p.state = 'awaiting_approval' AND p.host_id = ");
            query.push_bind(workspace.clone());
            query.push(") OR (p.state = 'awaiting_acceptance' AND p.guest_id = ");
            query.push_bind(workspace).push("))");
        } else {
            query.push(" AND 1 = 0");
        }
    }
    if let Some(search) = &filter.search {
        let pattern = like(search);
        query.push(" AND (w.folded_name LIKE ").push_bind(pattern.clone());
        query.push(" ESCAPE '!' OR p.folded_email LIKE ").push_bind(pattern);
        query.push(" ESCAPE '!')");
    }
}

/// How many partnerships a caller may see under a filter.
pub async fn visible_count(
    connection: &mut Connection,
    actor: &Actor,
    filter: &ListFilter,
) -> Result<u64, StoreError> {
    count(connection, |query| {
        visible_to(query, actor, filter.search.is_some());
        narrow(query, actor, filter);
    })
    .await
}

/// A page of what a caller may see, each with the value that it is sorted by.
pub async fn list_partnerships(
    connection: &mut Connection,
    actor: &Actor,
    filter: &ListFilter,
    sort: Sort,
    position: &ListPosition,
    most: u32,
) -> Result<Vec<(Partnership, String)>, StoreError> {
    let column = sort.column(Engine::of(connection));
    let mut query = Statement::new("SELECT p.id AS id, CAST(");
    query.push(column).push(" AS TEXT) AS sorted_by");
    let by_name = matches!(sort, Sort::Name { .. }) || filter.search.is_some();
    visible_to(&mut query, actor, by_name);
    narrow(&mut query, actor, filter);
    let direction = if sort.descending() { " DESC" } else { "" };
    let mut offset = 0;
    match position {
        ListPosition::Offset(rows) => offset = *rows,
        ListPosition::After(value, id) => {
            let beyond = if sort.descending() { " < " } else { " > " };
            query.push(" AND (").push(column).push(", p.id)").push(beyond).push("(");
            match sort {
                Sort::Name { .. } => query.push_bind(value.clone()),
                Sort::UpdatedAt { .. } | Sort::CreatedAt { .. } => {
                    query.push_bind(value.parse::<i64>().unwrap_or(0))
                }
            };
            query.push(", ").push_bind(id.to_string()).push(")");
        }
    }
    query.push(" ORDER BY ").push(column).push(direction);
    query.push(", p.id").push(direction);
    query.limit(offset, most);

    let mut order = Vec::new();
    for row in query.build().fetch_all(&mut *connection).await? {
        let id: String = row.try_get("id")?;
        let id: PartnershipId =
            id.parse().map_err(|why| StoreError::inconsistent("partnerships", &id)(&why))?;
        order.push((id, row.try_get::<String, _>("sorted_by")?));
    }
    let found = partnerships_by_id(connection, order.iter().map(|(id, _)| *id)).await?;
    Ok(with_order(found, order))
}

/// A page of all that a caller may see, by id, for a full snapshot.
///
/// There are as many pages as there are partnerships, so that none may look at more than it gives: each
/// way in which somebody comes to see one has an index in the order of ids, and gives no more than a
/// page.
pub async fn snapshot_page(
    connection: &mut Connection,
    actor: &Actor,
    after: Option<PartnershipId>,
    most: u32,
) -> Result<Vec<Partnership>, StoreError> {
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let ways = if actor.role.is_admin() {
        [
            ("id FROM partnerships WHERE host_id = ", actor.workspace.to_string(), "id"),
            (
                "id FROM partnerships WHERE approved_at IS NOT NULL AND guest_id = ",
                actor.workspace.to_string(),
                "id",
            ),
        ]
    } else {
        [
            ("id FROM partnerships WHERE requested_by = ", actor.user.to_string(), "id"),
            (
                "partnership_id AS id FROM partnership_owners WHERE user_id = ",
                actor.user.to_string(),
                "partnership_id",
            ),
        ]
    };
    let mut query = Statement::new("");
    for (number, (from, whose, id)) in ways.into_iter().enumerate() {
        query.push(if number == 0 {
            "SELECT id FROM (SELECT "
        } else {
            " UNION SELECT id FROM (SELECT "
        });
        query.push(from).push_bind(whose);
        query.push(" AND ").push(id).push(" > ").push_bind(after.clone());
        query.push(" ORDER BY ").push(id).push(" LIMIT ").push_bind(i64::from(most));
        query.push(") AS way");
    }
    query.push(" ORDER BY id LIMIT ").push_bind(i64::from(most));
    let ids = ids("partnerships", &query.build().fetch_all(&mut *connection).await?)?;
    let mut found = partnerships_by_id(connection, ids).await?;
    found.sort_by_key(|partnership: &Partnership| partnership.id);
    Ok(found)
}
