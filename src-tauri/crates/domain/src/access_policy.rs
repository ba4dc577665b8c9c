//! Who may do what with accounts, access and members: pure tables, as [`crate::policy`].

use crate::{
    AccessRequest, AccountFacts, AccountRole, Action, Actor, Grant, Partnership, RequestState,
    Side, StateName, UserId, UserStatus, WorkspaceId, WorkspaceRole, allowed_actions,
    people::words,
};

words! {
    /// What somebody can do with a partnership beside its transitions.
    Management, "management action":
    /// Share accounts through it.
    ShareAccounts = "share_accounts",
    /// See the guest members with access.
    SeeMembers = "see_members",
    /// Name a Partnership Owner.
    NameOwner = "name_owner",
    /// Dismiss a Partnership Owner.
    DismissOwner = "dismiss_owner",
}

/// Whether somebody manages a partnership: one of its Owners.
#[must_use]
pub fn is_partnership_owner(actor: &Actor, partnership: &Partnership) -> bool {
    actor.is_live()
        && actor.workspace == partnership.host
        && partnership.owners.contains(&actor.user)
}

fn is_host_admin(actor: &Actor, partnership: &Partnership) -> bool {
    actor.is_live_admin() && actor.workspace == partnership.host
}

fn is_active(partnership: &Partnership) -> bool {
    partnership.state.name() == StateName::Active
}

/// The caller's own role, if it is one: theirs, on this account.
fn own_on<'a>(actor: &Actor, account: &AccountFacts, own: Option<&'a Grant>) -> Option<&'a Grant> {
    own.filter(|own| own.user == actor.user && own.account == account.id)
}

/// The partnership that a role came through, if it is that one.
fn through_of<'a>(grant: &Grant, through: Option<&'a Partnership>) -> Option<&'a Partnership> {
    through.filter(|through| grant.partnership == Some(through.id))
}

/// Whether a role is one of a host user, or came through a partnership that is active.
fn is_there(grant: &Grant, through: Option<&Partnership>) -> bool {
    grant.partnership.is_none() || through.is_some_and(is_active)
}

/// Whether `actor` is one of those who may take `action` in some state; the state has its own say.
#[must_use]
pub fn may_manage(actor: &Actor, partnership: &Partnership, action: Management) -> bool {
    let owner = is_partnership_owner(actor, partnership);
    let admin = is_host_admin(actor, partnership);
    match action {
        Management::ShareAccounts => owner,
        Management::SeeMembers => owner || admin,
        Management::NameOwner | Management::DismissOwner => admin,
    }
}

/// What `actor` can do with the partnership beside its transitions, in the order of
/// [`Management::ALL`].
#[must_use]
pub fn allowed_management(actor: &Actor, partnership: &Partnership) -> Vec<Management> {
    let open = partnership.state.name().holds_pair();
    Management::ALL
        .iter()
        .copied()
        .filter(|action| may_manage(actor, partnership, *action))
        .filter(|action| match action {
            Management::ShareAccounts | Management::SeeMembers => is_active(partnership),
            Management::NameOwner => open,
            // The last one stays until another is named.
            Management::DismissOwner => open && partnership.owners.len() > 1,
        })
        .collect()
}

/// Whether `actor` sees an account: whoever has a role on it and, while it has no Owner who can act,
/// the Admins of its workspace.
#[must_use]
pub fn sees_account(actor: &Actor, account: &AccountFacts, own: Option<&Grant>) -> bool {
    actor.is_live() && (own_on(actor, account, own).is_some() || account.is_governed_by(actor))
}

words! {
    /// What somebody can do with an account.
    AccountAction, "account action":
    /// Log in.
    LogIn = "log_in",
    /// Ask the Owners for access for other members of the own workspace.
    RequestAccess = "request_access",
    /// Give a host user a role.
    AddUser = "add_user",
}

/// What `actor` can do with an account; `through` is the partnership of their own grant.
#[must_use]
pub fn allowed_account_actions(
    actor: &Actor,
    account: &AccountFacts,
    own: Option<&Grant>,
    through: Option<&Partnership>,
) -> Vec<AccountAction> {
    let own = own_on(actor, account, own).filter(|own| is_there(own, through_of(own, through)));
    let manages = |own: &Grant| own.partnership.is_some() && own.role >= AccountRole::Manager;
    AccountAction::ALL
        .iter()
        .copied()
        .filter(|action| {
            actor.is_live()
                && match action {
                    AccountAction::LogIn => own.is_some(),
                    AccountAction::RequestAccess => own.is_some_and(manages),
                    AccountAction::AddUser => account.is_governed_by(actor),
                }
        })
        .collect()
}

/// Whether `actor` sees somebody's role on an account: their own; all, for who governs the account;
/// those of their own workspace, for its Managers; those of guests, for the Partnership Owners and
/// the host's Admins.
#[must_use]
pub fn sees_grant(
    actor: &Actor,
    account: &AccountFacts,
    own: Option<&Grant>,
    grant: &Grant,
    through: Option<&Partnership>,
) -> bool {
    let own = own_on(actor, account, own);
    actor.is_live()
        && (grant.user == actor.user
            || account.is_governed_by(actor)
            || (grant.workspace == actor.workspace
                && own.is_some_and(|own| own.role >= AccountRole::Manager))
            || through_of(grant, through).is_some_and(|through| {
                is_partnership_owner(actor, through) || is_host_admin(actor, through)
            }))
}

