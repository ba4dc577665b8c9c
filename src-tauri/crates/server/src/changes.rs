//! The change feed as one caller sees it.

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::WorkspaceId;
use entente_store::{
    AccountFilter, ChangeRow, Connection, ListFilter, Place, RequestFilter, ResourceKind,
    UserFilter, UserRow, changes_between, count_access_requests, count_accounts, count_grants,
    count_shared, count_users, has_unsettled, list_access_requests, list_accounts, list_grants,
    list_shared, list_users, partnerships_by_id, pruned, snapshot_page, users_by_id, visible_count,
    workspace,
};
use entente_wire::{Change, ChangedResource, ErrorCode, Operation, ResourceType};

use crate::{
    app::App,
    auth::Caller,
    cursor,
    document::{Facts, access},
    error::{ApiError, ApiResult},
    query::Query,
    scopes::{ACCOUNTS_READ, PARTNERSHIPS_READ, USERS_READ},
};

/// A place in this database's change log as this caller sees it, as text: opaque to callers.
pub(crate) fn encode(app: &App, caller: &Caller, place: Place) -> String {
    cursor::encode(&format!("{}:{place}", view(app, caller)))
}

/// What a cursor is good for: one database, one user, and what that user may see.
pub(crate) fn view(app: &App, caller: &Caller) -> String {
    format!("{}:{}:{}", app.store.epoch(), caller.user.id, caller.user.view_number)
}

/// The place that a cursor names, if the caller can go on from there.
pub(crate) async fn decode(app: &App, caller: &Caller, cursor: &str) -> ApiResult<Place> {
    let text = cursor::decode(cursor);
    let parts = text.as_deref().and_then(|text| text.rsplit_once(':'));
    let Some((seen, place)) = parts else {
        return Err(Query::bad("since", "it is no cursor"));
    };
    let place: Place = place.parse().map_err(|_| Query::bad("since", "it is no cursor"))?;
    let mut connection = app.store.read().await?;
    // A gap before what is kept, another database, a place that was never reached, or another view
    // of the data: a full snapshot is needed.
    if seen != view(app, caller)
        || !app.store.is_reached(&mut connection, place).await?
        || place < pruned(&mut connection).await?
    {
        return Err(expired());
    }
    Ok(place)
}

pub(crate) fn expired() -> ApiError {
    ApiError::new(
        ErrorCode::CursorExpired,
        "This cursor is too old or of another view of the data. Read a full snapshot.",
    )
}

/// What changed for a caller.
pub(crate) struct Batch {
    /// The changes in commit order, each with its place.
    pub(crate) changes: Vec<(Place, Change)>,
    /// The place up to which this batch tells everything.
    pub(crate) upto: Place,
    /// Whether there is more after it.
    pub(crate) more: bool,
}

/// What changed after `since`, as far as the caller may see, several changes of one resource as one.
pub(crate) async fn read(
    app: &App,
    caller: &Caller,
    since: Place,
    most: usize,
) -> ApiResult<Batch> {
    let actor = caller.actor();
    // Before the snapshot, so that everything up to it is in there.
    let settled = app.store.settled(&mut *app.store.read().await?).await?;
    let mut connection = app.store.snapshot().await?;
    // What is kept can have got shorter since the cursor was looked at.
    if since < pruned(&mut connection).await? {
        return Err(expired());
    }
    let rows = changes_between(&mut connection, actor.workspace, since, settled, most).await?;
    let more = rows.len() == most;
    let upto = match rows.last() {
        Some(last) if more => last.place,
        _ => settled.max(since),
    };
    if has_unsettled(&mut connection, settled).await? {
        app.unsettled.notify_one();
    }

    let rows: Vec<&ChangeRow> = rows.iter().filter(|row| row.concerns(&actor)).collect();
    let sources = Sources::read(&mut connection, actor.workspace, &rows).await?;
    let changes = told(app, caller, &mut connection, &rows, &sources).await?;
    Ok(Batch { changes, upto, more })
}

