use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use entente_domain::{Actor, Partnership, Refusal, UserId};
use entente_store::{
    Connection, Event, NewActivity, record_activity, renew_view, save_owners, users_by_id,
};
use entente_wire::{ChangedResource, Document, ErrorCode, NewOwner, PartnershipResource};

use super::shared::seen;
use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    error::{ApiError, ApiResult},
    extract::{Id, Ids, known},
    idempotency::{Attempt, Outcome, Reply, Stop, WriteRequest, write},
    news,
    openapi::parameters::{Idempotent, IfMatchOptional, OfPartnership, UserIn},
    scopes::PARTNERSHIPS_WRITE,
};

/// A host Admin names a Partnership Owner.
#[utoipa::path(
    post, path = "/api/v1/partnerships/{id}/owners", tag = "Partnerships",
    operation_id = "nameOwner", security(("apiKey" = ["partnerships:write"])),
    params(OfPartnership, IfMatchOptional, Idempotent),
    request_body = NewOwner,
    responses(
        (status = 200, body = Document<PartnershipResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state", "unknown_user"])))
)]
pub(crate) async fn name_owner(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted: NewOwner = request.attributes()?;
    let attempt = ChangeOwners { id, request: &request, change: Change::Name(wanted.user_id) };
    write(&app, &caller, PARTNERSHIPS_WRITE, &request, &attempt).await
}

/// A host Admin dismisses a Partnership Owner; the last one stays until another is named.
#[utoipa::path(
    delete, path = "/api/v1/partnerships/{id}/owners/{userId}", tag = "Partnerships",
    operation_id = "dismissOwner", security(("apiKey" = ["partnerships:write"])),
    params(OfPartnership, UserIn, IfMatchOptional, Idempotent),
    responses(
        (status = 200, body = Document<PartnershipResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state", "last_owner"])))
)]
pub(crate) async fn dismiss_owner(
    State(app): State<Arc<App>>,
    caller: Caller,
    Ids(id, user): Ids,
    request: WriteRequest,
) -> ApiResult<Response> {
    let attempt = ChangeOwners { id, request: &request, change: Change::Dismiss(user) };
    write(&app, &caller, PARTNERSHIPS_WRITE, &request, &attempt).await
}

enum Change {
    Name(String),
    Dismiss(String),
}

struct ChangeOwners<'a> {
    id: String,
    request: &'a WriteRequest,
    change: Change,
}

impl Attempt for ChangeOwners<'_> {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let before = seen(connection, &actor, &self.id).await?;
        // Who may at all is told before whom it is about.
        if !(actor.is_live_admin() && actor.workspace == before.host) {
            return Err(ApiError::forbidden().into());
        }
        if let Err(stale) = self.request.is_of_version(before.version, false) {
            return Err(self.refuse(app, &actor, &before, stale, connection).await?);
        }
        let at = app.clock.now();
        let (user, changed, detail) = match &self.change {
            Change::Name(id) => {
                let named = named(connection, &before, id).await?;
                (named.user, before.clone().name_owner(&named, &actor, at), "owner named")
            }
            Change::Dismiss(id) => {
                let id: UserId = known(id)?;
                if !before.owners.contains(&id) {
                    return Err(ApiError::not_found().into());
                }
                (id, before.clone().dismiss_owner(id, &actor, at), "owner dismissed")
            }
        };
        let after = match changed {
            Ok(after) => after,
            Err(why) => {
                let error = refusal(&why, &before);
                return Err(self.refuse(app, &actor, &before, error, connection).await?);
            }
        };
        if after.version != before.version {
            save_owners(connection, &before, &after).await?;
            let activity = NewActivity {
                subject: Some(user),
                detail: detail.into(),
                ..NewActivity::of(Event::PartnershipUpdated, &after, Some(actor.user), at)
            };
            record_activity(connection, &activity, &caller.origin).await?;
            // What an Owner sees of accounts and members comes and goes with the office.
            renew_view(connection, [user]).await?;
            news::of_owners(connection, &after, at).await?;
        }
        let data = one_document(connection, &actor, app.deadlines, &after)
            .await?
            .ok_or_else(ApiError::not_found)?;
        Ok(Reply::new(StatusCode::OK, after.version, &Document { data })?)
    }
}

impl ChangeOwners<'_> {
    async fn refuse(
        &self,
        app: &App,
        actor: &Actor,
        before: &Partnership,
        error: ApiError,
        connection: &mut Connection,
    ) -> Result<Stop, Stop> {
        let current = one_document(connection, actor, app.deadlines, before).await?;
        let current = current.map(ChangedResource::Partnership);
        Ok(error.with_current(current, None, Some(before.updated_at)).into())
    }
}

/// A live user of the host workspace.
async fn named(
    connection: &mut Connection,
    partnership: &Partnership,
    id: &str,
) -> ApiResult<Actor> {
    let unknown = || {
        ApiError::in_body(
            ErrorCode::UnknownUser,
            "userId",
            "No live member of your workspace has this id. Choose among its members.",
        )
    };
    let id: UserId = id.parse().map_err(|_| unknown())?;
    let found = users_by_id(connection, [id]).await?.remove(&id).map(|user| user.actor());
    found.filter(|user| user.workspace == partnership.host && user.is_live()).ok_or_else(unknown)
}

fn refusal(why: &Refusal, before: &Partnership) -> ApiError {
    match why {
        Refusal::NotVisible => ApiError::not_found(),
        Refusal::WrongState if before.state.name().holds_pair() => ApiError::new(
            ErrorCode::LastOwner,
            "A partnership keeps at least one Partnership Owner. Name another one first.",
        ),
        Refusal::WrongState => ApiError::new(
            ErrorCode::WrongState,
            format!("The partnership is closed. It is: {}.", before.state.name().label()),
        ),
        Refusal::NotEntitled
        | Refusal::PastDeadline
        | Refusal::TooSoon { .. }
        | Refusal::TermsNotAgreed
        | Refusal::TermsChanged => ApiError::forbidden(),
    }
}
