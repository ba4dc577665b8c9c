//! What banners say.

use entente_domain::{AccountRole, Side};

use crate::{
    Kind, News, NewsKind, Pending,
    text::{line, lines},
};

/// What a banner says.
pub(crate) struct Words {
    pub(crate) title: String,
    pub(crate) body: String,
}

fn say(title: impl Into<String>, body: impl Into<String>) -> Words {
    Words { title: title.into(), body: body.into() }
}

const SEE: &str = "Open Entente to see more.";

pub(crate) fn of_pending(pending: &Pending, hide: bool) -> Words {
    if hide {
        let title = match pending.kind {
            Kind::Approval => "A partnership request awaits your approval",
            Kind::Acceptance => "A partnership request awaits your acceptance",
            Kind::Access { .. } => "An access request awaits your decision",
        };
        return say(title, SEE);
    }
    let sender = line(&pending.requested_by, 60);
    let host = line(&pending.host, 60);
    let guest = line(&pending.guest, 60);
    match &pending.kind {
        Kind::Approval => say(
            format!("{sender} wants to partner with {guest}"),
            lines(pending.reason.as_deref().unwrap_or("No reason was given."), 300),
        ),
        Kind::Acceptance => say(
            format!("{host} wants to partner with {guest}"),
            format!("{sender} sent the request. Read the Terms of Service to accept it."),
        ),
        Kind::Access { account, member, role } => {
            let member = line(member, 60);
            let mut body =
                format!("For {member} of {guest}, as {}.", AccountRole::from(*role).label());
            if let Some(message) = &pending.reason {
                body.push('\n');
                body.push_str(&lines(message, 240));
            }
            say(format!("{sender} asks for access to {}", line(account, 80)), body)
        }
    }
}

pub(crate) fn of_news(news: &News, hide: bool) -> Words {
    if hide {
        return say(hidden(&news.kind), SEE);
    }
    let partner = line(&news.partner, 60);
    let by = news.by.as_deref().map_or_else(|| "An Admin".to_owned(), |by| line(by, 60));
    match &news.kind {
        NewsKind::Approved => say(
            format!("Request to partner with {partner} approved"),
            format!("{by} approved it. It is the partner's turn now."),
        ),
        NewsKind::Accepted => say(
            format!("{partner} is your partner now"),
            format!("{by} accepted. You can share accounts."),
        ),
        NewsKind::Declined(side) => say(
            format!("Request to partner with {partner} declined"),
            match side {
                Side::Host => format!("{by} declined it."),
                Side::Guest => {
                    format!("{by} of {partner} declined it. You can resend the request.")
                }
            },
        ),
        NewsKind::Expired => say(
            format!("Request to partner with {partner} expired"),
            "Nobody decided in time. You can resend the request.",
        ),
        NewsKind::Removed => say(
            format!("Partnership with {partner} removed"),
            format!("{by} removed it. All shared access has ended."),
        ),
        NewsKind::AccessGiven { account, role, changed: false } => say(
            format!("You now have access to {}", line(account, 80)),
            format!("As {}.", role.label()),
        ),
        NewsKind::AccessGiven { account, role, changed: true } => say(
            format!("Your role on {} changed", line(account, 80)),
            format!("You are {} now.", role.label()),
        ),
        NewsKind::AccessEnded { account, .. } => say(
            format!("Your access to {} has ended", line(account, 80)),
            "You cannot log in there through Entente any more.",
        ),
        NewsKind::RequestDecided { account, member, accepted: true } => say(
            format!("{} now has access to {}", line(member, 60), line(account, 80)),
            format!("{by} accepted your request."),
        ),
        NewsKind::RequestDecided { account, member, accepted: false } => say(
            format!("Access to {} was declined for {}", line(account, 80), line(member, 60)),
            format!("{by} declined your request."),
        ),
    }
}

const fn hidden(kind: &NewsKind) -> &'static str {
    match kind {
        NewsKind::Approved => "A partnership request was approved",
        NewsKind::Accepted => "A partnership request was accepted",
        NewsKind::Declined(_) => "A partnership request was declined",
        NewsKind::Expired => "A partnership request expired",
        NewsKind::Removed => "A partnership was removed",
        NewsKind::AccessGiven { .. } | NewsKind::AccessEnded { .. } => {
            "Your access to an account changed"
        }
        NewsKind::RequestDecided { .. } => "An access request was decided",
    }
}

/// What one banner says in place of many.
pub(crate) fn summary(
    waiting: &[&Pending],
    fresh: &[&Pending],
    news: &[&News],
    hide: bool,
) -> Words {
    let title = if fresh.is_empty() {
        format!("{} changes to what you share", news.len())
    } else {
        wait_for_you(waiting)
    };
    if hide {
        return say(title, SEE);
    }
    let mut names: Vec<String> = Vec::new();
    let partners = fresh.iter().map(|pending| pending.partner());
    for name in partners.chain(news.iter().map(|news| news.partner.as_str())) {
        let name = line(name, 40);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(4);
    names.truncate(4);
    let mut body = names.join(", ");
    if more > 0 {
        body.push_str(&format!(" and {more} more"));
    }
    say(title, body)
}

fn wait_for_you(waiting: &[&Pending]) -> String {
    let access = waiting.iter().filter(|one| matches!(one.kind, Kind::Access { .. })).count();
    let what = match (access, waiting.len()) {
        (0, _) => "partnership request",
        (access, all) if access == all => "access request",
        _ => "request",
    };
    match waiting.len() {
        1 => format!("1 {what} waits for you"),
        n => format!("{n} {what}s wait for you"),
    }
}
