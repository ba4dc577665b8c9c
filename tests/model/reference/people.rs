//! The members of the workspaces.

use entente_domain::{UserId, UserStatus, WorkspaceRole};
use entente_wire::ErrorCode;

use super::{Entry, Reference, User, Verdict, Wrong};
use crate::{
    attempt::{Attempt, Names, Seen},
    operation::Operation,
};

impl Reference {
    pub(super) fn is_live(&self, who: UserId) -> bool {
        self.user(who).is_some_and(User::is_live)
    }

    /// Whether somebody sees a member: themselves, and from `user` on all of their own workspace.
    pub fn sees_member(&self, who: UserId, member: UserId) -> bool {
        let (Some(own), Some(member_row)) = (self.user(who), self.user(member)) else {
            return false;
        };
        own.is_live()
            && own.workspace == member_row.workspace
            && (who == member || own.role >= WorkspaceRole::User)
    }

    /// Whether somebody can remove a member: an Admin, not themselves, and nobody above them.
    pub fn removes_member(&self, who: UserId, member: UserId) -> bool {
        let (Some(own), Some(member_row)) = (self.user(who), self.user(member)) else {
            return false;
        };
        own.is_admin()
            && own.workspace == member_row.workspace
            && who != member
            && own.role >= member_row.role
            && member_row.status != UserStatus::Disabled
    }

    pub(super) fn may_remove_user(&self, names: &Names, attempt: &Attempt, who: UserId) -> Verdict {
        let Operation::RemoveUser { user, .. } = attempt.step.what else { return Verdict::Done };
        let member = names.user(user);
        let Some(row) = self.user(member).filter(|_| self.sees_member(who, member)) else {
            return Verdict::only(ErrorCode::NotFound);
        };
        if !self.removes_member(who, member) {
            let was_removed = row.status == UserStatus::Disabled;
            let or = if was_removed { ErrorCode::WrongState } else { ErrorCode::Forbidden };
            return Verdict::Refused(vec![ErrorCode::Forbidden, or]);
        }
        Verdict::of(attempt.goes_with(row.version, false).err().into_iter().collect())
    }

    /// A member leaves: every role, ownership and pending request of theirs ends with it.
    pub(super) fn remove_user(&mut self, member: UserId, by: Option<UserId>) {
        let roles: Vec<_> =
            self.grants.keys().filter(|(_, user)| *user == member).copied().collect();
        for place in roles {
            self.revoke(place, by);
        }
        self.close(by, |_, request| request.member == member || request.by == member);
        self.owner_left(member);
        let Some(row) = self.users.get_mut(&member) else { return };
        row.status = UserStatus::Disabled;
        row.version += 1;
        self.audit.push(Entry {
            event: "user_deactivated".into(),
            partnership: None,
            account: None,
            by,
            to: Some(member),
            guest_sees: false,
            detail: String::new(),
            at: self.now,
        });
    }

    pub(super) fn set_role(&mut self, member: UserId, role: WorkspaceRole) {
        if let Some(row) = self.users.get_mut(&member) {
            row.role = role;
            row.version += 1;
        }
    }

    pub(super) fn join(
        &mut self,
        names: &Names,
        attempt: &Attempt,
        seen: &Seen,
        role: WorkspaceRole,
    ) -> Result<(), Wrong> {
        let Operation::Join { workspace, .. } = attempt.step.what else { return Ok(()) };
        let row = User {
            workspace: names.workspace(workspace),
            email: seen.body["data"]["email"].as_str().unwrap_or_default().to_owned(),
            role,
            status: UserStatus::Live,
            version: 1,
        };
        self.users.insert(seen.id()?, row);
        Ok(())
    }
}
