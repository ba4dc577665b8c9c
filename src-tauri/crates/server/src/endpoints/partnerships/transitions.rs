use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use entente_domain::{
    Action, Agreement, Note, Partnership, Refusal, Step, TextError, Timestamp, TransitionError,
    UserId, sees,
};
use entente_store::{
    Connection, UserRow, Write, get_partnership, record_activity, save_step, transitions_of,
    users_by_id,
};
use entente_wire::{
    AcceptAttributes, DeclineAttributes, Document, ErrorCode, ErrorDocument, PartnershipResource,
    Person,
};

use super::attributes;
use crate::{
    app::App,
    auth::Caller,
    document::one_document,
    error::{ApiError, ApiResult},
    extract::{Id, Payload},
    idempotency::{Outcome, Reply, WriteRequest, write},
    mail, terms,
};

macro_rules! transition {
    ($(#[$doc:meta])+ $name:ident, $method:ident, $path:literal, $action:expr $(, $body:ty)?) => {
        $(#[$doc])+
        #[utoipa::path(
            $method, path = $path, tag = "Partnerships",
            security(("apiKey" = []), ("bearer" = [])),
            params(
                ("id" = String, Path, description = "The partnership's id", format = Uuid),
                ("If-Match" = Option<String>, Header, description = "The ETag of the version decided on; not needed for a reminder"),
                ("Idempotency-Key" = Option<String>, Header, description = "The same key and body give the same answer for 24 hours"),
            ),
            $(request_body(content = Option<$body>, description = "The attributes, alone or as `{\"data\": {\"attributes\": {...}}}`"),)?
            responses(
                (status = 200, body = Document<PartnershipResource>, headers(("ETag" = String))),
                (status = 400, body = ErrorDocument), (status = 401, body = ErrorDocument),
                (status = 403, body = ErrorDocument), (status = 404, body = ErrorDocument),
                (status = 409, body = ErrorDocument), (status = 412, body = ErrorDocument),
                (status = 413, body = ErrorDocument), (status = 415, body = ErrorDocument),
                (status = 422, body = ErrorDocument), (status = 428, body = ErrorDocument),
                (status = 429, body = ErrorDocument),
            )
        )]
        pub(crate) async fn $name(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id,
            headers: HeaderMap,
            Payload(body): Payload,
        ) -> ApiResult<Response> {
            act(app, caller, id, headers, body, $action).await
        }
    };
}

transition!(
    /// A host Admin approves: it becomes the guest's turn.
    approve, post, "/api/v1/partnerships/{id}/approve", Action::Approve
);
transition!(
    /// An Admin of the side whose turn it is declines.
    decline, post, "/api/v1/partnerships/{id}/decline", Action::Decline, DeclineAttributes
);
transition!(
    /// A guest Admin accepts and agrees to the current terms.
    accept, post, "/api/v1/partnerships/{id}/accept", Action::Accept, AcceptAttributes
);
transition!(
    /// The sender or a Partnership Owner takes the request back.
    withdraw, post, "/api/v1/partnerships/{id}/withdraw", Action::Withdraw
);
transition!(
    /// The sender or a Partnership Owner reminds whoever's turn it is.
    remind, post, "/api/v1/partnerships/{id}/remind", Action::Remind
);
transition!(
    /// A Partnership Owner sends the request again, unchanged.
    resend, post, "/api/v1/partnerships/{id}/resend", Action::Resend
);
transition!(
    /// Ends an active partnership.
    remove, delete, "/api/v1/partnerships/{id}", Action::Remove
);

async fn act(
    app: Arc<App>,
    caller: Caller,
    id: String,
    headers: HeaderMap,
    body: Bytes,
    action: Action,
) -> ApiResult<Response> {
    let arguments = Arguments::read(action, &headers, &body)?;
    let path = match action {
        Action::Remove => format!("/api/v1/partnerships/{id}"),
        Action::Approve
        | Action::Decline
        | Action::Accept
        | Action::Withdraw
        | Action::Remind
        | Action::Resend => format!("/api/v1/partnerships/{id}/{action}"),
    };
    let method = if action == Action::Remove { "DELETE" } else { "POST" };
    let request = WriteRequest { method, path, headers: &headers, body: &body };
    let user = caller.user.clone();
    write(&app, &caller, request, async |transaction| {
        attempt(&app, &user, &id, &headers, action, &arguments, transaction).await
    })
    .await
}

