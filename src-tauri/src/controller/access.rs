//! What the window asks about accounts, access, members and activity.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr, time::Duration};

use entente_api_client::Device;
use entente_cache::{ActivityQuery, RecordKind, ResourceQuery};
use entente_desktop::open_in_browser;
use entente_domain::{AccountId, Timestamp};
use entente_sync::{Act, SaveError};
use secrecy::SecretString;

use super::{Controller, answers::Answer, home::Profile, now};
use crate::view::{
    AccountDetail, AccountPage, AccountQuery, AccountRow, ActInput, ActivityBar, ActivityChoice,
    ActivityChoices, ActivityFilter, ActivityPage, BackendEvent, CommandError, Impact,
    LoginPrepared, MemberPage, MemberQuery, PartnerMember, SavedFile, SharedAccountRow,
    account_detail, account_name, account_row, activity_row, impact, member_row, partner_members,
    shared_row,
};

/// More than anybody reads of one account or partnership.
const ALL: u32 = 5_000;
/// More choices than anybody scrolls through.
const MOST_CHOICES: u32 = 1_000;
/// How long a password stays on the clipboard.
const LENT: Duration = Duration::from_secs(30);

impl Controller {
    /// A page of a profile's accounts.
    pub async fn accounts(&self, profile: &str, query: AccountQuery) -> Answer<AccountPage> {
        let profile = self.profile(profile).await?;
        let query = ResourceQuery {
            search: query.search,
            facets: query.roles,
            offset: query.offset,
            limit: query.limit.min(500),
            ..ResourceQuery::default()
        };
        let rows = profile.cache.accounts(&query).await?;
        let total = profile.cache.count(RecordKind::Account, &query).await?;
        Ok(AccountPage { rows: rows.iter().map(account_row).collect(), total })
    }

    /// One account, with its users and what is asked for.
    pub async fn account(&self, profile: &str, id: &str) -> Answer<AccountDetail> {
        let profile = self.profile(profile).await?;
        let of_account =
            ResourceQuery { account: Some(id.into()), limit: ALL, ..ResourceQuery::default() };
        let record = profile.cache.accounts(&of_account).await?.pop().ok_or_else(gone)?;
        let users = profile.cache.account_users(&of_account).await?;
        let requests = profile.cache.access_requests(&of_account).await?;
        Ok(account_detail(&record, &users, &requests))
    }

    /// The accounts that are shared through a partnership.
    pub async fn shared_accounts(
        &self,
        profile: &str,
        partnership: &str,
    ) -> Answer<Vec<SharedAccountRow>> {
        let profile = self.profile(profile).await?;
        let shared = profile.cache.shared_accounts(&through(partnership)).await?;
        Ok(shared.iter().map(shared_row).collect())
    }

    /// The accounts that this person owns and that are not shared through a partnership yet.
    pub async fn shareable_accounts(
        &self,
        profile: &str,
        partnership: &str,
        search: String,
    ) -> Answer<Vec<AccountRow>> {
        let profile = self.profile(profile).await?;
        let owned = ResourceQuery {
            search,
            facets: vec!["account_owner".into()],
            limit: ALL,
            ..ResourceQuery::default()
        };
        let owned = profile.cache.accounts(&owned).await?;
        let shared = profile.cache.shared_accounts(&through(partnership)).await?;
        let is_shared = |id: AccountId| shared.iter().any(|shared| shared.account == id);
        Ok(owned.iter().filter(|account| !is_shared(account.id)).map(account_row).collect())
    }

    /// The guest members with access through a partnership.
    pub async fn partner_members(
        &self,
        profile: &str,
        partnership: &str,
    ) -> Answer<Vec<PartnerMember>> {
        let profile = self.profile(profile).await?;
        let grants = profile.cache.account_users(&through(partnership)).await?;
        let shared = profile.cache.shared_accounts(&through(partnership)).await?;
        let names: BTreeMap<AccountId, String> = shared
            .iter()
            .map(|shared| (shared.account, account_name(&shared.application, &shared.label)))
            .collect();
        Ok(partner_members(&grants, |grant| names.get(&grant.account).cloned()))
    }

