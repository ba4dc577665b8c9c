//! What sharing, granting and taking away do, each in the transaction of its cause: the rows, what
//! depended on them, the audit, and who learns of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use entente_domain::{
    AccessRequest, Account, AccountFacts, AccountId, AccountRole, Grant, GrantId, GuestRole,
    Partnership, PartnershipId, RequestState, SharedAccount, SharedAccountId, Step, Timestamp,
    UserId, UserStatus,
};
use entente_store::{
    Audience, Connection, Event, NewActivity, Origin, PendingOn, ResourceKind, StoreError, UserRow,
    Viewer, accounts_by_id, admins_of, delete_grant, delete_shared, end_sessions_of, grants_of,
    grants_on, insert_access_request, insert_grant, insert_shared, note_login, partnerships_by_id,
    partnerships_owned_by, pending_requests, record_activity, record_change, renew_view,
    revoke_keys_of, save_owners, shared_through, shares_of, update_access_request, update_grant,
    update_user, users_by_id,
};
use uuid::Uuid;

use crate::{mail, webhooks};

/// Who does something, when, and from where; and what came of it, until [`Doing::finish`] tells it.
#[derive(Debug)]
pub(crate) struct Doing<'a> {
    /// None if it is the server.
    pub(crate) user: Option<UserId>,
    pub(crate) at: Timestamp,
    pub(crate) origin: &'a Origin,
    /// Names what is done: each person gets one mail of it.
    cause: String,
    news: Mutex<Vec<AccessNews>>,
}

impl<'a> Doing<'a> {
    /// Begins to do something: one for each request, however much of it.
    pub(crate) fn new(user: Option<UserId>, at: Timestamp, origin: &'a Origin) -> Self {
        let cause = format!("access/{}", Uuid::now_v7());
        Self { user, at, origin, cause, news: Mutex::default() }
    }

    /// The same for what a transition of a partnership brings with it: who got its mail gets no second
    /// one.
    pub(crate) fn because_of(self, step: &Step) -> Self {
        Self { cause: mail::cause_of(&step.partnership), ..self }
    }

    /// Tells those whom it concerns of all that was done, in the same transaction: one mail for each
    /// person, which lists what there is for them. To be called once, last.
    pub(crate) async fn finish(self, connection: &mut Connection) -> Result<(), StoreError> {
        let news = self.news.into_inner().unwrap_or_else(PoisonError::into_inner);
        mail::queue_access(connection, &self.cause, self.user, self.at, &news).await?;
        webhooks::queue_access(connection, &news, self.at).await
    }

    fn note(&self, news: AccessNews) {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).push(news);
    }
}

/// Something that was done to somebody's access.
#[derive(Debug, Clone)]
pub(crate) enum AccessNews {
    /// A Manager asks for a role for a member.
    Asked(AccessRequest),
    /// An Owner decided what a Manager asked for, or it closed with what it depended on.
    Ended(AccessRequest),
    /// An account was shared, and these received it.
    Shared(SharedAccount, Vec<UserId>),
    /// Somebody was given a role.
    Granted(Grant),
    /// Somebody's role was taken away.
    Removed(Grant),
    /// A Partnership Owner was removed from their workspace.
    OwnerLeft(Box<Partnership>),
}

/// One account with all roles on it, where it is shared, and what is asked for: before and after
/// something is done to them, so that exactly those learn of it who saw it or see it now.
struct View {
    account: Account,
    grants: Vec<Grant>,
    shared: Vec<SharedAccount>,
    pending: Vec<AccessRequest>,
    partnerships: BTreeMap<PartnershipId, Partnership>,
    /// The host's users who have had a role on it.
    hosts: BTreeMap<UserId, UserRow>,
}

impl View {
    async fn read(connection: &mut Connection, id: AccountId) -> Result<Option<Self>, StoreError> {
        Self::read_beside(connection, id, BTreeMap::new(), BTreeMap::new()).await
    }

