//! What the window sees: flat, ready to draw, with every rule already applied. All times are RFC 3339
//! in UTC; ids are UUIDs as text.

mod access;
mod decision;
mod partnership;
mod settings;
mod update;

use serde::{Deserialize, Serialize};
use specta::Type;

pub use access::{
    AccountDetail, AccountPage, AccountQuery, AccountRow, ActInput, ActivityBar, ActivityChoice,
    ActivityChoices, ActivityFilter, ActivityPage, Impact, LoginPrepared, MemberPage, MemberQuery,
    PartnerMember, SavedFile, SharedAccountRow, account_detail, account_name, account_row,
    activity_row, impact, member_row, partner_members, shared_row,
};
pub use decision::{DecisionCard, decision_card};
pub use partnership::{
    PartnershipDetail, PartnershipPage, PartnershipQuery, PartnershipRow, detail, row,
};
pub use settings::{
    CloseChoice, Language, LanguageChoice, NotificationSettings, ProgramChange, ProgramSettings,
};
pub use update::{NewerVersion, UpdateStage};

/// Everything that is not one screen's own content.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AppState {
    /// The program's version.
    pub version: String,
    /// The connections, in the order in which they were added.
    pub profiles: Vec<Profile>,
    /// Whose partnerships the window shows.
    pub active: Option<String>,
    /// The sample guest workspace to try a request with, while the demo runs.
    pub demo: Option<DemoHint>,
    /// What the person should know about this machine.
    pub notices: Vec<AppNotice>,
    /// A newer version that was found.
    pub newer: Option<NewerVersion>,
    /// What the program speaks.
    pub language: Language,
    /// Until when no notification is shown.
    pub paused_until: Option<String>,
    /// Where there is no keyring: whether what was seen is kept on the disk unencrypted, or not at
    /// all. None where there is one.
    pub keeps_unencrypted: Option<bool>,
    /// Whether the profiles are open; false in the first moments.
    pub ready: bool,
    /// What was asked for while there was no window; told once.
    pub open_item: Option<OpenItem>,
}

/// What somebody asked to see: a banner, the tray, a link, a second start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct OpenItem {
    /// Of which profile; none for what is of all, or of nobody here.
    pub profile: Option<String>,
    /// What.
    pub kind: OpenKind,
    /// Which partnership or account.
    pub id: Option<String>,
}

/// What somebody asked to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum OpenKind {
    /// All that waits.
    Inbox,
    /// A profile's partnerships.
    Partners,
    /// One partnership.
    Partnership,
    /// One account, with what is asked for there.
    Account,
    /// Something that no profile can see.
    Unknown,
}

/// Whom a newcomer can ask in the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DemoHint {
    /// The guest workspace's name.
    pub guest_name: String,
    /// Its workspace ID.
    pub guest_workspace_id: String,
    /// The mail address of its Admin.
    pub partner_email: String,
}

/// One connection: a user of a workspace on a server.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its id on this machine.
    pub id: String,
    /// What the person calls it; none if they gave it no name.
    pub label: Option<String>,
    /// The user's name.
    pub user_name: String,
    /// The user's mail address.
    pub email: String,
    /// The workspace role, in the API's word; empty until the server told it.
    pub role: String,
    /// The workspace's name.
    pub workspace_name: String,
    /// The ID that an Admin hands to others.
    pub workspace_id: String,
    /// The server's address.
    pub server: String,
    /// Index of the profile's colour, 0 to 7.
    pub color: u8,
    /// Whether it belongs to the demo.
    pub demo: bool,
    /// How its user signs in.
    pub sign_in: SignInKind,
    /// How what was seen is kept on this computer.
    pub keeping: CacheKeeping,
    /// Whether the server has shut the workspace to this user: then nothing of it is shown, until
    /// they sign in again.
    pub locked: bool,
    /// How it stands with the server.
    pub connectivity: Connectivity,
    /// When the cache was last in step with the server.
    pub as_of: Option<String>,
    /// How many things wait for this person.
    pub waiting: u32,
    /// Whether the server lets this user send requests.
    pub may_send_requests: bool,
    /// Whether a request that this user sends needs a reason.
    pub request_needs_reason: bool,
}

/// How a profile's user signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// With an API key.
    Key,
    /// At an identity provider, through the browser.
    Browser,
}

/// How what was seen is kept on this computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum CacheKeeping {
    /// On the disk, encrypted with a key from the keyring.
    Encrypted,
    /// On the disk as it is.
    Unencrypted,
    /// Only until the program ends.
    Memory,
}

