//! Webhooks: which workspace's other systems are told of what, and the worker that tells them.
//!
//! A workspace is told what its Admins can see. An event is put on its way in the transaction of its
//! cause, as the resource is then; it comes at least once, and not always in order.

mod addresses;
mod signature;
mod target;
mod worker;

use entente_domain::{
    AccessRequest, Actor, Deadlines, Partnership, RequestState, Step, Timestamp, UserId,
    UserStatus, WebhookEvent, WebhookId, WorkspaceId, WorkspaceRole,
};
use entente_store::{Connection, NewDelivery, StoreError, WebhookRow, queue_delivery, webhooks_of};
use entente_wire::{AccessRequestResource, Envelope, PartnershipResource};
use serde::Serialize;
use uuid::Uuid;

use crate::{access::AccessNews, document};

pub(crate) use signature::{new_secret, place_of_webhook};
pub(crate) use target::check;
pub(crate) use worker::{Sender, run};

/// The version of the envelope.
const ENVELOPE: u32 = 1;

/// Puts a transition on its way to the webhooks of both workspaces, in its transaction.
pub(crate) async fn queue_step(connection: &mut Connection, step: &Step) -> Result<(), StoreError> {
    let event = WebhookEvent::of(&step.transition);
    queue_partnership(connection, event, &step.partnership, step.transition.at).await
}

/// Puts a change of a partnership on its way to the webhooks of both workspaces, in its transaction.
pub(crate) async fn queue_partnership(
    connection: &mut Connection,
    event: WebhookEvent,
    partnership: &Partnership,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sides = [partnership.host, partnership.guest];
    let webhooks = webhooks_of(connection, sides).await?;
    for workspace in sides {
        let theirs = wanting(&webhooks, workspace, event);
        if theirs.is_empty() {
            continue;
        }
        let one = std::slice::from_ref(partnership);
        let admin = an_admin(workspace);
        // The guest has no document before the host has approved, and is told nothing.
        let seen = document::documents(connection, &admin, Deadlines::default(), one).await?;
        let Some(data) = seen.into_iter().next().map(for_anybody) else { continue };
        queue(connection, &theirs, event, workspace, &data, at).await?;
    }
    Ok(())
}

/// Puts what was done to access on its way to the webhooks of both workspaces, in its transaction.
pub(crate) async fn queue_access(
    connection: &mut Connection,
    news: &[AccessNews],
    at: Timestamp,
) -> Result<(), StoreError> {
    for one in news {
        match one {
            AccessNews::Asked(request) | AccessNews::Ended(request) => {
                queue_request(connection, request, at).await?;
            }
            AccessNews::OwnerLeft(partnership) => {
                let event = WebhookEvent::OwnersChanged;
                queue_partnership(connection, event, partnership, at).await?;
            }
            AccessNews::Shared(..) | AccessNews::Granted(_) | AccessNews::Removed(_) => {}
        }
    }
    Ok(())
}

async fn queue_request(
    connection: &mut Connection,
    request: &AccessRequest,
    at: Timestamp,
) -> Result<(), StoreError> {
    let event = match request.state {
        RequestState::Pending => WebhookEvent::AccessRequested,
        RequestState::Accepted => WebhookEvent::AccessAccepted,
        RequestState::Declined => WebhookEvent::AccessDeclined,
        RequestState::Closed => WebhookEvent::AccessClosed,
    };
    let sides = [request.host, request.guest];
    let webhooks = webhooks_of(connection, sides).await?;
    if webhooks.iter().all(|webhook| !webhook.events.contains(&event)) {
        return Ok(());
    }
    // As the one who sent it sees it; the Admins of both sides know of all but what was added in words.
    let sender = Actor { user: request.requested_by, ..an_admin(request.guest) };
    let one = std::slice::from_ref(request);
    let seen = document::access::access_requests_of(connection, &sender, one).await?;
    let Some(mut data): Option<AccessRequestResource> = seen.into_iter().next() else {
        return Ok(());
    };
    data.attributes.message = None;
    data.meta.allowed_actions.clear();
    for workspace in sides {
        let theirs = wanting(&webhooks, workspace, event);
        queue(connection, &theirs, event, workspace, &data, at).await?;
    }
    Ok(())
}

/// An event that tries one webhook.
pub(crate) async fn queue_test(
    connection: &mut Connection,
    webhook: &WebhookRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let data = serde_json::json!({ "id": webhook.id, "type": "webhook" });
    queue(connection, &[webhook], WebhookEvent::Test, webhook.workspace, &data, at).await
}

/// Somebody with the rights of an Admin who is nobody in particular.
fn an_admin(workspace: WorkspaceId) -> Actor {
    let user = UserId::new(Uuid::nil());
    Actor { user, workspace, role: WorkspaceRole::Admin, status: UserStatus::Live }
}

/// Without what depends on who reads it, and on the server's settings.
fn for_anybody(mut data: PartnershipResource) -> PartnershipResource {
    data.attributes.next_reminder_at = None;
    data.meta.allowed_actions.clear();
    data
}

fn wanting(
    webhooks: &[WebhookRow],
    workspace: WorkspaceId,
    event: WebhookEvent,
) -> Vec<&WebhookRow> {
    webhooks
        .iter()
        .filter(|webhook| webhook.workspace == workspace && webhook.events.contains(&event))
        .collect()
}

async fn queue(
    connection: &mut Connection,
    webhooks: &[&WebhookRow],
    event: WebhookEvent,
    workspace: WorkspaceId,
    data: &impl Serialize,
    at: Timestamp,
) -> Result<(), StoreError> {
    let event_id = Uuid::now_v7();
    let envelope = Envelope {
        envelope_version: ENVELOPE,
        event_id: event_id.to_string(),
        event_type: event,
        occurred_at: at,
        workspace_id: workspace,
        data,
    };
    let body = match serde_json::to_string(&envelope) {
        Ok(body) => body,
        Err(error) => {
            tracing::error!(%error, %event, "an event could not be written");
            return Ok(());
        }
    };
    for webhook in webhooks {
        let id: WebhookId = webhook.id;
        let delivery = NewDelivery { webhook: id, event_id, event, body: &body, at };
        queue_delivery(connection, &delivery).await?;
    }
    Ok(())
}
