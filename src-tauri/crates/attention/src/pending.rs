use entente_domain::{GuestRole, Timestamp};

use crate::{Command, Item, Verb};

/// Something that waits for the person behind a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// For which profile.
    pub profile: String,
    /// What it is about.
    pub item: Item,
    /// What is asked.
    pub kind: Kind,
    /// The host workspace's name.
    pub host: String,
    /// The guest workspace's name.
    pub guest: String,
    /// The name of who asks.
    pub requested_by: String,
    /// Why, if this side may know.
    pub reason: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A host Admin's approval.
    Approval,
    /// A guest Admin's acceptance.
    Acceptance,
    /// An account Owner's answer to a Manager.
    Access {
        /// The account: "Mailchimp, EMEA newsletter".
        account: String,
        /// For whom.
        member: String,
        /// Which role.
        role: GuestRole,
    },
}

impl Pending {
    /// Names this wait: the same thing waiting again is another one.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}/{}", self.profile, self.item, self.since.unix_millis())
    }

    /// What can be done about it outside the window. Consent to the terms cannot be given there.
    pub(crate) fn verbs(&self) -> &'static [Verb] {
        match self.kind {
            Kind::Approval => &[Verb::Approve, Verb::Decline, Verb::Review],
            Kind::Acceptance => &[Verb::Review, Verb::Decline],
            Kind::Access { .. } => &[Verb::Accept, Verb::Decline, Verb::Review],
        }
    }

    pub(crate) fn command(&self, verb: Verb) -> Command {
        Command::Item { verb, profile: self.profile.clone(), item: self.item }
    }

    /// The other workspace's name.
    pub(crate) fn partner(&self) -> &str {
        match self.kind {
            Kind::Approval | Kind::Access { .. } => &self.guest,
            Kind::Acceptance => &self.host,
        }
    }
}
