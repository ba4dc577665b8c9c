mod csv;
mod list;

pub(crate) use list::{__path_list, list};