    /// A page of the members of a profile's workspace.
    pub async fn members(&self, profile: &str, query: MemberQuery) -> Answer<MemberPage> {
        let profile = self.profile(profile).await?;
        let query = ResourceQuery {
            search: query.search,
            facets: query.statuses,
            offset: query.offset,
            limit: query.limit.min(500),
            ..ResourceQuery::default()
        };
        let rows = profile.cache.members(&query).await?;
        let total = profile.cache.count(RecordKind::Member, &query).await?;
        Ok(MemberPage { rows: rows.iter().map(member_row).collect(), total })
    }

    /// What removing a partnership would take away, as the server has it now.
    pub async fn impact(&self, profile: &str, id: &str) -> Answer<Impact> {
        let profile = self.profile(profile).await?;
        let session = profile.session().await?;
        Ok(impact(session.impact(parsed(id)?).await?))
    }

    /// Does something beside deciding on partnerships.
    pub async fn act(&self, profile: &str, input: ActInput) -> Answer<()> {
        let profile = self.profile(profile).await?;
        let act = act(input)?;
        profile.session().await?.act(&act).await?;
        Ok(())
    }

    /// Opens an account's address in the browser and lends its password to the clipboard. The
    /// password never passes through the window.
    pub async fn log_in(&self, profile: &str, account: &str) -> Answer<LoginPrepared> {
        let profile = self.profile(profile).await?;
        let url = self.url_of(&profile, account).await?;
        let device = device();
        let secrets = profile.session().await?.log_in(parsed(account)?, &device).await?;
        let mut secrets: BTreeMap<String, SecretString> = secrets.into_iter().collect();
        let password = secrets.remove("password");
        let password_copied = password.is_some();
        if let Some(password) = password {
            self.inner.clipboard.lend(password, LENT).await.map_err(|error| {
                CommandError::new("clipboard_failed", &format!("Nothing was opened: {error}."))
            })?;
        }
        open_in_browser(url).await.map_err(|error| {
            CommandError::new("browser_failed", &format!("The page was not opened: {error}."))
        })?;
        use secrecy::ExposeSecret as _;
        Ok(LoginPrepared {
            username: secrets.remove("username").map(|name| name.expose_secret().to_owned()),
            password_copied,
            clears_after: u32::try_from(LENT.as_secs()).unwrap_or(u32::MAX),
        })
    }

    async fn url_of(&self, profile: &Profile, account: &str) -> Answer<String> {
        let query =
            ResourceQuery { account: Some(account.into()), limit: 1, ..ResourceQuery::default() };
        let account = profile.cache.accounts(&query).await?.pop().ok_or_else(gone)?;
        Ok(account.url)
    }

    /// A page of the Activity Log as far as it is kept here.
    pub async fn activities(
        &self,
        profile: &str,
        filter: ActivityFilter,
        offset: u32,
        limit: u32,
    ) -> Answer<ActivityPage> {
        let profile = self.profile(profile).await?;
        let query = ActivityQuery { offset, limit: limit.min(500), ..activity_query(&filter)? };
        let (rows, total) = profile.cache.activities(&query).await?;
        Ok(ActivityPage { rows: rows.iter().map(activity_row).collect(), total })
    }

    /// What the Activity Log can be narrowed to.
    pub async fn activity_choices(&self, profile: &str) -> Answer<ActivityChoices> {
        let choices = self.profile(profile).await?.cache.activity_choices(MOST_CHOICES).await?;
        let accounts = choices.accounts.into_iter().map(|(id, application, label)| {
            ActivityChoice { id, name: account_name(&application, &label) }
        });
        let users = choices.users.into_iter().map(|(id, name)| ActivityChoice { id, name });
        Ok(ActivityChoices {
            applications: choices.applications,
            accounts: accounts.collect(),
            users: users.collect(),
        })
    }