/// What is told to a caller of changes that concern them, in commit order, several changes of one
/// resource as one.
pub(crate) async fn told(
    app: &App,
    caller: &Caller,
    connection: &mut Connection,
    rows: &[&ChangeRow],
    sources: &Sources,
) -> ApiResult<Vec<(Place, Change)>> {
    let actor = caller.actor();
    let mut latest: BTreeMap<ResourceKind, BTreeMap<&str, (Place, bool)>> = BTreeMap::new();
    for row in rows {
        let was_seen = row.was_seen_by(&actor);
        let entry = latest.entry(row.kind).or_default().entry(&row.id).or_default();
        *entry = (row.place, entry.1 || was_seen);
    }
    let mut changes = Vec::new();
    for (kind, resources) in latest {
        if caller.needs(scope(kind)).is_err() {
            continue;
        }
        let ids: Vec<&str> = resources.keys().copied().collect();
        let found = sources.visible(app, caller, connection, kind, &ids).await?;
        let mut visible: BTreeMap<String, ChangedResource> =
            found.into_iter().map(|found| (found.identity().1.to_owned(), found)).collect();
        for (id, (place, was_seen)) in resources {
            if let Some(resource) = visible.remove(id) {
                changes.push((place, upsert(resource)));
            } else if was_seen {
                changes.push((place, gone(kind, id.to_owned())));
            }
            // Never theirs to see: not even told that it is not.
        }
    }
    changes.sort_by_key(|(place, _)| *place);
    Ok(changes)
}

fn gone(kind: ResourceKind, id: String) -> Change {
    let r#type = match kind {
        ResourceKind::Partnership => ResourceType::Partnership,
        ResourceKind::Account => ResourceType::Account,
        ResourceKind::SharedAccount => ResourceType::SharedAccount,
        ResourceKind::AccountUser => ResourceType::AccountUser,
        ResourceKind::AccessRequest => ResourceType::AccessRequest,
        ResourceKind::User => ResourceType::User,
    };
    Change { op: Operation::Delete, r#type, id, resource: None }
}