    /// The same once more. What is done to an account changes neither partnerships nor people.
    async fn again(&self, connection: &mut Connection) -> Result<Option<Self>, StoreError> {
        let (partnerships, hosts) = (self.partnerships.clone(), self.hosts.clone());
        Self::read_beside(connection, self.account.id, partnerships, hosts).await
    }

    /// Reads it, and what is not known of partnerships and the host's people.
    async fn read_beside(
        connection: &mut Connection,
        id: AccountId,
        mut partnerships: BTreeMap<PartnershipId, Partnership>,
        mut hosts: BTreeMap<UserId, UserRow>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(account) = accounts_by_id(connection, [id]).await?.remove(&id) else {
            return Ok(None);
        };
        let grants = grants_on(connection, [id]).await?;
        let shared = shares_of(connection, [id]).await?;
        // Only what is shared can be asked for.
        let pending = match &shared[..] {
            [] => Vec::new(),
            _ => pending_requests(connection, PendingOn::Account(id)).await?,
        };
        let through = shared.iter().map(|shared| shared.partnership);
        let new: Vec<_> = through.filter(|id| !partnerships.contains_key(id)).collect();
        let found = partnerships_by_id(connection, new).await?;
        partnerships.extend(found.into_iter().map(|found| (found.id, found)));
        let new = grants.iter().filter(|grant| grant.partnership.is_none()).map(|grant| grant.user);
        let new: Vec<_> = new.filter(|id| !hosts.contains_key(id)).collect();
        hosts.extend(users_by_id(connection, new).await?);
        Ok(Some(Self { account, grants, shared, pending, partnerships, hosts }))
    }

    fn governors(&self, audience: &mut Audience) {
        governors(&self.account, &self.grants, audience);
    }

    fn of_account(&self) -> Audience {
        who_see(&self.account, &self.grants)
    }

    fn of_grant(&self, id: GrantId) -> Audience {
        let mut audience = Audience::nobody();
        let Some(grant) = self.grants.iter().find(|grant| grant.id == id) else { return audience };
        self.governors(&mut audience);
        audience.add(grant.workspace, Viewer::User(grant.user));
        for other in &self.grants {
            if other.workspace == grant.workspace && other.role >= AccountRole::Manager {
                audience.add(other.workspace, Viewer::User(other.user));
            }
        }
        if let Some(through) = grant.partnership.and_then(|id| self.partnerships.get(&id)) {
            audience.add(through.host, Viewer::Admins);
            for owner in &through.owners {
                audience.add(through.host, Viewer::User(*owner));
            }
        }
        audience
    }

    fn of_shared(&self, id: SharedAccountId) -> Audience {
        let mut audience = Audience::nobody();
        let Some(shared) = self.shared.iter().find(|shared| shared.id == id) else {
            return audience;
        };
        let Some(through) = self.partnerships.get(&shared.partnership) else { return audience };
        for owner in &through.owners {
            audience.add(through.host, Viewer::User(*owner));
        }
        for grant in &self.grants {
            let is_of_admin =
                || self.hosts.get(&grant.user).is_some_and(|user| user.role.is_admin());
            if grant.partnership == Some(shared.partnership)
                || (grant.partnership.is_none() && is_of_admin())
            {
                audience.add(grant.workspace, Viewer::User(grant.user));
            }
        }
        audience
    }

    fn of_request(&self, request: &AccessRequest) -> Audience {
        let mut audience = Audience::nobody();
        self.governors(&mut audience);
        audience.add(request.guest, Viewer::User(request.requested_by));
        audience
    }
}

/// Adds who governs an account.
fn governors(account: &Account, grants: &[Grant], audience: &mut Audience) {
    let facts = AccountFacts::of(account.id, account.workspace, grants);
    for owner in &facts.owners {
        audience.add(facts.host, Viewer::User(*owner));
    }
    if facts.owners.is_empty() {
        audience.add(facts.host, Viewer::Admins);
    }
}

