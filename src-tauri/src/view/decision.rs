use entente_cache::{KnownPartner, MeRecord, MemberRecord, PartnershipRecord};
use entente_domain::{Side, StateName};
use serde::Serialize;
use specta::Type;

use crate::look_alike::{Known, Resemblance, domain_of, is_public, resemblances};

/// What an admin needs to decide well, beside the request itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DecisionCard {
    /// Since when the sender is in this workspace; none if they are of another one.
    pub sender_since: Option<String>,
    /// The sender's role in this workspace, in the API's word.
    pub sender_role: Option<String>,
    /// Of how many other partnerships here they are the sender.
    pub sender_requests: u32,
    /// What came before with this workspace ID.
    pub before: Before,
    /// The mail domain that is looked at.
    pub domain: Option<String>,
    /// Whether anybody can have an address there.
    pub domain_is_public: bool,
    /// The other workspaces whose address has this domain.
    pub domain_known_from: Vec<String>,
    /// What passes itself off as something known.
    pub resemblances: Vec<Resemblance>,
}

/// What came before with a workspace ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// It was never seen here.
    Never,
    /// It was asked, and it came to nothing.
    Asked,
    /// It was a partner.
    Partner,
}

/// The card for a request, from what else is known.
pub fn decision_card(
    record: &PartnershipRecord,
    me: Option<&MeRecord>,
    sender: Option<&MemberRecord>,
    others: &[KnownPartner],
) -> DecisionCard {
    let partner = record.partner();
    // The address that speaks for the other side: whom the host names, or who asks the guest.
    let email = match record.side {
        Side::Host => &record.partner_email,
        Side::Guest => &record.requested_by.email,
    };
    let domain = domain_of(email);
    let (same, others): (Vec<_>, Vec<_>) = others
        .iter()
        .filter(|other| other.id != record.id)
        .partition(|other| other.partner == partner.id);
    let was_partner =
        |other: &&KnownPartner| matches!(other.state, StateName::Active | StateName::Removed);
    let before = match (same.is_empty(), same.iter().any(was_partner)) {
        (true, _) => Before::Never,
        (false, false) => Before::Asked,
        (false, true) => Before::Partner,
    };
    let mut known: Vec<Known> = others
        .iter()
        .map(|other| Known { name: other.name.clone(), domain: domain_of(&other.email) })
        .collect();
    // Whoever asks in the name of the own workspace is the oldest trick.
    known.extend(
        me.map(|me| Known { name: me.workspace.name.clone(), domain: domain_of(&me.user.email) }),
    );
    let mut known_from: Vec<String> = known
        .iter()
        .filter(|other| domain.is_some() && other.domain == domain)
        .map(|other| other.name.clone())
        .collect();
    known_from.sort();
    known_from.dedup();
    let sent = |other: &&KnownPartner| other.sender == record.requested_by.id;
    DecisionCard {
        sender_since: sender.map(|sender| sender.created_at.to_string()),
        sender_role: sender.map(|sender| sender.role.to_string()),
        sender_requests: u32::try_from(
            same.iter().copied().filter(sent).count() + others.iter().copied().filter(sent).count(),
        )
        .unwrap_or(u32::MAX),
        before,
        domain_is_public: domain.as_deref().is_some_and(is_public),
        resemblances: resemblances(&partner.name, domain.as_deref(), &known),
        domain_known_from: known_from,
        domain,
    }
}

#[cfg(test)]
mod tests {
    use entente_cache::{PersonRecord, WorkspaceRecord};
    use entente_domain::{
        PartnershipId, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceRole,
    };

    use super::*;
    use crate::look_alike::Likeness;

    const IDS: [&str; 4] = [
        "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d41",
        "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d42",
        "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d43",
        "0198c5a2-7f3e-7c41-9d52-0f6a1b2c3d44",
    ];

    fn id<T: std::str::FromStr>(number: usize) -> T {
        IDS[number].parse().unwrap_or_else(|_| panic!("an id"))
    }

    fn at() -> Timestamp {
        Timestamp::from_unix_millis(1_790_000_000_000).expect("a time")
    }

