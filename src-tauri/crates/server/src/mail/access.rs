//! What mails about access to accounts say.

use std::collections::BTreeMap;

use entente_domain::{AccessRequestId, AccountId, AccountRole};
use entente_store::Mail;

use super::text::{Letter, Words, say};

/// What a part of a mail is about, in the order in which the parts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// To the account's Owners: a Manager asks for access for a member.
    Asked,
    /// The same to the host's Admins, for an account that has no Owner.
    AskedOfAdmins,
    /// To the Manager: the member has access.
    Granted,
    /// To the Manager: the member has not.
    Refused,
    /// To the member: they have access.
    Given,
    /// To the member: they have not.
    Denied,
    /// To a guest Admin: an account is shared.
    Shared,
    /// To whom it is taken from: they have no access any more.
    Removed,
}

/// One account and one person's role on it.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) request: Option<AccessRequestId>,
    pub(super) account: AccountId,
    pub(super) application: String,
    pub(super) label: String,
    pub(super) host: String,
    pub(super) guest: String,
    /// Whose role it is.
    pub(super) member: String,
    pub(super) email: String,
    pub(super) role: AccountRole,
    /// The Manager who asked for it.
    pub(super) manager: Option<String>,
    pub(super) message: Option<String>,
    /// Who did it; none if it was the server.
    pub(super) by: Option<String>,
}

impl Item {
    /// The link to what the reader can open of it.
    fn link(&self, kind: Kind) -> Option<String> {
        match kind {
            Kind::Asked | Kind::AskedOfAdmins | Kind::Granted | Kind::Refused => {
                self.request.map(|id| format!("entente://access-requests/{id}"))
            }
            Kind::Given | Kind::Shared => Some(self.account_link()),
            Kind::Denied | Kind::Removed => None,
        }
    }

    fn account_link(&self) -> String {
        format!("entente://accounts/{}", self.account)
    }

    fn line(&self, kind: Kind) -> Words {
        let Self { application, label, member, email, .. } = self;
        let role = self.role.label();
        match kind {
            Kind::Asked | Kind::AskedOfAdmins => say(
                &format!("{{}} ({{}}): {role} on {{}}, {{}}"),
                &[member, email, application, label],
            ),
            Kind::Granted | Kind::Refused => {
                say(&format!("{{}}: {role} on {{}}, {{}}"), &[member, application, label])
            }
            Kind::Given | Kind::Denied | Kind::Shared | Kind::Removed => {
                say(&format!("{{}}, {{}}: {role}"), &[application, label])
            }
        }
    }
}

/// Writes the mail that tells one person of everything; none if there is nothing.
pub(super) fn write(parts: &BTreeMap<Kind, Vec<Item>>, recipient: String) -> Option<Mail> {
    let mut parts = parts.iter().filter_map(|(kind, items)| Some((*kind, items.first()?, items)));
    let (kind, first, items) = parts.next()?;
    let rest: Vec<_> = parts.collect();
    let subject = if rest.is_empty() {
        subject(kind, first, items)
    } else {
        say("News of access to accounts", &[])
    };
    let mut letter = Letter::about(subject);
    for (kind, first, items) in std::iter::once((kind, first, items)).chain(rest.iter().copied()) {
        letter = letter.paragraph(paragraph(kind, first, items.len()));
        let lines = items.iter().map(|item| {
            // A single thing has its link at the end.
            let link = item.link(kind).filter(|_| items.len() > 1 || !rest.is_empty());
            (item.line(kind), link)
        });
        letter = letter.list(lines).quote("Message:", first.message.as_deref());
    }
    let link = match items.as_slice() {
        [one] => one.link(kind),
        // Who can decide, does so on the account's page, where all of them are.
        [first, others @ ..]
            if kind == Kind::Asked && others.iter().all(|item| item.account == first.account) =>
        {
            Some(first.account_link())
        }
        _ => None,
    };
    Some(letter.link(link.filter(|_| rest.is_empty())).to(recipient))
}

fn subject(kind: Kind, first: &Item, items: &[Item]) -> Words {
    let Item { application, label, host, guest, member, .. } = first;
    let manager = first.manager.as_deref().unwrap_or_default();
    let n = items.len();
    let one = n == 1;
    match kind {
        Kind::Asked | Kind::AskedOfAdmins if one => {
            say("{} asks for access to {}, {} for {}", &[manager, application, label, member])
        }
        Kind::Asked | Kind::AskedOfAdmins => {
            say(&format!("{{}} asks for access for {n} members of {{}}"), &[manager, guest])
        }
        Kind::Granted if one => say("{} now has access to {}, {}", &[member, application, label]),
        Kind::Granted => say(&format!("{{}} accepted {n} of your access requests"), &[host]),
        Kind::Refused if one => {
            say("Access to {}, {} was declined for {}", &[application, label, member])
        }
        Kind::Refused => say(&format!("{{}} declined {n} of your access requests"), &[host]),
        Kind::Given if one => say("You now have access to {}, {}", &[application, label]),
        Kind::Given => say(&format!("You now have access to {n} accounts of {{}}"), &[host]),
        Kind::Denied if one => say("Access to {}, {} was declined for you", &[application, label]),
        Kind::Denied => say(&format!("Access to {n} accounts was declined for you"), &[]),
        Kind::Shared if one => say("{} shared {}, {} with {}", &[host, application, label, guest]),
        Kind::Shared => say(&format!("{{}} shared {n} accounts with {{}}"), &[host, guest]),
        Kind::Removed if one => say("Your access to {}, {} has ended", &[application, label]),
        Kind::Removed => say(&format!("Your access to {n} accounts of {{}} has ended"), &[host]),
    }
}

fn paragraph(kind: Kind, first: &Item, n: usize) -> Words {
    let Item { host, guest, .. } = first;
    let manager = first.manager.as_deref();
    let by = first.by.as_deref().unwrap_or("Somebody");
    match kind {
        Kind::Asked => say(
            "{} of {} asks for access for members of {}. You are an Owner of the account: accept or \
             decline.",
            &[manager.unwrap_or(guest), guest, guest],
        ),
        Kind::AskedOfAdmins => say(
            "{} of {} asks for access for members of {}. The account has no Owner, so an Admin of {} \
             accepts or declines.",
            &[manager.unwrap_or(guest), guest, guest, host],
        ),
        Kind::Granted => say("{} of {} accepted what you asked for:", &[by, host]),
        Kind::Refused => say("{} of {} declined what you asked for:", &[by, host]),
        Kind::Given => match manager {
            Some(manager) => {
                say("{} of {} gave you access, which {} asked for:", &[by, host, manager])
            }
            None => say("{} of {} gave you access:", &[by, host]),
        },
        Kind::Denied => say(
            "{} asked {} for access for you. {} declined:",
            &[manager.unwrap_or(guest), host, by],
        ),
        Kind::Shared if n == 1 => say(
            "{} of {} shared an account with {}. As an Admin you have access to it:",
            &[by, host, guest],
        ),
        Kind::Shared => say(
            "{} of {} shared accounts with {}. As an Admin you have access to them:",
            &[by, host, guest],
        ),
        Kind::Removed => say("What you had access to at {} and have no more:", &[host]),
    }
}