words! {
    /// What somebody can do with a role on an account.
    GrantAction, "grant action":
    /// Change it.
    ChangeRole = "change_role",
    /// Take it away.
    Remove = "remove",
}

/// What `actor` can do with somebody's role on an account.
///
/// The last Owner of an account keeps it until another is named. A guest's role can be changed only
/// while its partnership is active, which holds for as long as it is there.
#[must_use]
pub fn allowed_grant_actions(
    actor: &Actor,
    account: &AccountFacts,
    grant: &Grant,
    through: Option<&Partnership>,
) -> Vec<GrantAction> {
    let last_owner = grant.role == AccountRole::Owner && account.owners.iter().eq([&grant.user]);
    let through = through_of(grant, through);
    GrantAction::ALL
        .iter()
        .copied()
        .filter(|action| {
            actor.is_live()
                && !last_owner
                && is_there(grant, through)
                && match action {
                    GrantAction::ChangeRole => account.is_governed_by(actor),
                    GrantAction::Remove => {
                        account.is_governed_by(actor)
                            || through.is_some_and(|through| {
                                is_partnership_owner(actor, through)
                                    || is_host_admin(actor, through)
                            })
                    }
                }
        })
        .collect()
}

/// Whether `actor` sees an account in a partnership's list: Partnership Owners all of them; host
/// Admins and guest members those that they have access to.
#[must_use]
pub fn sees_shared_account(actor: &Actor, partnership: &Partnership, own: Option<&Grant>) -> bool {
    if !actor.is_live() || !is_active(partnership) {
        return false;
    }
    let own = own.filter(|own| own.user == actor.user);
    match partnership.side_of(actor.workspace) {
        Some(Side::Host) => {
            is_partnership_owner(actor, partnership) || (actor.role.is_admin() && own.is_some())
        }
        Some(Side::Guest) => own.is_some_and(|own| own.partnership == Some(partnership.id)),
        None => false,
    }
}

/// Whether `actor` can take a shared account out of a partnership: a Partnership Owner.
#[must_use]
pub fn may_unshare(actor: &Actor, partnership: &Partnership) -> bool {
    is_partnership_owner(actor, partnership) && is_active(partnership)
}

/// Whether `actor` sees an access request: the account's Owners and the Manager who sent it.
#[must_use]
pub fn sees_access_request(actor: &Actor, account: &AccountFacts, request: &AccessRequest) -> bool {
    actor.is_live() && (account.is_governed_by(actor) || request.requested_by == actor.user)
}

words! {
    /// What somebody can do with an access request.
    RequestAction, "access request action":
    /// Give the role.
    Accept = "accept",
    /// Refuse it.
    Decline = "decline",
}

/// What `actor` can do with an access request.
#[must_use]
pub fn allowed_request_actions(
    actor: &Actor,
    account: &AccountFacts,
    request: &AccessRequest,
) -> Vec<RequestAction> {
    if request.state == RequestState::Pending && account.is_governed_by(actor) {
        RequestAction::ALL.to_vec()
    } else {
        Vec::new()
    }
}

/// Whether `actor` sees a member of a workspace: themselves; all of their own workspace, from `user`
/// on.
#[must_use]
pub fn sees_member(actor: &Actor, user: UserId, workspace: WorkspaceId) -> bool {
    actor.is_live()
        && actor.workspace == workspace
        && (actor.user == user || sees_all_members(actor))
}

/// Whether `actor` sees the list of members.
#[must_use]
pub fn sees_all_members(actor: &Actor) -> bool {
    actor.is_live() && actor.role >= WorkspaceRole::User
}

/// Whether `actor` can remove a member from their workspace: an Admin, not themselves and nobody
/// above them. Where an identity provider manages the members, nobody here does.
#[must_use]
pub fn may_remove_member(actor: &Actor, member: &Actor, managed: bool) -> bool {
    actor.is_live_admin()
        && actor.workspace == member.workspace
        && actor.user != member.user
        && actor.role >= member.role
        && member.status != UserStatus::Disabled
        && !managed
}

/// Whether `actor` can make, list and revoke API keys of their own.
#[must_use]
pub fn may_have_api_keys(actor: &Actor) -> bool {
    actor.is_live() && actor.role >= WorkspaceRole::User
}

/// Whether `actor` can have their workspace's events sent somewhere, see where, and end it.
#[must_use]
pub fn may_manage_webhooks(actor: &Actor) -> bool {
    actor.is_live_admin()
}

/// Whether `actor` is told of an activity where its doer was and with which device: the host is of
/// everybody who acts on what it shares, a guest of its own people only.
#[must_use]
pub fn sees_origin(actor: &Actor, host: Option<WorkspaceId>, doer: Option<WorkspaceId>) -> bool {
    [host, doer].contains(&Some(actor.workspace))
}

/// Whether `actor` can see what removing a partnership would take away: whoever can remove it now.
#[must_use]
pub fn sees_impact(actor: &Actor, partnership: &Partnership) -> bool {
    allowed_actions(actor, partnership).contains(&Action::Remove)
}
