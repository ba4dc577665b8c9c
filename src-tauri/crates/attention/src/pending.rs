use entente_domain::{PartnershipId, Side, StateName, Timestamp};

/// Something that waits for the person behind a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// For which profile.
    pub profile: String,
    /// Which partnership.
    pub partnership: PartnershipId,
    /// What is asked.
    pub kind: Kind,
    /// The host workspace's name.
    pub host: String,
    /// The guest workspace's name.
    pub guest: String,
    /// The sender's name.
    pub requested_by: String,
    /// Why; for the host only.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A host Admin's approval.
    Approval,
    /// A guest Admin's acceptance.
    Acceptance,
}

impl Pending {
    /// Names this wait: the same partnership waiting again is another one.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.profile, self.partnership, self.since.unix_millis())
    }
}

/// What of a partnership matters for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateFacts {
    /// Where it stands.
    pub state: StateName,
    /// Counts its changes.
    pub version: i64,
}

/// Something that happened to a partnership that the person sent or owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// For which profile.
    pub profile: String,
    /// Which partnership.
    pub partnership: PartnershipId,
    /// What happened.
    pub kind: NewsKind,
    /// The partner's name.
    pub partner: String,
    /// Who did it; none if it was the server.
    pub by: Option<String>,
    /// The version that it led to.
    pub version: i64,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

impl NewsKind {
    /// What a change of state is, if it is news; what is known for the first time is not.
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
}

impl News {
    /// Names this news.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/v{}", self.profile, self.partnership, self.version)
    }
}
