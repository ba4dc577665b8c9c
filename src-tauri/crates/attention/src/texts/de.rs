use entente_domain::{AccountRole, Action, Deed, StateName};

use super::{Attempt, Became, Text};
use crate::Verb;

/// All texts in German.
pub(crate) fn german(text: &Text<'_>) -> String {
    match *text {
        Text::Verb(Verb::Approve) => "Genehmigen".into(),
        Text::Verb(Verb::Accept) => "Annehmen".into(),
        Text::Verb(Verb::Decline) => "Ablehnen".into(),
        Text::Verb(Verb::Review) => "Prüfen".into(),
        Text::Open => "Öffnen".into(),

        Text::WantsToPartner { who, with } => format!("{who} möchte eine Partnerschaft mit {with}"),
        Text::NoReason => "Es wurde kein Grund genannt.".into(),
        Text::ReadTheTerms { sender } => format!(
            "{sender} hat die Anfrage gesendet. Lies die Nutzungsbedingungen, um sie anzunehmen."
        ),
        Text::AsksForAccess { who, account } => format!("{who} bittet um Zugriff auf {account}"),
        Text::AccessFor { member, guest, role } => {
            format!("Für {member} von {guest}, als {}.", as_role(role))
        }
        Text::ApprovalWaits => "Eine Partnerschaftsanfrage wartet auf deine Genehmigung".into(),
        Text::AcceptanceWaits => "Eine Partnerschaftsanfrage wartet auf deine Annahme".into(),
        Text::AccessWaits => "Eine Zugriffsanfrage wartet auf deine Entscheidung".into(),
        Text::SeeMore => "Mehr siehst du in Entente.".into(),

        Text::RequestApproved { partner } => {
            format!("Anfrage für eine Partnerschaft mit {partner} genehmigt")
        }
        Text::ApprovedBy { by } => {
            format!("{} hat sie genehmigt. Jetzt ist der Partner an der Reihe.", somebody(by))
        }
        Text::NowPartner { partner } => format!("{partner} ist jetzt dein Partner"),
        Text::AcceptedBy { by } => {
            format!("{} hat angenommen. Du kannst Konten teilen.", somebody(by))
        }
        Text::RequestDeclined { partner } => {
            format!("Anfrage für eine Partnerschaft mit {partner} abgelehnt")
        }
        Text::DeclinedBy { by, partner: None } => format!("{} hat sie abgelehnt.", somebody(by)),
        Text::DeclinedBy { by, partner: Some(partner) } => format!(
            "{} von {partner} hat sie abgelehnt. Du kannst die Anfrage erneut senden.",
            somebody(by)
        ),
        Text::RequestExpired { partner } => {
            format!("Anfrage für eine Partnerschaft mit {partner} abgelaufen")
        }
        Text::NobodyDecided => {
            "Niemand hat rechtzeitig entschieden. Du kannst die Anfrage erneut senden.".into()
        }
        Text::PartnershipRemoved { partner } => format!("Partnerschaft mit {partner} entfernt"),
        Text::RemovedBy { by } => {
            format!("{} hat sie entfernt. Aller geteilte Zugriff ist beendet.", somebody(by))
        }
        Text::AccessGiven { account } => format!("Du hast jetzt Zugriff auf {account}"),
        Text::GivenAs { role } => format!("Als {}.", as_role(role)),
        Text::RoleChanged { account } => format!("Deine Rolle bei {account} wurde geändert"),
        Text::RoleNow { role } => format!("Du bist jetzt {}.", as_role(role)),
        Text::AccessEnded { account } => format!("Dein Zugriff auf {account} ist beendet"),
        Text::NoLogin => "Du kannst dich dort nicht mehr über Entente anmelden.".into(),
        Text::MemberGotAccess { member, account } => {
            format!("{member} hat jetzt Zugriff auf {account}")
        }
        Text::MemberGotNoAccess { member, account } => {
            format!("Zugriff auf {account} für {member} abgelehnt")
        }
        Text::AccessDecidedBy { by, accepted: true } => {
            format!("{} hat deine Anfrage angenommen.", somebody(by))
        }
        Text::AccessDecidedBy { by, accepted: false } => {
            format!("{} hat deine Anfrage abgelehnt.", somebody(by))
        }
        Text::SomethingApproved => "Eine Partnerschaftsanfrage wurde genehmigt".into(),
        Text::SomethingAccepted => "Eine Partnerschaftsanfrage wurde angenommen".into(),
        Text::SomethingDeclined => "Eine Partnerschaftsanfrage wurde abgelehnt".into(),
        Text::SomethingExpired => "Eine Partnerschaftsanfrage ist abgelaufen".into(),
        Text::SomethingRemoved => "Eine Partnerschaft wurde entfernt".into(),
        Text::SomeAccessChanged => "Dein Zugriff auf ein Konto wurde geändert".into(),
        Text::SomeAccessDecided => "Über eine Zugriffsanfrage wurde entschieden".into(),

        Text::PartnershipRequestsWait(1) => "1 Partnerschaftsanfrage wartet auf dich".into(),
        Text::PartnershipRequestsWait(n) => format!("{n} Partnerschaftsanfragen warten auf dich"),
        Text::AccessRequestsWait(1) => "1 Zugriffsanfrage wartet auf dich".into(),
        Text::AccessRequestsWait(n) => format!("{n} Zugriffsanfragen warten auf dich"),
        Text::RequestsWait(1) => "1 Anfrage wartet auf dich".into(),
        Text::RequestsWait(n) => format!("{n} Anfragen warten auf dich"),
        Text::Changes(1) => "1 Änderung an dem, was du teilst".into(),
        Text::Changes(n) => format!("{n} Änderungen an dem, was du teilst"),
        Text::AndOthers { names, others } => format!("{names} und {others} weitere"),

        Text::NothingWaits => "Nichts wartet auf dich".into(),
        Text::RequestsWaitUntold(n) => {
            format!("{}, Mitteilungen pausiert", german(&Text::RequestsWait(n)))
        }
        Text::SignedOut => "Abgemeldet".into(),
        Text::Offline => "Offline".into(),
        Text::Paused => "Mitteilungen pausiert".into(),
        Text::MoreEntries(1) => "Und 1 weitere…".into(),
        Text::MoreEntries(n) => format!("Und {n} weitere…"),
        Text::OpenEntente => "Entente öffnen".into(),
        Text::SyncNow => "Jetzt abgleichen".into(),
        Text::Pause => "Mitteilungen pausieren".into(),
        Text::ForAnHour => "Für 1 Stunde".into(),
        Text::UntilTomorrow => "Bis morgen".into(),
        Text::Resume => "Mitteilungen wieder zeigen".into(),
        Text::Quit => "Beenden".into(),
        Text::ApproveEntry { sender, guest } => format!("Genehmigen? {sender} mit {guest}"),
        Text::AcceptEntry { host } => format!("Annehmen? {host}"),
        Text::AccessEntry { member, account } => format!("Zugriff? {member} auf {account}"),
        Text::ProfileOffline { profile } => format!("{profile} (offline)"),
        Text::ProfileSignedOut { profile } => format!("{profile} (abgemeldet)"),

        Text::GoesOn => "Entente läuft im Tray weiter".into(),
        Text::GoesOnHow => {
            "Du erfährst, wenn jemand auf dich wartet. Beenden kannst du es im Menü des Trays.".into()
        }
        Text::NothingChanged => "Es wurde nichts geändert".into(),
        Text::Already { became, by } => already(became, by),
        Text::StandsNow { partner, state } => format!("{partner}: {}.", state_word(state)),
        Text::AccessDecided { accepted: true, member, account } => {
            format!("Zugriff gegeben: {member}, {account}.")
        }
        Text::AccessDecided { accepted: false, member, account } => {
            format!("Zugriff abgelehnt: {member}, {account}.")
        }
        Text::Settled { attempt, refused: None } => format!("{} wurde ausgeführt.", what(attempt)),
        Text::Settled { attempt, refused: Some(why) } => {
            format!("{} wurde nicht ausgeführt. {why}", what(attempt))
        }
        Text::OutcomesLost(1) => {
            "Was aus einer deiner letzten Entscheidungen wurde, ist nicht bekannt: Der Schlüssel, mit \
             dem sie aufgezeichnet war, ist verloren. Sieh sie dir noch einmal an."
                .into()
        }
        Text::OutcomesLost(n) => format!(
            "Was aus {n} deiner letzten Entscheidungen wurde, ist nicht bekannt: Der Schlüssel, mit \
             dem sie aufgezeichnet waren, ist verloren. Sieh sie dir noch einmal an."
        ),

        Text::KeyringLocked => {
            "Der Schlüsselbund ist gesperrt. Bis er entsperrt wird, werden Schlüssel und was du \
             gesehen hast nur behalten, bis Entente endet."
                .into()
        }
        Text::NoKeyring => {
            "Dieser Computer hat keinen Schlüsselbund, der benutzt werden kann, also werden Schlüssel \
             nur behalten, bis Entente endet. Installiere oder entsperre einen, zum Beispiel GNOME \
             Keyring oder KWallet. Ohne ihn wird auch nicht behalten, was du gesehen hast, es sei \
             denn, du lässt Entente es unverschlüsselt aufbewahren."
                .into()
        }
        Text::NoTray => {
            "Dieser Desktop zeigt keine Tray-Symbole. Mit dem Fenster endet auch Entente, außer wenn \
             es laut Einstellungen minimiert wird; nur solange es läuft, bekommst du Mitteilungen."
                .into()
        }
        Text::NoNotifications => {
            "Dieser Desktop zeigt keine Mitteilungen. Was auf dich wartet, steht im Eingang und im \
             Tray."
                .into()
        }
        Text::JournalRebuilt => {
            "Die Liste der Profile auf diesem Computer wurde neu begonnen: Die Datei, die da war, ist \
             beschädigt, oder ein neueres Entente hat sie gemacht. Sie liegt neben der neuen. Verbinde \
             dich neu."
                .into()
        }
        Text::CacheRebuilt => {
            "Was Entente von einem Workspace auf diesem Computer behalten hat, konnte nicht benutzt werden: \
             Es war beschädigt oder von einer anderen Version. Es wird wieder vom Server gelesen; nichts \
             ist verloren."
                .into()
        }
        Text::NothingKept { why } => {
            format!("{why} Bis dahin wird, was du siehst, nur behalten, bis Entente endet.")
        }

        Text::BackToEntente => {
            "Du kannst diesen Tab schließen und zu Entente zurückkehren.".into()
        }
        Text::NotSignedIn => {
            "Du wurdest nicht angemeldet. Schließe diesen Tab und versuche es in Entente noch einmal."
                .into()
        }
    }
}

