mod create;
mod impact;
mod list;
mod members;
mod one;
mod owners;
mod shared;
mod transitions;

pub(crate) use create::{__path_create, create};
pub(crate) use impact::{__path_impact, impact};
pub(crate) use list::{__path_list, SORTS, list};
pub(crate) use members::{__path_members, __path_remove_member, members, remove_member};
pub(crate) use one::{__path_get, get};
pub(crate) use owners::{__path_dismiss_owner, __path_name_owner, dismiss_owner, name_owner};
pub(crate) use shared::{
    __path_accounts, __path_share, __path_unshare, accounts, distinct, share, unshare,
};
pub(crate) use transitions::{
    __path_accept, __path_approve, __path_decline, __path_remind, __path_remove, __path_resend,
    __path_withdraw, accept, approve, decline, remind, remove, resend, withdraw,
};
