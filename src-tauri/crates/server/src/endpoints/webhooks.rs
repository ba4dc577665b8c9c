use std::sync::Arc;

use axum::{
    Json,
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{WebhookEvent, WebhookId, may_manage_webhooks};
use entente_store::{
    Connection, Event, NewActivity, StoreError, WebhookRow, delete_webhook, delivery_facts,
    insert_webhook, record_activity, webhook, webhooks_of,
};
use entente_wire::{
    DeliveryState, Document, ErrorCode, LastDelivery, List, NewWebhook, Resource, ResourceMeta,
    ResourceType, WebhookAttributes, WebhookResource,
};
use secrecy::ExposeSecret as _;
use url::Url;
use uuid::Uuid;

use crate::{
    app::App,
    auth::Caller,
    document::Names,
    error::{ApiError, ApiResult},
    extract::{Id, NoQuery, known},
    idempotency::{Attempt, Outcome, Reply, WriteRequest, write},
    openapi::parameters::{Idempotent, OfWebhook, Page},
    paging::{PAGE, Paging},
    query::Query,
    scopes::{WEBHOOKS_READ, WEBHOOKS_WRITE},
    webhooks::{check, new_secret, place_of_webhook, queue_test},
};

/// The most webhooks that one workspace has.
const MOST: usize = 10;

/// The webhooks of the caller's workspace.
#[utoipa::path(
    get, path = "/api/v1/webhooks", tag = "Webhooks", operation_id = "listWebhooks",
    security(("apiKey" = ["webhooks:read"])),
    params(Page),
    responses((status = 200, body = List<WebhookResource>)),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(raw): RawQuery,
) -> ApiResult<Json<List<WebhookResource>>> {
    caller.needs(WEBHOOKS_READ)?;
    entitled(&caller)?;
    let query = Query::parse(raw.as_deref(), &PAGE)?;
    let paging = Paging::read(&query)?;
    let mut connection = app.store.snapshot().await?;
    let rows = webhooks_of(&mut connection, [caller.user.workspace]).await?;
    let all = documents(&mut connection, &rows).await?;
    Ok(Json(paging.page(&query, "/api/v1/webhooks", all)))
}

/// One webhook of the caller's workspace.
#[utoipa::path(
    get, path = "/api/v1/webhooks/{id}", tag = "Webhooks", operation_id = "getWebhook",
    security(("apiKey" = ["webhooks:read"])),
    params(OfWebhook),
    responses((status = 200, body = Document<WebhookResource>)),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
    Id(id): Id,
) -> ApiResult<Json<Document<WebhookResource>>> {
    caller.needs(WEBHOOKS_READ)?;
    entitled(&caller)?;
    let mut connection = app.store.snapshot().await?;
    let row = own(&mut connection, &caller, &id).await?;
    let data = documents(&mut connection, &[row]).await?.pop().ok_or_else(ApiError::not_found)?;
    Ok(Json(Document { data }))
}

/// Has the events of the caller's workspace sent somewhere. See the tag Webhooks for what is sent.
#[utoipa::path(
    post, path = "/api/v1/webhooks", tag = "Webhooks", operation_id = "createWebhook",
    security(("apiKey" = ["webhooks:write"])),
    params(Idempotent),
    request_body = NewWebhook,
    responses(
        (status = 201, body = Document<WebhookResource>, description = "With the secret, which is told here only"),
    ),
    extensions(("x-refusals" = json!(["forbidden", "invalid_value", "too_many"])))
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    request: WriteRequest,
) -> ApiResult<Response> {
    let wanted = request.attributes()?;
    write(&app, &caller, WEBHOOKS_WRITE, &request, &Create { wanted }).await
}

/// Ends a webhook at once, with what was on its way to it.
#[utoipa::path(
    delete, path = "/api/v1/webhooks/{id}", tag = "Webhooks", operation_id = "deleteWebhook",
    security(("apiKey" = ["webhooks:write"])),
    params(OfWebhook, Idempotent),
    responses(
        (status = 200, body = Document<WebhookResource>, description = "The webhook as it was"),
    ),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, WEBHOOKS_WRITE, &request, &Remove { id }).await
}

/// Sends an event `webhook.test` to a webhook. What became of it is in `lastDelivery` soon.
#[utoipa::path(
    post, path = "/api/v1/webhooks/{id}/test", tag = "Webhooks", operation_id = "testWebhook",
    security(("apiKey" = ["webhooks:write"])),
    params(OfWebhook, Idempotent),
    responses(
        (status = 202, body = Document<WebhookResource>, description = "The event is on its way"),
    ),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    request: WriteRequest,
) -> ApiResult<Response> {
    write(&app, &caller, WEBHOOKS_WRITE, &request, &Test { id }).await
}

fn entitled(caller: &Caller) -> ApiResult<()> {
    if may_manage_webhooks(&caller.actor()) { Ok(()) } else { Err(ApiError::forbidden()) }
}

struct Create {
    wanted: NewWebhook,
}