/// Who see an account.
fn who_see(account: &Account, grants: &[Grant]) -> Audience {
    let mut audience = Audience::nobody();
    governors(account, grants, &mut audience);
    for grant in grants {
        audience.add(grant.workspace, Viewer::User(grant.user));
    }
    audience
}

/// Does something to one account, and tells those who saw or see what it changed.
async fn changing<T>(
    connection: &mut Connection,
    account: AccountId,
    doing: &Doing<'_>,
    change: impl AsyncFnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let before = View::read(connection, account).await?;
    let done = change(connection).await?;
    if let Some(before) = before
        && let Some(after) = before.again(connection).await?
    {
        tell(connection, &before, &after, doing.at).await?;
    }
    Ok(done)
}

async fn tell(
    connection: &mut Connection,
    before: &View,
    after: &View,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = after.account.id;
    // Who governs the account shows in what can be done with every role on it.
    let governed_anew = owners(before) != owners(after);
    let (saw, see) = (before.of_account(), after.of_account());
    if saw != see || before.account != after.account || roles(before) != roles(after) {
        record_change(connection, ResourceKind::Account, id, &saw, &see, at).await?;
    }
    for id in grant_ids(before).union(&grant_ids(after)).copied() {
        let (saw, see) = (before.of_grant(id), after.of_grant(id));
        let one = |view: &View| view.grants.iter().find(|grant| grant.id == id).copied();
        if governed_anew || saw != see || one(before) != one(after) {
            record_change(connection, ResourceKind::AccountUser, id, &saw, &see, at).await?;
        }
    }
    let shares = |view: &View| view.shared.iter().map(|shared| shared.id).collect::<BTreeSet<_>>();
    for id in shares(before).union(&shares(after)).copied() {
        let (saw, see) = (before.of_shared(id), after.of_shared(id));
        if governed_anew || saw != see {
            record_change(connection, ResourceKind::SharedAccount, id, &saw, &see, at).await?;
        }
    }
    let mut requests: BTreeMap<_, &AccessRequest> = BTreeMap::new();
    requests.extend(before.pending.iter().map(|request| (request.id, request)));
    requests.extend(after.pending.iter().map(|request| (request.id, request)));
    for (id, request) in requests {
        let is_pending = |view: &View| view.pending.iter().any(|pending| pending.id == id);
        let sees = |view: &View, there: bool| {
            if there { view.of_request(request) } else { Audience::nobody() }
        };
        let (was, is) = (is_pending(before), is_pending(after));
        let (saw, see) = (sees(before, was), sees(after, true));
        if saw != see || was != is {
            record_change(connection, ResourceKind::AccessRequest, id, &saw, &see, at).await?;
        }
    }
    // Decided requests are seen by who governs the account: whoever became or ceased to be one of
    // those reads anew, and so do the Admins where they govern it in the Owners' stead.
    let (had, has) = (owners(before), owners(after));
    renew_view(connection, had.symmetric_difference(&has).copied()).await?;
    if had.is_empty() != has.is_empty() {
        let admins = admins_of(connection, after.account.workspace).await?;
        renew_view(connection, admins.into_iter().map(|admin| admin.id)).await?;
    }
    Ok(())
}

fn owners(view: &View) -> BTreeSet<UserId> {
    let owners = view.grants.iter().filter(|grant| grant.role == AccountRole::Owner);
    owners.map(|grant| grant.user).collect()
}

fn grant_ids(view: &View) -> BTreeSet<GrantId> {
    view.grants.iter().map(|grant| grant.id).collect()
}

/// What an account's document shows of roles: each viewer's own.
fn roles(view: &View) -> BTreeMap<UserId, AccountRole> {
    view.grants.iter().map(|grant| (grant.user, grant.role)).collect()
}

fn new_grant(
    account: &Account,
    user: &UserRow,
    role: AccountRole,
    partnership: Option<PartnershipId>,
    at: Timestamp,
) -> Grant {
    Grant {
        id: GrantId::new(Uuid::now_v7()),
        account: account.id,
        host: account.workspace,
        user: user.id,
        workspace: user.workspace,
        role,
        partnership,
        created_at: at,
        version: 1,
    }
}

