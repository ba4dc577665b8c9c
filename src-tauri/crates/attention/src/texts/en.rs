use entente_domain::{Action, Deed};

use super::{Attempt, Became, Text};
use crate::Verb;

/// All texts in English.
pub(crate) fn english(text: &Text<'_>) -> String {
    match *text {
        Text::Verb(Verb::Approve) => "Approve".into(),
        Text::Verb(Verb::Accept) => "Accept".into(),
        Text::Verb(Verb::Decline) => "Decline".into(),
        Text::Verb(Verb::Review) => "Review".into(),
        Text::Open => "Open".into(),

        Text::WantsToPartner { who, with } => format!("{who} wants to partner with {with}"),
        Text::NoReason => "No reason was given.".into(),
        Text::ReadTheTerms { sender } => {
            format!("{sender} sent the request. Read the Terms of Service to accept it.")
        }
        Text::AsksForAccess { who, account } => format!("{who} asks for access to {account}"),
        Text::AccessFor { member, guest, role } => {
            format!("For {member} of {guest}, as {}.", role.label())
        }
        Text::ApprovalWaits => "A partnership request awaits your approval".into(),
        Text::AcceptanceWaits => "A partnership request awaits your acceptance".into(),
        Text::AccessWaits => "An access request awaits your decision".into(),
        Text::SeeMore => "Open Entente to see more.".into(),

        Text::RequestApproved { partner } => format!("Request to partner with {partner} approved"),
        Text::ApprovedBy { by } => {
            format!("{} approved it. It is the partner's turn now.", somebody(by))
        }
        Text::NowPartner { partner } => format!("{partner} is your partner now"),
        Text::AcceptedBy { by } => format!("{} accepted. You can share accounts.", somebody(by)),
        Text::RequestDeclined { partner } => format!("Request to partner with {partner} declined"),
        Text::DeclinedBy { by, partner: None } => format!("{} declined it.", somebody(by)),
        Text::DeclinedBy { by, partner: Some(partner) } => {
            format!("{} of {partner} declined it. You can resend the request.", somebody(by))
        }
        Text::RequestExpired { partner } => format!("Request to partner with {partner} expired"),
        Text::NobodyDecided => "Nobody decided in time. You can resend the request.".into(),
        Text::PartnershipRemoved { partner } => format!("Partnership with {partner} removed"),
        Text::RemovedBy { by } => {
            format!("{} removed it. All shared access has ended.", somebody(by))
        }
        Text::AccessGiven { account } => format!("You now have access to {account}"),
        Text::GivenAs { role } => format!("As {}.", role.label()),
        Text::RoleChanged { account } => format!("Your role on {account} changed"),
        Text::RoleNow { role } => format!("You are {} now.", role.label()),
        Text::AccessEnded { account } => format!("Your access to {account} has ended"),
        Text::NoLogin => "You cannot log in there through Entente any more.".into(),
        Text::MemberGotAccess { member, account } => format!("{member} now has access to {account}"),
        Text::MemberGotNoAccess { member, account } => {
            format!("Access to {account} was declined for {member}")
        }
        Text::AccessDecidedBy { by, accepted: true } => {
            format!("{} accepted your request.", somebody(by))
        }
        Text::AccessDecidedBy { by, accepted: false } => {
            format!("{} declined your request.", somebody(by))
        }
        Text::SomethingApproved => "A partnership request was approved".into(),
        Text::SomethingAccepted => "A partnership request was accepted".into(),
        Text::SomethingDeclined => "A partnership request was declined".into(),
        Text::SomethingExpired => "A partnership request expired".into(),
        Text::SomethingRemoved => "A partnership was removed".into(),
        Text::SomeAccessChanged => "Your access to an account changed".into(),
        Text::SomeAccessDecided => "An access request was decided".into(),

        Text::PartnershipRequestsWait(1) => "1 partnership request waits for you".into(),
        Text::PartnershipRequestsWait(n) => format!("{n} partnership requests wait for you"),
        Text::AccessRequestsWait(1) => "1 access request waits for you".into(),
        Text::AccessRequestsWait(n) => format!("{n} access requests wait for you"),
        Text::RequestsWait(1) => "1 request waits for you".into(),
        Text::RequestsWait(n) => format!("{n} requests wait for you"),
        Text::Changes(1) => "1 change to what you share".into(),
        Text::Changes(n) => format!("{n} changes to what you share"),
        Text::AndOthers { names, others } => format!("{names} and {others} more"),

        Text::NothingWaits => "Nothing waits for you".into(),
        Text::RequestsWaitUntold(n) => {
            format!("{}, notifications paused", english(&Text::RequestsWait(n)))
        }
        Text::SignedOut => "Signed out".into(),
        Text::Offline => "Offline".into(),
        Text::Paused => "Notifications paused".into(),
        Text::MoreEntries(n) => format!("And {n} more…"),
        Text::OpenEntente => "Open Entente".into(),
        Text::SyncNow => "Sync now".into(),
        Text::Pause => "Pause notifications".into(),
        Text::ForAnHour => "For 1 hour".into(),
        Text::UntilTomorrow => "Until tomorrow".into(),
        Text::Resume => "Resume notifications".into(),
        Text::Quit => "Quit".into(),
        Text::ApproveEntry { sender, guest } => format!("Approve? {sender} with {guest}"),
        Text::AcceptEntry { host } => format!("Accept? {host}"),
        Text::AccessEntry { member, account } => format!("Access? {member} to {account}"),
        Text::ProfileOffline { profile } => format!("{profile} (offline)"),
        Text::ProfileSignedOut { profile } => format!("{profile} (signed out)"),

        Text::GoesOn => "Entente goes on in the tray".into(),
        Text::GoesOnHow => {
            "You are told when somebody waits for you. Quit in the tray's menu.".into()
        }
        Text::NothingChanged => "Nothing was changed".into(),
        Text::Already { became, by } => already(became, by),
        Text::StandsNow { partner, state } => format!("{partner}: {}.", state.label()),
        Text::AccessDecided { accepted: true, member, account } => {
            format!("Access given: {member}, {account}.")
        }
        Text::AccessDecided { accepted: false, member, account } => {
            format!("Access declined: {member}, {account}.")
        }
        Text::Settled { attempt, refused: None } => format!("{} was done.", what(attempt)),
        Text::Settled { attempt, refused: Some(why) } => {
            format!("{} was not done. {why}", what(attempt))
        }
        Text::OutcomesLost(1) => {
            "What became of one of your last decisions is not known: the key that its record was \
             encrypted with was lost. Look at it again."
                .into()
        }
        Text::OutcomesLost(n) => format!(
            "What became of {n} of your last decisions is not known: the key that their record was \
             encrypted with was lost. Look at them again."
        ),

        Text::KeyringLocked => {
            "The keyring is locked. Until it is unlocked, keys and what you have seen are kept only \
             until Entente ends."
                .into()
        }
        Text::NoKeyring => {
            "This computer has no keyring that can be used, so keys are kept only until Entente \
             ends. Install or unlock one, for example GNOME Keyring or KWallet. Without one, what \
             you have seen is not kept either, unless you let Entente keep it unencrypted."
                .into()
        }
        Text::NoTray => {
            "This desktop shows no tray icons. Closing the window ends Entente, unless the settings \
             say that it is minimised; only while it runs are you notified."
                .into()
        }
        Text::NoNotifications => {
            "This desktop shows no notifications. What waits for you is in the inbox and in the tray."
                .into()
        }
        Text::JournalRebuilt => {
            "The list of profiles on this computer was begun anew: the file that was there is damaged, or \
             a newer Entente made it. It was kept beside the new one. Connect again."
                .into()
        }
        Text::CacheRebuilt => {
            "What Entente kept of a workspace on this computer could not be used: it was damaged, or of \
             another version. It is read from the server again; nothing is lost."
                .into()
        }
        Text::NothingKept { why } => {
            format!("{why} Until then, what you see is kept only until Entente ends.")
        }

        Text::BackToEntente => "You can close this tab and go back to Entente.".into(),
        Text::NotSignedIn => {
            "You were not signed in. Close this tab and try again in Entente.".into()
        }
    }
}

