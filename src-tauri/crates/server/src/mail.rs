//! Mails: what is told to whom, what they say, and the worker that sends them.

mod access;
mod partnership;
#[cfg(test)]
mod snapshots;
mod text;
mod transport;
mod worker;

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{
    AccessRequest, Account, AccountId, AccountRole, Grant, Initiator, Partnership, RequestState,
    SharedAccount, Step, Timestamp, UserId, WorkspaceId,
};
use entente_store::{
    Connection, StoreError, UserRow, WorkspaceRow, accounts_by_id, admins_of, grants_on,
    queue_mail, users_by_id, workspaces_by_id,
};

use crate::access::AccessNews;

pub(crate) use transport::{Transport, TransportError};
pub(crate) use worker::run;

/// What mails about a partnership as it is now name as their cause. With its version, so that a
/// transition mails each recipient once.
pub(crate) fn cause_of(partnership: &Partnership) -> String {
    format!("{}/{}", partnership.id, partnership.version)
}

/// Puts the mails of a transition into the outbox, in its transaction.
pub(crate) async fn queue_for(connection: &mut Connection, step: &Step) -> Result<(), StoreError> {
    let partnership = &step.partnership;
    let Some(kind) = partnership::Kind::of(&step.transition) else { return Ok(()) };
    let recipients = recipients(connection, partnership, kind).await?;
    if recipients.is_empty() {
        return Ok(());
    }
    let workspaces = workspaces_by_id(connection, [partnership.host, partnership.guest]).await?;
    let workspace = |id| workspaces.get(&id).map(|row| row.name.clone()).unwrap_or_default();
    let actor = match step.transition.by {
        Initiator::User(user) => Some(user),
        Initiator::System => None,
    };
    let people = [partnership.requested_by].into_iter().chain(actor);
    let people = users_by_id(connection, people).await?;
    let person = |id| people.get(&id).map(|user| user.name.clone()).unwrap_or_default();
    let facts = partnership::Facts {
        partnership: partnership.id,
        host: workspace(partnership.host),
        guest: workspace(partnership.guest),
        sender: person(partnership.requested_by),
        actor: actor.map(person).unwrap_or_default(),
        reason: partnership.reason.as_ref().map(|reason| reason.as_str().to_owned()),
        note: step.transition.note.as_ref().map(|note| note.as_str().to_owned()),
        expires_at: partnership.state.waiting().map(|waiting| waiting.expires_at),
    };
    let cause = cause_of(partnership);
    for (recipient, side) in recipients {
        let mail = partnership::write(kind, side, &facts, recipient);
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
    kind: partnership::Kind,
) -> Result<BTreeSet<(String, Reader)>, StoreError> {
    let mut found = BTreeSet::new();
    let owners = partnership.owners.iter().copied().chain([partnership.requested_by]);
    match kind {
        partnership::Kind::ApprovalAsked(_) => {
            admins(connection, partnership.host, Reader::Host, &mut found).await?;
        }
        partnership::Kind::AcceptanceAsked(_) => {
            admins(connection, partnership.guest, Reader::Guest, &mut found).await?;
            // The sender may have named somebody whom the guest's workspace lists under the same
            // address: one mail, not two.
            let address = partnership.partner_email.as_str();
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(address)) {
                found.insert((address.to_owned(), Reader::Guest));
            }
        }
        partnership::Kind::Accepted
        | partnership::Kind::DeclinedByHost
        | partnership::Kind::DeclinedByGuest
        | partnership::Kind::Expired => people(connection, owners, &mut found).await?,
        partnership::Kind::Removed => {
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

/// Puts one mail for each person into the outbox that tells of all that was done to access, in its
/// transaction. Who did it is not told of it.
pub(crate) async fn queue_access(
    connection: &mut Connection,
    cause: &str,
    by: Option<UserId>,
    at: Timestamp,
    news: &[AccessNews],
) -> Result<(), StoreError> {
    if news.is_empty() {
        return Ok(());
    }
    let ledger = Ledger::read(connection, by, news).await?;
    for (user, parts) in ledger.parts(news) {
        let reader = ledger.people.get(&user).filter(|reader| reader.actor().is_live());
        let Some(reader) = reader.filter(|_| Some(user) != by) else { continue };
        if let Some(mail) = access::write(&parts, reader.email.clone()) {
            queue_mail(connection, cause, &mail, at).await?;
        }
    }
    Ok(())
}

/// Everything that mails about access name.
struct Ledger {
    by: Option<UserId>,
    accounts: BTreeMap<AccountId, Account>,
    people: BTreeMap<UserId, UserRow>,
    workspaces: BTreeMap<WorkspaceId, WorkspaceRow>,
    owners: BTreeMap<AccountId, BTreeSet<UserId>>,
    /// The Admins of hosts, who decide where an account has no Owner.
    admins: BTreeMap<WorkspaceId, BTreeSet<UserId>>,
}

impl Ledger {
    async fn read(
        connection: &mut Connection,
        by: Option<UserId>,
        news: &[AccessNews],
    ) -> Result<Self, StoreError> {
        let (mut asked, mut accounts) = (BTreeSet::new(), BTreeSet::new());
        let mut people: BTreeSet<UserId> = by.into_iter().collect();
        for one in news {
            match one {
                AccessNews::Asked(request) => {
                    asked.insert(request.account);
                    accounts.insert(request.account);
                    people.extend([request.member, request.requested_by]);
                }
                AccessNews::Ended(request) => {
                    accounts.insert(request.account);
                    people.extend([request.member, request.requested_by]);
                    people.extend(request.decided_by);
                }
                AccessNews::Shared(shared, receivers) => {
                    accounts.insert(shared.account);
                    people.insert(shared.shared_by);
                    people.extend(receivers);
                }
                AccessNews::Granted(grant) | AccessNews::Removed(grant) => {
                    accounts.insert(grant.account);
                    people.insert(grant.user);
                }
                AccessNews::OwnerLeft(_) => {}
            }
        }
        let mut owners: BTreeMap<AccountId, BTreeSet<UserId>> = BTreeMap::new();
        for grant in grants_on(connection, asked.iter().copied()).await? {
            if grant.role == AccountRole::Owner {
                owners.entry(grant.account).or_default().insert(grant.user);
                people.insert(grant.user);
            }
        }
        let accounts = accounts_by_id(connection, accounts).await?;
        let mut admins = BTreeMap::new();
        let mut people = users_by_id(connection, people).await?;
        for account in asked.iter().filter(|account| !owners.contains_key(account)) {
            let Some(host) = accounts.get(account).map(|account| account.workspace) else {
                continue;
            };
            if admins.contains_key(&host) {
                continue;
            }
            let found = admins_of(connection, host).await?;
            admins.insert(host, found.iter().map(|admin| admin.id).collect());
            people.extend(found.into_iter().map(|admin| (admin.id, admin)));
        }
        let of_people = people.values().map(|user| user.workspace);
        let of_accounts = accounts.values().map(|account| account.workspace);
        let workspaces: BTreeSet<_> = of_people.chain(of_accounts).collect();
        let workspaces = workspaces_by_id(connection, workspaces).await?;
        Ok(Self { by, accounts, people, workspaces, owners, admins })
    }

    /// What there is to tell each person.
    fn parts(
        &self,
        news: &[AccessNews],
    ) -> BTreeMap<UserId, BTreeMap<access::Kind, Vec<access::Item>>> {
        let mut parts: BTreeMap<UserId, BTreeMap<access::Kind, Vec<access::Item>>> =
            BTreeMap::new();
        let mut tell = |user: UserId, kind: access::Kind, item: Option<access::Item>| {
            parts.entry(user).or_default().entry(kind).or_default().extend(item);
        };
        // Whoever gets a role because it was asked for is told so, and not twice.
        let accepted: BTreeSet<(AccountId, UserId)> = news
            .iter()
            .filter_map(|one| match one {
                AccessNews::Ended(request) if request.state == RequestState::Accepted => {
                    Some((request.account, request.member))
                }
                AccessNews::Ended(_)
                | AccessNews::Asked(_)
                | AccessNews::Shared(..)
                | AccessNews::Granted(_)
                | AccessNews::Removed(_)
                | AccessNews::OwnerLeft(_) => None,
            })
            .collect();
        for one in news {
            match one {
                AccessNews::Asked(request) => {
                    let item = self.of_request(request);
                    if let Some(owners) = self.owners.get(&request.account) {
                        for owner in owners {
                            tell(*owner, access::Kind::Asked, item.clone());
                        }
                    } else {
                        for admin in self.admins.get(&request.host).into_iter().flatten() {
                            tell(*admin, access::Kind::AskedOfAdmins, item.clone());
                        }
                    }
                }
                AccessNews::Ended(request) => {
                    let (manager, member) = match request.state {
                        RequestState::Accepted => (access::Kind::Granted, access::Kind::Given),
                        RequestState::Declined => (access::Kind::Refused, access::Kind::Denied),
                        // What it depended on has ended, which is told to those who had it.
                        RequestState::Closed | RequestState::Pending => continue,
                    };
                    tell(request.requested_by, manager, self.of_request(request));
                    if request.member != request.requested_by {
                        tell(request.member, member, self.of_request(request));
                    }
                }
                AccessNews::Shared(shared, receivers) => {
                    for receiver in receivers {
                        let item = self.of_shared(shared, *receiver);
                        tell(*receiver, access::Kind::Shared, item);
                    }
                }
                AccessNews::Granted(grant) => {
                    if !accepted.contains(&(grant.account, grant.user)) {
                        tell(grant.user, access::Kind::Given, self.of_grant(grant));
                    }
                }
                AccessNews::Removed(grant) => {
                    tell(grant.user, access::Kind::Removed, self.of_grant(grant));
                }
                AccessNews::OwnerLeft(_) => {}
            }
        }
        parts
    }

    fn of_request(&self, request: &AccessRequest) -> Option<access::Item> {
        let item = self.item(request.account, request.member, request.role.into())?;
        Some(access::Item {
            request: Some(request.id),
            manager: self.name(request.requested_by),
            message: request.message.as_ref().map(|message| message.as_str().to_owned()),
            ..item
        })
    }

    fn of_shared(&self, shared: &SharedAccount, receiver: UserId) -> Option<access::Item> {
        self.item(shared.account, receiver, shared.role.into())
    }

    fn of_grant(&self, grant: &Grant) -> Option<access::Item> {
        self.item(grant.account, grant.user, grant.role)
    }

    fn item(&self, id: AccountId, user: UserId, role: AccountRole) -> Option<access::Item> {
        let account = self.accounts.get(&id)?;
        let member = self.people.get(&user)?;
        let workspace =
            |id| self.workspaces.get(&id).map(|row| row.name.clone()).unwrap_or_default();
        Some(access::Item {
            request: None,
            account: id,
            application: account.application.as_str().to_owned(),
            label: account.label.as_str().to_owned(),
            host: workspace(account.workspace),
            guest: workspace(member.workspace),
            member: member.name.clone(),
            email: member.email.clone(),
            role,
            manager: None,
            message: None,
            by: self.by.and_then(|by| self.name(by)),
        })
    }

    fn name(&self, user: UserId) -> Option<String> {
        self.people.get(&user).map(|user| user.name.clone())
    }
}
