use entente_domain::{AccountRole, PartnershipId, Side, StateName};
use serde::{Deserialize, Serialize};

use crate::{Item, Topic};

/// Something that happened, by somebody else's doing, to what the person sent, owns or uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// For which profile.
    pub profile: String,
    /// What it is about.
    #[serde(with = "text")]
    pub item: Item,
    /// What happened.
    pub kind: NewsKind,
    /// The other workspace's name.
    pub partner: String,
    /// Who did it, if it is known and was not the server.
    pub by: Option<String>,
    /// Tells it from other news of the same item: the version that it led to, or the moment.
    pub version: i64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewsKind {
    /// The host's Admin approved.
    Approved,
    /// The guest's Admin accepted.
    Accepted,
    /// Somebody declined.
    Declined(Side),
    /// Nobody decided in time.
    Expired,
    /// The partnership was removed.
    Removed,
    /// The person has access to an account, or another role on it.
    AccessGiven {
        /// The account.
        account: String,
        /// Which role.
        role: AccountRole,
        /// Whether they had another role before.
        changed: bool,
    },
    /// The person has no access to an account any more.
    AccessEnded {
        /// The account.
        account: String,
        /// Through which partnership it was shared.
        partnership: Option<PartnershipId>,
    },
    /// An access request that the person sent was decided.
    RequestDecided {
        /// The account.
        account: String,
        /// For whom they asked.
        member: String,
        /// Yes or no.
        accepted: bool,
    },
}

/// What of a partnership matters for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateFacts {
    /// Where it stands.
    pub state: StateName,
    /// Counts its changes.
    pub version: i64,
}

/// What of an account matters for news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// The account: "Mailchimp, EMEA newsletter".
    pub account: String,
    /// The person's role on it.
    pub role: Option<AccountRole>,
    /// Through which partnership it is shared.
    pub partnership: Option<PartnershipId>,
}

impl NewsKind {
    /// What a partnership's change of state is, if it is news; what is known for the first time is
    /// not.
    #[must_use]
    pub fn of(before: Option<StateFacts>, after: StateFacts) -> Option<Self> {
        let before = before?;
        if before.state == after.state || before.version >= after.version {
            return None;
        }
        match after.state {
            StateName::AwaitingAcceptance if before.state == StateName::AwaitingApproval => {
                Some(Self::Approved)
            }
            StateName::Active => Some(Self::Accepted),
            StateName::DeclinedByHost => Some(Self::Declined(Side::Host)),
            StateName::DeclinedByGuest => Some(Self::Declined(Side::Guest)),
            StateName::Expired => Some(Self::Expired),
            StateName::Removed => Some(Self::Removed),
            StateName::AwaitingAcceptance | StateName::AwaitingApproval | StateName::Withdrawn => {
                None
            }
        }
    }

    /// What a change of the person's role on an account is, if it is news. Who becomes Owner of what
    /// they did not have before has added it.
    #[must_use]
    pub fn of_role(before: Option<RoleFacts>, after: Option<RoleFacts>) -> Option<Self> {
        let role = |facts: &Option<RoleFacts>| facts.as_ref().and_then(|facts| facts.role);
        match (role(&before), role(&after)) {
            (before, after) if before == after => None,
            (Some(_), None) => before.map(|facts| Self::AccessEnded {
                account: facts.account,
                partnership: facts.partnership,
            }),
            (None, Some(AccountRole::Owner)) if before.is_none() => None,
            (had, Some(role)) => after.map(|facts| Self::AccessGiven {
                account: facts.account,
                role,
                changed: had.is_some(),
            }),
            (None, None) => None,
        }
    }

    /// By what a person can switch it off.
    #[must_use]
    pub const fn topic(&self) -> Topic {
        match self {
            Self::Approved => Topic::Approved,
            Self::Accepted => Topic::Accepted,
            Self::Declined(_) => Topic::Declined,
            Self::Expired => Topic::Expired,
            Self::Removed => Topic::Removed,
            Self::AccessGiven { .. } | Self::AccessEnded { .. } | Self::RequestDecided { .. } => {
                Topic::Access
            }
        }
    }
}

impl News {
    /// Names this news.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/v{}", self.profile, self.item, self.version)
    }
}

/// An item as its text.
mod text {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use crate::Item;

    pub(super) fn serialize<S: Serializer>(item: &Item, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(item)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Item, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(|()| D::Error::custom("not an item"))
    }
}
