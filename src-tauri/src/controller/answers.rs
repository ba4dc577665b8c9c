//! What the window asks about partnerships, and what banners and the tray ask for.

use std::sync::Arc;

use entente_cache::{AccessRequestRecord, Keeping, ListQuery, PartnershipRecord};
use entente_domain::StateName;
use entente_sync::{DecideError, Decision as Deciding, Problem};
use entente_wire::NewPartnership;

use super::{Controller, home::Profile};
use crate::{
    language,
    view::{
        AppState, CacheKeeping, CommandError, Connectivity, Decision, Draft, InboxItem, InboxKind,
        NoticeKind, PartnershipDetail, PartnershipPage, PartnershipQuery, PartnershipRow,
        Profile as ProfileView, SignInKind, Terms, account_name, detail, row,
    },
};

pub(super) type Answer<T> = Result<T, CommandError>;

impl Controller {
    /// The same for the window, which from now on hears of what is to be opened; with what was asked
    /// for before it did.
    pub async fn app_state_for_window(&self) -> Answer<AppState> {
        let state = self.app_state().await?;
        let open_item = self.hand_over_open_item();
        Ok(AppState { open_item, ..state })
    }

    /// Everything that is not one screen's own content.
    pub async fn app_state(&self) -> Answer<AppState> {
        let guard = self.inner.home.read().await;
        let mut profiles = Vec::new();
        let language = language::spoken();
        let mut state = AppState {
            version: env!("CARGO_PKG_VERSION").into(),
            profiles: Vec::new(),
            active: None,
            demo: None,
            notices: self.notes().iter().map(|note| note.view(language)).collect(),
            newer: self.newer_version(),
            language: language.into(),
            paused_until: None,
            keeps_unencrypted: None,
            open_item: None,
            ready: guard.is_some(),
        };
        if let Some(home) = guard.as_ref() {
            for profile in &home.profiles {
                profiles.push(profile_view(profile).await?);
            }
            state.active.clone_from(&home.active);
            state.demo = home.demo.as_ref().and_then(|demo| demo.hint.clone());
            let settings = self.settings(&home.journal).await;
            state.paused_until = settings.paused_until.map(|at| at.to_string());
            if home.profiles.iter().any(|profile| profile.lacks_keyring()) {
                state.keeps_unencrypted = Some(self.keeps_unencrypted(&home.journal).await);
            }
        }
        state.profiles = profiles;
        Ok(state)
    }

    /// A profile whose content may be shown.
    pub(super) async fn profile(&self, id: &str) -> Answer<Arc<Profile>> {
        let profile = self.any_profile(id).await?;
        if profile.is_locked() {
            return Err(CommandError::new(
                "locked",
                "The server does not let you into this workspace any more, so what was kept of it is \
                 locked. Sign in again to see it.",
            ));
        }
        Ok(profile)
    }

    pub(super) async fn any_profile(&self, id: &str) -> Answer<Arc<Profile>> {
        let guard = self.inner.home.read().await;
        let home = guard.as_ref().ok_or_else(CommandError::not_open)?;
        home.profile(id).cloned().ok_or_else(CommandError::no_profile)
    }

    /// A page of a profile's partnerships.
    pub async fn partnerships(&self, id: &str, query: PartnershipQuery) -> Answer<PartnershipPage> {
        let profile = self.profile(id).await?;
        let query = ListQuery {
            search: query.search,
            side: query.side.and_then(|side| side.parse().ok()),
            states: query.states.iter().filter_map(|state| state.parse().ok()).collect(),
            offset: query.offset,
            limit: query.limit.min(500),
        };
        let page = profile.cache.list(&query).await?;
        let rows = page.rows.iter().map(row).collect();
        Ok(PartnershipPage { rows, total: page.total, more: page.more })
    }

    /// One partnership.
    pub async fn partnership(&self, profile: &str, id: &str) -> Answer<PartnershipDetail> {
        let profile = self.profile(profile).await?;
        let id = id.parse().map_err(|_| gone())?;
        let record = profile.cache.get(id).await?.ok_or_else(gone)?;
        self.detail(&profile, &record).await
    }

    async fn detail(
        &self,
        profile: &Profile,
        record: &PartnershipRecord,
    ) -> Answer<PartnershipDetail> {
        let unsettled = profile.journal.unsettled(&profile.record.id).await?;
        Ok(detail(record, &unsettled))
    }

