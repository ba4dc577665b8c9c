use entente_domain::{Timestamp, WebhookEvent, WorkspaceId};
use serde::{Deserialize, Serialize};

#[cfg(feature = "openapi")]
use crate::schema;
use crate::{Person, Resource};

/// Where a workspace has its events sent; `allowedActions` holds `test` and `delete`.
pub type WebhookResource = Resource<WebhookAttributes>;

/// The facts of a webhook. `Debug` leaves its secret out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct WebhookAttributes {
    /// Where to.
    #[cfg_attr(feature = "openapi", schema(example = "https://hooks.example.com/entente"))]
    pub url: String,
    /// What it is told of.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<schema::WebhookEvent>))]
    pub events: Vec<WebhookEvent>,
    /// Who added it.
    pub created_by: Person,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub created_at: Timestamp,
    /// How many events wait to be delivered.
    pub undelivered: u64,
    /// The last try to deliver one; null before the first.
    pub last_delivery: Option<LastDelivery>,
    /// What signs the events, in the answer that added it and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl std::fmt::Debug for WebhookAttributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookAttributes").field("events", &self.events).finish_non_exhaustive()
    }
}

/// A try to deliver an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LastDelivery {
    /// The event's id, as in its envelope.
    pub event_id: String,
    /// The event's type.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::WebhookEvent))]
    pub event_type: WebhookEvent,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// The HTTP status of the answer; null if there was none.
    pub status: Option<u16>,
    /// Why it was not delivered; null if it was.
    pub error: Option<String>,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
}

/// What became of a try to deliver an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It was answered with a status of 200 to 299.
    Delivered,
    /// It will be tried again.
    Retrying,
    /// It was tried six times and will not be tried again.
    GivenUp,
}

/// The attributes of `POST /webhooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewWebhook {
    /// Where to: `https`, a host that the whole internet can reach, at most 2,000 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(max_length = 2000, example = "https://hooks.example.com/entente")
    )]
    pub url: String,
    /// What it is told of; of everything if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<schema::SubscribedEvent>>, min_items = 1))]
    pub events: Option<Vec<String>>,
}

/// What is sent to a webhook: one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope<D> {
    /// Counts changes of this envelope that are not additions.
    pub envelope_version: u32,
    /// A UUIDv7. The same event can come more than once, with the same id.
    pub event_id: String,
    /// What happened.
    #[cfg_attr(feature = "openapi", schema(value_type = schema::WebhookEvent))]
    pub event_type: WebhookEvent,
    /// When.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub occurred_at: Timestamp,
    /// The workspace whose webhook it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub workspace_id: WorkspaceId,
    /// The resource after it, as an Admin of the workspace sees it, without their actions.
    pub data: D,
}
