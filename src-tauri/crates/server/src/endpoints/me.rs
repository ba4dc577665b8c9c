use std::sync::Arc;

use axum::{Json, extract::State};
use entente_domain::{may_send, needs_reason};
use entente_store::workspace;
use entente_wire::{
    Document, MeAttributes, MeResource, Resource, ResourceMeta, ResourceType, SEND_REQUEST,
    WorkspaceSummary,
};

use crate::{
    app::App,
    auth::Caller,
    error::{ApiError, ApiResult},
    extract::NoQuery,
    scopes::PARTNERSHIPS_WRITE,
};

/// The caller's user and workspace.
#[utoipa::path(
    get, path = "/api/v1/me", tag = "Identity", security(("apiKey" = [])),
    responses((status = 200, body = Document<MeResource>))
)]
pub(crate) async fn me(
    State(app): State<Arc<App>>,
    caller: Caller,
    _: NoQuery,
) -> ApiResult<Json<Document<MeResource>>> {
    let user = &caller.user;
    let workspace = workspace(&mut *app.store.read().await?, user.workspace)
        .await?
        .ok_or_else(ApiError::not_found)?;
    let may_send = may_send(&caller.actor(), workspace.send_policy)
        && caller.needs(PARTNERSHIPS_WRITE).is_ok();
    Ok(Json(Document {
        data: Resource {
            id: user.id.to_string(),
            r#type: ResourceType::User,
            attributes: MeAttributes {
                email: user.email.clone(),
                name: user.name.clone(),
                role: user.role,
                status: user.status,
                workspace_id: workspace.id,
                workspace: WorkspaceSummary {
                    id: workspace.id,
                    name: workspace.name,
                    slug: workspace.slug,
                },
                request_needs_reason: needs_reason(&caller.actor()),
                scopes: caller.key.scopes.clone(),
                key_expires_at: caller.key.expires_at,
            },
            meta: ResourceMeta {
                allowed_actions: may_send.then(|| SEND_REQUEST.to_owned()).into_iter().collect(),
            },
        },
    }))
}