fn about<'a>(
    event: Event,
    account: &'a Account,
    partnership: Option<&Partnership>,
    subject: Option<UserId>,
    doing: &Doing<'_>,
) -> NewActivity<'a> {
    NewActivity {
        guest: partnership.map(|partnership| partnership.guest),
        guest_sees: partnership.is_some(),
        partnership: partnership.map(|partnership| partnership.id),
        subject,
        ..NewActivity::on(event, account, doing.user, doing.at)
    }
}

/// Shares an account: every one of the guest's Admins receives the role. None if it is shared through
/// the partnership already.
pub(crate) async fn share(
    connection: &mut Connection,
    partnership: &Partnership,
    account: &Account,
    role: GuestRole,
    admins: &[UserRow],
    by: UserId,
    doing: &Doing<'_>,
) -> Result<Option<SharedAccount>, StoreError> {
    let shared = SharedAccount {
        id: SharedAccountId::new(Uuid::now_v7()),
        partnership: partnership.id,
        account: account.id,
        shared_by: by,
        role,
        shared_at: doing.at,
    };
    changing(connection, account.id, doing, async |connection| {
        if !insert_shared(connection, &shared).await? {
            return Ok(None);
        }
        for admin in admins {
            let through = Some(partnership.id);
            let grant = new_grant(account, admin, role.into(), through, doing.at);
            insert_grant(connection, &grant).await?;
        }
        let receivers = admins.iter().map(|admin| admin.id).collect();
        doing.note(AccessNews::Shared(shared, receivers));
        let mut activity = about(Event::AccountShared, account, Some(partnership), None, doing);
        activity.detail = role.to_string();
        record_activity(connection, &activity, doing.origin).await?;
        Ok(Some(shared))
    })
    .await
}

/// Takes an account out of a partnership, with every role and pending request that depended on it.
pub(crate) async fn unshare(
    connection: &mut Connection,
    partnership: &Partnership,
    shared: &SharedAccount,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    changing(connection, shared.account, doing, async |connection| {
        end_shared(connection, partnership, shared, doing).await
    })
    .await
}

async fn end_shared(
    connection: &mut Connection,
    partnership: &Partnership,
    shared: &SharedAccount,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    let Some(account) = accounts_by_id(connection, [shared.account]).await?.remove(&shared.account)
    else {
        return Ok(());
    };
    close(connection, PendingOn::Shared(shared.partnership, shared.account), doing).await?;
    for grant in grants_on(connection, [account.id]).await? {
        if grant.partnership == Some(shared.partnership) {
            remove_grant(connection, &account, Some(partnership), &grant, doing).await?;
        }
    }
    delete_shared(connection, shared).await?;
    let activity = about(Event::AccountUnshared, &account, Some(partnership), None, doing);
    record_activity(connection, &activity, doing.origin).await
}

async fn remove_grant(
    connection: &mut Connection,
    account: &Account,
    partnership: Option<&Partnership>,
    grant: &Grant,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    delete_grant(connection, grant).await?;
    doing.note(AccessNews::Removed(*grant));
    let subject = Some(grant.user);
    let mut activity = about(Event::AccessRemoved, account, partnership, subject, doing);
    activity.detail = grant.role.to_string();
    record_activity(connection, &activity, doing.origin).await
}

/// Ends everything that an active partnership gave. The host's own roles on its accounts stay.
pub(crate) async fn end_partnership(
    connection: &mut Connection,
    partnership: &Partnership,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    for shared in shared_through(connection, [partnership.id]).await? {
        unshare(connection, partnership, &shared, doing).await?;
    }
    Ok(())
}

