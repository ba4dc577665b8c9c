//! Telling what happened, in the transaction in which it did: mails to people, events to other systems.

use entente_domain::{Partnership, Step, Timestamp, WebhookEvent};
use entente_store::{Connection, StoreError};

use crate::{mail, webhooks};

/// Tells of a transition.
pub(crate) async fn of_step(connection: &mut Connection, step: &Step) -> Result<(), StoreError> {
    mail::queue_for(connection, step).await?;
    webhooks::queue_step(connection, step).await
}

/// Tells that a Partnership Owner was named or dismissed.
pub(crate) async fn of_owners(
    connection: &mut Connection,
    partnership: &Partnership,
    at: Timestamp,
) -> Result<(), StoreError> {
    let event = WebhookEvent::OwnersChanged;
    webhooks::queue_partnership(connection, event, partnership, at).await
}
