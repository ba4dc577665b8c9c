//! Accounts, who has access to them, what is asked for, members and activity, as the window sees them.

use entente_cache::{
    AccessRequestRecord, AccountRecord, AccountUserRecord, ActivityRecord, MemberRecord,
    SharedAccountRecord,
};
use entente_domain::AccountRole;
use entente_wire::ImpactAttributes;
use serde::{Deserialize, Serialize};
use specta::Type;

use super::partnership::{Person, WorkspaceRef, person, text, workspace};

/// A row of the list of accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountRow {
    /// Its id.
    pub id: String,
    /// The app.
    pub application: String,
    /// What tells it from other accounts of the same app.
    pub label: String,
    /// This person's role, in the API's word; none for an Admin who only governs it.
    pub role: Option<String>,
    /// The host workspace that shares it; none for one of the own workspace.
    pub via: Option<WorkspaceRef>,
    /// Its Owners.
    pub owners: Vec<Person>,
    /// When somebody last logged in.
    pub last_login_at: Option<String>,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// What a list of accounts is narrowed to.
#[derive(Debug, Clone, Deserialize, Type)]
pub struct AccountQuery {
    /// Words to find.
    pub search: String,
    /// Only with one of these roles of this person; empty means all.
    pub roles: Vec<String>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// A part of the list of accounts.
#[derive(Debug, Clone, Serialize, Type)]
pub struct AccountPage {
    /// Its rows.
    pub rows: Vec<AccountRow>,
    /// How many rows the whole list has.
    pub total: u32,
}

/// One account.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountDetail {
    /// What its row shows.
    #[serde(flatten)]
    pub row: AccountRow,
    /// Where one logs in.
    pub url: String,
    /// The partnership that it is shared through.
    pub partnership_id: Option<String>,
    /// When it was added.
    pub created_at: String,
    /// Who has which role on it, as far as this person may see.
    pub users: Vec<AccountUserRow>,
    /// What is asked for, the pending ones first.
    pub requests: Vec<AccessRequestRow>,
}

/// Somebody's role on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccountUserRow {
    /// Whose.
    pub user: Person,
    /// Of which workspace they are.
    pub workspace: WorkspaceRef,
    /// Whether they are a guest.
    pub is_guest: bool,
    /// Which role, in the API's word.
    pub role: String,
    /// Since when.
    pub since: String,
    /// The version to decide on.
    pub version: u32,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// A Manager's request for access for one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AccessRequestRow {
    /// Its id.
    pub id: String,
    /// On which account.
    pub account_id: String,
    /// "Mailchimp, EMEA newsletter".
    pub account_name: String,
    /// For whom.
    pub member: Person,
    /// The workspace that asks.
    pub guest_name: String,
    /// The role asked for, in the API's word.
    pub role: String,
    /// Who asks.
    pub requested_by: Person,
    /// What they added.
    pub message: Option<String>,
    /// Where it stands, in the API's word.
    pub state: String,
    /// When it was sent.
    pub since: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When it was decided or closed.
    pub decided_at: Option<String>,
    /// The version to decide on.
    pub version: u32,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// An account shared through a partnership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct SharedAccountRow {
    /// Which account.
    pub account_id: String,
    /// The app.
    pub application: String,
    /// The account's label.
    pub label: String,
    /// The account's Owners.
    pub owners: Vec<Person>,
    /// What the guest's Admins received, in the API's word.
    pub role: String,
    /// Who shared it.
    pub shared_by: String,
    /// When.
    pub shared_at: String,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// A guest member with access, and on what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct PartnerMember {
    /// Who.
    pub user: Person,
    /// What they have.
    pub accounts: Vec<MemberAccess>,
    /// Since when, the earliest.
    pub since: String,
    /// Whether the server would let this person take all of it away.
    pub removable: bool,
}

/// A guest member's role on one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct MemberAccess {
    /// "Mailchimp, EMEA newsletter"; none where this person does not see the account.
    pub account: Option<String>,
    /// Which role, in the API's word.
    pub role: String,
}

/// A member of the own workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct MemberRow {
    /// Their id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their role, in the API's word.
    pub role: String,
    /// Whether they can act, in the API's word.
    pub status: String,
    /// When they were added.
    pub since: String,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// What a list of members is narrowed to.
#[derive(Debug, Clone, Deserialize, Type)]
pub struct MemberQuery {
    /// Words to find.
    pub search: String,
    /// Only with one of these statuses; empty means all.
    pub statuses: Vec<String>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// A part of the list of members.
#[derive(Debug, Clone, Serialize, Type)]
pub struct MemberPage {
    /// Its rows.
    pub rows: Vec<MemberRow>,
    /// How many rows the whole list has.
    pub total: u32,
}

/// What removing a partnership would take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Impact {
    /// How many accounts are shared.
    pub accounts: u32,
    /// How many guest members have access.
    pub members: u32,
    /// How many roles they have in all.
    pub grants: u32,
    /// How many access requests are pending.
    pub pending_requests: u32,
    /// The first accounts.
    pub account_names: Vec<String>,
    /// The first members.
    pub member_names: Vec<String>,
}

