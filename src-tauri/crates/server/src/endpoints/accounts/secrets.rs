use std::sync::Arc;

use axum::{
    extract::{RawQuery, State},
    http::StatusCode,
    response::Response,
};
use entente_domain::{AccountAction, allowed_account_actions, sees_account};
use entente_store::{Connection, secrets_of};
use entente_wire::{
    Document, Documents, ErrorCode, Resource, ResourceMeta, ResourceType, SecretAttributes,
    SecretResource,
};
use secrecy::ExposeSecret as _;

use crate::{
    Sealed,
    access::{self, Doing},
    app::App,
    auth::Caller,
    document::access::Ledger,
    error::{ApiError, ApiResult},
    extract::{Id, known},
    idempotency::{Attempt, Outcome, Reply, trace},
    openapi::parameters::{OfAccount, SecretTypes},
    query::Query,
    scopes::SECRETS_READ,
    vault::place_of_secret,
};

/// What an account can hold.
pub(crate) const TYPES: [&str; 2] = ["username", "password"];

/// The credential of an account, for whoever may log in. Every read is an activity.
#[utoipa::path(
    get, path = "/api/v1/accounts/{id}/secrets", tag = "Accounts", operation_id = "readSecrets",
    security(("apiKey" = ["secrets:read"])),
    params(
        OfAccount,
        SecretTypes,
        ("X-Entente-OS" = Option<String>, Header, description = "The client's operating system, for the activity"),
        ("X-Entente-Device" = Option<String>, Header, description = "The client's device, for the activity"),
    ),
    responses((status = 200, body = Documents<SecretResource>)),
    extensions(("x-refusals" = json!(["forbidden"])))
)]
pub(crate) async fn secrets(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id,
    RawQuery(raw): RawQuery,
) -> ApiResult<Response> {
    let query = Query::parse(raw.as_deref(), &["filter[secretType]"])?;
    let mut types: Vec<String> = query.words("filter[secretType]")?;
    if types.is_empty() {
        types = TYPES.map(Into::into).to_vec();
    }
    if types.iter().any(|name| !TYPES.contains(&name.as_str())) {
        return Err(Query::bad("filter[secretType]", "it must be username or password"));
    }
    trace(&app, &caller, SECRETS_READ, &LogIn { id, types }).await
}

struct LogIn {
    id: String,
    types: Vec<String>,
}

impl Attempt for LogIn {
    async fn run(&self, app: &App, caller: &Caller, connection: &mut Connection) -> Outcome {
        let actor = caller.actor();
        let id = known(&self.id)?;
        let ledger = Ledger::read(connection, &actor, [id], []).await?;
        let account = ledger.accounts.get(&id).ok_or_else(ApiError::not_found)?;
        let (facts, own) = (ledger.facts(account), ledger.own(&actor, id));
        if !sees_account(&actor, &facts, own) {
            return Err(ApiError::not_found().into());
        }
        let through = ledger.partnership(own.and_then(|own| own.partnership));
        let allowed = allowed_account_actions(&actor, &facts, own, through);
        if !allowed.contains(&AccountAction::LogIn) {
            return Err(ApiError::forbidden().into());
        }
        let mut data = Vec::new();
        for secret in secrets_of(connection, id).await? {
            if !self.types.contains(&secret.secret_type) {
                continue;
            }
            let place = place_of_secret(id, &secret.secret_type);
            let sealed = Sealed { key_id: secret.key_id, text: secret.sealed };
            let value = app.vault.open(&place, &sealed).map_err(|error| {
                tracing::error!(%error, account = %id, "a credential could not be opened");
                ApiError::new(
                    ErrorCode::Internal,
                    "The credential could not be opened. Tell whoever runs the server.",
                )
            })?;
            data.push(SecretResource {
                id: format!("{id}/{}", secret.secret_type),
                r#type: ResourceType::Secret,
                attributes: SecretAttributes {
                    secret_type: secret.secret_type,
                    value: value.expose_secret().into(),
                },
                meta: ResourceMeta::default(),
            });
        }
        let doing = Doing::new(Some(actor.user), app.clock.now(), &caller.origin);
        access::log_in(connection, account, through, &doing).await?;
        let data: Vec<Resource<SecretAttributes>> = data;
        Ok(Reply::without_version(StatusCode::OK, &Document { data })?)
    }
}
