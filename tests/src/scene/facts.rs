use std::collections::BTreeMap;

use anyhow::Result;
use entente_domain::{
    AccessRequest, AccessRequestId, Account, AccountFacts, AccountId, Actor, Grant, GrantId,
    Partnership, PartnershipId, SharedAccount, Step, UserId, UserStatus, WorkspaceId,
    WorkspaceRole,
};
use entente_store::{
    Connection, KeyRow, PendingOn, UserFilter, UserRow, access_requests_by_id, accounts_by_id,
    grants_on, keys_of, list_users, pending_requests, shares_of, snapshot_page,
};
use uuid::Uuid;

use super::Scene;

/// Everything that the policy needs to know of a scene, and what can change in it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Everybody.
    pub users: Vec<UserRow>,
    /// Their keys that were not revoked.
    pub keys: Vec<KeyRow>,
    /// Partnerships between the scene's workspaces.
    pub partnerships: Vec<Partnership>,
    /// The accounts.
    pub accounts: Vec<Account>,
    /// Every role on them.
    pub grants: Vec<Grant>,
    /// What is shared.
    pub shared: Vec<SharedAccount>,
    /// What is asked for, or was.
    pub requests: Vec<AccessRequest>,
    /// The audit, as far as visibility goes.
    pub told: Vec<Told>,
}

/// An entry of the audit.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// About which account.
    pub account: Option<AccountId>,
    /// Whether the guest may know of it.
    pub guest_sees: bool,
}

impl Facts {
    pub(super) fn note(&mut self, step: &Step) {
        let guest_sees = step.partnership.approval.is_some();
        self.told.push(Told { account: None, guest_sees });
    }

    /// The scene's partnership.
    #[must_use]
    pub fn partnership(&self, scene: &Scene) -> &Partnership {
        let mut all = self.partnerships.iter();
        all.find(|one| one.id == scene.partnership).expect("it is never deleted")
    }

    /// The partnership that a role came through.
    #[must_use]
    pub fn through(&self, grant: Option<&Grant>) -> Option<&Partnership> {
        let id = grant?.partnership?;
        self.partnerships.iter().find(|one| one.id == id)
    }

    /// What the policy needs to know of an account.
    #[must_use]
    pub fn account(&self, id: AccountId) -> AccountFacts {
        let mut all = self.accounts.iter();
        let account = all.find(|one| one.id == id).expect("it is never deleted");
        AccountFacts::of(id, account.workspace, &self.grants)
    }

    /// Somebody's role on an account.
    #[must_use]
    pub fn role(&self, account: AccountId, user: UserId) -> Option<&Grant> {
        self.grants.iter().find(|one| one.account == account && one.user == user)
    }

    /// The access request, if there is one.
    #[must_use]
    pub fn request(&self, id: AccessRequestId) -> Option<&AccessRequest> {
        self.requests.iter().find(|one| one.id == id)
    }

    /// A user.
    #[must_use]
    pub fn user(&self, id: UserId) -> &UserRow {
        self.users.iter().find(|one| one.id == id).expect("they are never deleted")
    }

    /// The same, from the database.
    pub async fn read(connection: &mut Connection, scene: &Scene) -> Result<Self> {
        let mut facts = Self::default();
        let mut partnerships: BTreeMap<PartnershipId, Partnership> = BTreeMap::new();
        for workspace in [scene.host.id, scene.guest.id, scene.elsewhere.id] {
            let filter = UserFilter::default();
            let users = list_users(connection, workspace, &filter, None, 0, 1_000).await?;
            facts.users.extend(users);
            let all = snapshot_page(connection, &anybody(workspace), None, 1_000).await?;
            partnerships.extend(all.into_iter().map(|one| (one.id, one)));
        }
        facts.keys = keys_of(connection, facts.users.iter().map(|user| user.id)).await?;
        facts.partnerships = partnerships.into_values().collect();
        let ids = [scene.account, scene.other_account];
        facts.accounts = accounts_by_id(connection, ids).await?.into_values().collect();
        facts.grants = grants_on(connection, ids).await?;
        facts.shared = shares_of(connection, ids).await?;
        facts.requests = access_requests_by_id(connection, [scene.request]).await?;
        let pending =
            pending_requests(connection, PendingOn::Partnership(scene.partnership)).await?;
        facts.requests.extend(pending.into_iter().filter(|one| one.id != scene.request));
        Ok(facts)
    }

    /// What can change, a line for each thing, for people to compare. What is new has an id that
    /// nobody could know before.
    #[must_use]
    pub fn lines(&self, scene: &Scene) -> Vec<String> {
        let name = |id: UserId| {
            let found = scene.people.iter().find(|one| one.user.id == id);
            found.map_or("nobody", |one| one.office.name())
        };
        let mut lines = Vec::new();
        for one in &self.users {
            let UserRow { role, status, version, updated_at, .. } = one;
            lines.push(format!("{}: {role} {status} v{version} {updated_at}", name(one.id)));
        }
        for one in &self.keys {
            let is_new = !scene.facts.keys.iter().any(|known| known.id == one.id);
            let which = if is_new { "new".into() } else { one.id.to_string() };
            let scopes = one.scopes.join(" ");
            lines.push(format!("key of {}: {which} {scopes} {:?}", name(one.user), one.expires_at));
        }
        for one in &self.partnerships {
            let mut one = one.clone();
            if one.id != scene.partnership {
                one.id = PartnershipId::new(Uuid::nil());
            }
            let owners: Vec<&str> = one.owners.iter().map(|id| name(*id)).collect();
            lines.push(format!("partnership owned by {owners:?}: {one:?}"));
        }
        for one in &self.accounts {
            lines.push(format!("account {}: {one:?}", one.label.as_str()));
        }
        for one in &self.grants {
            let known = Grant { id: GrantId::new(Uuid::nil()), ..*one };
            lines.push(format!("role of {}: {known:?}", name(one.user)));
        }
        for one in &self.shared {
            let SharedAccount { partnership, account, shared_by, role, shared_at, .. } = one;
            let by = name(*shared_by);
            lines.push(format!("shared: {account} {partnership} by {by} {role} {shared_at}"));
        }
        for one in &self.requests {
            let mut one = one.clone();
            if one.id != scene.request {
                one.id = AccessRequestId::new(Uuid::nil());
            }
            let (member, by) = (name(one.member), name(one.requested_by));
            lines.push(format!("access for {member}, asked by {by}: {one:?}"));
        }
        lines.sort();
        lines
    }
}

/// An Admin of a workspace, for what only they read.
fn anybody(workspace: WorkspaceId) -> Actor {
    Actor {
        user: UserId::new(Uuid::nil()),
        workspace,
        role: WorkspaceRole::Owner,
        status: UserStatus::Live,
    }
}