/// What is done beside deciding on partnerships.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum ActInput {
    /// Shares accounts through a partnership.
    Share {
        /// Through which.
        partnership_id: String,
        /// Which.
        account_ids: Vec<String>,
        /// What the guest's Admins receive.
        role: String,
    },
    /// Takes an account out of a partnership.
    Unshare {
        /// Out of which.
        partnership_id: String,
        /// Which.
        account_id: String,
    },
    /// Takes all access of a guest member away.
    RemoveMember {
        /// That came through which partnership.
        partnership_id: String,
        /// Whose.
        user_id: String,
    },
    /// Names a Partnership Owner.
    NameOwner {
        /// Of which partnership.
        partnership_id: String,
        /// Whom.
        user_id: String,
    },
    /// Dismisses a Partnership Owner.
    DismissOwner {
        /// Of which partnership.
        partnership_id: String,
        /// Whom.
        user_id: String,
    },
    /// Gives a member of the own workspace a role on an account.
    AddUser {
        /// On which.
        account_id: String,
        /// Whom.
        user_id: String,
        /// Which.
        role: String,
    },
    /// Changes somebody's role on an account.
    ChangeRole {
        /// On which.
        account_id: String,
        /// Whose.
        user_id: String,
        /// The version that the person saw.
        version: u32,
        /// Which.
        role: String,
    },
    /// Takes somebody's role on an account away.
    RemoveAccess {
        /// On which.
        account_id: String,
        /// Whose.
        user_id: String,
    },
    /// Asks an account's Owners for access for other members.
    AskAccess {
        /// To which.
        account_id: String,
        /// For whom.
        user_ids: Vec<String>,
        /// Which role.
        role: String,
        /// What to add.
        message: Option<String>,
    },
    /// Decides an access request.
    DecideAccess {
        /// Which.
        request_id: String,
        /// The version that the person saw.
        version: u32,
        /// Yes or no.
        accept: bool,
    },
    /// Removes a member from the workspace.
    RemoveUser {
        /// Whom.
        user_id: String,
    },
}

/// An entry of the Activity Log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRow {
    /// Its id.
    pub id: String,
    /// When.
    pub time: String,
    /// What happened, in the API's word.
    pub event: String,
    /// The server's own name for it, for events that this program does not know.
    pub event_label: String,
    /// The account's label, as it was.
    pub account: Option<String>,
    /// The app, as it was.
    pub application: Option<String>,
    /// Who did it; none if it was the server.
    pub user: Option<Person>,
    /// To whom.
    pub subject: Option<Person>,
    /// Where the client was.
    pub location: Option<String>,
    /// The client's operating system.
    pub os: Option<String>,
    /// The client's device.
    pub device: Option<String>,
    /// More of it.
    pub detail: String,
}

/// What the Activity Log is narrowed to.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct ActivityFilter {
    /// From this moment on (RFC 3339).
    pub from: Option<String>,
    /// Before this moment.
    pub to: Option<String>,
    /// Only of this app.
    pub application: Option<String>,
    /// Only of this account.
    pub account_id: Option<String>,
    /// Only of this partnership.
    pub partnership_id: Option<String>,
    /// Only by or to this user.
    pub user_id: Option<String>,
    /// Only this event.
    pub event: Option<String>,
}

/// A part of the Activity Log.
#[derive(Debug, Clone, Serialize, Type)]
pub struct ActivityPage {
    /// Its rows, the newest first.
    pub rows: Vec<ActivityRow>,
    /// How many there are in all.
    pub total: u32,
}

/// How much happened in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct ActivityBar {
    /// When it begins.
    pub begin: String,
    /// How many entries.
    pub count: u32,
}

/// What the Activity Log can be narrowed to: what its entries that were read are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct ActivityChoices {
    /// The apps, by name.
    pub applications: Vec<String>,
    /// The accounts, by name.
    pub accounts: Vec<ActivityChoice>,
    /// Who did something, and to whom it was done, by name.
    pub users: Vec<ActivityChoice>,
}

/// Something that the Activity Log can be narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct ActivityChoice {
    /// Its id.
    pub id: String,
    /// What people read.
    pub name: String,
}

/// Where the Activity Log was saved.
#[derive(Debug, Clone, Serialize, Type)]
pub struct SavedFile {
    /// The file.
    pub path: String,
}

/// A login that was prepared: the browser has the address, the clipboard the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LoginPrepared {
    /// The user name to type; it is no secret.
    pub username: Option<String>,
    /// Whether the password is on the clipboard.
    pub password_copied: bool,
    /// After how many seconds the clipboard is emptied.
    pub clears_after: u32,
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn version(version: i64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}

/// "Mailchimp, EMEA newsletter".
pub fn account_name(application: &str, label: &str) -> String {
    format!("{application}, {label}")
}

