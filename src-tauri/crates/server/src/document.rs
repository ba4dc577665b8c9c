//! Resources as documents for one caller.

pub(crate) mod access;

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{
    Actor, Deadlines, Partnership, PartnershipId, Side, StateName, UserId, WorkspaceId,
    allowed_actions, allowed_management, sees,
};
use entente_store::{
    Connection, PersonName, StoreError, TransitionRow, names_of_people, names_of_workspaces,
    transitions_of,
};
use entente_wire::{
    HistoryEntry, HistoryInitiator, PartnershipAttributes, PartnershipResource, Person, Resource,
    ResourceMeta, ResourceType, WorkspaceRef,
};

/// Partnerships with all that their documents tell, whoever asks.
pub(crate) struct Facts {
    partnerships: Vec<Partnership>,
    history: BTreeMap<PartnershipId, Vec<TransitionRow>>,
    names: Names,
}

impl Facts {
    pub(crate) async fn read(
        connection: &mut Connection,
        partnerships: Vec<Partnership>,
    ) -> Result<Self, StoreError> {
        let history = transitions_of(connection, partnerships.iter().map(|p| p.id)).await?;
        let mut people = BTreeSet::new();
        let mut workspaces = BTreeSet::new();
        for partnership in &partnerships {
            people.insert(partnership.requested_by);
            people.extend(&partnership.owners);
            workspaces.extend([partnership.host, partnership.guest]);
        }
        people.extend(history.values().flatten().filter_map(|transition| transition.actor));
        let names = Names::read(connection, people, workspaces).await?;
        Ok(Self { partnerships, history, names })
    }

    /// Those that somebody may see, as documents, in the same order.
    pub(crate) fn documents(
        &self,
        actor: &Actor,
        deadlines: Deadlines,
    ) -> Vec<PartnershipResource> {
        let seen = self.partnerships.iter().filter(|partnership| sees(actor, partnership));
        seen.map(|partnership| {
            let history = self.history.get(&partnership.id).map_or(&[][..], Vec::as_slice);
            document(actor, deadlines, partnership, history, &self.names)
        })
        .collect()
    }
}

/// Those of the partnerships that the caller may see, as documents, in the same order.
pub(crate) async fn documents(
    connection: &mut Connection,
    actor: &Actor,
    deadlines: Deadlines,
    partnerships: &[Partnership],
) -> Result<Vec<PartnershipResource>, StoreError> {
    let seen = partnerships.iter().filter(|partnership| sees(actor, partnership));
    let facts = Facts::read(connection, seen.cloned().collect()).await?;
    Ok(facts.documents(actor, deadlines))
}

/// One partnership as a document; none if the caller may not see it.
pub(crate) async fn one_document(
    connection: &mut Connection,
    actor: &Actor,
    deadlines: Deadlines,
    partnership: &Partnership,
) -> Result<Option<PartnershipResource>, StoreError> {
    let one = std::slice::from_ref(partnership);
    Ok(documents(connection, actor, deadlines, one).await?.pop())
}

/// What people and workspaces are called.
pub(crate) struct Names {
    people: BTreeMap<UserId, PersonName>,
    workspaces: BTreeMap<WorkspaceId, String>,
}

impl Names {
    pub(crate) async fn read(
        connection: &mut Connection,
        people: BTreeSet<UserId>,
        workspaces: BTreeSet<WorkspaceId>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            people: names_of_people(connection, people).await?,
            workspaces: names_of_workspaces(connection, workspaces).await?,
        })
    }

    pub(crate) fn person(&self, id: UserId) -> Person {
        // Foreign keys keep users; a missing one still makes a readable document.
        self.people.get(&id).map_or_else(
            || Person { id, name: "Former member".into(), email: String::new() },
            |person| Person { id, name: person.name.clone(), email: person.email.clone() },
        )
    }

    /// Of which workspace somebody is.
    pub(crate) fn workspace_of(&self, id: UserId) -> Option<WorkspaceId> {
        self.people.get(&id).map(|person| person.workspace)
    }

    pub(crate) fn workspace(&self, id: WorkspaceId) -> WorkspaceRef {
        let name = self.workspaces.get(&id).cloned().unwrap_or_default();
        WorkspaceRef { id, name }
    }
}

/// Somebody, by their id.
pub(crate) async fn person(connection: &mut Connection, id: UserId) -> Result<Person, StoreError> {
    Ok(Names::read(connection, [id].into(), [].into()).await?.person(id))
}

fn document(
    actor: &Actor,
    deadlines: Deadlines,
    partnership: &Partnership,
    history: &[TransitionRow],
    names: &Names,
) -> PartnershipResource {
    let side = partnership.side_of(actor.workspace).unwrap_or(Side::Guest);
    let state = partnership.state.name();
    let waiting = partnership.state.waiting();
    let history = match side {
        Side::Host => history,
        Side::Guest => from_approval_on(history),
    };
    let attributes = PartnershipAttributes {
        version: partnership.version,
        side,
        state,
        state_label: state.label().into(),
        host: names.workspace(partnership.host),
        guest: names.workspace(partnership.guest),
        partner_email: partnership.partner_email.as_str().into(),
        reason: match side {
            Side::Host => partnership.reason.as_ref().map(|reason| reason.as_str().into()),
            Side::Guest => None,
        },
        requested_by: names.person(partnership.requested_by),
        owners: partnership.owners.iter().map(|owner| names.person(*owner)).collect(),
        approved_automatically: partnership.approval.is_some_and(|approval| approval.automatic),
        created_at: partnership.created_at,
        updated_at: partnership.updated_at,
        awaiting_since: waiting.map(|waiting| waiting.since),
        expires_at: waiting.map(|waiting| waiting.expires_at),
        reminders_sent: partnership.reminders.sent,
        last_reminder_at: partnership.reminders.last_at,
        next_reminder_at: waiting.and_then(|_| deadlines.next_reminder(partnership.reminders)),
        predecessor_id: match side {
            Side::Host => partnership.predecessor,
            // The guest may never have known of it.
            Side::Guest => None,
        },
        history: history.iter().map(|transition| entry(transition, names)).collect(),
    };
    let transitions = allowed_actions(actor, partnership).into_iter().map(|action| action.as_str());
    let management =
        allowed_management(actor, partnership).into_iter().map(|action| action.as_str());
    Resource {
        id: partnership.id.to_string(),
        r#type: ResourceType::Partnership,
        attributes,
        meta: ResourceMeta {
            allowed_actions: transitions.chain(management).map(Into::into).collect(),
        },
    }
}

/// What the guest may know: from the transition that made it their turn for the first time.
fn from_approval_on(history: &[TransitionRow]) -> &[TransitionRow] {
    let start = history
        .iter()
        .position(|transition| transition.to == StateName::AwaitingAcceptance)
        .unwrap_or(history.len());
    history.get(start..).unwrap_or_default()
}

fn entry(transition: &TransitionRow, names: &Names) -> HistoryEntry {
    HistoryEntry {
        at: transition.at,
        from: transition.from,
        to: transition.to,
        by: transition
            .actor
            .map_or(HistoryInitiator::System, |actor| HistoryInitiator::User(names.person(actor))),
        note: transition.note.clone(),
    }
}
