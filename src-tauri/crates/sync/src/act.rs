use entente_domain::{
    AccessRequestId, AccountId, AccountRole, Deed, GuestRole, PartnershipId, UserId,
};
use entente_wire::{NewAccessRequests, NewAccountUser, NewOwner, RoleAttributes, ShareAccounts};
use serde_json::{Value, json};

/// What a person does beside deciding on partnerships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Shares accounts through a partnership.
    Share {
        /// Through which.
        partnership: PartnershipId,
        /// Which.
        accounts: Vec<AccountId>,
        /// What the guest's Admins receive.
        role: GuestRole,
    },
    /// Takes an account out of a partnership.
    Unshare {
        /// Out of which.
        partnership: PartnershipId,
        /// Which.
        account: AccountId,
    },
    /// Takes all access of a guest member away.
    RemoveMember {
        /// That came through which partnership.
        partnership: PartnershipId,
        /// Whose.
        user: UserId,
    },
    /// Names a Partnership Owner.
    NameOwner {
        /// Of which partnership.
        partnership: PartnershipId,
        /// Whom.
        user: UserId,
    },
    /// Dismisses a Partnership Owner.
    DismissOwner {
        /// Of which partnership.
        partnership: PartnershipId,
        /// Whom.
        user: UserId,
    },
    /// Gives a member of the own workspace a role on an account.
    AddUser {
        /// On which.
        account: AccountId,
        /// Whom.
        user: UserId,
        /// Which.
        role: AccountRole,
    },
    /// Changes somebody's role on an account.
    ChangeRole {
        /// On which.
        account: AccountId,
        /// Whose.
        user: UserId,
        /// The version that the person saw.
        version: i64,
        /// Which.
        role: AccountRole,
    },
    /// Takes somebody's role on an account away.
    RemoveAccess {
        /// On which.
        account: AccountId,
        /// Whose.
        user: UserId,
    },
    /// Asks an account's Owners for access for other members.
    AskAccess {
        /// To which.
        account: AccountId,
        /// For whom.
        users: Vec<UserId>,
        /// Which role.
        role: GuestRole,
        /// What to add.
        message: Option<String>,
    },
    /// Decides an access request.
    DecideAccess {
        /// Which.
        request: AccessRequestId,
        /// The version that the person saw.
        version: i64,
        /// Yes or no.
        accept: bool,
    },
    /// Removes a member from the workspace.
    RemoveUser {
        /// Whom.
        user: UserId,
    },
}

impl Act {
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Self::Share { .. }
            | Self::NameOwner { .. }
            | Self::AddUser { .. }
            | Self::AskAccess { .. }
            | Self::DecideAccess { .. } => "POST",
            Self::ChangeRole { .. } => "PATCH",
            Self::Unshare { .. }
            | Self::RemoveMember { .. }
            | Self::DismissOwner { .. }
            | Self::RemoveAccess { .. }
            | Self::RemoveUser { .. } => "DELETE",
        }
    }

    pub(crate) fn path(&self) -> String {
        let below = match self {
            Self::Share { partnership, .. } => format!("partnerships/{partnership}/accounts"),
            Self::Unshare { partnership, account } => {
                format!("partnerships/{partnership}/accounts/{account}")
            }
            Self::RemoveMember { partnership, user } => {
                format!("partnerships/{partnership}/members/{user}")
            }
            Self::NameOwner { partnership, .. } => format!("partnerships/{partnership}/owners"),
            Self::DismissOwner { partnership, user } => {
                format!("partnerships/{partnership}/owners/{user}")
            }
            Self::AddUser { account, .. } => format!("accounts/{account}/users"),
            Self::ChangeRole { account, user, .. } | Self::RemoveAccess { account, user } => {
                format!("accounts/{account}/users/{user}")
            }
            Self::AskAccess { .. } => "access-requests".into(),
            Self::DecideAccess { request, accept: true, .. } => {
                format!("access-requests/{request}/accept")
            }
            Self::DecideAccess { request, accept: false, .. } => {
                format!("access-requests/{request}/decline")
            }
            Self::RemoveUser { user } => format!("users/{user}"),
        };
        format!("/api/v1/{below}")
    }

    pub(crate) fn version(&self) -> Option<i64> {
        match self {
            Self::ChangeRole { version, .. } | Self::DecideAccess { version, .. } => Some(*version),
            Self::Share { .. }
            | Self::Unshare { .. }
            | Self::RemoveMember { .. }
            | Self::NameOwner { .. }
            | Self::DismissOwner { .. }
            | Self::AddUser { .. }
            | Self::RemoveAccess { .. }
            | Self::AskAccess { .. }
            | Self::RemoveUser { .. } => None,
        }
    }

    pub(crate) fn attributes(&self) -> Value {
        match self {
            Self::Share { accounts, role, .. } => json!(ShareAccounts {
                account_ids: accounts.iter().map(ToString::to_string).collect(),
                role: *role,
            }),
            Self::NameOwner { user, .. } => json!(NewOwner { user_id: user.to_string() }),
            Self::AddUser { user, role, .. } => {
                json!(NewAccountUser { user_id: user.to_string(), role: *role })
            }
            Self::ChangeRole { role, .. } => json!(RoleAttributes { role: *role }),
            Self::AskAccess { account, users, role, message } => json!(NewAccessRequests {
                account_id: account.to_string(),
                user_ids: users.iter().map(ToString::to_string).collect(),
                role: *role,
                message: message.clone(),
            }),
            Self::Unshare { .. }
            | Self::RemoveMember { .. }
            | Self::DismissOwner { .. }
            | Self::RemoveAccess { .. }
            | Self::DecideAccess { .. }
            | Self::RemoveUser { .. } => json!({}),
        }
    }

    pub(crate) fn deed(&self) -> Deed {
        match self {
            Self::Share { .. } => Deed::Share,
            Self::Unshare { .. } => Deed::Unshare,
            Self::RemoveMember { .. } => Deed::RemoveMember,
            Self::NameOwner { .. } => Deed::NameOwner,
            Self::DismissOwner { .. } => Deed::DismissOwner,
            Self::AddUser { .. } => Deed::AddUser,
            Self::ChangeRole { .. } => Deed::ChangeRole,
            Self::RemoveAccess { .. } => Deed::RemoveAccess,
            Self::AskAccess { .. } => Deed::AskAccess,
            Self::DecideAccess { accept: true, .. } => Deed::AcceptAccess,
            Self::DecideAccess { accept: false, .. } => Deed::DeclineAccess,
            Self::RemoveUser { .. } => Deed::RemoveUser,
        }
    }
}
