use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use entente_domain::{
    Action, Agreement, Note, Partnership, Refusal, StateName, Step, TextError, Timestamp,
    TransitionError, sees,
};
use entente_store::{
    Connection, Event, NewActivity, Origin, UserRow, get_partnership, record_activity, save_step,
    transitions_of,
};
use entente_wire::{
    AcceptAttributes, ChangedResource, DeclineAttributes, Document, ErrorCode, PartnershipResource,
};

use crate::{
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::{one_document, person},
    error::{ApiError, ApiResult},
    extract::Id,
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    news,
    openapi::parameters::{Idempotent, IfMatch, IfMatchOptional, OfPartnership},
    scopes::PARTNERSHIPS_WRITE,
    terms,
};

macro_rules! transition {
    (
        $(#[$doc:meta])+ $name:ident, $id:literal, $method:ident, $path:literal, $action:expr,
        $version:ident, $refusals:tt $(, $body:ty)?
    ) => {
        $(#[$doc])+
        #[utoipa::path(
            $method, path = $path, tag = "Partnerships", operation_id = $id,
            security(("apiKey" = ["partnerships:write"])),
            params(OfPartnership, $version, Idempotent),
            $(request_body = $body,)?
            responses((status = 200, body = Document<PartnershipResource>, headers(("ETag" = String)))),
            extensions(("x-refusals" = json!($refusals)))
        )]
        pub(crate) async fn $name(
            State(app): State<Arc<App>>,
            caller: Caller,
            Id(id): Id,
            request: WriteRequest,
        ) -> ApiResult<Response> {
            let arguments = Arguments::read($action, &request)?;
            let take = Take { id, request: &request, action: $action, arguments };
            write(&app, &caller, PARTNERSHIPS_WRITE, &request, &take).await
        }
    };
}

transition!(
    /// A host Admin approves: it becomes the guest's turn.
    approve, "approvePartnership", post, "/api/v1/partnerships/{id}/approve", Action::Approve,
    IfMatch, ["forbidden", "wrong_state", "deadline_passed"]
);
transition!(
    /// An Admin of the side whose turn it is declines.
    decline, "declinePartnership", post, "/api/v1/partnerships/{id}/decline", Action::Decline,
    IfMatch, ["forbidden", "wrong_state", "deadline_passed", "invalid_text"], DeclineAttributes
);
transition!(
    /// A guest Admin accepts and agrees to the current terms.
    accept, "acceptPartnership", post, "/api/v1/partnerships/{id}/accept", Action::Accept,
    IfMatch, ["forbidden", "wrong_state", "deadline_passed", "terms_changed", "terms_not_agreed"],
    AcceptAttributes
);
transition!(
    /// The sender or a Partnership Owner takes the request back.
    withdraw, "withdrawPartnership", post, "/api/v1/partnerships/{id}/withdraw", Action::Withdraw,
    IfMatch, ["forbidden", "wrong_state"]
);
transition!(
    /// The sender or a Partnership Owner reminds whoever's turn it is.
    remind, "remindPartnership", post, "/api/v1/partnerships/{id}/remind", Action::Remind,
    IfMatchOptional, ["forbidden", "wrong_state", "reminder_too_soon"]
);
transition!(
    /// A Partnership Owner sends the request again, unchanged.
    resend, "resendPartnership", post, "/api/v1/partnerships/{id}/resend", Action::Resend,
    IfMatch, ["forbidden", "wrong_state"]
);
transition!(
    /// Ends an active partnership.
    remove, "removePartnership", delete, "/api/v1/partnerships/{id}", Action::Remove,
    IfMatch, ["forbidden", "wrong_state"]
);

struct Take<'a> {
    id: String,
    request: &'a WriteRequest,
    action: Action,
    arguments: Arguments,
}

/// What a transition takes beside who and when.
struct Arguments {
    note: Option<Note>,
    agreement: Agreement,
}

