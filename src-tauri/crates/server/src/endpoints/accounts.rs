mod list;
mod secrets;
mod users;

pub(crate) use list::{__path_get, __path_list, get, list};
pub(crate) use secrets::{__path_secrets, TYPES, secrets};
pub(crate) use users::{
    __path_add, __path_change, __path_remove, __path_users, add, change, remove, users,
};
