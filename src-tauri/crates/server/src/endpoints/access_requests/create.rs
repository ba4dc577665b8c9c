use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use entente_domain::{
    AccessRequest, AccessRequestId, Account, AccountAction, AccountId, AccountRole, Actor, Message,
    Partnership, RequestState, TextError, UserId, allowed_account_actions, sees_account,
};
use entente_store::{Connection, PendingOn, UserRow, grants_on, pending_requests, users_by_id};
use entente_wire::{AccessRequestResource, Document, Documents, ErrorCode, NewAccessRequests};
use uuid::Uuid;

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::access::{Ledger, access_requests},
    endpoints::partnerships::distinct,
    error::{ApiError, ApiResult},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::Idempotent,
    scopes::ACCOUNTS_WRITE,
};

/// The most members that are asked for at once.
const MOST: usize = 100;

/// A Manager asks for access for other members of their workspace: one request for each. Where one
/// is pending for a member already, it is that one which is told.
#[utoipa::path(
    post, path = "/api/v1/access-requests", tag = "Access requests",
    operation_id = "requestAccess", security(("apiKey" = ["accounts:write"])),
    params(Idempotent),
    request_body = NewAccessRequests,
    responses((status = 201, body = Documents<AccessRequestResource>)),
    extensions(("x-refusals" = json!(["forbidden", "already_member", "unknown_account", "unknown_user", "invalid_value", "invalid_text"])))
)]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, ACCOUNTS_WRITE, &request, &Ask { wanted }).await
}

struct Ask {
    wanted: NewAccessRequests,
}

impl Attempt for Ask {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let message = message(self.wanted.message.as_deref())?;
        let (account, partnership) = self.account(connection, &actor).await?;
        let members = self.members(connection, &actor, &account).await?;
        let at = app.clock.now();
        let doing = Doing::new(Some(actor.user), at, &caller.origin);
        let mut asked = Vec::new();
        for member in &members {
            let request = AccessRequest {
                id: AccessRequestId::new(Uuid::now_v7()),
                partnership: partnership.id,
                account: account.id,
                host: partnership.host,
                guest: partnership.guest,
                member: member.id,
                role: self.wanted.role,
                requested_by: actor.user,
                message: message.clone(),
                state: RequestState::Pending,
                decided_by: None,
                decided_at: None,
                created_at: at,
                version: 1,
            };
            if access::ask(connection, &request, &doing).await? {
                asked.push(request.id);
            } else {
                let on = PendingOn::Member(member.id, account.id);
                let pending = pending_requests(connection, on).await?;
                asked.extend(pending.iter().map(|request| request.id));
            }
        }
        doing.finish(connection).await?;
        let data = access_requests(connection, &actor, asked).await?;
        Ok(Reply::without_version(StatusCode::CREATED, &Document { data })?)
    }
}

impl Ask {
    /// The account asked for, and the partnership through which the caller manages it.
    async fn account(
        &self,
        connection: &mut Connection,
        actor: &Actor,
    ) -> ApiResult<(Account, Partnership)> {
        let unknown = || {
            ApiError::in_body(
                ErrorCode::UnknownAccount,
                "accountId",
                "You have no account with this id. Choose among the accounts shared with you.",
            )
        };
        let id: AccountId = self.wanted.account_id.parse().map_err(|_| unknown())?;
        let ledger = Ledger::read(connection, actor, [id], []).await?;
        let account = ledger.accounts.get(&id).ok_or_else(unknown)?;
        let (facts, own) = (ledger.facts(account), ledger.own(actor, id));
        if !sees_account(actor, &facts, own) {
            return Err(unknown());
        }
        let through = ledger.partnership(own.and_then(|own| own.partnership));
        let allowed = allowed_account_actions(actor, &facts, own, through);
        match through.filter(|_| allowed.contains(&AccountAction::RequestAccess)) {
            Some(through) => Ok((account.clone(), through.clone())),
            None => Err(ApiError::new(
                ErrorCode::Forbidden,
                "Only guests with the role Manager ask for access for others. Ask an account Owner.",
            )),
        }
    }

    /// The members asked for, none of whom has the role already.
    async fn members(
        &self,
        connection: &mut Connection,
        actor: &Actor,
        account: &Account,
    ) -> ApiResult<Vec<UserRow>> {
        let unknown = || {
            ApiError::in_body(
                ErrorCode::UnknownUser,
                "userIds",
                "One of these is no live member of your workspace. Choose among its members.",
            )
        };
        let ids =
            distinct::<UserId>(&self.wanted.user_ids, "userIds", MOST)?.ok_or_else(unknown)?;
        let found = users_by_id(connection, ids.iter().copied()).await?;
        let is_ours = |user: &UserRow| user.workspace == actor.workspace && user.actor().is_live();
        if found.len() != ids.len() || !found.values().all(is_ours) {
            return Err(unknown());
        }
        let role: AccountRole = self.wanted.role.into();
        for grant in grants_on(connection, [account.id]).await? {
            if let Some(user) = found.get(&grant.user).filter(|_| grant.role >= role) {
                return Err(ApiError::in_body(
                    ErrorCode::AlreadyMember,
                    "userIds",
                    format!("{} has this access already. Leave them out.", user.name),
                ));
            }
        }
        Ok(found.into_values().collect())
    }
}

fn message(text: Option<&str>) -> ApiResult<Option<Message>> {
    match text.map(Message::parse) {
        None | Some(Err(TextError::Empty)) => Ok(None),
        Some(Ok(message)) => Ok(Some(message)),
        Some(Err(why)) => Err(ApiError::in_body(
            ErrorCode::InvalidText,
            "message",
            format!("The message cannot be stored: {why}."),
        )),
    }
}