fn somebody(by: Option<&str>) -> &str {
    by.unwrap_or("Ein Admin")
}

const fn as_role(role: AccountRole) -> &'static str {
    match role {
        AccountRole::Collaborator => "Kontomitarbeiter",
        AccountRole::Manager => "Kontomanager",
        AccountRole::Owner => "Kontoinhaber",
    }
}

const fn state_word(state: StateName) -> &'static str {
    match state {
        StateName::AwaitingApproval => "Wartet auf Admin-Entscheidung",
        StateName::AwaitingAcceptance => "Wartet auf Annahme durch den Partner",
        StateName::Active => "Aktiv",
        StateName::DeclinedByHost => "Vom Admin abgelehnt",
        StateName::DeclinedByGuest => "Vom Partner abgelehnt",
        StateName::Withdrawn => "Zurückgezogen",
        StateName::Expired => "Abgelaufen",
        StateName::Removed => "Entfernt",
    }
}

fn already(became: Became, by: Option<&str>) -> String {
    let became = match became {
        Became::Approved => "genehmigt",
        Became::Accepted => "angenommen",
        Became::Declined => "abgelehnt",
        Became::Withdrawn => "zurückgezogen",
        Became::Removed => "entfernt",
        Became::Closed => "geschlossen",
        Became::Changed => "geändert",
        Became::Expired => return "Die Anfrage ist abgelaufen. Es wurde nichts geändert.".into(),
    };
    let by = by.unwrap_or("dem Server");
    format!("Die Anfrage wurde schon von {by} {became}. Es wurde nichts geändert.")
}

