//! What is different after something was done, written from the invariants of the design.

use entente_domain::{
    AccessRequest, AccountId, AccountRole, Grant, GrantId, GuestRole, Partnership, PartnershipId,
    RequestState, SharedAccount, SharedAccountId, UserId, UserStatus,
};
use entente_tests::scene::{Facts, Scene};
use uuid::Uuid;

/// The partnership is another than before.
pub(super) fn put(facts: &mut Facts, after: Partnership) {
    let found = facts.partnerships.iter_mut().find(|one| one.id == after.id);
    *found.expect("it is there") = after;
}

/// Pending requests that depended on something are closed.
fn close(scene: &Scene, facts: &mut Facts, depends: impl Fn(&AccessRequest) -> bool) {
    for one in &mut facts.requests {
        if one.state == RequestState::Pending && depends(one) {
            *one = one.clone().ended(RequestState::Closed, None, scene.at);
        }
    }
}

/// An account is not shared through a partnership any more.
pub(super) fn unshare(
    scene: &Scene,
    facts: &mut Facts,
    partnership: PartnershipId,
    account: AccountId,
) {
    close(scene, facts, |one| one.partnership == partnership && one.account == account);
    facts.grants.retain(|one| !(one.partnership == Some(partnership) && one.account == account));
    facts.shared.retain(|one| !(one.partnership == partnership && one.account == account));
}

/// Nothing is shared through a partnership any more.
pub(super) fn end(scene: &Scene, facts: &mut Facts, partnership: PartnershipId) {
    for shared in facts.shared.clone() {
        if shared.partnership == partnership {
            unshare(scene, facts, partnership, shared.account);
        }
    }
}

/// A role was taken away. What nobody has is not shared.
pub(super) fn revoke(scene: &Scene, facts: &mut Facts, grant: &Grant) {
    close(scene, facts, |one| one.requested_by == grant.user && one.account == grant.account);
    facts.grants.retain(|one| one.id != grant.id);
    let Some(partnership) = grant.partnership else { return };
    let through =
        |one: &Grant| one.partnership == Some(partnership) && one.account == grant.account;
    if !facts.grants.iter().any(through) {
        unshare(scene, facts, partnership, grant.account);
    }
}

/// A role is another; who is no Manager any more takes along what they asked for.
pub(super) fn change(scene: &Scene, facts: &mut Facts, grant: &Grant, role: AccountRole) {
    if grant.role == role {
        return;
    }
    let found = facts.grants.iter_mut().find(|one| one.id == grant.id).expect("it is there");
    found.role = role;
    found.version += 1;
    if role < AccountRole::Manager {
        close(scene, facts, |one| one.requested_by == grant.user && one.account == grant.account);
    }
}

/// Somebody has a role that they did not have.
pub(super) fn give(
    scene: &Scene,
    facts: &mut Facts,
    account: AccountId,
    user: UserId,
    role: AccountRole,
) {
    let workspace = facts.user(user).workspace;
    facts.grants.push(Grant {
        id: GrantId::new(Uuid::now_v7()),
        account,
        host: scene.host.id,
        user,
        workspace,
        role,
        partnership: (workspace == scene.guest.id).then_some(scene.partnership),
        created_at: scene.at,
        version: 1,
    });
}

/// An account is shared: every live Admin of the guest has the role.
pub(super) fn share(
    scene: &Scene,
    facts: &mut Facts,
    account: AccountId,
    by: UserId,
    role: GuestRole,
) {
    facts.shared.push(SharedAccount {
        id: SharedAccountId::new(Uuid::now_v7()),
        partnership: scene.partnership,
        account,
        shared_by: by,
        role,
        shared_at: scene.at,
    });
    for user in facts.users.clone() {
        if user.workspace == scene.guest.id && user.actor().is_live_admin() {
            give(scene, facts, account, user.id, role.into());
        }
    }
}

/// A request was accepted: its member has the role, or the higher one of two.
pub(super) fn accept(scene: &Scene, facts: &mut Facts, request: &AccessRequest) {
    let role = AccountRole::from(request.role);
    match facts.role(request.account, request.member).copied() {
        None => give(scene, facts, request.account, request.member, role),
        Some(grant) if grant.role < role => change(scene, facts, &grant, role),
        Some(_) => {}
    }
}

/// A member was removed, with everything that depended on them.
pub(super) fn disable(scene: &Scene, facts: &mut Facts, user: UserId) {
    for grant in facts.grants.clone() {
        if grant.user == user {
            revoke(scene, facts, &grant);
        }
    }
    close(scene, facts, |one| one.member == user || one.requested_by == user);
    for partnership in facts.partnerships.clone() {
        put(facts, partnership.owner_left(user, scene.at));
    }
    let found = facts.users.iter_mut().find(|one| one.id == user).expect("they are there");
    found.status = UserStatus::Disabled;
    found.updated_at = scene.at;
    found.version += 1;
    // What they could sign in with is revoked, so that nothing of it comes back with them.
    facts.keys.retain(|key| key.user != user);
}