    /// The partnership with a workspace that is not closed.
    pub async fn partnership_with(
        &self,
        profile: &str,
        workspace: &str,
    ) -> Answer<Option<PartnershipRow>> {
        let profile = self.profile(profile).await?;
        let Ok(workspace) = workspace.trim().to_ascii_lowercase().parse() else { return Ok(None) };
        Ok(profile.cache.open_with(workspace).await?.as_ref().map(row))
    }

    /// All that waits, over all profiles, oldest first.
    pub async fn inbox(&self) -> Answer<Vec<InboxItem>> {
        let guard = self.inner.home.read().await;
        let mut items = Vec::new();
        let profiles = guard.iter().flat_map(|home| &home.profiles);
        for profile in profiles.filter(|profile| !profile.is_locked()) {
            for record in profile.cache.awaiting_me(500).await? {
                items.extend(inbox_item(&profile.record.id, record));
            }
            for request in profile.cache.requests_awaiting_me(500).await? {
                items.push(access_item(&profile.record.id, request));
            }
        }
        items.sort_by(|a, b| a.since.cmp(&b.since));
        Ok(items)
    }

    /// Sends a partnership request.
    pub async fn send_request(&self, profile: &str, draft: Draft) -> Answer<PartnershipDetail> {
        let profile = self.profile(profile).await?;
        let new = NewPartnership {
            guest_workspace_id: draft.guest_workspace_id,
            partner_email: draft.partner_email,
            reason: draft.reason,
        };
        let record = profile.session().await?.request(new).await?;
        self.detail(&profile, &record).await
    }

    /// Takes a decision on the version that the person saw.
    pub async fn decide(
        &self,
        profile: &str,
        id: &str,
        version: u32,
        decision: Decision,
    ) -> Answer<PartnershipDetail> {
        let profile = self.profile(profile).await?;
        let deciding = Deciding {
            partnership: id.parse().map_err(|_| gone())?,
            version: version.into(),
            action: decision.action.parse().map_err(|_| {
                CommandError::new(
                    "unknown_action",
                    "This version of Entente does not know this action.",
                )
            })?,
            note: decision.note,
            agreed_terms: decision.agreed_terms_version,
        };
        let record = profile.session().await?.decide(deciding).await?;
        self.detail(&profile, &record).await
    }

    /// The current Terms of Service.
    pub async fn terms(&self, profile: &str) -> Answer<Terms> {
        let profile = self.profile(profile).await?;
        let terms = match profile.session().await {
            Ok(session) => session.terms().await?,
            Err(problem) => {
                profile.cache.terms().await?.ok_or_else(|| CommandError::from(problem))?
            }
        };
        Ok(Terms { version: terms.version, hash: terms.hash, text: terms.text })
    }

    /// Asks the server now.
    pub async fn sync_now(&self, profile: &str) -> Answer<()> {
        self.any_profile(profile).await?.nudge().await;
        Ok(())
    }

    /// Asks all servers now.
    pub async fn sync_all(&self) {
        for profile in self.inner.home.read().await.iter().flat_map(|home| &home.profiles) {
            profile.nudge().await;
        }
    }

    /// Takes a notice away.
    pub async fn dismiss_notice(&self, kind: NoticeKind) -> Answer<AppState> {
        self.notes().retain(|note| note.kind() != kind);
        self.remember_dismissed(kind).await;
        self.app_state().await
    }
}

pub(super) fn gone() -> CommandError {
    CommandError::new("not_found", "This partnership is not there any more, or not yours to see.")
}

fn inbox_item(profile: &str, record: PartnershipRecord) -> Option<InboxItem> {
    let kind = match record.state {
        StateName::AwaitingApproval => InboxKind::Approval,
        StateName::AwaitingAcceptance => InboxKind::Acceptance,
        StateName::Active
        | StateName::DeclinedByHost
        | StateName::DeclinedByGuest
        | StateName::Withdrawn
        | StateName::Expired
        | StateName::Removed => return None,
    };
    Some(InboxItem {
        profile: profile.into(),
        partnership_id: record.id.to_string(),
        kind,
        host_name: record.host.name,
        guest_name: record.guest.name,
        requested_by: record.requested_by.name,
        reason: record.reason,
        since: record.awaiting_since?.to_string(),
        expires_at: Some(record.expires_at?.to_string()),
        request_id: None,
        member: None,
        account_name: None,
        account_id: None,
        version: u32::try_from(record.version).unwrap_or(u32::MAX),
        allowed_actions: record.allowed_actions,
    })
}

