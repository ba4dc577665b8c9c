//! Accounts, roles, shared accounts, access requests and members as documents for one caller.

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{
    AccessRequest, AccessRequestId, Account, AccountFacts, AccountId, AccountRole, Actor, Grant,
    GrantId, Partnership, PartnershipId, SharedAccount, SharedAccountId, WorkspaceRole,
    allowed_account_actions, allowed_grant_actions, allowed_request_actions, may_remove_member,
    may_unshare, sees_access_request, sees_account, sees_grant, sees_member, sees_shared_account,
};
use entente_store::{
    Connection, StoreError, UserRow, access_requests_by_id, accounts_by_id, grants_by_id,
    owners_and_own, partnerships_by_id, shared_by_id,
};
use entente_wire::{
    AccessRequestAttributes, AccessRequestResource, AccountAttributes, AccountResource,
    AccountUserAttributes, AccountUserResource, Person, Resource, ResourceMeta, ResourceType,
    SharedAccountAttributes, SharedAccountResource, UserAttributes, UserResource,
};

use super::Names;

/// What the policy and the documents need to know of some accounts, for one caller.
pub(crate) struct Ledger {
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    /// The Owners' roles, and the caller's own.
    grants: Vec<Grant>,
    partnerships: BTreeMap<PartnershipId, Partnership>,
}

impl Ledger {
    /// Reads some accounts, and the partnerships that matter beside those of the caller's own roles.
    pub(crate) async fn read(
        connection: &mut Connection,
        actor: &Actor,
        accounts: impl IntoIterator<Item = AccountId>,
        through: impl IntoIterator<Item = PartnershipId>,
    ) -> Result<Self, StoreError> {
        let accounts: BTreeSet<AccountId> = accounts.into_iter().collect();
        let grants = owners_and_own(connection, accounts.iter().copied(), actor.user).await?;
        let mut partnerships: BTreeSet<PartnershipId> = through.into_iter().collect();
        partnerships.extend(grants.iter().filter_map(|grant| grant.partnership));
        Ok(Self {
            accounts: accounts_by_id(connection, accounts).await?,
            grants,
            partnerships: partnerships_by_id(connection, partnerships)
                .await?
                .into_iter()
                .map(|partnership| (partnership.id, partnership))
                .collect(),
        })
    }

    /// Forgets the accounts that the caller may not see, before more is read of them: an answer about
    /// another's must not take longer than one about what never was.
    fn keep_seen(&mut self, actor: &Actor) {
        let seen: BTreeSet<AccountId> = self
            .accounts
            .values()
            .filter(|account| {
                sees_account(actor, &self.facts(account), self.own(actor, account.id))
            })
            .map(|account| account.id)
            .collect();
        self.accounts.retain(|id, _| seen.contains(id));
        self.grants.retain(|grant| seen.contains(&grant.account));
    }

    pub(crate) fn facts(&self, account: &Account) -> AccountFacts {
        AccountFacts::of(account.id, account.workspace, &self.grants)
    }

    /// The caller's own role on an account.
    pub(crate) fn own(&self, actor: &Actor, account: AccountId) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.account == account && grant.user == actor.user)
    }

    pub(crate) fn partnership(&self, id: Option<PartnershipId>) -> Option<&Partnership> {
        id.and_then(|id| self.partnerships.get(&id))
    }

    fn owners<'a>(&'a self, account: AccountId, names: &'a Names) -> Vec<Person> {
        self.grants
            .iter()
            .filter(|grant| grant.account == account && grant.role == AccountRole::Owner)
            .map(|grant| names.person(grant.user))
            .collect()
    }

    async fn names(
        &self,
        connection: &mut Connection,
        more: impl IntoIterator<Item = entente_domain::UserId>,
        workspaces: impl IntoIterator<Item = entente_domain::WorkspaceId>,
    ) -> Result<Names, StoreError> {
        let people = self
            .grants
            .iter()
            .map(|grant| grant.user)
            .chain(self.accounts.values().map(|account| account.created_by))
            .chain(more);
        let workspaces = self.accounts.values().map(|account| account.workspace).chain(workspaces);
        Names::read(connection, people.collect(), workspaces.collect()).await
    }
}

fn words<T: std::fmt::Display>(actions: Vec<T>) -> ResourceMeta {
    ResourceMeta { allowed_actions: actions.iter().map(ToString::to_string).collect() }
}

