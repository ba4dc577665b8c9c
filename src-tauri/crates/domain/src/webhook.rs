use crate::{StateName, Transition, people::words};

words! {
    /// What other systems are told of.
    WebhookEvent, "event of a webhook":
    /// A request was sent.
    Requested = "partnership.requested",
    /// A host Admin approved it.
    Approved = "partnership.approved",
    /// A guest Admin accepted it.
    Accepted = "partnership.accepted",
    /// An Admin declined it.
    Declined = "partnership.declined",
    /// It was taken back.
    Withdrawn = "partnership.withdrawn",
    /// Nobody decided in time.
    Expired = "partnership.expired",
    /// An active partnership ended.
    Removed = "partnership.removed",
    /// Whoever's turn it is was reminded.
    Reminded = "partnership.reminded",
    /// It was sent again.
    Resent = "partnership.resent",
    /// A Partnership Owner was named or dismissed, or left.
    OwnersChanged = "partnership.owners_changed",
    /// A Manager asks for access for a member.
    AccessRequested = "access_request.created",
    /// An Owner gave it.
    AccessAccepted = "access_request.accepted",
    /// An Owner refused it.
    AccessDeclined = "access_request.declined",
    /// What it depended on has ended.
    AccessClosed = "access_request.closed",
    /// Sent to one webhook to try it, whatever it wants to be told.
    Test = "webhook.test",
}

impl WebhookEvent {
    /// What a transition is told as.
    #[must_use]
    pub fn of(transition: &Transition) -> Self {
        let Some(from) = transition.from else { return Self::Requested };
        match transition.to {
            to if to == from => Self::Reminded,
            StateName::AwaitingApproval => Self::Resent,
            StateName::AwaitingAcceptance if from == StateName::AwaitingApproval => Self::Approved,
            StateName::AwaitingAcceptance => Self::Resent,
            StateName::Active => Self::Accepted,
            StateName::DeclinedByHost | StateName::DeclinedByGuest => Self::Declined,
            StateName::Withdrawn => Self::Withdrawn,
            StateName::Expired => Self::Expired,
            StateName::Removed => Self::Removed,
        }
    }
}
