use std::{collections::BTreeSet, sync::Arc};

use axum::extract::State;
use entente_domain::{Action, Refusal, sees_impact};
use entente_store::{
    PendingOn, accounts_by_id, grants_through, pending_requests, shared_through, users_by_id,
};
use entente_wire::{
    Document, ImpactAttributes, ImpactResource, Resource, ResourceMeta, ResourceType,
};

use super::shared::{not_active, seen};
use crate::{
    app::App,
    auth::Caller,
    endpoints::{One, one},
    error::{ApiError, ApiResult},
    extract::{Id, NoQuery},
    openapi::parameters::OfPartnership,
    scopes::PARTNERSHIPS_READ,
};

/// How many names are told.
const NAMES: usize = 10;

/// What removing the partnership would take away.
#[utoipa::path(
    get, path = "/api/v1/partnerships/{id}/impact", tag = "Partnerships",
    operation_id = "getImpact", security(("apiKey" = ["partnerships:read"])),
    params(OfPartnership),
    responses((status = 200, body = Document<ImpactResource>, headers(("ETag" = String)))),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state"])))
)]
pub(crate) async fn impact(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
    Id(id): Id,
) -> ApiResult<One<ImpactResource>> {
    caller.needs(PARTNERSHIPS_READ)?;
    let actor = caller.actor();
    let mut connection = app.store.snapshot().await?;
    let partnership = seen(&mut connection, &actor, &id).await?;
    if !sees_impact(&actor, &partnership) {
        let removal = partnership.check(&actor, Action::Remove, app.clock.now());
        if removal.is_err_and(|error| error.why == Refusal::NotEntitled) {
            return Err(ApiError::forbidden());
        }
        let detail = "Only an active partnership can be removed.";
        return Err(not_active(&app, &mut connection, &actor, &partnership, detail).await?);
    }
    let shared = shared_through(&mut connection, [partnership.id]).await?;
    let grants = grants_through(&mut connection, partnership.id).await?;
    let on = PendingOn::Partnership(partnership.id);
    let pending = pending_requests(&mut connection, on).await?;
    let members: BTreeSet<_> = grants.iter().map(|grant| grant.user).collect();
    let first = shared.iter().take(NAMES).map(|shared| shared.account);
    let accounts = accounts_by_id(&mut connection, first).await?;
    let users = users_by_id(&mut connection, members.iter().take(NAMES).copied()).await?;
    let data = Resource {
        id: partnership.id.to_string(),
        r#type: ResourceType::Impact,
        attributes: ImpactAttributes {
            accounts: shared.len() as u64,
            members: members.len() as u64,
            grants: grants.len() as u64,
            pending_requests: pending.len() as u64,
            account_names: accounts
                .values()
                .map(|account| {
                    format!("{}, {}", account.application.as_str(), account.label.as_str())
                })
                .collect(),
            member_names: users.into_values().map(|user| user.name).collect(),
        },
        meta: ResourceMeta::default(),
    };
    Ok(one(partnership.version, data))
}
