//! The change feed as one caller sees it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use entente_domain::PartnershipId;
use entente_store::{changes_since, latest_change, oldest_change, partnerships_by_id};
use entente_wire::{Change, ErrorCode, Operation, PartnershipResource, ResourceType};

use crate::{
    app::App,
    auth::Caller,
    document::documents,
    error::{ApiError, ApiResult},
    query::Query,
};

/// A place in this database's change log as this caller sees it, as text: opaque to callers.
pub(crate) fn encode(app: &App, caller: &Caller, seq: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}:{seq}", view(app, caller)))
}

/// What a cursor is good for: one database, one user, and what that user may see.
fn view(app: &App, caller: &Caller) -> String {
    format!("{}:{}:{}", app.store.epoch(), caller.user.id, caller.user.view_number)
}

/// The place that a cursor names, if the caller can go on from there.
pub(crate) async fn decode(app: &App, caller: &Caller, cursor: &str) -> ApiResult<i64> {
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.rsplit_once(':'));
    let Some((seen, seq)) = parts else {
        return Err(Query::bad("since", "it is no cursor"));
    };
    let seq: i64 = seq.parse().map_err(|_| Query::bad("since", "it is no cursor"))?;
    let mut connection = app.store.read().await?;
    // A gap before the oldest change that is kept, another database, a place that was never
    // reached, or another view of the data: a full snapshot is needed.
    let oldest = oldest_change(&mut connection).await?;
    if seen != view(app, caller) || seq > latest_change(&mut connection).await? || seq + 1 < oldest
    {
        return Err(ApiError::new(
            ErrorCode::CursorExpired,
            "This cursor is too old or of another view of the data. Read a full snapshot.",
        ));
    }
    Ok(seq)
}

/// What changed for a caller.
pub(crate) struct Batch {
    /// The changes in commit order, each with its place.
    pub(crate) changes: Vec<(i64, Change)>,
    /// The place up to which this batch tells everything.
    pub(crate) upto: i64,
    /// Whether there is more after it.
    pub(crate) more: bool,
}

/// What changed after `since`, as far as the caller may see, several changes of one partnership as
/// one.
pub(crate) async fn read(app: &App, caller: &Caller, since: i64, most: usize) -> ApiResult<Batch> {
    let actor = caller.actor();
    let mut connection = app.store.read().await?;
    // Read before the rows, so that everything up to it is among them.
    let latest = latest_change(&mut connection).await?;
    let rows = changes_since(&mut connection, actor.workspace, since, most).await?;
    let more = rows.len() == most;
    let last = rows.last().map_or(since, |row| row.seq);
    let upto = if more { last } else { last.max(latest) };

    let mut latest_of: BTreeMap<PartnershipId, (i64, bool)> = BTreeMap::new();
    for row in &rows {
        let entry = latest_of.entry(row.partnership).or_default();
        *entry = (row.seq, entry.1 || row.was_seen_by(&actor));
    }
    let found = partnerships_by_id(&mut connection, latest_of.keys().copied()).await?;
    let mut visible: BTreeMap<String, PartnershipResource> =
        documents(&mut connection, &actor, app.deadlines, &found)
            .await?
            .into_iter()
            .map(|document| (document.id.clone(), document))
            .collect();
    let mut changes = Vec::new();
    for (id, (seq, was_seen)) in latest_of {
        if let Some(change) = change(visible.remove(&id.to_string()), id, was_seen) {
            changes.push((seq, change));
        }
    }
    changes.sort_by_key(|(seq, _)| *seq);
    Ok(Batch { changes, upto, more })
}

fn change(
    resource: Option<PartnershipResource>,
    id: PartnershipId,
    was_seen: bool,
) -> Option<Change> {
    match resource {
        Some(resource) => Some(upsert(resource)),
        None if was_seen => Some(Change {
            op: Operation::Delete,
            r#type: ResourceType::Partnership,
            id: id.to_string(),
            resource: None,
        }),
        // Never theirs to see: not even told that it is not.
        None => None,
    }
}

pub(crate) fn upsert(resource: PartnershipResource) -> Change {
    Change {
        op: Operation::Upsert,
        r#type: ResourceType::Partnership,
        id: resource.id.clone(),
        resource: Some(resource),
    }
}
