use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use entente_domain::{
    AccessRequest, Account, AccountRole, Actor, Grant, Partnership, RequestState, StateName,
    sees_access_request,
};
use entente_store::{
    Connection, Event, NewActivity, StoreError, UserRow, access_requests_by_id, grants_on,
    record_activity, shares_of, users_by_id,
};
use entente_wire::{AccessRequestResource, ChangedResource, Document, ErrorCode};

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::{
        access::{Ledger, access_requests_of},
        person,
    },
    error::{ApiError, ApiResult},
    extract::{Id, known},
    idempotency::{Attempt, Outcome, Reply, Stop, WriteRequest, write},
    openapi::parameters::{Idempotent, IfMatch, OfRequest},
    scopes::ACCOUNTS_WRITE,
};

/// An Owner of the account gives the member the role that was asked for; the first decision wins.
#[utoipa::path(
    post, path = "/api/v1/access-requests/{id}/accept", tag = "Access requests",
    operation_id = "acceptAccessRequest", security(("apiKey" = ["accounts:write"])),
    params(OfRequest, IfMatch, Idempotent),
    responses(
        (status = 200, body = Document<AccessRequestResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state"])))
)]
pub(crate) async fn accept_access(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    let attempt = Decide { id, request: &request, accept: true };
    write(&app, &caller, ACCOUNTS_WRITE, &request, &attempt).await
}

/// An Owner of the account refuses what was asked for; the first decision wins.
#[utoipa::path(
    post, path = "/api/v1/access-requests/{id}/decline", tag = "Access requests",
    operation_id = "declineAccessRequest", security(("apiKey" = ["accounts:write"])),
    params(OfRequest, IfMatch, Idempotent),
    responses(
        (status = 200, body = Document<AccessRequestResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "wrong_state"])))
)]
pub(crate) async fn decline_access(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    let attempt = Decide { id, request: &request, accept: false };
    write(&app, &caller, ACCOUNTS_WRITE, &request, &attempt).await
}

struct Decide<'a> {
    id: String,
    request: &'a WriteRequest,
    accept: bool,
}

impl Attempt for Decide<'_> {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let asked = access_requests_by_id(connection, [known(&self.id)?]).await?.pop();
        // Before more is read: what is another's must not take longer than what never was.
        let asked = asked
            .filter(|asked| [asked.host, asked.guest].contains(&actor.workspace))
            .ok_or_else(ApiError::not_found)?;
        let through = [asked.partnership];
        let ledger = Ledger::read(connection, &actor, [asked.account], through).await?;
        let account = ledger.accounts.get(&asked.account).ok_or_else(ApiError::not_found)?;
        let facts = ledger.facts(account);
        if !sees_access_request(&actor, &facts, &asked) {
            return Err(ApiError::not_found().into());
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        // Who may at all is told before which version is current.
        let refused = if !facts.is_governed_by(&actor) {
            Some(ApiError::forbidden())
        } else if let Err(stale) = self.request.is_of_version(asked.version, true) {
            Some(stale)
        } else if asked.state != RequestState::Pending {
            Some(ended(&asked))
        } else {
            None
        };
        if let Some(error) = refused {
            return Err(self.refuse(&actor, &asked, account, error, &doing, connection).await?);
        }
        let partnership = ledger.partnership(Some(asked.partnership));
        let member = users_by_id(connection, [asked.member]).await?.remove(&asked.member);
        let granted = grants_on(connection, [account.id]).await?;
        let shares = shares_of(connection, [account.id]).await?;
        let is_shared = shares.iter().any(|shared| shared.partnership == asked.partnership);
        let facts = partnership.zip(member).filter(|(partnership, member)| {
            is_shared && holds(&asked, partnership, member, &granted)
        });
        // What ends closes what depended on it, so this is for a database that was tampered with.
        let Some((partnership, member)) = facts else {
            let error = ended(&asked);
            return Err(self.refuse(&actor, &asked, account, error, &doing, connection).await?);
        };
        let decided =
            access::decide(connection, &asked, account, partnership, &member, self.accept, &doing)
                .await?;
        doing.finish(connection).await?;
        let one = std::slice::from_ref(&decided);
        let data = access_requests_of(connection, &actor, one).await?.pop();
        let data = data.ok_or_else(ApiError::not_found)?;
        Ok(Reply::new(StatusCode::OK, decided.version, &Document { data })?)
    }
}

/// Whether everything that a request depends on is still there.
fn holds(
    asked: &AccessRequest,
    partnership: &Partnership,
    member: &UserRow,
    granted: &[Grant],
) -> bool {
    partnership.state.name() == StateName::Active
        && member.actor().is_live()
        && member.workspace == asked.guest
        && granted.iter().any(|grant| {
            grant.user == asked.requested_by
                && grant.partnership == Some(asked.partnership)
                && grant.role >= AccountRole::Manager
        })
}

fn ended(asked: &AccessRequest) -> ApiError {
    let label = asked.state.label();
    ApiError::new(
        ErrorCode::WrongState,
        format!("This request cannot be decided any more. It is: {label}."),
    )
}

impl Decide<'_> {
    /// Records a refused attempt to decide, and adds what the caller needs to the refusal.
    async fn refuse(
        &self,
        actor: &Actor,
        asked: &AccessRequest,
        account: &Account,
        error: ApiError,
        doing: &Doing<'_>,
        connection: &mut Connection,
    ) -> Result<Stop, StoreError> {
        let action = if self.accept { "accept" } else { "decline" };
        let activity = NewActivity {
            guest: Some(asked.guest),
            guest_sees: actor.workspace == asked.guest,
            partnership: Some(asked.partnership),
            subject: Some(asked.member),
            detail: format!("{action} refused: {}", error.code().as_str()),
            ..NewActivity::on(Event::DecisionRefused, account, doing.user, doing.at)
        };
        record_activity(connection, &activity, doing.origin).await?;
        if !matches!(error.status(), 409 | 412) {
            return Ok(error.into());
        }
        let current = access_requests_of(connection, actor, std::slice::from_ref(asked)).await?;
        let by = match asked.decided_by {
            Some(id) => Some(person(connection, id).await?),
            None => None,
        };
        let current = current.into_iter().next().map(ChangedResource::AccessRequest);
        Ok(error.with_current(current, by, asked.decided_at).into())
    }
}
