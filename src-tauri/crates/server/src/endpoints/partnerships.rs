mod create;
mod list;
mod one;
mod transitions;

pub(crate) use create::{__path_create, create};
pub(crate) use list::{__path_list, list};
pub(crate) use one::{__path_get, get};
pub(crate) use transitions::{
    __path_accept, __path_approve, __path_decline, __path_remind, __path_remove, __path_resend,
    __path_withdraw, accept, approve, decline, remind, remove, resend, withdraw,
};
