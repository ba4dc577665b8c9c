//! What mails about a partnership say.

use entente_domain::{Initiator, PartnershipId, StateName, Timestamp, Transition};
use entente_store::Mail;

use super::{
    Reader,
    text::{Letter, Words, say},
};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host Admin's approval is asked for.
    ApprovalAsked(Occasion),
    /// A guest Admin's acceptance is asked for.
    AcceptanceAsked(Occasion),
    /// A guest Admin accepted.
    Accepted,
    /// A host Admin declined.
    DeclinedByHost,
    /// A guest Admin declined.
    DeclinedByGuest,
    /// Nobody decided in time.
    Expired,
    /// An active partnership ended.
    Removed,
}

/// Why somebody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// It has become their turn.
    First,
    /// It still is, and somebody reminds them.
    Reminder,
    /// It was sent again, unchanged.
    Again,
}

impl Kind {
    pub(super) fn of(transition: &Transition) -> Option<Self> {
        let occasion = match transition.from {
            Some(from) if from == transition.to => Occasion::Reminder,
            Some(StateName::DeclinedByGuest | StateName::Expired) => Occasion::Again,
            Some(
                StateName::AwaitingApproval
                | StateName::AwaitingAcceptance
                | StateName::Active
                | StateName::DeclinedByHost
                | StateName::Withdrawn
                | StateName::Removed,
            )
            | None => Occasion::First,
        };
        match transition.to {
            StateName::AwaitingApproval => Some(Self::ApprovalAsked(occasion)),
            StateName::AwaitingAcceptance => Some(Self::AcceptanceAsked(occasion)),
            StateName::Active => Some(Self::Accepted),
            StateName::DeclinedByHost => Some(Self::DeclinedByHost),
            StateName::DeclinedByGuest => Some(Self::DeclinedByGuest),
            StateName::Expired => {
                debug_assert_eq!(transition.by, Initiator::System);
                Some(Self::Expired)
            }
            StateName::Removed => Some(Self::Removed),
            StateName::Withdrawn => None,
        }
    }
}

/// What a mail can tell.
pub(super) struct Facts {
    pub(super) partnership: PartnershipId,
    pub(super) host: String,
    pub(super) guest: String,
    pub(super) sender: String,
    /// Who made the transition.
    pub(super) actor: String,
    pub(super) reason: Option<String>,
    pub(super) note: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Writes a mail as plain text and as HTML.
pub(super) fn write(kind: Kind, reader: Reader, facts: &Facts, recipient: String) -> Mail {
    let (subject, paragraph) = words(kind, facts);
    let is_for_approver = matches!(kind, Kind::ApprovalAsked(_)) && reader == Reader::Host;
    let reason = facts.reason.as_deref().filter(|_| is_for_approver);
    let mut letter = Letter::about(subject)
        .paragraph(paragraph)
        .quote("Reason for request:", reason)
        .quote("Note:", facts.note.as_deref());
    if let Some(at) = facts.expires_at {
        let at = at.to_string();
        let (day, time) = at.split_once('T').unwrap_or((&at, ""));
        let minute = time.get(..5).unwrap_or(time);
        let words = format!("The request expires on {day} at {minute} (UTC).");
        letter = letter.paragraph(say(&words, &[]));
    }
    letter.link(format!("entente://partnerships/{}", facts.partnership)).to(recipient)
}

/// The subject, and the first paragraph.
fn words(kind: Kind, facts: &Facts) -> (Words, Words) {
    let Facts { host, guest, sender, actor, .. } = facts;
    match kind {
        Kind::ApprovalAsked(Occasion::First) => (
            say("{} wants to partner with {}", &[sender, guest]),
            say(
                "{} asks for your approval to partner with {}. An Admin of {} decides.",
                &[sender, guest, host],
            ),
        ),
        Kind::ApprovalAsked(Occasion::Reminder) => (
            say("Reminder: {} wants to partner with {}", &[sender, guest]),
            say(
                "{} reminds you that the request of {} to partner with {} still awaits approval. An \
                 Admin of {} decides.",
                &[actor, sender, guest, host],
            ),
        ),
        Kind::ApprovalAsked(Occasion::Again) => (
            say("Sent again: {} wants to partner with {}", &[sender, guest]),
            say(
                "{} sent the request of {} to partner with {} again, unchanged. An Admin of {} decides.",
                &[actor, sender, guest, host],
            ),
        ),
        Kind::AcceptanceAsked(Occasion::First) => (
            say("{} wants to partner with {}", &[host, guest]),
            say(
                "{} wants to share access to accounts with {}. An Admin of {} reads the Terms of \
                 Service and accepts or declines.",
                &[host, guest, guest],
            ),
        ),
        Kind::AcceptanceAsked(Occasion::Reminder) => (
            say("Reminder: {} wants to partner with {}", &[host, guest]),
            say(
                "{} of {} reminds you that the request to partner with {} still awaits acceptance. An \
                 Admin of {} reads the Terms of Service and accepts or declines.",
                &[actor, host, guest, guest],
            ),
        ),
        Kind::AcceptanceAsked(Occasion::Again) => (
            say("Sent again: {} wants to partner with {}", &[host, guest]),
            say(
                "{} of {} sent the request to partner with {} again, unchanged. An Admin of {} reads \
                 the Terms of Service and accepts or declines.",
                &[actor, host, guest, guest],
            ),
        ),
        Kind::Accepted => (
            say("{} accepted the partnership", &[guest]),
            say(
                "{} accepted. The partnership of {} with {} is active: its Partnership Owners can \
                 share accounts now.",
                &[actor, host, guest],
            ),
        ),
        Kind::DeclinedByHost => (
            say("The partnership request to {} was declined", &[guest]),
            say("{}, an Admin of {}, declined the request.", &[actor, host]),
        ),
        Kind::DeclinedByGuest => (
            say("{} declined the partnership", &[guest]),
            say(
                "{}, an Admin of {}, declined the request. A Partnership Owner can resend it.",
                &[actor, guest],
            ),
        ),
        Kind::Expired => (
            say("The partnership request to {} expired", &[guest]),
            say("Nobody decided in time. A Partnership Owner can resend the request.", &[]),
        ),
        Kind::Removed => (
            say("The partnership of {} and {} was removed", &[host, guest]),
            say("{} removed it. All access that was shared through it has ended.", &[actor]),
        ),
    }
}