    fn request(email: &str, guest: &str) -> PartnershipRecord {
        let workspace = |number, name: &str| WorkspaceRecord { id: id(number), name: name.into() };
        PartnershipRecord {
            id: id(0),
            version: 1,
            side: Side::Host,
            state: StateName::AwaitingApproval,
            host: workspace(0, "Lumen Robotics"),
            guest: workspace(1, guest),
            partner_email: email.into(),
            reason: None,
            requested_by: PersonRecord {
                id: id(0),
                name: "Uma Castillo".into(),
                email: "uma@lumen.example".into(),
            },
            owners: Vec::new(),
            approved_automatically: false,
            created_at: at(),
            updated_at: at(),
            awaiting_since: None,
            expires_at: None,
            reminders_sent: 0,
            last_reminder_at: None,
            next_reminder_at: None,
            predecessor: None,
            history: Vec::new(),
            allowed_actions: Vec::new(),
        }
    }

    fn known(number: usize, partner: usize, email: &str, state: StateName) -> KnownPartner {
        KnownPartner {
            id: id::<PartnershipId>(number),
            partner: id::<WorkspaceId>(partner),
            name: "Fjord Studio".into(),
            email: email.into(),
            state,
            sender: id::<UserId>(0),
        }
    }

    fn me() -> MeRecord {
        let request = request("", "");
        MeRecord {
            user: request.requested_by,
            workspace: request.host,
            role: "workspace_admin".into(),
            may_send_requests: true,
            request_needs_reason: false,
        }
    }

    #[test]
    fn a_workspace_was_never_seen_or_asked_or_a_partner() {
        let own = known(0, 1, "ines@brightside.example", StateName::AwaitingApproval);
        for (others, before) in [
            (vec![], Before::Never),
            (vec![known(1, 2, "x@fjord.example", StateName::Active)], Before::Never),
            (vec![known(1, 1, "x@b.example", StateName::DeclinedByGuest)], Before::Asked),
            (vec![known(1, 1, "x@b.example", StateName::Removed)], Before::Partner),
        ] {
            let others = [others, vec![own.clone()]].concat();
            let card =
                decision_card(&request("i@brightside.example", "Brightside"), None, None, &others);
            assert_eq!(card.before, before, "{others:?}");
        }
    }

    #[test]
    fn the_sender_is_told_with_what_they_sent_before() {
        let sender = MemberRecord {
            id: id(0),
            version: 1,
            name: "Uma Castillo".into(),
            email: "uma@lumen.example".into(),
            role: WorkspaceRole::User,
            status: UserStatus::Live,
            created_at: at(),
            allowed_actions: Vec::new(),
        };
        let others =
            [known(1, 1, "a@b.example", StateName::Active), known(2, 2, "", StateName::Active)];
        let card = decision_card(&request("i@b.example", "B"), None, Some(&sender), &others);
        assert_eq!(card.sender_requests, 2);
        assert_eq!(card.sender_role.as_deref(), Some("workspace_user"));
        assert_eq!(card.sender_since, Some(at().to_string()));
    }

    #[test]
    fn a_domain_is_new_or_known_or_looks_like_a_known_one_or_the_own_one() {
        let others = [known(1, 2, "x@fjord.example", StateName::Active)];
        let card = |email| decision_card(&request(email, "Northwind"), Some(&me()), None, &others);
        let same = card("ana@fjord.example");
        assert_eq!(same.domain_known_from, ["Fjord Studio"]);
        assert_eq!(same.resemblances, []);
        let likeness = |email| card(email).resemblances.first().map(|one| one.likeness);
        assert_eq!(likeness("ana@fjrod.example"), Some(Likeness::OneLetter));
        assert_eq!(likeness("ana@1umen.example"), Some(Likeness::SameLook));
        assert_eq!(likeness("ana@northwind.example"), None);
        assert!(card("ana@gmail.com").domain_is_public);
        assert_eq!(card("nonsense").domain, None);
    }

    #[test]
    fn what_is_asked_of_the_guest_is_judged_by_who_asks() {
        let mut asked = request("marit@fjord.example", "Fjord Studio");
        asked.side = Side::Guest;
        let card = decision_card(&asked, None, None, &[]);
        assert_eq!(card.domain.as_deref(), Some("lumen.example"));
    }
}
