use crate::people::words;

words! {
    /// What a person does beside deciding on a partnership, as the client's journal and texts name it.
    Deed, "deed":
    /// Accounts are shared through a partnership.
    Share = "share",
    /// An account is taken out of a partnership.
    Unshare = "unshare",
    /// All access of a guest member is taken away.
    RemoveMember = "remove_member",
    /// A Partnership Owner is named.
    NameOwner = "name_owner",
    /// A Partnership Owner is dismissed.
    DismissOwner = "dismiss_owner",
    /// A member of the own workspace gets a role on an account.
    AddUser = "add_user",
    /// Somebody's role on an account becomes another one.
    ChangeRole = "change_role",
    /// Somebody's role on an account is taken away.
    RemoveAccess = "remove_access",
    /// An account's Owners are asked for access.
    AskAccess = "ask_access",
    /// An access request is accepted.
    AcceptAccess = "accept_access",
    /// An access request is declined.
    DeclineAccess = "decline_access",
    /// A member is removed from the workspace.
    RemoveUser = "remove_user",
}