/// How a profile stands with its server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Connectivity {
    /// The first contact is under way.
    Connecting,
    /// The first sync is under way.
    FirstSync {
        /// How many partnerships have come.
        done: u32,
        /// How many there are, once known.
        total: Option<u32>,
    },
    /// Changes arrive as they happen.
    Live,
    /// Something on the way blocks streams: changes are asked for every few seconds.
    Polling,
    /// No contact.
    Offline {
        /// Since when.
        since: String,
        /// Why.
        problem: Problem,
    },
    /// The server does not take the key.
    SignedOut {
        /// Why.
        problem: Problem,
    },
}

/// What went wrong, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct Problem {
    /// From a closed list.
    pub code: String,
    /// A whole sentence.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
}

/// Something to know about this machine, shown as one quiet banner until it is dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
pub struct AppNotice {
    /// Which.
    pub kind: NoticeKind,
    /// A whole sentence.
    pub message: String,
}

/// Which notice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// Keys cannot be kept.
    NoKeyring,
    /// The window was closed and the program goes on.
    ClosedToTray,
    /// There is no tray.
    NoTray,
    /// There is no notification service.
    NoNotifications,
    /// The journal was damaged and begun anew.
    JournalRebuilt,
    /// A cache was damaged or of another version and is read from the server again.
    CacheRebuilt,
    /// The disk is full, or the folder may not be written.
    StorageFailed,
}

/// One thing that waits for this person.
#[derive(Debug, Clone, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct InboxItem {
    /// For which profile.
    pub profile: String,
    /// Which partnership.
    pub partnership_id: String,
    /// Which access request, if it is one.
    pub request_id: Option<String>,
    /// What is asked.
    pub kind: InboxKind,
    /// The host workspace's name.
    pub host_name: String,
    /// The guest workspace's name.
    pub guest_name: String,
    /// The sender's name.
    pub requested_by: String,
    /// Why, for the host.
    pub reason: Option<String>,
    /// Since when it waits.
    pub since: String,
    /// Until when; none for what does not expire.
    pub expires_at: Option<String>,
    /// For whom access is asked.
    pub member: Option<String>,
    /// The account that access is asked for: "Mailchimp, EMEA newsletter".
    pub account_name: Option<String>,
    /// Which account.
    pub account_id: Option<String>,
    /// The version to decide on.
    pub version: u32,
    /// What the server would let this person do.
    pub allowed_actions: Vec<String>,
}

/// What an inbox item asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum InboxKind {
    /// A host Admin's approval.
    Approval,
    /// A guest Admin's acceptance.
    Acceptance,
    /// An account Owner's answer to a Manager.
    Access,
}

/// The Terms of Service.
#[derive(Debug, Clone, Serialize, Type)]
pub struct Terms {
    /// Their version.
    pub version: String,
    /// The SHA-256 of the text.
    pub hash: String,
    /// Paragraphs parted by blank lines.
    pub text: String,
}

/// What the Add partner dialog sends.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// The workspace ID of the guest workspace.
    pub guest_workspace_id: String,
    /// Whom the sender knows there.
    pub partner_email: String,
    /// Why; none where the server needs none.
    pub reason: Option<String>,
}

/// What a person decides.
#[derive(Debug, Clone, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// One of the item's `allowedActions`.
    pub action: String,
    /// With a decline.
    pub note: Option<String>,
    /// With an acceptance: the version of the terms that the person read and agreed to.
    pub agreed_terms_version: Option<String>,
}

/// A refused or failed command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct CommandError {
    /// From a closed list.
    pub code: String,
    /// A whole sentence: what happened and what to do.
    pub message: String,
    /// Whether trying again can help.
    pub retryable: bool,
    /// Which field of a form it is about.
    pub field: Option<String>,
    /// The pair's existing partnership, where the person may see it.
    pub existing_id: Option<String>,
}

/// For how long no notification is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum PauseChoice {
    /// An hour.
    Hour,
    /// Until the next midnight.
    Today,
}

/// What happened, in the past tense; the window re-reads what it shows.
#[derive(Debug, Clone, Serialize, Deserialize, Type, tauri_specta::Event)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
#[tauri_specta(event_name = "backend")]
pub enum BackendEvent {
    /// The [`AppState`] is another one.
    StateChanged,
    /// Partnerships of a profile changed.
    PartnershipsChanged {
        /// Of which profile.
        profile: String,
        /// Which ones.
        ids: Vec<String>,
    },
    /// Something else of a profile changed: accounts, access, members, activity.
    ResourcesChanged {
        /// Of which profile.
        profile: String,
        /// What: `account`, `shared_account`, `account_user`, `access_request`, `member`,
        /// `activity`.
        kinds: Vec<String>,
    },
    /// Somebody asked to see something.
    ItemOpened {
        /// What.
        item: OpenItem,
    },
    /// The outcome of a decision whose answer came late, or that was made outside the window.
    DecisionSettled {
        /// Of which profile.
        profile: String,
        /// On which partnership.
        partnership_id: Option<String>,
        /// Whether it was done.
        ok: bool,
        /// A whole sentence.
        message: String,
    },
}
