use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use entente_domain::Timestamp;

use crate::{Command, Language, Moment, News, NewsKind, Pending, Settings, Text, Verb, words};

/// Why it is time to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Something happened just now.
    Live,
    /// Much may have happened at once: a first sync, a wake from sleep, a start, the end of a pause.
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
    /// What a click on it asks for.
    pub click: Command,
}

/// A button on a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it asks for.
    pub command: Command,
    /// What people read.
    pub label: String,
}

/// What to do about notices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAction {
    /// Show one.
    Show(Notice),
    /// Take one away: what it was about does not wait any more.
    Withdraw(String),
}

/// All that a plan is made of.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What waits, over all profiles.
    pub pending: &'a [Pending],
    /// What happened, now and while it could not be told.
    pub news: &'a [News],
    /// The profiles that are in contact with their server. For the others it cannot be known whether
    /// what is known still holds, and nothing could be decided.
    pub in_contact: &'a BTreeSet<String>,
    /// What was told, and when last.
    pub told: &'a BTreeMap<String, Timestamp>,
    /// The ids of what is on the screen, and since when.
    pub shown: &'a BTreeMap<String, Timestamp>,
    /// The person's language.
    pub language: Language,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// In this order.
    pub actions: Vec<NoticeAction>,
    /// The news that is to be told, but not now.
    pub later: Vec<News>,
}

/// More than so many at once become one.
const MOST_AT_ONCE: usize = 3;
/// What is that close together counts as at once.
const AT_ONCE: Duration = Duration::from_secs(5);
const PENDING: &str = "pending/";
const NEWS: &str = "news/";
const SUMMARY: &str = "summary/waiting";
const NEWS_SUMMARY: &str = "summary/news";

/// Which notices to show and which to withdraw.
///
/// What is recorded as told is in [`Notice::tells`], to be recorded once it was shown.
#[must_use]
pub fn plan(known: Known<'_>, settings: &Settings, occasion: Occasion, at: Moment) -> Plan {
    let is_heard = |profile: &String| !settings.muted.contains(profile);
    let waiting: Vec<&Pending> =
        known.pending.iter().filter(|pending| is_heard(&pending.profile)).collect();
    let gone = withdrawn(known, &waiting);
    let just_shown = just_shown(known, &gone, at);
    let mut plan = Plan { actions: gone, later: Vec::new() };

    let mut names = BTreeSet::new();
    let wanted = known.news.iter().filter(|news| {
        is_heard(&news.profile)
            && !settings.off.contains(&news.kind.topic())
            && !known.told.contains_key(&news.key())
            && names.insert(news.key())
    });
    let is_silent = settings.is_silent(at);
    let (news, later): (Vec<&News>, Vec<&News>) =
        wanted.partition(|news| !is_silent && known.in_contact.contains(&news.profile));
    plan.later = later.into_iter().cloned().collect();
    if is_silent {
        return plan;
    }

    let fresh: Vec<&Pending> = waiting
        .iter()
        .copied()
        .filter(|pending| known.in_contact.contains(&pending.profile))
        .filter(|pending| match known.told.get(&pending.key()) {
            None => true,
            Some(told) => settings.remind_after.is_some_and(|wait| at.now.since(*told) >= wait),
        })
        .collect();
    let count = fresh.len() + news.len();
    let is_one_summary = match occasion {
        Occasion::Backlog => count > 1,
        Occasion::Live => count > 0 && count + just_shown > MOST_AT_ONCE,
    };
    let (hide, language) = (settings.hide_names, known.language);
    if is_one_summary {
        plan.actions.push(NoticeAction::Show(summary(&waiting, &fresh, &news, hide, language)));
    } else {
        let pending = fresh.into_iter().map(|pending| of_pending(pending, hide, language));
        let news = news.into_iter().map(|news| of_news(news, hide, language));
        plan.actions.extend(pending.chain(news).map(NoticeAction::Show));
    }
    plan
}

fn withdrawn(known: Known<'_>, waiting: &[&Pending]) -> Vec<NoticeAction> {
    let ids: BTreeSet<String> = waiting.iter().map(|pending| pending_id(pending)).collect();
    known
        .shown
        .keys()
        .filter(|id| {
            id.starts_with(PENDING) && !ids.contains(*id) || *id == SUMMARY && waiting.is_empty()
        })
        .map(|id| NoticeAction::Withdraw(id.clone()))
        .collect()
}

/// How many came onto the screen within the last seconds and stay.
fn just_shown(known: Known<'_>, gone: &[NoticeAction], at: Moment) -> usize {
    let stays = |id: &str| {
        let goes =
            |action: &NoticeAction| matches!(action, NoticeAction::Withdraw(one) if one == id);
        (id.starts_with(PENDING) || id.starts_with(NEWS)) && !gone.iter().any(goes)
    };
    let is_new = |since: &Timestamp| at.now.since(*since) < AT_ONCE;
    known.shown.iter().filter(|(id, since)| is_new(since) && stays(id)).count()
}

fn pending_id(pending: &Pending) -> String {
    format!("{PENDING}{}/{}", pending.profile, pending.item)
}

fn of_pending(pending: &Pending, hide: bool, language: Language) -> Notice {
    let words = words::of_pending(pending, hide, language);
    // Nobody decides on what they cannot see.
    let verbs = if hide { &[Verb::Review][..] } else { pending.verbs() };
    Notice {
        id: pending_id(pending),
        tells: vec![pending.key()],
        title: words.title,
        body: words.body,
        buttons: verbs
            .iter()
            .map(|verb| Button {
                command: pending.command(*verb),
                label: language.say(&Text::Verb(*verb)),
            })
            .collect(),
        click: pending.command(Verb::Review),
    }
}

fn of_news(news: &News, hide: bool, language: Language) -> Notice {
    let words = words::of_news(news, hide, language);
    Notice {
        id: format!("{NEWS}{}/{}", news.profile, news.item),
        tells: vec![news.key()],
        title: words.title,
        body: words.body,
        buttons: Vec::new(),
        click: match news.kind {
            // It cannot be seen any more.
            NewsKind::AccessEnded { .. } => Command::Profile(news.profile.clone()),
            _ => {
                Command::Item { verb: Verb::Review, profile: news.profile.clone(), item: news.item }
            }
        },
    }
}

fn summary(
    waiting: &[&Pending],
    fresh: &[&Pending],
    news: &[&News],
    hide: bool,
    language: Language,
) -> Notice {
    let words = words::summary(waiting, fresh, news, hide, language);
    let id = if fresh.is_empty() { NEWS_SUMMARY } else { SUMMARY };
    Notice {
        id: id.into(),
        tells: fresh.iter().map(|p| p.key()).chain(news.iter().map(|n| n.key())).collect(),
        title: words.title,
        body: words.body,
        buttons: vec![Button { command: Command::Inbox, label: language.say(&Text::Open) }],
        click: Command::Inbox,
    }
}
