//! What identity providers may do, know and tell.

mod condition;
mod people;
mod tokens;

pub use condition::{
    Condition, EmailTest, EmailText, Order, TextTest, UserMoment, UserTest, UserText, fold,
};
pub use people::{
    Profile, ScimEmail, ScimSort, ScimUser, SortKey, count_scim_users, list_scim_users,
    save_profile, scim_user, scim_user_by_address,
};
pub use tokens::{
    ScimTokenRow, insert_scim_token, list_scim_tokens, revoke_scim_token, scim_token,
    scim_token_by_hash, set_managed,
};