/// As the subject of a sentence, in the singular.
fn what(attempt: Attempt<'_>) -> String {
    match attempt {
        Attempt::Request { address } => format!("Deine Anfrage an {address}"),
        Attempt::Action { action, partner } => {
            let action = match action {
                Action::Approve => "Deine Genehmigung der Partnerschaft mit",
                Action::Decline => "Deine Ablehnung der Partnerschaft mit",
                Action::Accept => "Deine Annahme der Partnerschaft mit",
                Action::Withdraw => "Das Zurückziehen der Anfrage an",
                Action::Remind => "Deine Erinnerung an",
                Action::Resend => "Das erneute Senden der Anfrage an",
                Action::Remove => "Das Entfernen der Partnerschaft mit",
            };
            format!("{action} {partner}")
        }
        Attempt::Unknown => "Deine letzte Entscheidung".into(),
        Attempt::Deed(deed) => match deed {
            Deed::Share => "Das Teilen von Konten",
            Deed::Unshare => "Das Entfernen eines Kontos aus der Partnerschaft",
            Deed::RemoveMember | Deed::RemoveAccess => "Das Entfernen eines Zugriffs",
            Deed::NameOwner => "Das Benennen eines Inhabers der Partnerschaft",
            Deed::DismissOwner => "Das Entlassen eines Inhabers der Partnerschaft",
            Deed::AddUser => "Das Geben von Zugriff auf ein Konto",
            Deed::ChangeRole => "Das Ändern einer Rolle",
            Deed::AskAccess => "Deine Zugriffsanfrage",
            Deed::AcceptAccess => "Deine Annahme einer Zugriffsanfrage",
            Deed::DeclineAccess => "Deine Ablehnung einer Zugriffsanfrage",
            Deed::RemoveUser => "Das Entfernen eines Mitglieds aus dem Workspace",
        }
        .into(),
    }
}
