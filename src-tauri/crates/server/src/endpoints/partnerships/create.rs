use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use entente_domain::{
    Actor, EmailAddress, NewRequest, Partnership, PartnershipId, Reason, RequestRefusal, TextError,
    WorkspaceId, sees,
};
use entente_store::{
    Connection, UserRow, WorkspaceRow, hold_user, insert_partnership, newest_of_pair, save_step,
    workspace,
};
use entente_wire::{Document, ErrorCode, ExistingPartnership, NewPartnership, PartnershipResource};
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    error::{ApiError, ApiResult},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    news,
    openapi::parameters::Idempotent,
    scopes::PARTNERSHIPS_WRITE,
};

/// Sends a partnership request.
#[utoipa::path(
    post, path = "/api/v1/partnerships", tag = "Partnerships", operation_id = "requestPartnership",
    security(("apiKey" = ["partnerships:write"])),
    params(Idempotent),
    request_body = NewPartnership,
    responses(
        (status = 201, body = Document<PartnershipResource>, headers(("ETag" = String))),
    ),
    extensions(("x-refusals" = json!(["forbidden", "partnership_exists", "unknown_workspace", "own_workspace", "reason_required", "invalid_email", "invalid_text"])))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, PARTNERSHIPS_WRITE, &request, &SendRequest { wanted }).await
}

struct SendRequest {
    wanted: NewPartnership,
}

impl Attempt for SendRequest {
    /// A pair has one open partnership: the index sees to that, and the version of the one before.
    fn is_alone(&self) -> bool {
        false
    }

    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        send(app, caller, &self.wanted, connection).await
    }
}

async fn send(
    app: &App,
    caller: &Caller,
    wanted: &NewPartnership,
    connection: &mut Connection,
) -> Outcome {
    let user = &caller.user;
    let at = app.clock.now();
    let actor = user.actor();
    let host = workspace(connection, user.workspace).await?.ok_or_else(ApiError::not_found)?;
    if !entente_domain::may_send(&actor, host.send_policy) {
        return Err(refusal(&RequestRefusal::NotEntitled).into());
    }
    let (partner_email, reason) = texts(wanted, &actor)?;
    let guest = guest(app, user, &host, &wanted.guest_workspace_id, connection).await?;
    let earlier = newest_of_pair(connection, host.id, guest.id).await?;
    if let Some(open) = earlier.as_ref().filter(|earlier| {
        let state = earlier.state.name();
        state.holds_pair() && !state.is_replaceable()
    }) {
        return Err(exists(&actor, open).into());
    }
    let new = NewRequest {
        id: PartnershipId::new(Uuid::now_v7()),
        guest: guest.id,
        partner_email,
        reason,
        predecessor: earlier.as_ref().map(|earlier| earlier.id),
    };
    let step = Partnership::request(new, &actor, host.send_policy, app.deadlines, at)
        .map_err(|why| refusal(&why))?;
    if let Some(earlier) = earlier.filter(|earlier| earlier.state.name().is_replaceable()) {
        let replaced = earlier.clone().replace(&actor, at).map_err(|error| {
            tracing::error!(%error, "a replaceable partnership was not replaced");
            ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        })?;
        save_step(connection, &earlier, &replaced, &caller.origin).await?;
        news::of_step(connection, &replaced).await?;
    }
    insert_partnership(connection, &step, &caller.origin).await?;
    news::of_step(connection, &step).await?;
    // Whoever removes them takes their partnerships from them, and must see this one.
    hold_user(connection, user).await?;
    reply(app, user, &step.partnership, connection).await
}

async fn reply(
    app: &App,
    user: &UserRow,
    partnership: &Partnership,
    connection: &mut Connection,
) -> Outcome {
    let data = one_document(connection, &user.actor(), app.deadlines, partnership)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Ok(Reply::new(StatusCode::CREATED, partnership.version, &Document { data })?)
}

fn texts(
    wanted: &NewPartnership,
    sender: &Actor,
) -> Result<(EmailAddress, Option<Reason>), ApiError> {
    let email = EmailAddress::parse(&wanted.partner_email).map_err(|why| {
        ApiError::at(
            ErrorCode::InvalidEmail,
            ["body", "partnerEmail"],
            format!("The partner's email address cannot be used: {why}."),
        )
    })?;
    // An Admin's reason is not stored, so it is not checked either.
    let given = wanted.reason.as_deref().filter(|_| entente_domain::needs_reason(sender));
    let reason = match given.map(Reason::parse) {
        None | Some(Err(TextError::Empty)) => None,
        Some(Ok(reason)) => Some(reason),
        Some(Err(why)) => {
            return Err(ApiError::at(
                ErrorCode::InvalidText,
                ["body", "reason"],
                format!("The reason cannot be stored: {why}."),
            ));
        }
    };
    Ok((email, reason))
}

async fn guest(
    app: &App,
    user: &UserRow,
    host: &WorkspaceRow,
    id: &str,
    connection: &mut Connection,
) -> ApiResult<WorkspaceRow> {
    let id = id.trim();
    if id.eq_ignore_ascii_case(&host.id.to_string()) {
        return Err(refusal(&RequestRefusal::OwnWorkspace));
    }
    let found = match id.to_ascii_lowercase().parse::<WorkspaceId>() {
        Ok(id) => workspace(connection, id).await?,
        Err(_) => None,
    };
    if let Some(found) = found {
        return Ok(found);
    }
    // Whether a workspace ID exists is told, but not to somebody who tries many.
    if app.probes.check_key(&user.id).is_err() {
        return Err(ApiError::new(
            ErrorCode::RateLimited,
            "Too many unknown workspace IDs were tried. Check the ID with your partner and try again \
             in a minute.",
        )
        .with(|meta| meta.retry_after = Some(60)));
    }
    Err(ApiError::at(
        ErrorCode::UnknownWorkspace,
        ["body", "guestWorkspaceId"],
        "No workspace has this workspace ID. Ask an Admin of the guest workspace to copy theirs for \
         you.",
    ))
}

fn exists(actor: &Actor, open: &Partnership) -> ApiError {
    let state = open.state.name();
    if !sees(actor, open) {
        return ApiError::new(
            ErrorCode::PartnershipExists,
            "Your workspace already has a partnership or a request with this workspace. Ask an Admin \
             of your workspace.",
        );
    }
    ApiError::new(
        ErrorCode::PartnershipExists,
        format!(
            "Your workspace already has a partnership with this workspace. It is: {}.",
            state.label()
        ),
    )
    .with(|meta| {
        meta.existing =
            Some(ExistingPartnership { id: open.id, state, state_label: state.label().into() });
    })
}

fn refusal(why: &RequestRefusal) -> ApiError {
    match why {
        RequestRefusal::NotEntitled => ApiError::new(
            ErrorCode::Forbidden,
            "Your role may not send partnership requests in this workspace. Ask an Admin.",
        ),
        RequestRefusal::OwnWorkspace => ApiError::at(
            ErrorCode::OwnWorkspace,
            ["body", "guestWorkspaceId"],
            "This is your own workspace's ID. Enter the workspace ID of your partner.",
        ),
        RequestRefusal::ReasonRequired => ApiError::at(
            ErrorCode::ReasonRequired,
            ["body", "reason"],
            "Say why you want to partner, so that an Admin can decide.",
        ),
    }
}