    /// How much happened over time, for the chart: bars of a day each, or of the number of days that
    /// makes at most 60 of them.
    pub async fn activity_bars(
        &self,
        profile: &str,
        filter: ActivityFilter,
    ) -> Answer<Vec<ActivityBar>> {
        const DAY: i64 = 24 * 60 * 60 * 1_000;
        let profile = self.profile(profile).await?;
        let query = activity_query(&filter)?;
        let to = query.to.unwrap_or_else(now);
        let from = query.from.unwrap_or_else(|| to.before(Duration::from_secs(30 * 24 * 60 * 60)));
        let days = (to.unix_millis() - from.unix_millis()).max(0) / DAY + 1;
        let stretch = DAY * (days / 60 + 1);
        let query = ActivityQuery { from: Some(from), ..query };
        let counted = profile.cache.activity_series(&query, from, stretch).await?;
        let counted: BTreeMap<i64, u32> =
            counted.into_iter().map(|(begin, count)| (begin.unix_millis(), count)).collect();
        let mut bars = Vec::new();
        let mut begin = from.unix_millis();
        while begin <= to.unix_millis() {
            let at = Timestamp::from_unix_millis(begin).unwrap_or(from);
            let count = counted.get(&begin).copied().unwrap_or(0);
            bars.push(ActivityBar { begin: at.to_string(), count });
            begin += stretch;
        }
        Ok(bars)
    }

    /// Reads what is new in the Activity Log.
    pub async fn read_activities(&self, profile: &str) -> Answer<()> {
        let profile = self.profile(profile).await?;
        let new = profile.session().await?.read_activities().await?;
        if new > 0 {
            self.emit(&BackendEvent::ResourcesChanged {
                profile: profile.record.id.clone(),
                kinds: vec!["activity".into()],
            });
        }
        Ok(())
    }

    /// Saves the Activity Log under a filter as CSV among the person's downloads.
    pub async fn save_activities(
        &self,
        profile: &str,
        filter: ActivityFilter,
    ) -> Answer<SavedFile> {
        let profile = self.profile(profile).await?;
        let query = csv_query(&filter)?;
        let failed = |error: std::io::Error| {
            CommandError::new("file_failed", &format!("The file could not be written: {error}."))
        };
        let path = free_path(&downloads(), "activity", "csv");
        let partial = path.with_extension("csv.partial");
        let mut file = tokio::fs::File::create(&partial).await.map_err(failed)?;
        let session = profile.session().await?;
        let saved = session.save_activities(&query, &mut file, |_| {}).await;
        drop(file);
        if let Err(error) = saved {
            let _ = tokio::fs::remove_file(&partial).await;
            return Err(match error {
                SaveError::Server(problem) => problem.into(),
                SaveError::File(error) => failed(error),
            });
        }
        tokio::fs::rename(&partial, &path).await.map_err(failed)?;
        Ok(SavedFile { path: path.display().to_string() })
    }
}

fn through(partnership: &str) -> ResourceQuery {
    ResourceQuery { partnership: Some(partnership.into()), limit: ALL, ..ResourceQuery::default() }
}

fn gone() -> CommandError {
    CommandError::new("not_found", "This is not there any more, or not yours to see.")
}

fn parsed<T: FromStr>(text: &str) -> Answer<T> {
    text.parse().map_err(|_| gone())
}

fn all_parsed<T: FromStr>(texts: &[String]) -> Answer<Vec<T>> {
    texts.iter().map(|text| parsed(text)).collect()
}

