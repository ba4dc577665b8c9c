//! What people do, told by numbers instead of ids, so that it can be kept in a file and done again in
//! another world.

use entente_domain::{AccountRole, Action, GuestRole, WorkspaceRole};
use serde::{Deserialize, Serialize};

/// What happens at once: then everything is looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// People do things, in whatever order the server takes them.
    Steps(Vec<Step>),
    /// Time passes: so many milliseconds.
    Pass(i64),
}

/// Somebody does something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Who, of the world's people in the order in which they came.
    pub who: usize,
    /// What.
    pub what: Operation,
    /// The number of the idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<u32>,
}

/// The numbers are places among the world's workspaces, people, accounts, partnerships and requests,
/// in the order in which they came; what is beyond the last is something of another world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Sends a partnership request.
    Request { guest: usize, reason: usize },
    /// A transition; the note or reason is one of [`TEXTS`].
    Take { partnership: usize, action: Action, version: Version, note: usize, agreed: Agreed },
    /// Names a Partnership Owner.
    NameOwner { partnership: usize, user: usize, version: Version },
    /// Dismisses one.
    DismissOwner { partnership: usize, user: usize, version: Version },
    /// Shares accounts.
    Share { partnership: usize, accounts: Vec<usize>, role: GuestRole },
    /// Takes an account out of a partnership.
    Unshare { partnership: usize, account: usize },
    /// Takes all access of a guest member away.
    RemoveMember { partnership: usize, user: usize },
    /// Gives a host user a role on an account.
    AddUser { account: usize, user: usize, role: AccountRole },
    /// Changes a role on an account.
    ChangeRole { account: usize, user: usize, role: AccountRole, version: Version },
    /// Takes a role on an account away.
    Revoke { account: usize, user: usize, version: Version },
    /// A Manager asks for access for others.
    Ask { account: usize, users: Vec<usize>, role: GuestRole, message: usize },
    /// An Owner decides that.
    Decide { request: usize, accept: bool, version: Version },
    /// Reads the credentials of an account.
    LogIn { account: usize },
    /// Removes a member from the workspace.
    RemoveUser { user: usize, version: Version },
    /// Whoever runs the server changes somebody's role.
    SetRole { user: usize, role: WorkspaceRole },
    /// Whoever runs the server adds somebody.
    Join { workspace: usize, role: WorkspaceRole },
    /// Looks at a partnership.
    Look { partnership: usize },
    /// Reads what has changed since the last time.
    Follow,
}

/// What `If-Match` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Version {
    /// The version that was current before the batch.
    Current,
    /// The one before that.
    Stale,
    /// Whichever it is.
    Any,
    /// Nothing.
    Missing,
}

/// What an acceptance says of the terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreed {
    /// Yes, to the current ones.
    Yes,
    /// No.
    No,
    /// To others.
    ToOthers,
}

/// What people write, the bad with the good: markup, formulas, marks that turn the direction, line
/// ends of all kinds, nothing at all, NUL, and far too much.
pub fn text(number: usize) -> String {
    match number % TEXTS {
        0 => "They film our product launch".into(),
        1 => "<script>alert(1)</script><img src=x onerror=alert(1)> & \"quotes\" '".into(),
        2 => "one\r\ntwo\rthree\n\u{202e}live ,reverof\u{2066}\u{200f}".into(),
        3 => "=HYPERLINK(\"https://evil.example\",\"open\")".into(),
        4 => " \t\r\n ".into(),
        5 => "a\u{0}b".into(),
        6 => "x".repeat(10_000),
        7 => "é😀".repeat(250),
        _ => format!("  {}\u{7}", "bell"),
    }
}

/// A reason for a request: what the guest is never to read.
pub fn reason(number: usize) -> String {
    let text = text(number);
    if text.trim().is_empty() { text } else { format!("{SECRET} {text}") }
}

/// What every reason begins with.
pub const SECRET: &str = "Between us:";
/// Whom every sender knows at the guest.
pub const PARTNER: &str = "partner@guest.example";

/// How many [`text`]s there are.
pub const TEXTS: usize = 9;