/// Those of the accounts that the caller may see, by id.
pub(crate) async fn accounts(
    connection: &mut Connection,
    actor: &Actor,
    ids: impl IntoIterator<Item = AccountId>,
) -> Result<Vec<AccountResource>, StoreError> {
    let mut ledger = Ledger::read(connection, actor, ids, []).await?;
    ledger.keep_seen(actor);
    let names = ledger.names(connection, [], []).await?;
    let seen = ledger.accounts.values().map(|account| {
        let facts = ledger.facts(account);
        let own = ledger.own(actor, account.id);
        let through = ledger.partnership(own.and_then(|own| own.partnership));
        let attributes = AccountAttributes {
            version: account.version,
            application: account.application.as_str().into(),
            label: account.label.as_str().into(),
            url: account.url.clone(),
            status: "enabled".into(),
            workspace: names.workspace(account.workspace),
            role: own.map(|own| own.role),
            via: own.and_then(|own| own.partnership).map(|_| names.workspace(account.workspace)),
            partnership_id: own.and_then(|own| own.partnership),
            owners: ledger.owners(account.id, &names),
            created_by: names.person(account.created_by),
            created_at: account.created_at,
            updated_at: account.updated_at,
            last_login_date: account.last_login_at,
        };
        Resource {
            id: account.id.to_string(),
            r#type: ResourceType::Account,
            attributes,
            meta: words(allowed_account_actions(actor, &facts, own, through)),
        }
    });
    Ok(seen.collect())
}

/// Those of the roles that the caller may see, by id.
pub(crate) async fn account_users(
    connection: &mut Connection,
    actor: &Actor,
    ids: impl IntoIterator<Item = GrantId>,
) -> Result<Vec<AccountUserResource>, StoreError> {
    let grants = grants_by_id(connection, ids).await?;
    account_users_of(connection, actor, &grants).await
}

/// Those of the roles that the caller may see, in the same order.
pub(crate) async fn account_users_of(
    connection: &mut Connection,
    actor: &Actor,
    grants: &[Grant],
) -> Result<Vec<AccountUserResource>, StoreError> {
    account_users_where(connection, actor, grants, false).await
}

/// A role that the caller has just given or changed: they may have given away what let them see it.
pub(crate) async fn account_user_done(
    connection: &mut Connection,
    actor: &Actor,
    grant: &Grant,
) -> Result<Option<AccountUserResource>, StoreError> {
    let one = std::slice::from_ref(grant);
    Ok(account_users_where(connection, actor, one, true).await?.pop())
}

async fn account_users_where(
    connection: &mut Connection,
    actor: &Actor,
    grants: &[Grant],
    all: bool,
) -> Result<Vec<AccountUserResource>, StoreError> {
    let accounts = grants.iter().map(|grant| grant.account);
    let through = grants.iter().filter_map(|grant| grant.partnership);
    let ledger = Ledger::read(connection, actor, accounts, through).await?;
    let people = grants.iter().map(|grant| grant.user);
    let workspaces = grants.iter().map(|grant| grant.workspace);
    let names = ledger.names(connection, people, workspaces).await?;
    let seen = grants.iter().filter_map(|grant| {
        let account = ledger.accounts.get(&grant.account)?;
        let facts = ledger.facts(account);
        let through = ledger.partnership(grant.partnership);
        if !all && !sees_grant(actor, &facts, ledger.own(actor, account.id), grant, through) {
            return None;
        }
        let attributes = AccountUserAttributes {
            version: grant.version,
            account_id: grant.account,
            user: names.person(grant.user),
            workspace: names.workspace(grant.workspace),
            is_guest: grant.partnership.is_some(),
            partnership_id: grant.partnership,
            role: grant.role,
            role_label: grant.role.label().into(),
            created_at: grant.created_at,
        };
        Some(Resource {
            id: grant.id.to_string(),
            r#type: ResourceType::AccountUser,
            attributes,
            meta: words(allowed_grant_actions(actor, &facts, grant, through)),
        })
    });
    Ok(seen.collect())
}

/// Those of the shared accounts that the caller may see, by id.
pub(crate) async fn shared_accounts(
    connection: &mut Connection,
    actor: &Actor,
    ids: impl IntoIterator<Item = SharedAccountId>,
) -> Result<Vec<SharedAccountResource>, StoreError> {
    let shared = shared_by_id(connection, ids).await?;
    shared_accounts_of(connection, actor, &shared).await
}