impl Arguments {
    fn read(action: Action, request: &WriteRequest) -> ApiResult<Self> {
        let mut arguments = Self {
            note: None,
            agreement: Agreement { terms_version: String::new(), agreed: false },
        };
        match action {
            Action::Decline => {
                let given: DeclineAttributes = request.attributes()?;
                arguments.note = note(given.note.as_deref())?;
            }
            Action::Accept => {
                let given: AcceptAttributes = request.attributes()?;
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

impl Attempt for Take<'_> {
    /// The version guards the partnership. What a removal ends with it has none.
    fn is_alone(&self) -> bool {
        self.action == Action::Remove
    }

    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let Self { id, request, action, arguments } = self;
        let action = *action;
        let user = &caller.user;
        let at = app.clock.now();
        let id = id.parse().map_err(|_| ApiError::not_found())?;
        let found = get_partnership(connection, id).await?;
        let mut before = found.ok_or_else(ApiError::not_found)?;
        let actor = user.actor();
        if !sees(&actor, &before) {
            return Err(ApiError::not_found().into());
        }
        // At the deadline the clock decides first, whoever asks.
        if let Some(expired) = before.expire(at) {
            save_step(connection, &before, &expired, &Origin::default()).await?;
            news::of_step(connection, &expired).await?;
            before = expired.partnership;
            if matches!(action, Action::Approve | Action::Decline | Action::Accept) {
                let error = ApiError::new(
                    ErrorCode::DeadlinePassed,
                    "The request expired before it was decided. Its Partnership Owner can resend it.",
                );
                return Err(refuse(app, caller, &before, action, error, connection).await?.into());
            }
        }
        // Who may do it at all is told before which version is current. A reminder decides nothing.
        let versioned = action != Action::Remind;
        let refused = match before.check(&actor, action, at) {
            Err(error) if error.why == Refusal::NotEntitled => Some(refusal(&error, at)),
            _ => request.is_of_version(before.version, versioned).err(),
        };
        if let Some(error) = refused {
            return Err(refuse(app, caller, &before, action, error, connection).await?.into());
        }
        let step = match transition(before.clone(), user, action, arguments, app, at) {
            Ok(step) => step,
            Err(error) => {
                let error = refusal(&error, at);
                return Err(refuse(app, caller, &before, action, error, connection).await?.into());
            }
        };
        save_step(connection, &before, &step, &caller.origin).await?;
        news::of_step(connection, &step).await?;
        if step.transition.to == StateName::Removed {
            let doing = Doing::new(Some(user.id), at, &caller.origin).because_of(&step);
            access::end_partnership(connection, &before, &doing).await?;
            doing.finish(connection).await?;
        }
        let data = one_document(connection, &actor, app.deadlines, &step.partnership)
            .await?
            .ok_or_else(ApiError::not_found)?;
        Ok(Reply::new(StatusCode::OK, step.partnership.version, &Document { data })?)
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

/// Records a refused attempt to decide, and adds to the refusal what the caller needs: the resource
/// as it is, who changed it last, and when.
async fn refuse(
    app: &App,
    caller: &Caller,
    before: &Partnership,
    action: Action,
    error: ApiError,
    connection: &mut Connection,
) -> ApiResult<ApiError> {
    let user = &caller.user;
    let at = app.clock.now();
    let refused = NewActivity {
        detail: format!("{action} refused: {}", error.code().as_str()),
        guest_sees: user.workspace == before.guest,
        ..NewActivity::of(Event::DecisionRefused, before, Some(user.id), at)
    };
    record_activity(connection, &refused, &caller.origin).await?;
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
        Some(actor) => Some(person(connection, actor).await?),
        None => None,
    };
    Ok(error.with(|meta| {
        meta.current = current.map(ChangedResource::Partnership).map(Box::new);
        meta.by = by;
        meta.at = last.map(|last| last.at);
        if meta.loc.is_empty() && meta.terms_version.is_none() {
            meta.terms_version = Some(terms::facts().version).filter(|_| action == Action::Accept);
        }
    }))
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
