use std::collections::BTreeMap;

use entente_domain::{UserId, WorkspaceId};
use sqlx::{Row as _, any::AnyRow};

use super::{
    UserMoment, UserText,
    condition::{ACTIVE, Condition, UserTest, main_address, ordered},
};
use crate::{
    Connection, Engine, StoreError, UserRow,
    people::{folded, user_row},
    sql::{Statement, select_in},
};

/// A member as identity providers know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimUser {
    /// The member.
    pub user: UserRow,
    /// What was told of them.
    pub profile: Profile,
}

/// What an identity provider told of a member, or what stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What it calls them.
    pub external_id: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The full name.
    pub formatted_name: Option<String>,
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// Their mail addresses, in the order in which they were told.
    pub emails: Vec<ScimEmail>,
    /// Whether their role was told, and not only taken for granted.
    pub role_told: bool,
    /// Whether they were deleted.
    pub deleted: bool,
}

/// A mail address as it was told. Mails go to the one that the member is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimEmail {
    /// The address.
    pub value: String,
    /// What it is for: `work`.
    pub kind: Option<String>,
    /// Its label.
    pub display: Option<String>,
    /// Whether it is the first one to use.
    pub primary: Option<bool>,
}

/// What a list of members is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// A text.
    Text(UserText),
    /// A moment.
    Moment(UserMoment),
    /// Whether they can act.
    Active,
    /// The first mail address to use.
    Email,
}

/// In which order a list of members comes. Those without a value are the last, or the first where
/// the order is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScimSort {
    /// By what.
    pub key: SortKey,
    /// Whether it is turned round.
    pub descending: bool,
}

const MEMBER: &str = "SELECT u.id, u.workspace_id, u.email, u.name, u.role, u.status, u.created_at, \
     u.updated_at, u.view_number, u.version, s.user_id AS told, s.external_id, s.display_name, \
     s.formatted_name, s.given_name, s.family_name, s.role_told, s.deleted";

const FROM: &str =
    " FROM users u LEFT JOIN scim_users s ON s.user_id = u.id WHERE u.workspace_id = ";

fn member_row(row: &AnyRow) -> Result<ScimUser, StoreError> {
    let user = user_row(row)?;
    let some = |column: &str| row.try_get::<Option<String>, _>(column);
    let flag = |column: &str| Ok::<_, StoreError>(row.try_get::<i64, _>(column)? != 0);
    let profile = if some("told")?.is_some() {
        Profile {
            external_id: some("external_id")?,
            display_name: some("display_name")?,
            formatted_name: some("formatted_name")?,
            given_name: some("given_name")?,
            family_name: some("family_name")?,
            emails: Vec::new(),
            role_told: flag("role_told")?,
            deleted: flag("deleted")?,
        }
    } else {
        Profile {
            external_id: None,
            display_name: Some(user.name.clone()),
            formatted_name: None,
            given_name: None,
            family_name: None,
            emails: vec![ScimEmail {
                value: user.email.clone(),
                kind: Some("work".into()),
                display: None,
                primary: Some(true),
            }],
            role_told: false,
            deleted: false,
        }
    };
    Ok(ScimUser { user, profile })
}

async fn with_emails(
    connection: &mut Connection,
    rows: &[AnyRow],
) -> Result<Vec<ScimUser>, StoreError> {
    let mut members: Vec<ScimUser> = rows.iter().map(member_row).collect::<Result<_, _>>()?;
    let ids = members.iter().map(|member| member.user.id.to_string());
    let select = "SELECT user_id, value, type, display, is_primary FROM scim_emails WHERE ";
    let Some(mut query) = select_in(connection, select, "user_id", ids) else { return Ok(members) };
    query.push(" ORDER BY user_id, position");
    let place: BTreeMap<String, usize> =
        members.iter().map(|member| member.user.id.to_string()).zip(0..).collect();
    for row in query.build().fetch_all(connection).await? {
        let user: String = row.try_get("user_id")?;
        let email = ScimEmail {
            value: row.try_get("value")?,
            kind: row.try_get("type")?,
            display: row.try_get("display")?,
            primary: row.try_get::<Option<i64>, _>("is_primary")?.map(|flag| flag != 0),
        };
        if let Some(member) = place.get(&user).and_then(|place| members.get_mut(*place)) {
            member.profile.emails.push(email);
        }
    }
    Ok(members)
}

