use std::sync::Arc;

use axum::{Json, extract::State};
use entente_domain::{EmailAddress, WorkspaceId};
use entente_store::{identity_provider_for, identity_provider_of};
use entente_wire::{
    Document, ErrorCode, FindProvider, IdentityProviderAttributes, IdentityProviderResource,
    Resource, ResourceMeta, ResourceType,
};

use crate::{
    app::App,
    error::{ApiError, ApiResult},
    idempotency::WriteRequest,
    rates::Anybody,
    sso,
};

/// Which OpenID provider serves a mail address or a workspace. It tells nothing of whether there is
/// such a user.
#[utoipa::path(
    post, path = "/api/v1/auth/sso", tag = "Single sign-on", operation_id = "findProvider",
    security(()),
    request_body = FindProvider,
    responses((status = 200, body = Document<IdentityProviderResource>)),
    extensions(("x-refusals" = json!(["rate_limited", "sso_not_configured", "invalid_email", "provider_unavailable"])))
)]
pub(crate) async fn find_provider(
    State(app): State<Arc<App>>,
    _: Anybody,
    request: WriteRequest,
) -> ApiResult<Json<Document<IdentityProviderResource>>> {
    let FindProvider { address } = request.attributes()?;
    let mut connection = app.store.read().await?;
    let found = if let Ok(id) = address.trim().to_ascii_lowercase().parse::<WorkspaceId>() {
        identity_provider_of(&mut connection, id).await?
    } else {
        let address = EmailAddress::parse(&address).map_err(|_| {
            ApiError::in_body(
                ErrorCode::InvalidEmail,
                "address",
                "Enter a mail address such as ana@example.com, or the ID of your workspace.",
            )
        })?;
        identity_provider_for(&mut connection, address.domain()).await?
    };
    drop(connection);
    let provider = found.ok_or_else(sso::not_configured)?;
    let authorization_endpoint = sso::authorization_endpoint(&app, &provider).await?;
    Ok(Json(Document {
        data: Resource {
            id: provider.id.to_string(),
            r#type: ResourceType::IdentityProvider,
            attributes: IdentityProviderAttributes {
                issuer: provider.issuer,
                authorization_endpoint,
                client_id: provider.client_id,
                scope: provider.scopes,
            },
            meta: ResourceMeta::default(),
        },
    }))
}