/// An account as a row.
pub fn account_row(record: &AccountRecord) -> AccountRow {
    AccountRow {
        id: record.id.to_string(),
        application: record.application.clone(),
        label: record.label.clone(),
        role: record.role.map(|role| role.to_string()),
        via: record.partnership.map(|_| workspace(&record.workspace)),
        owners: record.owners.iter().map(person).collect(),
        last_login_at: record.last_login_at.map(text),
        allowed_actions: record.allowed_actions.clone(),
    }
}

/// An account with its users and requests.
pub fn account_detail(
    record: &AccountRecord,
    users: &[AccountUserRecord],
    requests: &[AccessRequestRecord],
) -> AccountDetail {
    let mut requests: Vec<AccessRequestRow> = requests.iter().map(request_row).collect();
    requests.sort_by(|one, other| {
        let pending = |row: &AccessRequestRow| row.state != "pending";
        pending(one).cmp(&pending(other)).then_with(|| other.since.cmp(&one.since))
    });
    AccountDetail {
        row: account_row(record),
        url: record.url.clone(),
        partnership_id: record.partnership.map(|id| id.to_string()),
        created_at: text(record.created_at),
        users: users.iter().map(account_user_row).collect(),
        requests,
    }
}

fn account_user_row(record: &AccountUserRecord) -> AccountUserRow {
    AccountUserRow {
        user: person(&record.user),
        workspace: workspace(&record.workspace),
        is_guest: record.partnership.is_some(),
        role: record.role.to_string(),
        since: text(record.created_at),
        version: version(record.version),
        allowed_actions: record.allowed_actions.clone(),
    }
}

/// An access request as a row.
fn request_row(record: &AccessRequestRecord) -> AccessRequestRow {
    AccessRequestRow {
        id: record.id.to_string(),
        account_id: record.account.to_string(),
        account_name: account_name(&record.application, &record.label),
        member: person(&record.member),
        guest_name: record.guest.name.clone(),
        role: AccountRole::from(record.role).to_string(),
        requested_by: person(&record.requested_by),
        message: record.message.clone(),
        state: record.state.to_string(),
        since: text(record.created_at),
        decided_by: record.decided_by.as_ref().map(|by| by.name.clone()),
        decided_at: record.decided_at.map(text),
        version: version(record.version),
        allowed_actions: record.allowed_actions.clone(),
    }
}

/// A shared account as a row.
pub fn shared_row(record: &SharedAccountRecord) -> SharedAccountRow {
    SharedAccountRow {
        account_id: record.account.to_string(),
        application: record.application.clone(),
        label: record.label.clone(),
        owners: record.owners.iter().map(person).collect(),
        role: AccountRole::from(record.role).to_string(),
        shared_by: record.shared_by.name.clone(),
        shared_at: text(record.shared_at),
        allowed_actions: record.allowed_actions.clone(),
    }
}

/// The guest members with access, by name; `names` tells what an account is called.
pub fn partner_members(
    grants: &[AccountUserRecord],
    names: impl Fn(&AccountUserRecord) -> Option<String>,
) -> Vec<PartnerMember> {
    let mut members: Vec<PartnerMember> = Vec::new();
    for grant in grants {
        let account = MemberAccess { account: names(grant), role: grant.role.to_string() };
        let removable = grant.allowed_actions.iter().any(|action| action == "remove");
        let since = text(grant.created_at);
        let id = grant.user.id.to_string();
        match members.iter_mut().find(|member| member.user.id == id) {
            Some(member) => {
                member.accounts.push(account);
                member.removable &= removable;
                member.since = since.min(std::mem::take(&mut member.since));
            }
            None => members.push(PartnerMember {
                user: person(&grant.user),
                accounts: vec![account],
                since,
                removable,
            }),
        }
    }
    members
}

/// A member as a row.
pub fn member_row(record: &MemberRecord) -> MemberRow {
    MemberRow {
        id: record.id.to_string(),
        name: record.name.clone(),
        email: record.email.clone(),
        role: record.role.to_string(),
        status: record.status.to_string(),
        since: text(record.created_at),
        allowed_actions: record.allowed_actions.clone(),
    }
}

/// An entry of the Activity Log as a row.
pub fn activity_row(record: &ActivityRecord) -> ActivityRow {
    ActivityRow {
        id: record.id.clone(),
        time: text(record.at),
        event: record.event.clone(),
        event_label: record.event_label.clone(),
        account: record.account_label.clone(),
        application: record.application.clone(),
        user: record.user.as_ref().map(person),
        subject: record.subject.as_ref().map(person),
        location: record.location.clone(),
        os: record.os.clone(),
        device: record.device.clone(),
        detail: record.detail.clone(),
    }
}

/// What removing a partnership would take away.
pub fn impact(facts: ImpactAttributes) -> Impact {
    Impact {
        accounts: count(facts.accounts),
        members: count(facts.members),
        grants: count(facts.grants),
        pending_requests: count(facts.pending_requests),
        account_names: facts.account_names,
        member_names: facts.member_names,
    }
}
