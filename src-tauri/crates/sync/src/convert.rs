//! From the wire's documents to the cache's records.

use entente_api_client::ApiError;
use entente_cache::{
    HistoryRecord, MeRecord, PartnershipRecord, PersonRecord, TermsRecord, WorkspaceRecord,
};
use entente_domain::UserId;
use entente_wire::{
    HistoryInitiator, MeResource, PartnershipResource, Person, SEND_REQUEST, TermsAttributes,
    WorkspaceRef,
};

pub(crate) fn partnership(resource: PartnershipResource) -> Result<PartnershipRecord, ApiError> {
    let facts = resource.attributes;
    Ok(PartnershipRecord {
        id: resource.id.parse().map_err(|_| ApiError::NotEntente)?,
        version: facts.version,
        side: facts.side,
        state: facts.state,
        host: workspace(facts.host),
        guest: workspace(facts.guest),
        partner_email: facts.partner_email,
        reason: facts.reason,
        requested_by: person(facts.requested_by),
        owners: facts.owners.into_iter().map(person).collect(),
        approved_automatically: facts.approved_automatically,
        created_at: facts.created_at,
        updated_at: facts.updated_at,
        awaiting_since: facts.awaiting_since,
        expires_at: facts.expires_at,
        reminders_sent: facts.reminders_sent,
        last_reminder_at: facts.last_reminder_at,
        next_reminder_at: facts.next_reminder_at,
        predecessor: facts.predecessor_id,
        history: facts
            .history
            .into_iter()
            .map(|entry| HistoryRecord {
                at: entry.at,
                from: entry.from,
                to: entry.to,
                by: match entry.by {
                    HistoryInitiator::User(user) => Some(person(user)),
                    HistoryInitiator::System => None,
                },
                note: entry.note,
            })
            .collect(),
        allowed_actions: resource.meta.allowed_actions,
    })
}

pub(crate) fn me(resource: &MeResource) -> Result<MeRecord, ApiError> {
    let facts = &resource.attributes;
    let id: UserId = resource.id.parse().map_err(|_| ApiError::NotEntente)?;
    Ok(MeRecord {
        user: PersonRecord { id, name: facts.name.clone(), email: facts.email.clone() },
        workspace: WorkspaceRecord { id: facts.workspace_id, name: facts.workspace.name.clone() },
        role: facts.role.as_str().into(),
        may_send_requests: resource.allows(SEND_REQUEST),
        request_needs_reason: facts.request_needs_reason,
    })
}

pub(crate) fn terms(terms: TermsAttributes) -> TermsRecord {
    TermsRecord { version: terms.version, hash: terms.hash, text: terms.text }
}

fn workspace(workspace: WorkspaceRef) -> WorkspaceRecord {
    WorkspaceRecord { id: workspace.id, name: workspace.name }
}

fn person(person: Person) -> PersonRecord {
    PersonRecord { id: person.id, name: person.name, email: person.email }
}