fn somebody(by: Option<&str>) -> &str {
    by.unwrap_or("An Admin")
}

fn already(became: Became, by: Option<&str>) -> String {
    let became = match became {
        Became::Approved => "approved",
        Became::Accepted => "accepted",
        Became::Declined => "declined",
        Became::Withdrawn => "withdrawn",
        Became::Removed => "removed",
        Became::Closed => "closed",
        Became::Changed => "changed",
        Became::Expired => return "The request has expired. Nothing was changed.".into(),
    };
    let by = by.unwrap_or("the server");
    format!("The request was already {became} by {by}. Nothing was changed.")
}

fn what(attempt: Attempt<'_>) -> String {
    match attempt {
        Attempt::Request { address } => format!("Your request to {address}"),
        Attempt::Action { action, partner } => {
            let action = match action {
                Action::Approve => "approve the partnership with",
                Action::Decline => "decline the partnership with",
                Action::Accept => "accept the partnership with",
                Action::Withdraw => "withdraw the request to",
                Action::Remind => "remind",
                Action::Resend => "resend the request to",
                Action::Remove => "remove the partnership with",
            };
            format!("Your decision to {action} {partner}")
        }
        Attempt::Unknown => "Your last decision".into(),
        Attempt::Deed(deed) => match deed {
            Deed::Share => "Sharing accounts",
            Deed::Unshare => "Removing an account from the partnership",
            Deed::RemoveMember | Deed::RemoveAccess => "Removing a member's access",
            Deed::NameOwner => "Naming a Partnership Owner",
            Deed::DismissOwner => "Dismissing a Partnership Owner",
            Deed::AddUser => "Giving access to an account",
            Deed::ChangeRole => "Changing a role",
            Deed::AskAccess => "Your request for access",
            Deed::AcceptAccess => "Your decision to accept an access request",
            Deed::DeclineAccess => "Your decision to decline an access request",
            Deed::RemoveUser => "Removing a member from the workspace",
        }
        .into(),
    }
}