fn access_item(profile: &str, request: AccessRequestRecord) -> InboxItem {
    let account = account_name(&request.application, &request.label);
    InboxItem {
        profile: profile.into(),
        partnership_id: request.partnership.to_string(),
        request_id: Some(request.id.to_string()),
        kind: InboxKind::Access,
        member: Some(request.member.name),
        host_name: request.host.name,
        guest_name: request.guest.name,
        requested_by: request.requested_by.name,
        reason: request.message,
        since: request.created_at.to_string(),
        expires_at: None,
        account_name: Some(account),
        account_id: Some(request.account.to_string()),
        version: u32::try_from(request.version).unwrap_or(u32::MAX),
        allowed_actions: request.allowed_actions,
    }
}

async fn profile_view(profile: &Profile) -> Answer<ProfileView> {
    let me = profile.me.read().await.clone();
    let as_of = profile.cache.as_of().await?.map(|at| at.to_string());
    let record = &profile.record;
    let look = profile.look().clone();
    Ok(ProfileView {
        id: record.id.clone(),
        user_name: me.as_ref().map_or_else(|| record.user_name.clone(), |me| me.user.name.clone()),
        email: me.as_ref().map_or_else(|| record.email.clone(), |me| me.user.email.clone()),
        role: me.as_ref().map(|me| me.role.clone()).unwrap_or_default(),
        workspace_name: me
            .as_ref()
            .map_or_else(|| record.workspace_name.clone(), |me| me.workspace.name.clone()),
        workspace_id: me.as_ref().map(|me| me.workspace.id.to_string()).unwrap_or_default(),
        server: record.server.clone(),
        label: look.label,
        color: look.color,
        sign_in: match record.sign_in {
            entente_cache::SignInKind::Key => SignInKind::Key,
            entente_cache::SignInKind::Browser => SignInKind::Browser,
        },
        keeping: match profile.keeping {
            Keeping::Encrypted(_) => CacheKeeping::Encrypted,
            Keeping::Plain => CacheKeeping::Unencrypted,
            Keeping::Memory => CacheKeeping::Memory,
        },
        locked: profile.is_locked(),
        demo: profile.demo,
        connectivity: connectivity(profile.connectivity().await),
        as_of,
        waiting: if profile.is_locked() { 0 } else { profile.cache.count_awaiting_me().await? },
        may_send_requests: me.as_ref().is_some_and(|me| me.may_send_requests),
        request_needs_reason: me.as_ref().is_none_or(|me| me.request_needs_reason),
    })
}

fn connectivity(connectivity: entente_sync::Connectivity) -> Connectivity {
    use entente_sync::Connectivity as Sync;
    let count = |n| u32::try_from(n).unwrap_or(u32::MAX);
    match connectivity {
        Sync::Connecting => Connectivity::Connecting,
        Sync::FirstSync { done, total } => {
            Connectivity::FirstSync { done: count(done), total: total.map(count) }
        }
        Sync::Live => Connectivity::Live,
        Sync::Polling => Connectivity::Polling,
        Sync::Offline { since, problem } => {
            Connectivity::Offline { since: since.to_string(), problem: problem.into() }
        }
        Sync::SignedOut { problem } => Connectivity::SignedOut { problem: problem.into() },
    }
}

impl From<Problem> for crate::view::Problem {
    fn from(problem: Problem) -> Self {
        let said =
            language::spoken().refusal(&problem.code, problem.fact.as_deref(), &problem.message);
        Self { code: problem.code, message: said, retryable: problem.retryable }
    }
}

impl From<Problem> for CommandError {
    fn from(problem: Problem) -> Self {
        let said = Self::of(&problem.code, problem.fact.as_deref(), &problem.message);
        Self { retryable: problem.retryable, ..said }
    }
}

impl From<DecideError> for CommandError {
    fn from(error: DecideError) -> Self {
        Self {
            retryable: error.retryable,
            field: error.field,
            existing_id: error.existing.map(|id| id.to_string()),
            ..Self::of(&error.code, error.fact.as_deref(), &error.message)
        }
    }
}
