use std::time::Duration;

use entente_domain::WorkspaceRole;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

/// A workspace and its people: name, address, role.
pub(super) struct SampleWorkspace {
    pub(super) name: &'static str,
    pub(super) people: &'static [(&'static str, &'static str, WorkspaceRole)],
}

pub(super) const HOST: SampleWorkspace = SampleWorkspace {
    name: "Lumen Robotics",
    people: &[
        ("Olivia Okafor", "olivia@lumen.example", WorkspaceRole::Owner),
        ("Adam Berg", "adam@lumen.example", WorkspaceRole::Admin),
        ("Uma Castillo", "uma@lumen.example", WorkspaceRole::User),
        ("Leo Lindqvist", "leo@lumen.example", WorkspaceRole::LoginOnly),
    ],
};

pub(super) const GUESTS: [SampleWorkspace; 3] = [
    SampleWorkspace {
        name: "Brightside Agency",
        people: &[
            ("Grace Adeyemi", "grace@brightside.example", WorkspaceRole::Admin),
            ("Hugo Martin", "hugo@brightside.example", WorkspaceRole::User),
        ],
    },
    SampleWorkspace {
        name: "Kestrel Legal",
        people: &[
            ("Ines Kowalska", "ines@kestrel.example", WorkspaceRole::Admin),
            ("Jonas Weber", "jonas@kestrel.example", WorkspaceRole::User),
        ],
    },
    SampleWorkspace {
        name: "Fjord Studio",
        people: &[
            ("Marit Solheim", "marit@fjord.example", WorkspaceRole::Admin),
            ("Nils Dahl", "nils@fjord.example", WorkspaceRole::User),
        ],
    },
];

/// Where a sample partnership ends up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    AwaitingApproval,
    AwaitingAcceptance,
    Active,
    DeclinedByHost,
    DeclinedByGuest,
    Withdrawn,
    Removed,
}

/// A sample partnership.
pub(super) struct Sample {
    pub(super) reason: &'static str,
    pub(super) outcome: Outcome,
    pub(super) age: Duration,
    contact: &'static str,
    domain: Option<&'static str>,
}

impl Sample {
    pub(super) fn email(&self, slug: &str) -> String {
        match self.domain {
            Some(domain) => format!("{}@{domain}", self.contact),
            None => format!("{}@{slug}.example", self.contact),
        }
    }
}

pub(super) const REQUESTS: &[Sample] = &[
    Sample {
        reason: "Brightside runs our spring campaign and needs the advertising accounts until May.",
        outcome: Outcome::AwaitingApproval,
        age: Duration::from_secs(2 * 60 * 60),
        contact: "grace",
        domain: Some("brightside.example"),
    },
    Sample {
        reason: "Kestrel reviews our contracts and files documents in the signing tool.",
        outcome: Outcome::AwaitingAcceptance,
        age: Duration::from_secs(26 * 60 * 60),
        contact: "ines",
        domain: Some("kestrel.example"),
    },
];

const FIRST: &[&str] = &[
    "Alder",
    "Amber",
    "Aster",
    "Birch",
    "Bluestone",
    "Cedar",
    "Clearwater",
    "Cobalt",
    "Copper",
    "Coral",
    "Crescent",
    "Dune",
    "Eastgate",
    "Ember",
    "Fern",
    "Foxglove",
    "Granite",
    "Harbor",
    "Hazel",
    "Indigo",
    "Ironbridge",
    "Ivory",
    "Juniper",
    "Larch",
    "Linden",
    "Maple",
    "Marble",
    "Meadow",
    "Mistral",
    "Northfield",
    "Oak",
    "Opal",
    "Orchard",
    "Pine",
    "Quartz",
    "Redwood",
    "River",
    "Rowan",
    "Saffron",
    "Silver",
    "Slate",
    "Spruce",
    "Summit",
    "Thistle",
    "Umber",
    "Vale",
    "Willow",
    "Yarrow",
    "Zephyr",
];
const SECOND: &[&str] = &[
    "Accounting",
    "Advisors",
    "Agency",
    "Analytics",
    "Architects",
    "Audio",
    "Catering",
    "Clinic",
    "Consulting",
    "Creative",
    "Design",
    "Digital",
    "Events",
    "Finance",
    "Films",
    "Health",
    "Insurance",
    "Interiors",
    "Labs",
    "Legal",
    "Logistics",
    "Marketing",
    "Media",
    "Mobility",
    "Partners",
    "Photography",
    "Press",
    "Property",
    "Recruiting",
    "Research",
    "Security",
    "Software",
    "Staffing",
    "Studio",
    "Systems",
    "Tax",
    "Translations",
    "Travel",
    "Ventures",
    "Works",
];
const REASONS: &[&str] = &[
    "They take over the newsletter and need the mailing tool.",
    "Quarterly audit: read access to the billing portals.",
    "They build our new shop and test it with our payment account.",
    "Cover for our social media team during the summer.",
    "They translate our help center and publish it themselves.",
    "Joint event in October: ticketing and video accounts.",
];
const CONTACTS: &[&str] = &["hello", "office", "anna", "ben", "chris", "dana", "eli", "team"];

/// Sample partnerships with names of their own, the same ones for the same seed.
pub(super) fn generated(seed: u64) -> impl Iterator<Item = (String, Sample)> {
    let mut rng = StdRng::seed_from_u64(seed);
    (1_u32..).map(move |number| {
        let first = FIRST.choose(&mut rng).copied().unwrap_or("Alder");
        let second = SECOND.choose(&mut rng).copied().unwrap_or("Agency");
        let outcome = match rng.random_range(0_u8..100) {
            0..5 => Outcome::AwaitingApproval,
            5..12 => Outcome::AwaitingAcceptance,
            12..76 => Outcome::Active,
            76..81 => Outcome::DeclinedByHost,
            81..86 => Outcome::DeclinedByGuest,
            86..92 => Outcome::Withdrawn,
            _ => Outcome::Removed,
        };
        // What waits is recent, so that it has not expired.
        let hours = match outcome {
            Outcome::AwaitingApproval | Outcome::AwaitingAcceptance => rng.random_range(1..240),
            Outcome::Active
            | Outcome::DeclinedByHost
            | Outcome::DeclinedByGuest
            | Outcome::Withdrawn
            | Outcome::Removed => rng.random_range(1..9_000),
        };
        let sample = Sample {
            reason: REASONS.choose(&mut rng).copied().unwrap_or("Shared work."),
            outcome,
            age: Duration::from_secs(hours * 3_600),
            contact: CONTACTS.choose(&mut rng).copied().unwrap_or("hello"),
            domain: None,
        };
        (format!("{first} {second} {number}"), sample)
    })
}