/// Gives a role; none if the user has one on the account already.
pub(crate) async fn grant(
    connection: &mut Connection,
    account: &Account,
    partnership: Option<&Partnership>,
    user: &UserRow,
    role: AccountRole,
    doing: &Doing<'_>,
) -> Result<Option<Grant>, StoreError> {
    let new = new_grant(account, user, role, partnership.map(|found| found.id), doing.at);
    changing(connection, account.id, doing, async |connection| {
        if !insert_grant(connection, &new).await? {
            return Ok(None);
        }
        doing.note(AccessNews::Granted(new));
        let subject = Some(user.id);
        let mut activity = about(Event::AccessGranted, account, partnership, subject, doing);
        activity.detail = role.to_string();
        record_activity(connection, &activity, doing.origin).await?;
        Ok(Some(new))
    })
    .await
}

/// Changes a role; a Manager who is one no more takes what they asked for with them.
pub(crate) async fn change_role(
    connection: &mut Connection,
    account: &Account,
    partnership: Option<&Partnership>,
    before: &Grant,
    role: AccountRole,
    doing: &Doing<'_>,
) -> Result<Grant, StoreError> {
    let after = Grant { role, version: before.version.saturating_add(1), ..*before };
    changing(connection, account.id, doing, async |connection| {
        if !update_grant(connection, before, &after).await? {
            return Err(StoreError::UserChanged(before.user));
        }
        if role < AccountRole::Manager {
            close(connection, PendingOn::Manager(before.user, account.id), doing).await?;
        }
        let subject = Some(before.user);
        let mut activity = about(Event::AccessChanged, account, partnership, subject, doing);
        activity.detail = format!("{} -> {role}", before.role);
        record_activity(connection, &activity, doing.origin).await?;
        Ok(after)
    })
    .await
}

/// Takes a role away, with the requests that depended on it. An account whose last guest member has
/// gone is not shared any more.
pub(crate) async fn revoke(
    connection: &mut Connection,
    grant: &Grant,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    let Some(account) = accounts_by_id(connection, [grant.account]).await?.remove(&grant.account)
    else {
        return Ok(());
    };
    let partnership = partnerships_by_id(connection, grant.partnership).await?.pop();
    changing(connection, account.id, doing, async |connection| {
        close(connection, PendingOn::Manager(grant.user, account.id), doing).await?;
        remove_grant(connection, &account, partnership.as_ref(), grant, doing).await?;
        let Some(partnership) = &partnership else { return Ok(()) };
        let left = grants_on(connection, [account.id]).await?;
        if left.iter().any(|left| left.partnership == Some(partnership.id)) {
            return Ok(());
        }
        let shared = shares_of(connection, [account.id]).await?;
        match shared.iter().find(|shared| shared.partnership == partnership.id) {
            Some(shared) => end_shared(connection, partnership, shared, doing).await,
            None => Ok(()),
        }
    })
    .await
}

/// Notes that somebody read an account's credential to log in.
pub(crate) async fn log_in(
    connection: &mut Connection,
    account: &Account,
    partnership: Option<&Partnership>,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    note_login(connection, account.id, doing.at).await?;
    let activity = about(Event::CredentialRead, account, partnership, doing.user, doing);
    record_activity(connection, &activity, doing.origin).await?;
    // Nobody begins or ceases to see anything by it.
    let see = who_see(account, &grants_on(connection, [account.id]).await?);
    record_change(connection, ResourceKind::Account, account.id, &see, &see, doing.at).await
}

/// Disables a member: every role, ownership, pending request and API key of theirs ends.
pub(crate) async fn disable(
    connection: &mut Connection,
    user: &UserRow,
    doing: &Doing<'_>,
) -> Result<UserRow, StoreError> {
    for grant in grants_of(connection, [user.id]).await? {
        revoke(connection, &grant, doing).await?;
    }
    let pending = pending_requests(connection, PendingOn::User(user.id)).await?;
    for request in pending {
        changing(connection, request.account, doing, async |connection| {
            close_one(connection, &request, doing).await
        })
        .await?;
    }
    for partnership in partnerships_owned_by(connection, user.id).await? {
        let after = partnership.clone().owner_left(user.id, doing.at);
        save_owners(connection, &partnership, &after).await?;
        doing.note(AccessNews::OwnerLeft(Box::new(after)));
    }
    // Who is let in again one day comes with keys of their own then.
    revoke_keys_of(connection, user.id, doing.at).await?;
    let fresh = users_by_id(connection, [user.id]).await?.remove(&user.id);
    let before = fresh.unwrap_or_else(|| user.clone());
    let after = UserRow { status: UserStatus::Disabled, ..before.clone() };
    update_user(connection, &before, &after, doing.at).await?;
    end_sessions_of(connection, user.id, doing.at).await?;
    let activity = NewActivity {
        subject: Some(user.id),
        ..NewActivity::within(Event::UserDeactivated, user.workspace, doing.user, doing.at)
    };
    record_activity(connection, &activity, doing.origin).await?;
    Ok(after)
}

