use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use entente_domain::{
    Actor, EmailAddress, NewRequest, Partnership, PartnershipId, Reason, RequestRefusal, TextError,
    WorkspaceId, sees,
};
use entente_store::{
    UserRow, WorkspaceRow, Write, insert_partnership, newest_of_pair, save_step, workspace,
};
use entente_wire::{
    Document, ErrorCode, ErrorDocument, ExistingPartnership, NewPartnership, PartnershipResource,
};
use uuid::Uuid;

use super::attributes;
use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    error::{ApiError, ApiResult},
    extract::Payload,
    idempotency::{Outcome, Reply, WriteRequest, write},
    mail,
};

/// Sends a partnership request.
#[utoipa::path(
    post, path = "/api/v1/partnerships", tag = "Partnerships",
    security(("apiKey" = []), ("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body give the same answer for 24 hours")),
    request_body(content = NewPartnership, description = "The attributes, alone or as `{\"data\": {\"attributes\": {...}}}`"),
    responses(
        (status = 201, body = Document<PartnershipResource>, headers(("ETag" = String))),
        (status = 400, body = ErrorDocument), (status = 401, body = ErrorDocument),
        (status = 403, body = ErrorDocument), (status = 409, body = ErrorDocument),
        (status = 413, body = ErrorDocument), (status = 415, body = ErrorDocument),
        (status = 422, body = ErrorDocument), (status = 429, body = ErrorDocument),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Payload(body): Payload,
) -> ApiResult<Response> {
    let wanted: NewPartnership = attributes(&headers, &body)?;
    let request = WriteRequest {
        method: "POST",
        path: "/api/v1/partnerships".into(),
        headers: &headers,
        body: &body,
    };
    let user = caller.user.clone();
    write(&app, &caller, request, async |transaction| send(&app, &user, &wanted, transaction).await)
        .await
}

async fn send(
    app: &App,
    user: &UserRow,
    wanted: &NewPartnership,
    transaction: &mut Write,
) -> ApiResult<Outcome> {
    let connection = transaction.connection();
    let at = app.clock.now();
    let host = workspace(connection, user.workspace).await?.ok_or_else(ApiError::not_found)?;
    if !entente_domain::may_send(&user.actor(), host.send_policy) {
        return Ok(Err(refusal(&RequestRefusal::NotEntitled)));
    }
    let (partner_email, reason) = match texts(wanted, &user.actor()) {
        Ok(texts) => texts,
        Err(error) => return Ok(Err(error)),
    };
    let guest = match guest(app, user, &host, &wanted.guest_workspace_id, connection).await? {
        Ok(guest) => guest,
        Err(error) => return Ok(Err(error)),
    };
    let earlier = newest_of_pair(connection, host.id, guest.id).await?;
    if let Some(open) = earlier.as_ref().filter(|earlier| {
        let state = earlier.state.name();
        state.holds_pair() && !state.is_replaceable()
    }) {
        return Ok(Err(exists(&user.actor(), open)));
    }
    let new = NewRequest {
        id: PartnershipId::new(Uuid::now_v7()),
        guest: guest.id,
        partner_email,
        reason,
        predecessor: earlier.as_ref().map(|earlier| earlier.id),
    };
    let step = match Partnership::request(new, &user.actor(), host.send_policy, app.deadlines, at) {
        Ok(step) => step,
        Err(why) => return Ok(Err(refusal(&why))),
    };
    if let Some(earlier) = earlier.filter(|earlier| earlier.state.name().is_replaceable()) {
        let replaced = earlier.clone().replace(&user.actor(), at).map_err(|error| {
            tracing::error!(%error, "a replaceable partnership was not replaced");
            ApiError::new(ErrorCode::Internal, "The server could not answer. Try again later.")
        })?;
        save_step(connection, &earlier, &replaced).await?;
    }
    insert_partnership(connection, &step).await?;
    mail::queue_for(connection, &step).await?;
    reply(app, user, &step.partnership, transaction).await.map(Ok)
}

async fn reply(
    app: &App,
    user: &UserRow,
    partnership: &Partnership,
    transaction: &mut Write,
) -> ApiResult<Reply> {
    let connection = transaction.connection();
    let data = one_document(connection, &user.actor(), app.deadlines, partnership)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Reply::new(StatusCode::CREATED, partnership.version, &Document { data })
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
    connection: &mut entente_store::Connection,
) -> ApiResult<Result<WorkspaceRow, ApiError>> {
    let id = id.trim();
    if id.eq_ignore_ascii_case(&host.id.to_string()) {
        return Ok(Err(refusal(&RequestRefusal::OwnWorkspace)));
    }
    let found = match id.to_ascii_lowercase().parse::<WorkspaceId>() {
        Ok(id) => workspace(connection, id).await?,
        Err(_) => None,
    };
    if let Some(found) = found {
        return Ok(Ok(found));
    }
    // Whether a workspace ID exists is told, but not to somebody who tries many.
    if app.probes.check_key(&user.id).is_err() {
        return Ok(Err(ApiError::new(
            ErrorCode::RateLimited,
            "Too many unknown workspace IDs were tried. Check the ID with your partner and try again \
             in a minute.",
        )
        .with(|meta| meta.retry_after = Some(60))));
    }
    Ok(Err(ApiError::at(
        ErrorCode::UnknownWorkspace,
        ["body", "guestWorkspaceId"],
        "No workspace has this workspace ID. Ask an Admin of the guest workspace to copy theirs for \
         you.",
    )))
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