/// Those of the shared accounts that the caller may see, in the same order.
pub(crate) async fn shared_accounts_of(
    connection: &mut Connection,
    actor: &Actor,
    shared: &[SharedAccount],
) -> Result<Vec<SharedAccountResource>, StoreError> {
    let accounts = shared.iter().map(|shared| shared.account);
    let through = shared.iter().map(|shared| shared.partnership);
    let ledger = Ledger::read(connection, actor, accounts, through).await?;
    let names = ledger.names(connection, shared.iter().map(|shared| shared.shared_by), []).await?;
    let seen = shared.iter().filter_map(|shared| {
        let account = ledger.accounts.get(&shared.account)?;
        let partnership = ledger.partnership(Some(shared.partnership))?;
        if !sees_shared_account(actor, partnership, ledger.own(actor, account.id)) {
            return None;
        }
        let attributes = SharedAccountAttributes {
            version: 1,
            partnership_id: shared.partnership,
            account_id: shared.account,
            application: account.application.as_str().into(),
            label: account.label.as_str().into(),
            owners: ledger.owners(account.id, &names),
            shared_by: names.person(shared.shared_by),
            role: shared.role,
            shared_at: shared.shared_at,
        };
        let remove = may_unshare(actor, partnership).then_some("remove");
        Some(Resource {
            id: shared.id.to_string(),
            r#type: ResourceType::SharedAccount,
            attributes,
            meta: words(remove.into_iter().collect()),
        })
    });
    Ok(seen.collect())
}

/// Those of the access requests that the caller may see, by id.
pub(crate) async fn access_requests(
    connection: &mut Connection,
    actor: &Actor,
    ids: impl IntoIterator<Item = AccessRequestId>,
) -> Result<Vec<AccessRequestResource>, StoreError> {
    let mut requests = access_requests_by_id(connection, ids).await?;
    requests.sort_by_key(|request| request.id);
    access_requests_of(connection, actor, &requests).await
}

/// Those of the access requests that the caller may see, in the same order.
pub(crate) async fn access_requests_of(
    connection: &mut Connection,
    actor: &Actor,
    requests: &[AccessRequest],
) -> Result<Vec<AccessRequestResource>, StoreError> {
    let accounts = requests.iter().map(|request| request.account);
    let ledger = Ledger::read(connection, actor, accounts, []).await?;
    let people = requests.iter().flat_map(|request| {
        [request.member, request.requested_by].into_iter().chain(request.decided_by)
    });
    let workspaces = requests.iter().flat_map(|request| [request.host, request.guest]);
    let names = ledger.names(connection, people, workspaces).await?;
    let seen = requests.iter().filter_map(|request| {
        let account = ledger.accounts.get(&request.account)?;
        let facts = ledger.facts(account);
        if !sees_access_request(actor, &facts, request) {
            return None;
        }
        let attributes = AccessRequestAttributes {
            version: request.version,
            state: request.state,
            state_label: request.state.label().into(),
            partnership_id: request.partnership,
            account_id: request.account,
            application: account.application.as_str().into(),
            label: account.label.as_str().into(),
            host: names.workspace(request.host),
            guest: names.workspace(request.guest),
            member: names.person(request.member),
            role: request.role,
            requested_by: names.person(request.requested_by),
            message: request.message.as_ref().map(|message| message.as_str().into()),
            decided_by: request.decided_by.map(|user| names.person(user)),
            decided_at: request.decided_at,
            created_at: request.created_at,
        };
        Some(Resource {
            id: request.id.to_string(),
            r#type: ResourceType::AccessRequest,
            attributes,
            meta: words(allowed_request_actions(actor, &facts, request)),
        })
    });
    Ok(seen.collect())
}

/// Those of the members that the caller may see, in the same order.
pub(crate) fn members(actor: &Actor, managed: bool, users: &[UserRow]) -> Vec<UserResource> {
    let seen = users.iter().filter(|user| sees_member(actor, user.id, user.workspace));
    seen.map(|user| {
        let remove = may_remove_member(actor, &user.actor(), managed).then_some("remove");
        Resource {
            id: user.id.to_string(),
            r#type: ResourceType::User,
            attributes: UserAttributes {
                version: user.version,
                email: user.email.clone(),
                name: user.name.clone(),
                role: user.role,
                status: user.status,
                is_guest: user.role == WorkspaceRole::GuestUser,
                created_at: user.created_at,
                updated_at: user.updated_at,
            },
            meta: words(remove.into_iter().collect()),
        }
    })
    .collect()
}