/// One member of a workspace who was not deleted.
pub async fn scim_user(
    connection: &mut Connection,
    workspace: WorkspaceId,
    id: UserId,
) -> Result<Option<ScimUser>, StoreError> {
    let mut query = Statement::new(MEMBER);
    query
        .push(FROM)
        .push_bind(workspace.to_string())
        .push(" AND u.id = ")
        .push_bind(id.to_string());
    query.push(" AND COALESCE(s.deleted, 0) = 0");
    let rows = query.build().fetch_all(&mut *connection).await?;
    Ok(with_emails(connection, &rows).await?.pop())
}

/// The member of a workspace who is known by a mail address, deleted ones included.
pub async fn scim_user_by_address(
    connection: &mut Connection,
    workspace: WorkspaceId,
    address: &str,
) -> Result<Option<ScimUser>, StoreError> {
    let mut query = Statement::new(MEMBER);
    query.push(FROM).push_bind(workspace.to_string());
    query.push(" AND u.folded_email = ").push_bind(folded(address)).push(" ORDER BY u.id LIMIT 1");
    let rows = query.build().fetch_all(&mut *connection).await?;
    Ok(with_emails(connection, &rows).await?.pop())
}

fn members(
    query: &mut Statement,
    engine: Engine,
    workspace: WorkspaceId,
    condition: Option<&Condition<UserTest>>,
) {
    query.push(FROM).push_bind(workspace.to_string()).push(" AND COALESCE(s.deleted, 0) = 0");
    if let Some(condition) = condition {
        query.push(" AND ");
        condition.push_sql(engine, query);
    }
}

/// How many members of a workspace who were not deleted meet a condition.
pub async fn count_scim_users(
    connection: &mut Connection,
    workspace: WorkspaceId,
    condition: Option<&Condition<UserTest>>,
) -> Result<u64, StoreError> {
    let mut query = Statement::new("SELECT COUNT(*) AS n");
    members(&mut query, Engine::of(connection), workspace, condition);
    let total: i64 = query.build().fetch_one(connection).await?.try_get("n")?;
    Ok(u64::try_from(total).unwrap_or(0))
}

/// A page of a workspace's members who were not deleted and meet a condition, by id where no other
/// order is asked for.
pub async fn list_scim_users(
    connection: &mut Connection,
    workspace: WorkspaceId,
    condition: Option<&Condition<UserTest>>,
    sort: Option<ScimSort>,
    offset: u64,
    most: u32,
) -> Result<Vec<ScimUser>, StoreError> {
    let engine = Engine::of(connection);
    let mut query = Statement::new(MEMBER);
    members(&mut query, engine, workspace, condition);
    query.push(" ORDER BY ");
    if let Some(ScimSort { key, descending }) = sort {
        let direction = if descending { " DESC" } else { "" };
        let key = match key {
            SortKey::Text(text) => ordered(engine, &text.as_sql(engine)),
            SortKey::Moment(moment) => moment.as_sql().to_owned(),
            SortKey::Active => ACTIVE.to_owned(),
            SortKey::Email => ordered(engine, &main_address(engine)),
        };
        query.push("(").push(&key).push(" IS NULL)").push(direction);
        query.push(", ").push(&key).push(direction).push(", ");
    }
    query.push("u.id LIMIT ").push_bind(i64::from(most));
    query.push(" OFFSET ").push_bind(i64::try_from(offset).unwrap_or(i64::MAX));
    let rows = query.build().fetch_all(&mut *connection).await?;
    with_emails(connection, &rows).await
}

/// Keeps what was told of a member in place of what was told before.
pub async fn save_profile(
    connection: &mut Connection,
    user: UserId,
    profile: &Profile,
) -> Result<(), StoreError> {
    let user = user.to_string();
    sqlx::query(
        "INSERT INTO scim_users (user_id, external_id, display_name, formatted_name, given_name, \
         family_name, role_told, deleted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (user_id) DO UPDATE SET external_id = excluded.external_id, \
         display_name = excluded.display_name, formatted_name = excluded.formatted_name, \
         given_name = excluded.given_name, family_name = excluded.family_name, \
         role_told = excluded.role_told, deleted = excluded.deleted",
    )
    .bind(&user)
    .bind(&profile.external_id)
    .bind(&profile.display_name)
    .bind(&profile.formatted_name)
    .bind(&profile.given_name)
    .bind(&profile.family_name)
    .bind(i64::from(profile.role_told))
    .bind(i64::from(profile.deleted))
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM scim_emails WHERE user_id = $1")
        .bind(&user)
        .execute(&mut *connection)
        .await?;
    for (position, email) in (0_i64..).zip(&profile.emails) {
        sqlx::query(
            "INSERT INTO scim_emails (user_id, position, value, type, display, is_primary) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&user)
        .bind(position)
        .bind(&email.value)
        .bind(&email.kind)
        .bind(&email.display)
        .bind(email.primary.map(i64::from))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
