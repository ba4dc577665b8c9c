use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entente_domain::{PartnershipId, Side, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Command, Kind, News, NewsKind, Pending, Verb,
    text::{line, lines},
};

/// What a person chose about notifications.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Nothing is shown until then.
    pub paused_until: Option<Timestamp>,
    /// After how long what still waits is told again.
    pub remind_after: Duration,
}

impl Default for Settings {
    /// Not paused; a day.
    fn default() -> Self {
        Self { paused_until: None, remind_after: Duration::from_secs(24 * 60 * 60) }
    }
}

/// Why it is time to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Something happened just now.
    Live,
    /// Much may have happened at once: a first sync, a wake from sleep, a start.
    Backlog,
}

/// A notice to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Names its place on the screen: a later notice of the same id replaces it.
    pub id: String,
    /// What is recorded as told once it was shown.
    pub tells: Vec<String>,
    /// Its first line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// Its buttons, in order.
    pub buttons: Vec<Button>,
    /// What a click on it opens.
    pub target: Target,
}

/// A button on a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it asks for.
    pub command: Command,
    /// What people read.
    pub label: String,
}

/// What a click opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One item.
    Item {
        /// Of which profile.
        profile: String,
        /// Which one.
        partnership: PartnershipId,
    },
    /// All that waits.
    Inbox,
}

/// What to do about notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAction {
    /// Show one.
    Show(Notice),
    /// Take one away: what it was about does not wait any more.
    Withdraw(String),
}

/// More than so many at once become one.
const MOST_AT_ONCE: usize = 3;
const SUMMARY: &str = "summary";

/// Which notices to show and which to withdraw.
///
/// `told` says when each was last told, `shown` which ids are on the screen. What is recorded as told
/// is in [`Notice::tells`], to be recorded once it was shown.
#[must_use]
pub fn plan(
    pending: &[Pending],
    news: &[News],
    told: &BTreeMap<String, Timestamp>,
    shown: &BTreeSet<String>,
    settings: &Settings,
    occasion: Occasion,
    now: Timestamp,
) -> Vec<NoticeAction> {
    let waiting: BTreeSet<String> = pending.iter().map(pending_id).collect();
    let news_ids: BTreeSet<String> = news.iter().map(news_id).collect();
    let mut actions: Vec<NoticeAction> = shown
        .iter()
        .filter(|id| {
            let over = id.starts_with(PENDING) && !waiting.contains(*id);
            over && !news_ids.contains(*id) || (*id == SUMMARY && pending.is_empty())
        })
        .map(|id| NoticeAction::Withdraw(id.clone()))
        .collect();
    if settings.paused_until.is_some_and(|until| now < until) {
        return actions;
    }
    let fresh: Vec<&Pending> = pending
        .iter()
        .filter(|pending| match told.get(&pending.key()) {
            None => true,
            Some(at) => now.since(*at) >= settings.remind_after,
        })
        .collect();
    let news: Vec<&News> = news.iter().filter(|news| !told.contains_key(&news.key())).collect();
    let count = fresh.len() + news.len();
    let most = match occasion {
        Occasion::Live => MOST_AT_ONCE,
        Occasion::Backlog => 1,
    };
    if count > most {
        actions.push(NoticeAction::Show(summary(pending.len(), &fresh, &news)));
    } else {
        actions.extend(fresh.into_iter().map(|pending| NoticeAction::Show(of_pending(pending))));
        actions.extend(news.into_iter().map(|news| NoticeAction::Show(of_news(news))));
    }
    actions
}

const PENDING: &str = "pending/";

fn pending_id(pending: &Pending) -> String {
    format!("{PENDING}{}/{}", pending.profile, pending.partnership)
}

fn news_id(news: &News) -> String {
    format!("news/{}/{}", news.profile, news.partnership)
}

fn of_pending(pending: &Pending) -> Notice {
    let sender = line(&pending.requested_by, 60);
    let host = line(&pending.host, 60);
    let guest = line(&pending.guest, 60);
    let verbs: &[Verb] = match pending.kind {
        Kind::Approval => &[Verb::Approve, Verb::Decline, Verb::Review],
        // Consent to the terms cannot be given from a banner.
        Kind::Acceptance => &[Verb::Review, Verb::Decline],
    };
    let (title, body) = match pending.kind {
        Kind::Approval => (
            format!("{sender} wants to partner with {guest}"),
            lines(pending.reason.as_deref().unwrap_or("No reason was given."), 300),
        ),
        Kind::Acceptance => (
            format!("{host} wants to partner with {guest}"),
            format!("{sender} sent the request. Read the Terms of Service to accept it."),
        ),
    };
    Notice {
        id: pending_id(pending),
        tells: vec![pending.key()],
        title,
        body,
        buttons: verbs
            .iter()
            .map(|verb| Button {
                command: Command::Item {
                    verb: *verb,
                    profile: pending.profile.clone(),
                    partnership: pending.partnership,
                },
                label: verb.label().into(),
            })
            .collect(),
        target: Target::Item { profile: pending.profile.clone(), partnership: pending.partnership },
    }
}

fn of_news(news: &News) -> Notice {
    let partner = line(&news.partner, 60);
    let by = news.by.as_deref().map_or_else(|| "An Admin".to_owned(), |by| line(by, 60));
    let (title, body) = match news.kind {
        NewsKind::Approved => (
            format!("Request to partner with {partner} approved"),
            format!("{by} approved it. It is the partner's turn now."),
        ),
        NewsKind::Accepted => (
            format!("{partner} is your partner now"),
            format!("{by} accepted. You can share accounts."),
        ),
        NewsKind::Declined(side) => (
            format!("Request to partner with {partner} declined"),
            match side {
                Side::Host => format!("{by} declined it."),
                Side::Guest => {
                    format!("{by} of {partner} declined it. You can resend the request.")
                }
            },
        ),
        NewsKind::Expired => (
            format!("Request to partner with {partner} expired"),
            "Nobody decided in time. You can resend the request.".to_owned(),
        ),
        NewsKind::Removed => (
            format!("Partnership with {partner} removed"),
            format!("{by} removed it. All shared access has ended."),
        ),
    };
    Notice {
        id: news_id(news),
        tells: vec![news.key()],
        title,
        body,
        buttons: Vec::new(),
        target: Target::Item { profile: news.profile.clone(), partnership: news.partnership },
    }
}

fn summary(waiting: usize, fresh: &[&Pending], news: &[&News]) -> Notice {
    let title = match waiting {
        0 => format!("{} partnerships changed", news.len()),
        1 => "1 partnership request waits for you".to_owned(),
        n => format!("{n} partnership requests wait for you"),
    };
    let mut names: Vec<String> = Vec::new();
    let partners = fresh.iter().map(|pending| match pending.kind {
        Kind::Approval => &pending.guest,
        Kind::Acceptance => &pending.host,
    });
    for name in partners.chain(news.iter().map(|news| &news.partner)) {
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
    Notice {
        id: SUMMARY.into(),
        tells: fresh.iter().map(|p| p.key()).chain(news.iter().map(|n| n.key())).collect(),
        title,
        body,
        buttons: vec![Button { command: Command::Open, label: "Open".into() }],
        target: Target::Inbox,
    }
}