fn act(input: ActInput) -> Answer<Act> {
    Ok(match input {
        ActInput::Share { partnership_id, account_ids, role } => Act::Share {
            partnership: parsed(&partnership_id)?,
            accounts: all_parsed(&account_ids)?,
            role: parsed(&role)?,
        },
        ActInput::Unshare { partnership_id, account_id } => {
            Act::Unshare { partnership: parsed(&partnership_id)?, account: parsed(&account_id)? }
        }
        ActInput::RemoveMember { partnership_id, user_id } => {
            Act::RemoveMember { partnership: parsed(&partnership_id)?, user: parsed(&user_id)? }
        }
        ActInput::NameOwner { partnership_id, user_id } => {
            Act::NameOwner { partnership: parsed(&partnership_id)?, user: parsed(&user_id)? }
        }
        ActInput::DismissOwner { partnership_id, user_id } => {
            Act::DismissOwner { partnership: parsed(&partnership_id)?, user: parsed(&user_id)? }
        }
        ActInput::AddUser { account_id, user_id, role } => Act::AddUser {
            account: parsed(&account_id)?,
            user: parsed(&user_id)?,
            role: parsed(&role)?,
        },
        ActInput::ChangeRole { account_id, user_id, version, role } => Act::ChangeRole {
            account: parsed(&account_id)?,
            user: parsed(&user_id)?,
            version: version.into(),
            role: parsed(&role)?,
        },
        ActInput::RemoveAccess { account_id, user_id } => {
            Act::RemoveAccess { account: parsed(&account_id)?, user: parsed(&user_id)? }
        }
        ActInput::AskAccess { account_id, user_ids, role, message } => Act::AskAccess {
            account: parsed(&account_id)?,
            users: all_parsed(&user_ids)?,
            role: parsed(&role)?,
            message,
        },
        ActInput::DecideAccess { request_id, version, accept } => {
            Act::DecideAccess { request: parsed(&request_id)?, version: version.into(), accept }
        }
        ActInput::RemoveUser { user_id } => Act::RemoveUser { user: parsed(&user_id)? },
    })
}

fn moment(text: Option<&String>) -> Answer<Option<Timestamp>> {
    let bad = |_| CommandError::new("invalid_date", "This is not a date. Choose another one.");
    text.map(|text| text.parse()).transpose().map_err(bad)
}

fn activity_query(filter: &ActivityFilter) -> Answer<ActivityQuery> {
    Ok(ActivityQuery {
        from: moment(filter.from.as_ref())?,
        to: moment(filter.to.as_ref())?,
        application: filter.application.clone(),
        account: filter.account_id.clone(),
        partnership: filter.partnership_id.clone(),
        user: filter.user_id.clone(),
        event: filter.event.clone(),
        offset: 0,
        limit: 0,
    })
}

/// The same filter in the API's words.
fn csv_query(filter: &ActivityFilter) -> Answer<Vec<(&'static str, String)>> {
    let query = activity_query(filter)?;
    let all = [
        ("filter[from]", query.from.map(|at| at.to_string())),
        ("filter[to]", query.to.map(|at| at.to_string())),
        ("filter[application]", query.application),
        ("filter[account]", query.account),
        ("filter[partnership]", query.partnership),
        ("filter[user]", query.user),
        ("filter[event]", query.event),
    ];
    Ok(all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}

/// What this computer tells of itself with a login.
fn device() -> Device {
    let name = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
    let name = name.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    Device {
        os: std::env::consts::OS.into(),
        name: name.map_or_else(|| "Desktop".into(), |name| name.trim().to_owned()),
    }
}

/// Where downloads go: the system's folder for them, or the home directory.
fn downloads() -> PathBuf {
    let user = directories::UserDirs::new();
    let folder = user.as_ref().and_then(|user| user.download_dir().map(PathBuf::from));
    folder
        .filter(|folder| folder.is_dir())
        .or_else(|| user.map(|user| user.home_dir().to_owned()))
        .unwrap_or_else(std::env::temp_dir)
}

/// A file name that is not taken: `activity.csv`, `activity-2.csv`.
fn free_path(folder: &std::path::Path, name: &str, ending: &str) -> PathBuf {
    let mut path = folder.join(format!("{name}.{ending}"));
    let mut number = 2;
    while path.exists() {
        path = folder.join(format!("{name}-{number}.{ending}"));
        number += 1;
    }
    path
}
