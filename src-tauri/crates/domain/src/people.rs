use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{UserId, WorkspaceId};

/// A word that is none of a closed list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {kind}")]
pub struct UnknownName {
    /// What was expected, for people: "workspace role", "user status", "action".
    pub kind: &'static str,
}

/// Declares a closed list of words: an enum, its text, and the way back.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $kind:literal: $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that API and database use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownName> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err($crate::UnknownName { kind: $kind }) }
            }
        }
    };
}
pub(crate) use words;

/// What a user may do in their workspace. Ordered: a later one may at least what an earlier one may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkspaceRole {
    /// A guest of other workspaces.
    GuestUser,
    /// Logs in to accounts, and not more.
    LoginOnly,
    /// An ordinary member.
    User,
    /// Manages the workspace.
    Admin,
    /// Manages the Admins.
    SuperAdmin,
    /// Owns the workspace.
    Owner,
}

impl WorkspaceRole {
    /// All of them, the least one first.
    pub const ALL: &'static [Self] =
        &[Self::GuestUser, Self::LoginOnly, Self::User, Self::Admin, Self::SuperAdmin, Self::Owner];

    /// "Admin" in any rule means this: `admin` or above.
    #[must_use]
    pub fn is_admin(self) -> bool {
        self >= Self::Admin
    }

    /// The word that API and database use: `workspace_admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GuestUser => "workspace_guest_user",
            Self::LoginOnly => "workspace_login_only",
            Self::User => "workspace_user",
            Self::Admin => "workspace_admin",
            Self::SuperAdmin => "workspace_super_admin",
            Self::Owner => "workspace_owner",
        }
    }
}

impl fmt::Display for WorkspaceRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WorkspaceRole {
    type Err = UnknownName;

    /// Takes the API's word, with or without its `workspace_`.
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let short = text.strip_prefix("workspace_").unwrap_or(text);
        Self::ALL
            .iter()
            .copied()
            .find(|role| role.as_str().strip_prefix("workspace_") == Some(short))
            .ok_or(UnknownName { kind: "workspace role" })
    }
}

impl Serialize for WorkspaceRole {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for WorkspaceRole {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<'de, str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

words! {
    /// Whether a user can act.
    UserStatus, "user status":
    /// Can act.
    Live = "live",
    /// Was invited and has not come yet.
    Pending = "pending",
    /// Was removed; kept for the record.
    Disabled = "disabled",
}

words! {
    /// Which end of a partnership a workspace is.
    Side, "side":
    /// It shares accounts.
    Host = "host",
    /// Accounts are shared with it.
    Guest = "guest",
}

/// The user who asks for something, as the policy needs to know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// With which role there.
    pub role: WorkspaceRole,
    /// Whether they can act at all.
    pub status: UserStatus,
}

impl Actor {
    /// An Admin who can act.
    #[must_use]
    pub fn is_live_admin(&self) -> bool {
        self.is_live() && self.role.is_admin()
    }

    /// Can act at all.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.status == UserStatus::Live
    }
}