/// What a transition takes beside who and when.
struct Arguments {
    note: Option<Note>,
    agreement: Agreement,
}

impl Arguments {
    fn read(action: Action, headers: &HeaderMap, body: &Bytes) -> ApiResult<Self> {
        let mut arguments = Self {
            note: None,
            agreement: Agreement { terms_version: String::new(), agreed: false },
        };
        match action {
            Action::Decline => {
                let given: DeclineAttributes = attributes(headers, body)?;
                arguments.note = note(given.note.as_deref())?;
            }
            Action::Accept => {
                let given: AcceptAttributes = attributes(headers, body)?;
                arguments.agreement =
                    Agreement { terms_version: given.terms_version, agreed: given.agreed };
            }
            Action::Approve
            | Action::Withdraw
            | Action::Remind
            | Action::Resend
            | Action::Remove => {}
        }
        Ok(arguments)
    }
}

fn note(text: Option<&str>) -> ApiResult<Option<Note>> {
    match text.map(Note::parse) {
        None | Some(Err(TextError::Empty)) => Ok(None),
        Some(Ok(note)) => Ok(Some(note)),
        Some(Err(why)) => Err(ApiError::at(
            ErrorCode::InvalidText,
            ["body", "note"],
            format!("The note cannot be stored: {why}."),
        )),
    }
}

async fn attempt(
    app: &App,
    user: &UserRow,
    id: &str,
    headers: &HeaderMap,
    action: Action,
    arguments: &Arguments,
    transaction: &mut Write,
) -> ApiResult<Outcome> {
    let connection = transaction.connection();
    let at = app.clock.now();
    let Ok(id) = id.parse() else { return Ok(Err(ApiError::not_found())) };
    let Some(mut before) = get_partnership(connection, id).await? else {
        return Ok(Err(ApiError::not_found()));
    };
    let actor = user.actor();
    if !sees(&actor, &before) {
        return Ok(Err(ApiError::not_found()));
    }
    // At the deadline the clock decides first, whoever asks.
    if let Some(expired) = before.expire(at) {
        save_step(connection, &before, &expired).await?;
        mail::queue_for(connection, &expired).await?;
        before = expired.partnership;
        if matches!(action, Action::Approve | Action::Decline | Action::Accept) {
            let error = ApiError::new(
                ErrorCode::DeadlinePassed,
                "The request expired before it was decided. Its Partnership Owner can resend it.",
            );
            return refuse(app, user, &before, action, error, connection).await.map(Err);
        }
    }
    // Who may do it at all is told before which version is current.
    if let Err(error) = before.check(&actor, action, at)
        && error.why == Refusal::NotEntitled
    {
        let error = refusal(&error, at);
        return refuse(app, user, &before, action, error, connection).await.map(Err);
    }
    if let Err(error) = check_version(headers, action, &before) {
        return refuse(app, user, &before, action, error, connection).await.map(Err);
    }
    match transition(before.clone(), user, action, arguments, app, at) {
        Ok(step) => {
            save_step(connection, &before, &step).await?;
            mail::queue_for(connection, &step).await?;
            let data = one_document(connection, &actor, app.deadlines, &step.partnership)
                .await?
                .ok_or_else(ApiError::not_found)?;
            Reply::new(StatusCode::OK, step.partnership.version, &Document { data }).map(Ok)
        }
        Err(error) => {
            let error = refusal(&error, at);
            refuse(app, user, &before, action, error, connection).await.map(Err)
        }
    }
}

fn transition(
    before: Partnership,
    user: &UserRow,
    action: Action,
    arguments: &Arguments,
    app: &App,
    at: Timestamp,
) -> Result<Step, TransitionError> {
    let actor = user.actor();
    match action {
        Action::Approve => before.approve(&actor, app.deadlines, at),
        Action::Decline => before.decline(&actor, arguments.note.clone(), at),
        Action::Accept => before.accept(&actor, &arguments.agreement, &terms::facts(), at),
        Action::Withdraw => before.withdraw(&actor, at),
        Action::Remind => before.remind(&actor, app.deadlines, at),
        Action::Resend => before.resend(&actor, app.deadlines, at),
        Action::Remove => before.remove(&actor, at),
    }
}

