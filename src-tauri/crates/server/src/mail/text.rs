use entente_domain::{Initiator, PartnershipId, StateName, Timestamp, Transition};
use entente_store::Mail;

use super::{Outcome, Reader};

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A host Admin's approval is asked for, or asked for again.
    ApprovalAsked,
    /// A guest Admin's acceptance is asked for, or asked for again.
    AcceptanceAsked,
    /// Somebody decided, or the clock did.
    Decided(Outcome),
    /// An active partnership ended.
    Removed,
}

impl Kind {
    pub(super) fn of(transition: &Transition) -> Option<Self> {
        match transition.to {
            StateName::AwaitingApproval => Some(Self::ApprovalAsked),
            StateName::AwaitingAcceptance => Some(Self::AcceptanceAsked),
            StateName::Active | StateName::DeclinedByHost | StateName::DeclinedByGuest => {
                Some(Self::Decided(transition.to))
            }
            StateName::Expired => {
                debug_assert_eq!(transition.by, Initiator::System);
                Some(Self::Decided(transition.to))
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
    pub(super) reason: Option<String>,
    pub(super) note: Option<String>,
    pub(super) expires_at: Option<Timestamp>,
}

/// Writes a mail as plain text and as HTML.
pub(super) fn write(kind: Kind, reader: Reader, facts: &Facts, recipient: String) -> Mail {
    let Facts { host, guest, sender, .. } = facts;
    let (subject, mut paragraphs) = match kind {
        Kind::ApprovalAsked => (
            format!("{sender} wants to partner with {guest}"),
            vec![format!(
                "{sender} asks for your approval to partner with {guest}. An Admin of {host} decides."
            )],
        ),
        Kind::AcceptanceAsked => (
            format!("{host} wants to partner with {guest}"),
            vec![format!(
                "{host} wants to share access to accounts with {guest}. An Admin of {guest} reads the \
                 Terms of Service and accepts or declines."
            )],
        ),
        Kind::Decided(StateName::Active) => (
            format!("{guest} accepted the partnership"),
            vec![format!("The partnership of {host} with {guest} is active.")],
        ),
        Kind::Decided(StateName::Expired) => (
            format!("The partnership request to {guest} expired"),
            vec!["Nobody decided in time. You can resend the request.".to_owned()],
        ),
        Kind::Decided(StateName::DeclinedByGuest) => (
            format!("{guest} declined the partnership"),
            vec![format!("An Admin of {guest} declined the request. You can resend it.")],
        ),
        Kind::Decided(_) => (
            format!("The partnership request to {guest} was declined"),
            vec![format!("An Admin of {host} declined the request.")],
        ),
        Kind::Removed => (
            format!("The partnership of {host} and {guest} was removed"),
            vec!["All access that was shared through it has ended.".to_owned()],
        ),
    };
    if let (Some(reason), Reader::Host, Kind::ApprovalAsked) = (&facts.reason, reader, kind) {
        paragraphs.push(format!("Reason for request:\n{reason}"));
    }
    if let Some(note) = &facts.note {
        paragraphs.push(format!("Note:\n{note}"));
    }
    if let Some(at) = facts.expires_at {
        paragraphs.push(format!("The request expires at {at} (UTC)."));
    }
    let link = format!("entente://partnerships/{}", facts.partnership);
    Mail {
        recipient,
        subject: one_line(&subject),
        text_body: format!("{}\n\nOpen it in Entente: {link}\n", paragraphs.join("\n\n")),
        html_body: html(&paragraphs, &link),
    }
}

/// A subject is one line, whatever the names in it hold.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(200).collect()
}

fn html(paragraphs: &[String], link: &str) -> String {
    let body: String = paragraphs
        .iter()
        .map(|paragraph| format!("<p>{}</p>", escape(paragraph).replace('\n', "<br>")))
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><body>{body}\
         <p><a href=\"{link}\">Open it in Entente</a></p></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            partnership: "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d4e".parse().expect("an id"),
            host: "Globex\r\nBcc: all@example.com".into(),
            guest: "<b>Initech</b>".into(),
            sender: "Ana Lima".into(),
            reason: Some("They run\nour <script>adverts</script>".into()),
            note: None,
            expires_at: None,
        }
    }

    #[test]
    fn a_subject_is_one_line_and_markup_is_text() {
        let mail =
            write(Kind::AcceptanceAsked, Reader::Guest, &facts(), "pat@initech.example".into());
        assert!(!mail.subject.contains(['\r', '\n']));
        assert!(!mail.html_body.contains("<b>"));
    }

    #[test]
    fn the_reason_is_for_the_host_only() {
        let told = |kind, reader| write(kind, reader, &facts(), "x@example.com".into());
        let host = told(Kind::ApprovalAsked, Reader::Host);
        assert!(host.text_body.contains("our <script>adverts"));
        assert!(host.html_body.contains("our &lt;script&gt;"));
        for kind in [Kind::AcceptanceAsked, Kind::Decided(StateName::Active), Kind::Removed] {
            let guest = told(kind, Reader::Guest);
            assert!(!guest.text_body.contains("adverts") && !guest.html_body.contains("adverts"));
        }
    }
}
