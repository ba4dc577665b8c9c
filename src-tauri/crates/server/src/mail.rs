//! Mails: which transition tells whom, what they say, and the worker that sends them.

mod text;
mod transport;
mod worker;

use std::collections::BTreeSet;

use entente_domain::{Partnership, StateName, Step, UserId, WorkspaceId};
use entente_store::{Connection, StoreError, admins_of, queue_mail, users_by_id, workspaces_by_id};

pub(crate) use transport::{Transport, TransportError};
pub(crate) use worker::run;

/// Puts the mails of a transition into the outbox, in its transaction. The cause names the
/// partnership and its version, so that a transition mails each recipient once.
pub(crate) async fn queue_for(connection: &mut Connection, step: &Step) -> Result<(), StoreError> {
    let partnership = &step.partnership;
    let Some(kind) = text::Kind::of(&step.transition) else { return Ok(()) };
    let recipients = recipients(connection, partnership, kind).await?;
    if recipients.is_empty() {
        return Ok(());
    }
    let workspaces = workspaces_by_id(connection, [partnership.host, partnership.guest]).await?;
    let name = |id| workspaces.get(&id).map(|row| row.name.clone()).unwrap_or_default();
    let sender = users_by_id(connection, [partnership.requested_by]).await?;
    let facts = text::Facts {
        partnership: partnership.id,
        host: name(partnership.host),
        guest: name(partnership.guest),
        sender: sender.into_values().next().map(|user| user.name).unwrap_or_default(),
        reason: partnership.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        note: step.transition.note.as_ref().map(|note| note.as_str().to_owned()),
        expires_at: partnership.state.waiting().map(|waiting| waiting.expires_at),
    };
    let cause = format!("{}/{}", partnership.id, partnership.version);
    for (recipient, side) in recipients {
        let mail = text::write(kind, side, &facts, recipient);
        queue_mail(connection, &cause, &mail, step.transition.at).await?;
    }
    Ok(())
}

/// For whose eyes a mail is: the reason is never told to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reader {
    Host,
    Guest,
}

async fn recipients(
    connection: &mut Connection,
    partnership: &Partnership,
    kind: text::Kind,
) -> Result<BTreeSet<(String, Reader)>, StoreError> {
    let mut found = BTreeSet::new();
    let owners = partnership.owners.iter().copied().chain([partnership.requested_by]);
    match kind {
        text::Kind::ApprovalAsked => {
            admins(connection, partnership.host, Reader::Host, &mut found).await?;
        }
        text::Kind::AcceptanceAsked => {
            admins(connection, partnership.guest, Reader::Guest, &mut found).await?;
            // The sender may have named somebody whom the guest's workspace lists under the same
            // address: one mail, not two.
            let address = partnership.partner_email.as_str();
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(address)) {
                found.insert((address.to_owned(), Reader::Guest));
            }
        }
        text::Kind::Decided(_) => people(connection, owners, &mut found).await?,
        text::Kind::Removed => {
            people(connection, owners, &mut found).await?;
            admins(connection, partnership.host, Reader::Host, &mut found).await?;
            admins(connection, partnership.guest, Reader::Guest, &mut found).await?;
        }
    }
    Ok(found)
}

async fn admins(
    connection: &mut Connection,
    workspace: WorkspaceId,
    reader: Reader,
    into: &mut BTreeSet<(String, Reader)>,
) -> Result<(), StoreError> {
    let admins = admins_of(connection, workspace).await?;
    into.extend(admins.into_iter().map(|admin| (admin.email, reader)));
    Ok(())
}

async fn people(
    connection: &mut Connection,
    users: impl Iterator<Item = UserId>,
    into: &mut BTreeSet<(String, Reader)>,
) -> Result<(), StoreError> {
    let users: BTreeSet<UserId> = users.collect();
    let found = users_by_id(connection, users).await?;
    into.extend(
        found
            .into_values()
            .filter(|user| user.actor().is_live())
            .map(|user| (user.email, Reader::Host)),
    );
    Ok(())
}

/// A state that a decision or the clock led to.
type Outcome = StateName;