fn check_version(headers: &HeaderMap, action: Action, before: &Partnership) -> ApiResult<()> {
    let Some(wanted) = headers.get(header::IF_MATCH) else {
        // A reminder decides nothing.
        if action == Action::Remind {
            return Ok(());
        }
        return Err(ApiError::at(
            ErrorCode::VersionRequired,
            ["header", "If-Match"],
            "Send the ETag of the version that you decide on in If-Match.",
        ));
    };
    let current = before.version.to_string();
    let matches = wanted.to_str().is_ok_and(|wanted| {
        wanted.split(',').map(str::trim).any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || tag.trim_matches('"') == current
        })
    });
    if matches {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorCode::StaleVersion,
        "It has changed since you read it. Look at it as it is now and decide again.",
    ))
}

/// Records a refused attempt to decide, and adds to the refusal what the caller needs: the resource
/// as it is, who changed it last, and when.
async fn refuse(
    app: &App,
    user: &UserRow,
    before: &Partnership,
    action: Action,
    error: ApiError,
    connection: &mut Connection,
) -> ApiResult<ApiError> {
    let detail = format!("{action} refused: {}", error.code().as_str());
    let at = app.clock.now();
    record_activity(connection, "decision_refused", before, Some(user.id), &detail, at).await?;
    if !matches!(error.status(), 409 | 412) {
        return Ok(error);
    }
    let current: Option<PartnershipResource> =
        one_document(connection, &user.actor(), app.deadlines, before).await?;
    let last = transitions_of(connection, [before.id])
        .await?
        .remove(&before.id)
        .and_then(|mut transitions| transitions.pop());
    let by = match last.as_ref().and_then(|last| last.actor) {
        Some(actor) => person(connection, actor).await?,
        None => None,
    };
    Ok(error.with(|meta| {
        meta.current = current.map(Box::new);
        meta.by = by;
        meta.at = last.map(|last| last.at);
        if meta.loc.is_empty() && meta.terms_version.is_none() {
            meta.terms_version = Some(terms::facts().version).filter(|_| action == Action::Accept);
        }
    }))
}

async fn person(connection: &mut Connection, id: UserId) -> ApiResult<Option<Person>> {
    let found = users_by_id(connection, [id]).await?.remove(&id);
    Ok(found.map(|user| Person { id, name: user.name, email: user.email }))
}

fn refusal(error: &TransitionError, at: Timestamp) -> ApiError {
    let label = error.from.label();
    match &error.why {
        Refusal::NotVisible => ApiError::not_found(),
        Refusal::NotEntitled => ApiError::new(
            ErrorCode::Forbidden,
            "You are not one of those who may do this. Ask an Admin of your workspace.",
        ),
        Refusal::WrongState => ApiError::new(
            ErrorCode::WrongState,
            format!("This is not possible any more, or not yet. It is now: {label}."),
        ),
        Refusal::PastDeadline => ApiError::new(
            ErrorCode::DeadlinePassed,
            "The request expired before it was decided. Its Partnership Owner can resend it.",
        ),
        Refusal::TooSoon { next_at } => ApiError::new(
            ErrorCode::ReminderTooSoon,
            format!("A reminder was sent recently. The next one is possible at {next_at}."),
        )
        .with(|meta| {
            meta.next_reminder_at = Some(*next_at);
            meta.retry_after = Some(next_at.since(at).as_secs() + 1);
        }),
        Refusal::TermsNotAgreed => ApiError::at(
            ErrorCode::TermsNotAgreed,
            ["body", "agreed"],
            "Accepting needs your agreement to the Terms of Service.",
        ),
        Refusal::TermsChanged => ApiError::new(
            ErrorCode::TermsChanged,
            "The Terms of Service have changed. Read the current ones and agree to them.",
        ),
    }
}
