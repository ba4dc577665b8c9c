use std::{fmt, str::FromStr};

use entente_domain::{AccessRequestId, AccountId, PartnershipId};

/// A thing that a notice, an entry of the tray or a link is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A partnership, or the request for it.
    Partnership(PartnershipId),
    /// A Manager's request for access.
    AccessRequest(AccessRequestId),
    /// An account.
    Account(AccountId),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partnership(id) => write!(f, "partnerships/{id}"),
            Self::AccessRequest(id) => write!(f, "access-requests/{id}"),
            Self::Account(id) => write!(f, "accounts/{id}"),
        }
    }
}

impl FromStr for Item {
    type Err = ();

    /// Reads what [`fmt::Display`] writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, id) = text.split_once('/').ok_or(())?;
        let item = match kind {
            "partnerships" => Self::Partnership(id.parse().map_err(|_| ())?),
            "access-requests" => Self::AccessRequest(id.parse().map_err(|_| ())?),
            "accounts" => Self::Account(id.parse().map_err(|_| ())?),
            _ => return Err(()),
        };
        // One thing has one name, however its id may be written.
        if item.to_string() == text { Ok(item) } else { Err(()) }
    }
}
