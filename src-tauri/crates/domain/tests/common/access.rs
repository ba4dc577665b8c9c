//! An account that is shared through a partnership, and everybody who could want something of it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::expect_used,
    reason = "each test file uses its part, and may panic"
)]

use entente_domain::{
    AccessRequest, AccessRequestId, AccountFacts, AccountId, AccountRole, Action, Actor, Grant,
    GrantId, GuestRole, Partnership, RequestState, UserStatus, WorkspaceRole,
};
use uuid::Uuid;

use crate::people::*;

/// A column of the tables: somebody, and which offices they hold.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub actor: Actor,
    pub is_partnership_owner: bool,
    pub role: Option<AccountRole>,
}

fn plain(name: &'static str, workspace: u128, user: u128, role: WorkspaceRole) -> Column {
    Column { name, actor: actor(workspace, user, role), is_partnership_owner: false, role: None }
}

impl Column {
    fn partnership_owner(self) -> Self {
        Self { is_partnership_owner: true, ..self }
    }

    fn on_account(self, role: AccountRole) -> Self {
        Self { role: Some(role), ..self }
    }

    fn with(self, status: UserStatus) -> Self {
        Self { actor: Actor { status, ..self.actor }, ..self }
    }
}

/// Everybody, in the order of the tables' columns: each role on each side without an office, then the
/// offices, also with the least role of all, then those who may nothing.
pub fn columns() -> Vec<Column> {
    use AccountRole::{Collaborator, Manager, Owner};
    use WorkspaceRole as Role;
    vec![
        plain("hGU", HOST, 40, Role::GuestUser),
        plain("hLO", HOST, 41, Role::LoginOnly),
        plain("hU", HOST, 42, Role::User),
        plain("hA", HOST, 43, Role::Admin),
        plain("hSA", HOST, 44, Role::SuperAdmin),
        plain("hO", HOST, 45, Role::Owner),
        // Was dismissed as Partnership Owner.
        plain("sender", HOST, 10, Role::User),
        plain("powner", HOST, 11, Role::User).partnership_owner(),
        plain("pownerGU", HOST, 16, Role::GuestUser).partnership_owner(),
        plain("aowner", HOST, 17, Role::User).on_account(Owner),
        plain("aownerLO", HOST, 18, Role::LoginOnly).on_account(Owner),
        plain("both", HOST, 15, Role::User).partnership_owner().on_account(Owner),
        plain("hmanager", HOST, 19, Role::User).on_account(Manager),
        plain("hcollab", HOST, 30, Role::User).on_account(Collaborator),
        plain("hAcollab", HOST, 31, Role::Admin).on_account(Collaborator),
        plain("gGU", GUEST, 50, Role::GuestUser),
        plain("gLO", GUEST, 51, Role::LoginOnly),
        plain("gU", GUEST, 52, Role::User),
        plain("gA", GUEST, 53, Role::Admin),
        plain("gSA", GUEST, 54, Role::SuperAdmin),
        plain("gO", GUEST, 55, Role::Owner),
        plain("gAmanager", GUEST, 20, Role::Admin).on_account(Manager),
        plain("manager", GUEST, 21, Role::User).on_account(Manager),
        plain("managerGU", GUEST, 22, Role::GuestUser).on_account(Manager),
        plain("collab", GUEST, 23, Role::User).on_account(Collaborator),
        // Was a Manager, and asked for somebody.
        plain("demoted", GUEST, 24, Role::User).on_account(Collaborator),
        plain("asked", GUEST, 25, Role::User),
        plain("stranger", STRANGER, 60, Role::Owner),
        plain("disabled", HOST, 26, Role::Owner)
            .partnership_owner()
            .on_account(Owner)
            .with(UserStatus::Disabled),
        plain("pending", GUEST, 27, Role::Admin).on_account(Manager).with(UserStatus::Pending),
    ]
}

/// A partnership, an account, and the roles on it.
#[derive(Debug, Clone)]
pub struct Scene {
    pub partnership: Partnership,
    pub account: AccountFacts,
    pub grants: Vec<Grant>,
}

pub fn account_id() -> AccountId {
    AccountId::new(Uuid::from_u128(200))
}

impl Scene {
    /// The account as `columns` have it, shared through a partnership.
    pub fn of(mut partnership: Partnership) -> Self {
        let owners = columns().into_iter().filter(|column| column.is_partnership_owner);
        partnership.owners = owners.map(|column| column.actor.user).collect();
        let grants = columns().iter().filter_map(|column| grant(column, &partnership)).collect();
        Self::with(partnership, grants)
    }

    fn with(partnership: Partnership, grants: Vec<Grant>) -> Self {
        let account = AccountFacts::of(account_id(), partnership.host, &grants);
        Self { partnership, account, grants }
    }

    /// All Owners of the account have gone, but for these.
    pub fn owned_by(self, names: &[&str]) -> Self {
        let stay = names.iter().map(|name| self.actor(name).user).collect::<Vec<_>>();
        let mut grants = self.grants;
        grants.retain(|grant| grant.role != AccountRole::Owner || stay.contains(&grant.user));
        Self::with(self.partnership, grants)
    }

    /// All Partnership Owners have gone, but for these.
    pub fn managed_by(mut self, names: &[&str]) -> Self {
        self.partnership.owners = names.iter().map(|name| self.actor(name).user).collect();
        self
    }

    pub fn actor(&self, name: &str) -> Actor {
        columns().into_iter().find(|column| column.name == name).expect("a column").actor
    }

    /// Somebody's role.
    pub fn grant_of(&self, actor: &Actor) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.user == actor.user)
    }

    pub fn role_of(&self, name: &str) -> Grant {
        *self.grant_of(&self.actor(name)).expect("a role on the account")
    }

    /// The partnership that a role came through.
    pub fn through(&self, grant: Option<&Grant>) -> Option<&Partnership> {
        let id = grant.and_then(|grant| grant.partnership);
        Some(&self.partnership).filter(|partnership| Some(partnership.id) == id)
    }

    /// What a Manager asked for, for `asked`.
    pub fn request(&self, by: &str, state: RequestState) -> AccessRequest {
        AccessRequest {
            id: AccessRequestId::new(Uuid::from_u128(300)),
            partnership: self.partnership.id,
            account: self.account.id,
            host: self.partnership.host,
            guest: self.partnership.guest,
            member: self.actor("asked").user,
            role: GuestRole::Collaborator,
            requested_by: self.actor(by).user,
            message: None,
            state,
            decided_by: None,
            decided_at: None,
            created_at: at(0),
            version: 1,
        }
    }
}

fn grant(column: &Column, partnership: &Partnership) -> Option<Grant> {
    let Column { actor, role, .. } = column;
    Some(Grant {
        id: GrantId::new(Uuid::from_u128(400 + actor.user.uuid().as_u128())),
        account: account_id(),
        host: partnership.host,
        user: actor.user,
        workspace: actor.workspace,
        role: (*role)?,
        partnership: (actor.workspace == partnership.guest).then_some(partnership.id),
        created_at: at(0),
        version: 1,
    })
}

pub fn active() -> Partnership {
    done(done(requested(), &host_admin(), Action::Approve), &guest_admin(), Action::Accept)
}
