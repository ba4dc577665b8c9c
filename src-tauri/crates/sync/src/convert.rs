//! From the wire's documents to the cache's records.

use std::str::FromStr;

use entente_api_client::ApiError;
use entente_cache::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityRecord, HistoryRecord, MeRecord,
    MemberRecord, PartnershipRecord, PersonRecord, Record, RecordKey, RecordKind,
    SharedAccountRecord, TermsRecord, WorkspaceRecord,
};
use entente_domain::UserId;
use entente_wire::{
    AccessRequestResource, AccountResource, AccountUserResource, ActivityResource, ChangedResource,
    HistoryInitiator, MeResource, PartnershipResource, Person, ResourceType, SEND_REQUEST,
    SharedAccountResource, TermsAttributes, UserResource, WorkspaceRef,
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

/// A resource of the change feed as a record; none if it is of a type that is newer than this client.
pub(crate) fn record(resource: ChangedResource) -> Result<Option<Record>, ApiError> {
    Ok(Some(match resource {
        ChangedResource::Partnership(resource) => {
            Record::Partnership(Box::new(partnership(resource)?))
        }
        ChangedResource::User(resource) => Record::Member(Box::new(member(resource)?)),
        ChangedResource::Account(resource) => Record::Account(Box::new(account(resource)?)),
        ChangedResource::SharedAccount(resource) => {
            Record::SharedAccount(Box::new(shared_account(resource)?))
        }
        ChangedResource::AccountUser(resource) => {
            Record::AccountUser(Box::new(account_user(resource)?))
        }
        ChangedResource::AccessRequest(resource) => {
            Record::AccessRequest(Box::new(access_request(resource)?))
        }
        ChangedResource::Unrecognized(_) => return Ok(None),
    }))
}

/// What names a resource of the change feed; none if it is of a newer type.
pub(crate) fn key(kind: ResourceType, id: String) -> Option<RecordKey> {
    let kind = match kind {
        ResourceType::Partnership => RecordKind::Partnership,
        ResourceType::User => RecordKind::Member,
        ResourceType::Account => RecordKind::Account,
        ResourceType::SharedAccount => RecordKind::SharedAccount,
        ResourceType::AccountUser => RecordKind::AccountUser,
        ResourceType::AccessRequest => RecordKind::AccessRequest,
        _ => return None,
    };
    Some(RecordKey { kind, id })
}

fn id<T: FromStr>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| ApiError::NotEntente)
}

fn account(resource: AccountResource) -> Result<AccountRecord, ApiError> {
    let facts = resource.attributes;
    Ok(AccountRecord {
        id: id(&resource.id)?,
        version: facts.version,
        application: facts.application,
        label: facts.label,
        url: facts.url,
        workspace: workspace(facts.workspace),
        role: facts.role,
        partnership: facts.partnership_id,
        owners: facts.owners.into_iter().map(person).collect(),
        created_at: facts.created_at,
        last_login_at: facts.last_login_date,
        allowed_actions: resource.meta.allowed_actions,
    })
}

fn shared_account(resource: SharedAccountResource) -> Result<SharedAccountRecord, ApiError> {
    let facts = resource.attributes;
    Ok(SharedAccountRecord {
        id: id(&resource.id)?,
        version: facts.version,
        partnership: facts.partnership_id,
        account: facts.account_id,
        application: facts.application,
        label: facts.label,
        owners: facts.owners.into_iter().map(person).collect(),
        shared_by: person(facts.shared_by),
        role: facts.role,
        shared_at: facts.shared_at,
        allowed_actions: resource.meta.allowed_actions,
    })
}

fn account_user(resource: AccountUserResource) -> Result<AccountUserRecord, ApiError> {
    let facts = resource.attributes;
    Ok(AccountUserRecord {
        id: id(&resource.id)?,
        version: facts.version,
        account: facts.account_id,
        user: person(facts.user),
        workspace: workspace(facts.workspace),
        partnership: facts.partnership_id,
        role: facts.role,
        created_at: facts.created_at,
        allowed_actions: resource.meta.allowed_actions,
    })
}

fn access_request(resource: AccessRequestResource) -> Result<AccessRequestRecord, ApiError> {
    let facts = resource.attributes;
    Ok(AccessRequestRecord {
        id: id(&resource.id)?,
        version: facts.version,
        state: facts.state,
        partnership: facts.partnership_id,
        account: facts.account_id,
        application: facts.application,
        label: facts.label,
        host: workspace(facts.host),
        guest: workspace(facts.guest),
        member: person(facts.member),
        role: facts.role,
        requested_by: person(facts.requested_by),
        message: facts.message,
        decided_by: facts.decided_by.map(person),
        decided_at: facts.decided_at,
        created_at: facts.created_at,
        allowed_actions: resource.meta.allowed_actions,
    })
}

fn member(resource: UserResource) -> Result<MemberRecord, ApiError> {
    let facts = resource.attributes;
    Ok(MemberRecord {
        id: id(&resource.id)?,
        version: facts.version,
        name: facts.name,
        email: facts.email,
        role: facts.role,
        status: facts.status,
        created_at: facts.created_at,
        allowed_actions: resource.meta.allowed_actions,
    })
}

/// An entry of the Activity Log.
pub(crate) fn activity(resource: ActivityResource) -> ActivityRecord {
    let facts = resource.attributes;
    ActivityRecord {
        id: resource.id,
        at: facts.time,
        event: facts.event,
        event_label: facts.event_label,
        account_label: facts.account,
        application: facts.application,
        user: facts.user.map(person),
        subject: facts.subject.map(person),
        location: facts.location,
        os: facts.os,
        device: facts.device,
        detail: facts.detail,
        partnership: facts.partnership_id,
        account: facts.account_id,
    }
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