pub(crate) fn upsert(resource: ChangedResource) -> Change {
    let (r#type, id) = resource.identity();
    let id = id.to_owned();
    Change { op: Operation::Upsert, r#type, id, resource: Some(resource) }
}

fn scope(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Partnership => PARTNERSHIPS_READ,
        ResourceKind::User => USERS_READ,
        ResourceKind::Account
        | ResourceKind::SharedAccount
        | ResourceKind::AccountUser
        | ResourceKind::AccessRequest => ACCOUNTS_READ,
    }
}

fn parsed<T: std::str::FromStr>(ids: &[impl AsRef<str>]) -> Vec<T> {
    ids.iter().filter_map(|id| id.as_ref().parse().ok()).collect()
}

/// Some resources as they are now, as far as they are the same for everybody of a workspace.
#[derive(Default)]
pub(crate) struct Sources {
    partnerships: Option<Facts>,
    /// With whether an identity provider manages the workspace.
    users: Option<(Vec<UserRow>, bool)>,
}

impl Sources {
    /// Reads what changed.
    pub(crate) async fn read(
        connection: &mut Connection,
        workspace: WorkspaceId,
        rows: &[&ChangeRow],
    ) -> ApiResult<Self> {
        let mut sources = Self::default();
        for kind in ResourceKind::ALL {
            let of_kind = rows.iter().filter(|row| row.kind == kind);
            let ids: BTreeSet<&str> = of_kind.map(|row| row.id.as_str()).collect();
            let ids: Vec<&str> = ids.into_iter().collect();
            if !ids.is_empty() {
                sources.add(connection, workspace, kind, &ids).await?;
            }
        }
        Ok(sources)
    }

    async fn add(
        &mut self,
        connection: &mut Connection,
        workspace: WorkspaceId,
        kind: ResourceKind,
        ids: &[impl AsRef<str>],
    ) -> ApiResult<()> {
        match kind {
            ResourceKind::Partnership => {
                let found = partnerships_by_id(connection, parsed(ids)).await?;
                self.partnerships = Some(Facts::read(connection, found).await?);
            }
            ResourceKind::User => {
                let found = users_by_id(connection, parsed(ids)).await?.into_values().collect();
                self.users = Some((found, is_managed(connection, workspace).await?));
            }
            // Read for each caller: their own roles decide what is told.
            ResourceKind::Account
            | ResourceKind::SharedAccount
            | ResourceKind::AccountUser
            | ResourceKind::AccessRequest => {}
        }
        Ok(())
    }

    /// Those of some resources of one kind that the caller may see.
    async fn visible(
        &self,
        app: &App,
        caller: &Caller,
        connection: &mut Connection,
        kind: ResourceKind,
        ids: &[impl AsRef<str>],
    ) -> ApiResult<Vec<ChangedResource>> {
        let actor = caller.actor();
        Ok(match kind {
            ResourceKind::Partnership => {
                let facts = self.partnerships.iter();
                let found = facts.flat_map(|facts| facts.documents(&actor, app.deadlines));
                found.map(ChangedResource::Partnership).collect()
            }
            ResourceKind::User => {
                let users = self.users.iter();
                let found =
                    users.flat_map(|(users, managed)| access::members(&actor, *managed, users));
                found.map(ChangedResource::User).collect()
            }
            ResourceKind::Account => {
                let found = access::accounts(connection, &actor, parsed(ids)).await?;
                found.into_iter().map(ChangedResource::Account).collect()
            }
            ResourceKind::SharedAccount => {
                let found = access::shared_accounts(connection, &actor, parsed(ids)).await?;
                found.into_iter().map(ChangedResource::SharedAccount).collect()
            }
            ResourceKind::AccountUser => {
                let found = access::account_users(connection, &actor, parsed(ids)).await?;
                found.into_iter().map(ChangedResource::AccountUser).collect()
            }
            ResourceKind::AccessRequest => {
                let found = access::access_requests(connection, &actor, parsed(ids)).await?;
                found.into_iter().map(ChangedResource::AccessRequest).collect()
            }
        })
    }
}

/// Whether an identity provider manages a workspace.
pub(crate) async fn is_managed(connection: &mut Connection, id: WorkspaceId) -> ApiResult<bool> {
    Ok(workspace(connection, id).await?.is_some_and(|workspace| workspace.managed))
}

/// Where a page of a snapshot begins: after a resource, or before all of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SnapshotPosition {
    kind: usize,
    after: Option<String>,
}

impl SnapshotPosition {
    pub(crate) const START: Self = Self { kind: 0, after: None };

    pub(crate) fn encode(&self) -> String {
        format!("{}:{}", self.kind, self.after.as_deref().unwrap_or_default())
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        let (kind, after) = text.split_once(':')?;
        let kind = kind.parse().ok().filter(|kind| *kind < ResourceKind::ALL.len())?;
        Some(Self { kind, after: Some(after.to_owned()).filter(|after| !after.is_empty()) })
    }
}

/// A page of everything that the caller may see, kind by kind, and where the next one begins.
pub(crate) async fn snapshot(
    app: &App,
    caller: &Caller,
    connection: &mut Connection,
    mut position: SnapshotPosition,
    size: u32,
) -> ApiResult<(Vec<ChangedResource>, Option<SnapshotPosition>)> {
    let mut page = Vec::new();
    while let Some(kind) = ResourceKind::ALL.get(position.kind).copied() {
        let room = size.saturating_sub(u32::try_from(page.len()).unwrap_or(size));
        if room == 0 {
            return Ok((page, Some(position)));
        }
        let part = part(app, caller, connection, kind, position.after.as_deref(), room).await?;
        page.extend(part.resources);
        if part.read == room as usize {
            return Ok((page, Some(SnapshotPosition { kind: position.kind, after: part.last })));
        }
        position = SnapshotPosition { kind: position.kind + 1, after: None };
    }
    Ok((page, None))
}

