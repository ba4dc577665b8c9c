//! Everything that the program says outside its window, and each language's words for it. A language
//! is one function over the closed list, so that none can lack a text.

mod de;
mod en;
mod refusals;

use entente_domain::{AccountRole, Action, Deed, StateName};

use crate::Verb;

pub(crate) use de::german;
pub(crate) use en::english;
pub(crate) use refusals::german_refusal;

/// Something to say. Names in it are fit to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// A button or entry that does something to an item.
    Verb(Verb),
    /// A button that shows the window.
    Open,

    /// Somebody asks for a partnership with somebody.
    WantsToPartner {
        /// Who: a person, or their workspace.
        who: &'a str,
        /// With which workspace.
        with: &'a str,
    },
    /// In place of a reason.
    NoReason,
    /// Who sent a request, and what accepting takes.
    ReadTheTerms {
        /// Who.
        sender: &'a str,
    },
    /// Somebody asks for access.
    AsksForAccess {
        /// Who.
        who: &'a str,
        /// To which account.
        account: &'a str,
    },
    /// For whom access is asked.
    AccessFor {
        /// For whom.
        member: &'a str,
        /// Of which workspace.
        guest: &'a str,
        /// Which role.
        role: AccountRole,
    },
    /// That a request awaits approval, without names.
    ApprovalWaits,
    /// That a request awaits acceptance, without names.
    AcceptanceWaits,
    /// That an access request awaits a decision, without names.
    AccessWaits,
    /// Where more is to be seen, in place of names.
    SeeMore,

    /// A request was approved.
    RequestApproved {
        /// To whom.
        partner: &'a str,
    },
    /// Who approved.
    ApprovedBy {
        /// Who; an Admin if it is not known.
        by: Option<&'a str>,
    },
    /// A request was accepted.
    NowPartner {
        /// By whom.
        partner: &'a str,
    },
    /// Who accepted a partnership.
    AcceptedBy {
        /// Who; an Admin if it is not known.
        by: Option<&'a str>,
    },
    /// A request was declined.
    RequestDeclined {
        /// To whom.
        partner: &'a str,
    },
    /// Who declined.
    DeclinedBy {
        /// Who; an Admin if it is not known.
        by: Option<&'a str>,
        /// Of which partner, if it was one of theirs: then it can be sent again.
        partner: Option<&'a str>,
    },
    /// A request expired.
    RequestExpired {
        /// To whom.
        partner: &'a str,
    },
    /// What an expired request means.
    NobodyDecided,
    /// A partnership was removed.
    PartnershipRemoved {
        /// With whom.
        partner: &'a str,
    },
    /// Who removed a partnership.
    RemovedBy {
        /// Who; an Admin if it is not known.
        by: Option<&'a str>,
    },
    /// The person has access.
    AccessGiven {
        /// To which account.
        account: &'a str,
    },
    /// As what they have it.
    GivenAs {
        /// Which role.
        role: AccountRole,
    },
    /// The person has another role.
    RoleChanged {
        /// On which account.
        account: &'a str,
    },
    /// Which role they have.
    RoleNow {
        /// Which.
        role: AccountRole,
    },
    /// The person has no access any more.
    AccessEnded {
        /// To which account.
        account: &'a str,
    },
    /// What that means.
    NoLogin,
    /// A member got the access that was asked for.
    MemberGotAccess {
        /// Who.
        member: &'a str,
        /// To which account.
        account: &'a str,
    },
    /// A member did not get the access that was asked for.
    MemberGotNoAccess {
        /// Who.
        member: &'a str,
        /// To which account.
        account: &'a str,
    },
    /// Who decided on an access request.
    AccessDecidedBy {
        /// Who; an Admin if it is not known.
        by: Option<&'a str>,
        /// Yes or no.
        accepted: bool,
    },
    /// That a request was approved, without names.
    SomethingApproved,
    /// That a request was accepted, without names.
    SomethingAccepted,
    /// That a request was declined, without names.
    SomethingDeclined,
    /// That a request expired, without names.
    SomethingExpired,
    /// That a partnership was removed, without names.
    SomethingRemoved,
    /// That the person's access changed, without names.
    SomeAccessChanged,
    /// That an access request was decided, without names.
    SomeAccessDecided,

    /// How many partnership requests wait.
    PartnershipRequestsWait(usize),
    /// How many access requests wait.
    AccessRequestsWait(usize),
    /// How many requests of both kinds wait.
    RequestsWait(usize),
    /// How much other news there is.
    Changes(usize),
    /// Some names, and how many others.
    AndOthers {
        /// The names.
        names: &'a str,
        /// How many others.
        others: usize,
    },

    /// That nothing waits.
    NothingWaits,
    /// How many requests wait while nothing is told.
    RequestsWaitUntold(usize),
    /// Signed out, as the beginning of a line.
    SignedOut,
    /// Offline, as the beginning of a line.
    Offline,
    /// That nothing is told.
    Paused,
    /// How many entries there are besides.
    MoreEntries(usize),
    /// Shows the window.
    OpenEntente,
    /// Asks all servers.
    SyncNow,
    /// The choices of a pause.
    Pause,
    /// A pause of an hour.
    ForAnHour,
    /// A pause of what is left of the day.
    UntilTomorrow,
    /// Ends a pause.
    Resume,
    /// Ends the program.
    Quit,
    /// A request to approve.
    ApproveEntry {
        /// Of whom.
        sender: &'a str,
        /// With whom.
        guest: &'a str,
    },
    /// A request to accept.
    AcceptEntry {
        /// Of whom.
        host: &'a str,
    },
    /// An access request to decide.
    AccessEntry {
        /// For whom.
        member: &'a str,
        /// To what.
        account: &'a str,
    },
    /// A profile without contact.
    ProfileOffline {
        /// Which.
        profile: &'a str,
    },
    /// A profile whose key is not taken.
    ProfileSignedOut {
        /// Which.
        profile: &'a str,
    },

    /// That the program goes on without its window.
    GoesOn,
    /// What that means.
    GoesOnHow,
    /// Above why a decision outside the window changed nothing.
    NothingChanged,
    /// What became of a request before this person decided.
    Already {
        /// What.
        became: Became,
        /// By whom; the server if nobody.
        by: Option<&'a str>,
    },
    /// Where a partnership stands after a decision.
    StandsNow {
        /// With whom.
        partner: &'a str,
        /// Where.
        state: StateName,
    },
    /// What was decided on an access request.
    AccessDecided {
        /// Yes or no.
        accepted: bool,
        /// For whom.
        member: &'a str,
        /// On which account.
        account: &'a str,
    },
    /// The outcome of an attempt whose answer came late.
    Settled {
        /// Of what.
        attempt: Attempt<'a>,
        /// Why it was not done, if it was not.
        refused: Option<&'a str>,
    },
    /// That the outcomes of so many attempts will never be known.
    OutcomesLost(usize),

    /// That the keyring is locked.
    KeyringLocked,
    /// That there is no keyring.
    NoKeyring,
    /// That there is no tray.
    NoTray,
    /// That there are no notifications.
    NoNotifications,
    /// That the list of profiles could not be used.
    JournalRebuilt,
    /// That what was kept of a workspace could not be used.
    CacheRebuilt,
    /// That nothing can be kept on the disk.
    NothingKept {
        /// Why, in a whole sentence.
        why: &'a str,
    },

    /// On the browser's page after signing in.
    BackToEntente,
    /// On the browser's page after signing in came to nothing.
    NotSignedIn,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// Somebody approved it.
    Approved,
    /// Somebody accepted it.
    Accepted,
    /// Somebody declined it.
    Declined,
    /// Its sender took it back.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
    /// The partnership was removed.
    Removed,
    /// What it was about is gone.
    Closed,
    /// Something else.
    Changed,
}

/// What was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// Asking for a partnership.
    Request {
        /// The address that was named.
        address: &'a str,
    },
    /// Deciding on a partnership.
    Action {
        /// What.
        action: Action,
        /// With whom.
        partner: &'a str,
    },
    /// Something else.
    Deed(Deed),
    /// What another version of the program knows.
    Unknown,
}
