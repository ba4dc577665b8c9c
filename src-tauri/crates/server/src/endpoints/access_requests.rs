mod create;
mod decide;
mod list;

pub(crate) use create::{__path_ask, ask};
pub(crate) use decide::{
    __path_accept_access, __path_decline_access, accept_access, decline_access,
};
pub(crate) use list::{__path_list, list};