/// Some resources of a kind.
#[derive(Default)]
struct Part {
    resources: Vec<ChangedResource>,
    /// How many were read, and the id of the last one.
    read: usize,
    last: Option<String>,
}

/// Some resources of a kind that the caller may see, in the order of their ids.
async fn part(
    app: &App,
    caller: &Caller,
    connection: &mut Connection,
    kind: ResourceKind,
    after: Option<&str>,
    most: u32,
) -> ApiResult<Part> {
    fn texts<T: ToString>(ids: impl IntoIterator<Item = T>) -> Vec<String> {
        ids.into_iter().map(|id| id.to_string()).collect()
    }
    if caller.needs(scope(kind)).is_err() {
        return Ok(Part::default());
    }
    let actor = caller.actor();
    let after = after.unwrap_or_default();
    // Those kinds that are read to find their ids are not read again.
    let mut sources = Sources::default();
    let ids = match kind {
        ResourceKind::Partnership => {
            let found = snapshot_page(connection, &actor, after.parse().ok(), most).await?;
            let ids = texts(found.iter().map(|partnership| partnership.id));
            sources.partnerships = Some(Facts::read(connection, found).await?);
            ids
        }
        ResourceKind::User => {
            let found = if entente_domain::sees_all_members(&actor) {
                let filter = UserFilter::default();
                let after = after.parse().ok();
                list_users(connection, actor.workspace, &filter, after, 0, most).await?
            } else if actor.user.to_string().as_str() > after {
                // Only themselves.
                users_by_id(connection, [actor.user]).await?.into_values().collect()
            } else {
                Vec::new()
            };
            let ids = texts(found.iter().map(|user| user.id));
            sources.users = Some((found, is_managed(connection, actor.workspace).await?));
            ids
        }
        ResourceKind::Account => {
            let filter = AccountFilter::default();
            texts(list_accounts(connection, &actor, &filter, after.parse().ok(), 0, most).await?)
        }
        ResourceKind::SharedAccount => {
            texts(list_shared(connection, &actor, after.parse().ok(), most).await?)
        }
        ResourceKind::AccountUser => {
            texts(list_grants(connection, &actor, after.parse().ok(), most).await?)
        }
        ResourceKind::AccessRequest => {
            let filter = RequestFilter::default();
            let after = after.parse().ok();
            texts(list_access_requests(connection, &actor, &filter, after, 0, most).await?)
        }
    };
    let resources = sources.visible(app, caller, connection, kind, &ids).await?;
    Ok(Part { resources, read: ids.len(), last: ids.last().cloned() })
}

/// How many resources the caller may see in all.
pub(crate) async fn total(caller: &Caller, connection: &mut Connection) -> ApiResult<u64> {
    let actor = caller.actor();
    let mut total = 0;
    for kind in ResourceKind::ALL {
        if caller.needs(scope(kind)).is_err() {
            continue;
        }
        total += match kind {
            ResourceKind::Partnership => {
                visible_count(connection, &actor, &ListFilter::default()).await?
            }
            ResourceKind::User if !entente_domain::sees_all_members(&actor) => 1,
            ResourceKind::User => {
                count_users(connection, actor.workspace, &UserFilter::default()).await?
            }
            ResourceKind::Account => {
                count_accounts(connection, &actor, &AccountFilter::default()).await?
            }
            ResourceKind::SharedAccount => count_shared(connection, &actor).await?,
            ResourceKind::AccountUser => count_grants(connection, &actor).await?,
            ResourceKind::AccessRequest => {
                count_access_requests(connection, &actor, &RequestFilter::default()).await?
            }
        };
    }
    Ok(total)
}