impl Attempt for Create {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        entitled(caller)?;
        let url = check(&self.wanted.url, &app.webhooks).map_err(|why| {
            let detail = format!("Events cannot be sent there: {why}.");
            ApiError::in_body(ErrorCode::InvalidValue, "url", detail)
        })?;
        let events = events(self.wanted.events.as_deref())?;
        let workspace = caller.user.workspace;
        if webhooks_of(connection, [workspace]).await?.len() >= MOST {
            return Err(ApiError::new(
                ErrorCode::TooMany,
                format!(
                    "Your workspace has {MOST} webhooks. Delete one that is not used any more."
                ),
            )
            .into());
        }
        let id = WebhookId::new(Uuid::now_v7());
        let secret = new_secret();
        let sealed = app.vault.seal(&place_of_webhook(id), &secret).map_err(ApiError::from)?;
        let row = WebhookRow {
            id,
            workspace,
            url: url.into(),
            events,
            created_by: caller.user.id,
            created_at: app.clock.now(),
            key_id: sealed.key_id,
            sealed: sealed.text,
        };
        insert_webhook(connection, &row).await?;
        record(Event::WebhookCreated, &row, app, caller, connection).await?;
        let mut data =
            documents(connection, &[row]).await?.pop().ok_or_else(ApiError::not_found)?;
        data.attributes.secret = Some(secret.expose_secret().into());
        Ok(Reply::without_version(StatusCode::CREATED, &Document { data })?.sealed())
    }
}

/// The events that are named; all if none is.
fn events(names: Option<&[String]>) -> ApiResult<Vec<WebhookEvent>> {
    let all = || WebhookEvent::ALL.iter().copied().filter(|event| *event != WebhookEvent::Test);
    let Some(names) = names else { return Ok(all().collect()) };
    let mut events: Vec<WebhookEvent> =
        names.iter().filter_map(|name| all().find(|event| event.as_str() == name)).collect();
    if events.len() != names.len() || events.is_empty() {
        let words: Vec<&str> = all().map(WebhookEvent::as_str).collect();
        return Err(ApiError::in_body(
            ErrorCode::InvalidValue,
            "events",
            format!("Name some of these, or leave it out for all: {}.", words.join(", ")),
        ));
    }
    events.sort_unstable();
    events.dedup();
    Ok(events)
}

struct Remove {
    id: String,
}

impl Attempt for Remove {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        entitled(caller)?;
        let row = own(connection, caller, &self.id).await?;
        record(Event::WebhookDeleted, &row, app, caller, connection).await?;
        let id = row.id;
        let data = documents(connection, &[row]).await?.pop().ok_or_else(ApiError::not_found)?;
        delete_webhook(connection, id).await?;
        Ok(Reply::without_version(StatusCode::OK, &Document { data })?)
    }
}

struct Test {
    id: String,
}

impl Attempt for Test {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        entitled(caller)?;
        let row = own(connection, caller, &self.id).await?;
        queue_test(connection, &row, app.clock.now()).await?;
        let data = documents(connection, &[row]).await?.pop().ok_or_else(ApiError::not_found)?;
        Ok(Reply::without_version(StatusCode::ACCEPTED, &Document { data })?)
    }
}

/// Adds to the audit what was done with a webhook. Its path and query can be a secret of the
/// receiver's, so they are left out.
async fn record(
    event: Event,
    row: &WebhookRow,
    app: &App,
    caller: &Caller,
    connection: &mut Connection,
) -> Result<(), StoreError> {
    let host = Url::parse(&row.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let activity = NewActivity {
        detail: host.unwrap_or_default(),
        ..NewActivity::within(event, row.workspace, Some(caller.user.id), app.clock.now())
    };
    record_activity(connection, &activity, &caller.origin).await
}

/// A webhook of the caller's workspace.
async fn own(connection: &mut Connection, caller: &Caller, id: &str) -> ApiResult<WebhookRow> {
    let found = webhook(connection, known(id)?).await?;
    found.filter(|row| row.workspace == caller.user.workspace).ok_or_else(ApiError::not_found)
}

async fn documents(
    connection: &mut Connection,
    rows: &[WebhookRow],
) -> Result<Vec<WebhookResource>, StoreError> {
    let people = rows.iter().map(|row| row.created_by).collect();
    let names = Names::read(connection, people, [].into()).await?;
    let ids: Vec<WebhookId> = rows.iter().map(|row| row.id).collect();
    let mut facts = delivery_facts(connection, &ids).await?;
    let one = |row: &WebhookRow| {
        let facts = facts.remove(&row.id).unwrap_or_default();
        let last_delivery = facts.last.map(|last| LastDelivery {
            event_id: last.event_id,
            event_type: last.event,
            state: match last.state.as_str() {
                "delivered" => DeliveryState::Delivered,
                "given_up" => DeliveryState::GivenUp,
                _ => DeliveryState::Retrying,
            },
            attempts: u32::try_from(last.attempts).unwrap_or_default(),
            status: last.status.and_then(|status| u16::try_from(status).ok()),
            error: last.error,
            at: last.tried_at,
        });
        Resource {
            id: row.id.to_string(),
            r#type: ResourceType::Webhook,
            attributes: WebhookAttributes {
                url: row.url.clone(),
                events: row.events.clone(),
                created_by: names.person(row.created_by),
                created_at: row.created_at,
                undelivered: u64::try_from(facts.undelivered).unwrap_or_default(),
                last_delivery,
                secret: None,
            },
            meta: ResourceMeta { allowed_actions: vec!["test".into(), "delete".into()] },
        }
    };
    Ok(rows.iter().map(one).collect())
}
