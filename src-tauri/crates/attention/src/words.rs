//! What banners say.

use entente_domain::{AccountRole, Side};

use crate::{
    Kind, Language, News, NewsKind, Pending, Text,
    text::{line, lines},
};

/// What a banner says.
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) body: String,
}

impl Words {
    fn of(language: Language, title: &Text<'_>, body: &Text<'_>) -> Self {
        Self { title: language.say(title), body: language.say(body) }
    }
}

pub(crate) fn of_pending(pending: &Pending, hide: bool, language: Language) -> Words {
    if hide {
        let title = match pending.kind {
            Kind::Approval => Text::ApprovalWaits,
            Kind::Acceptance => Text::AcceptanceWaits,
            Kind::Access { .. } => Text::AccessWaits,
        };
        return Words::of(language, &title, &Text::SeeMore);
    }
    let sender = &line(&pending.requested_by, 60);
    let host = &line(&pending.host, 60);
    let guest = &line(&pending.guest, 60);
    match &pending.kind {
        Kind::Approval => Words {
            title: language.say(&Text::WantsToPartner { who: sender, with: guest }),
            body: match &pending.reason {
                Some(reason) => lines(reason, 300),
                None => language.say(&Text::NoReason),
            },
        },
        Kind::Acceptance => Words::of(
            language,
            &Text::WantsToPartner { who: host, with: guest },
            &Text::ReadTheTerms { sender },
        ),
        Kind::Access { account, member, role } => {
            let (account, member) = (&line(account, 80), &line(member, 60));
            let role = AccountRole::from(*role);
            let mut words = Words::of(
                language,
                &Text::AsksForAccess { who: sender, account },
                &Text::AccessFor { member, guest, role },
            );
            if let Some(message) = &pending.reason {
                words.body.push('\n');
                words.body.push_str(&lines(message, 240));
            }
            words
        }
    }
}

pub(crate) fn of_news(news: &News, hide: bool, language: Language) -> Words {
    if hide {
        return Words::of(language, &hidden(&news.kind), &Text::SeeMore);
    }
    let partner = &*line(&news.partner, 60);
    let by = news.by.as_deref().map(|by| line(by, 60));
    let by = by.as_deref();
    let account = match &news.kind {
        NewsKind::AccessGiven { account, .. }
        | NewsKind::AccessEnded { account, .. }
        | NewsKind::RequestDecided { account, .. } => line(account, 80),
        NewsKind::Approved
        | NewsKind::Accepted
        | NewsKind::Declined(_)
        | NewsKind::Expired
        | NewsKind::Removed => String::new(),
    };
    let account = &*account;
    let (title, body) = match &news.kind {
        NewsKind::Approved => (Text::RequestApproved { partner }, Text::ApprovedBy { by }),
        NewsKind::Accepted => (Text::NowPartner { partner }, Text::AcceptedBy { by }),
        NewsKind::Declined(side) => {
            let partner_who_declined = match side {
                Side::Host => None,
                Side::Guest => Some(partner),
            };
            (
                Text::RequestDeclined { partner },
                Text::DeclinedBy { by, partner: partner_who_declined },
            )
        }
        NewsKind::Expired => (Text::RequestExpired { partner }, Text::NobodyDecided),
        NewsKind::Removed => (Text::PartnershipRemoved { partner }, Text::RemovedBy { by }),
        NewsKind::AccessGiven { role, changed: false, .. } => {
            (Text::AccessGiven { account }, Text::GivenAs { role: *role })
        }
        NewsKind::AccessGiven { role, changed: true, .. } => {
            (Text::RoleChanged { account }, Text::RoleNow { role: *role })
        }
        NewsKind::AccessEnded { .. } => (Text::AccessEnded { account }, Text::NoLogin),
        NewsKind::RequestDecided { member, accepted, .. } => {
            let (member, accepted) = (&line(member, 60), *accepted);
            let title = match accepted {
                true => Text::MemberGotAccess { member, account },
                false => Text::MemberGotNoAccess { member, account },
            };
            return Words::of(language, &title, &Text::AccessDecidedBy { by, accepted });
        }
    };
    Words::of(language, &title, &body)
}

const fn hidden(kind: &NewsKind) -> Text<'static> {
    match kind {
        NewsKind::Approved => Text::SomethingApproved,
        NewsKind::Accepted => Text::SomethingAccepted,
        NewsKind::Declined(_) => Text::SomethingDeclined,
        NewsKind::Expired => Text::SomethingExpired,
        NewsKind::Removed => Text::SomethingRemoved,
        NewsKind::AccessGiven { .. } | NewsKind::AccessEnded { .. } => Text::SomeAccessChanged,
        NewsKind::RequestDecided { .. } => Text::SomeAccessDecided,
    }
}

/// What one banner says in place of many.
pub(crate) fn summary(
    waiting: &[&Pending],
    fresh: &[&Pending],
    news: &[&News],
    hide: bool,
    language: Language,
) -> Words {
    let title = if fresh.is_empty() { Text::Changes(news.len()) } else { wait(waiting) };
    if hide {
        return Words::of(language, &title, &Text::SeeMore);
    }
    let mut names: Vec<String> = Vec::new();
    let partners = fresh.iter().map(|pending| pending.partner());
    for name in partners.chain(news.iter().map(|news| news.partner.as_str())) {
        let name = line(name, 40);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let others = names.len().saturating_sub(4);
    names.truncate(4);
    let mut body = names.join(", ");
    if others > 0 {
        body = language.say(&Text::AndOthers { names: &body, others });
    }
    Words { title: language.say(&title), body }
}

fn wait(waiting: &[&Pending]) -> Text<'static> {
    let access = waiting.iter().filter(|one| matches!(one.kind, Kind::Access { .. })).count();
    match (access, waiting.len()) {
        (0, all) => Text::PartnershipRequestsWait(all),
        (access, all) if access == all => Text::AccessRequestsWait(all),
        (_, all) => Text::RequestsWait(all),
    }
}
