//! What of a profile's cache deserves attention: what waits for the person, and what is news.

use entente_attention::{Item, Kind, News, NewsKind, Pending, RoleFacts, StateFacts};
use entente_cache::{
    AccessRequestRecord, AccountRecord, Applied, MeRecord, PartnershipRecord, Record,
};
use entente_domain::{PartnershipId, RequestState, Side, StateName};

use super::{home::Profile, now};
use crate::view::account_name;

/// More than anybody reads; the count comes from elsewhere.
const MOST: u32 = 200;
const TO_TELL: &str = "news_to_tell";
/// More than that is never told; all of it can be seen in the window.
const MOST_TO_TELL: usize = 200;

impl Profile {
    /// What waits for this person.
    pub(super) async fn pending(&self) -> Vec<Pending> {
        if self.is_locked() {
            return Vec::new();
        }
        let id = &self.record.id;
        let unread = |error| {
            tracing::error!(%error, "what waits could not be read");
            Vec::new()
        };
        let partnerships = self.cache.awaiting_me(MOST).await.unwrap_or_else(unread);
        let requests = self.cache.requests_awaiting_me(MOST).await.unwrap_or_default();
        let mut pending: Vec<Pending> =
            partnerships.into_iter().filter_map(|record| waiting(id, record)).collect();
        pending.extend(requests.into_iter().map(|request| asked(id, request)));
        pending
    }

    /// What others did that concerns this person.
    pub(super) async fn news(&self, changes: &[Applied]) -> Vec<News> {
        let me = self.me.read().await;
        let Some(me) = me.as_ref() else { return Vec::new() };
        let mut news = Vec::new();
        for change in changes {
            let one = news_of(&self.record.id, me, change);
            news.extend(one);
        }
        let mut kept = Vec::new();
        for one in news {
            // That a partnership was removed says that its accounts went with it.
            let through = match &one.kind {
                NewsKind::AccessEnded { partnership, .. } => *partnership,
                _ => None,
            };
            if !self.is_removed(through).await {
                kept.push(one);
            }
        }
        kept
    }

    /// The news that could not be told yet, over restarts. It is with the profile, because it names
    /// people.
    pub(super) async fn news_to_tell(&self) -> Vec<News> {
        if self.is_locked() {
            return Vec::new();
        }
        match self.cache.kept(TO_TELL).await {
            Ok(news) => news.unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "the news to tell could not be read");
                Vec::new()
            }
        }
    }

    /// Keeps the news that cannot be told now.
    pub(super) async fn keep_news_to_tell(&self, news: &[News]) {
        let own: Vec<&News> = news.iter().filter(|news| news.profile == self.record.id).collect();
        let newest = &own[own.len().saturating_sub(MOST_TO_TELL)..];
        if let Err(error) = self.cache.keep(TO_TELL, &newest).await {
            tracing::error!(%error, "news that waits to be told may be lost");
        }
    }

    async fn is_removed(&self, partnership: Option<PartnershipId>) -> bool {
        let Some(id) = partnership else { return false };
        let record = self.cache.get(id).await.ok().flatten();
        record.is_some_and(|record| record.state == StateName::Removed)
    }
}

fn waiting(profile: &str, record: PartnershipRecord) -> Option<Pending> {
    let kind = match record.state {
        StateName::AwaitingApproval => Kind::Approval,
        StateName::AwaitingAcceptance => Kind::Acceptance,
        StateName::Active
        | StateName::DeclinedByHost
        | StateName::DeclinedByGuest
        | StateName::Withdrawn
        | StateName::Expired
        | StateName::Removed => return None,
    };
    Some(Pending {
        profile: profile.into(),
        item: Item::Partnership(record.id),
        kind,
        host: record.host.name,
        guest: record.guest.name,
        requested_by: record.requested_by.name,
        reason: record.reason,
        since: record.awaiting_since?,
    })
}

fn asked(profile: &str, request: AccessRequestRecord) -> Pending {
    Pending {
        profile: profile.into(),
        item: Item::AccessRequest(request.id),
        kind: Kind::Access {
            account: account_name(&request.application, &request.label),
            member: request.member.name,
            role: request.role,
        },
        host: request.host.name,
        guest: request.guest.name,
        requested_by: request.requested_by.name,
        reason: request.message,
        since: request.created_at,
    }
}

fn news_of(profile: &str, me: &MeRecord, change: &Applied) -> Option<News> {
    let known = change.after.as_ref().or(change.before.as_ref())?;
    let (item, kind, partner, by) = match known {
        Record::Partnership(_) => of_partnership(me, change)?,
        Record::Account(account) => of_account(account, change)?,
        Record::AccessRequest(_) => of_request(me, change)?,
        Record::SharedAccount(_) | Record::AccountUser(_) | Record::Member(_) => return None,
    };
    // Roles change and end without a new version of the account.
    let version = match item {
        Item::Account(_) => now().unix_millis(),
        Item::Partnership(_) | Item::AccessRequest(_) => known.version(),
    };
    Some(News { profile: profile.into(), item, kind, partner, by, version })
}

type About = (Item, NewsKind, String, Option<String>);

/// News is for the sender and the Partnership Owners, of what others did. That a partnership was
/// removed is also for those of the guest who see it, who lose their access with it.
fn of_partnership(me: &MeRecord, change: &Applied) -> Option<About> {
    let after = change.after.as_ref()?.as_partnership()?;
    let before = change.before.as_ref().and_then(Record::as_partnership);
    let facts =
        |record: &PartnershipRecord| StateFacts { state: record.state, version: record.version };
    let kind = NewsKind::of(before.map(facts), facts(after))?;
    let is_mine = after.requested_by.id == me.user.id
        || after.owners.iter().any(|owner| owner.id == me.user.id)
        || (kind == NewsKind::Removed && after.side == Side::Guest);
    let by = after.history.last().and_then(|entry| entry.by.as_ref());
    if !is_mine || by.is_some_and(|by| by.id == me.user.id) {
        return None;
    }
    let by = by.map(|by| by.name.clone());
    Some((Item::Partnership(after.id), kind, after.partner().name.clone(), by))
}

fn of_account(known: &AccountRecord, change: &Applied) -> Option<About> {
    let facts = |record: &Option<Record>| match record {
        Some(Record::Account(account)) => Some(RoleFacts {
            account: account_name(&account.application, &account.label),
            role: account.role,
            partnership: account.partnership,
        }),
        _ => None,
    };
    let kind = NewsKind::of_role(facts(&change.before), facts(&change.after))?;
    Some((Item::Account(known.id), kind, known.workspace.name.clone(), None))
}

/// A decided access request is news for the Manager who sent it.
fn of_request(me: &MeRecord, change: &Applied) -> Option<About> {
    let (Some(Record::AccessRequest(before)), Some(Record::AccessRequest(after))) =
        (&change.before, &change.after)
    else {
        return None;
    };
    let accepted = match (before.state, after.state) {
        (RequestState::Pending, RequestState::Accepted) => true,
        (RequestState::Pending, RequestState::Declined) => false,
        _ => return None,
    };
    let by = after.decided_by.as_ref();
    if after.requested_by.id != me.user.id || by.is_some_and(|by| by.id == me.user.id) {
        return None;
    }
    let kind = NewsKind::RequestDecided {
        account: account_name(&after.application, &after.label),
        member: after.member.name.clone(),
        accepted,
    };
    let by = by.map(|by| by.name.clone());
    Some((Item::AccessRequest(after.id), kind, after.host.name.clone(), by))
}