/// Closes the pending requests that depend on something that ends. The caller tells of it.
async fn close(
    connection: &mut Connection,
    on: PendingOn,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    for request in pending_requests(connection, on).await? {
        close_one(connection, &request, doing).await?;
    }
    Ok(())
}

async fn close_one(
    connection: &mut Connection,
    request: &AccessRequest,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    end_request(connection, request, RequestState::Closed, None, doing).await?;
    Ok(())
}

async fn end_request(
    connection: &mut Connection,
    before: &AccessRequest,
    state: RequestState,
    by: Option<UserId>,
    doing: &Doing<'_>,
) -> Result<AccessRequest, StoreError> {
    let after = before.clone().ended(state, by, doing.at);
    if !update_access_request(connection, before, &after).await? {
        return Err(StoreError::UserChanged(before.member));
    }
    let event = match state {
        RequestState::Accepted => Event::AccessRequestAccepted,
        RequestState::Declined => Event::AccessRequestDeclined,
        RequestState::Pending | RequestState::Closed => Event::AccessRequestClosed,
    };
    record_request(connection, event, &after, doing).await?;
    doing.note(AccessNews::Ended(after.clone()));
    Ok(after)
}

async fn record_request(
    connection: &mut Connection,
    event: Event,
    request: &AccessRequest,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    let account = accounts_by_id(connection, [request.account]).await?.remove(&request.account);
    let partnership = partnerships_by_id(connection, [request.partnership]).await?.pop();
    let Some(account) = account else { return Ok(()) };
    let subject = Some(request.member);
    let mut activity = about(event, &account, partnership.as_ref(), subject, doing);
    activity.detail = request.role.to_string();
    record_activity(connection, &activity, doing.origin).await
}

/// Stores a request; false if one is pending for the same member and account.
pub(crate) async fn ask(
    connection: &mut Connection,
    request: &AccessRequest,
    doing: &Doing<'_>,
) -> Result<bool, StoreError> {
    changing(connection, request.account, doing, async |connection| {
        if !insert_access_request(connection, request).await? {
            return Ok(false);
        }
        record_request(connection, Event::AccessRequested, request, doing).await?;
        doing.note(AccessNews::Asked(request.clone()));
        Ok(true)
    })
    .await
}

/// Decides a request: accepted, the member has the role, or the higher one of two.
pub(crate) async fn decide(
    connection: &mut Connection,
    request: &AccessRequest,
    account: &Account,
    partnership: &Partnership,
    member: &UserRow,
    accept: bool,
    doing: &Doing<'_>,
) -> Result<AccessRequest, StoreError> {
    let state = if accept { RequestState::Accepted } else { RequestState::Declined };
    let ended = changing(connection, account.id, doing, async |connection| {
        end_request(connection, request, state, doing.user, doing).await
    })
    .await?;
    if accept {
        let role = request.role.into();
        let given = grant(connection, account, Some(partnership), member, role, doing).await?;
        if given.is_none() {
            let has = grants_on(connection, [account.id]).await?;
            if let Some(has) = has.iter().find(|has| has.user == member.id && has.role < role) {
                change_role(connection, account, Some(partnership), has, role, doing).await?;
            }
        }
    }
    Ok(ended)
}
