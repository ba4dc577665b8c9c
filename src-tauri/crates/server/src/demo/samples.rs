//! The sample's texts.

use std::time::Duration;

use entente_domain::WorkspaceRole;

use super::history::Outcome;

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

/// The fourth is the one that accounts are shared with.
pub(super) const GUESTS: [SampleWorkspace; 4] = [
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
    SampleWorkspace {
        name: "Tidewater Media",
        people: &[
            ("Priya Nair", "priya@tidewater.example", WorkspaceRole::Admin),
            ("Tomas Novak", "tomas@tidewater.example", WorkspaceRole::User),
            ("Sofia Marin", "sofia@tidewater.example", WorkspaceRole::User),
            ("Kofi Mensah", "kofi@tidewater.example", WorkspaceRole::LoginOnly),
        ],
    },
];

/// A sample request of the host's user.
pub(super) struct SampleRequest {
    /// The first name of the guest’s Admin, whom the sender knows.
    pub(super) partner: &'static str,
    pub(super) reason: &'static str,
    pub(super) outcome: Outcome,
    pub(super) age: Duration,
    /// How long each one took to decide.
    pub(super) pace: Duration,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

pub(super) const REQUESTS: [SampleRequest; 3] = [
    SampleRequest {
        partner: "grace",
        reason: "Brightside runs our spring campaign and needs the advertising accounts until May.",
        outcome: Outcome::AwaitingApproval,
        age: HOUR.saturating_mul(2),
        pace: HOUR,
    },
    SampleRequest {
        partner: "ines",
        reason: "Kestrel reviews our contracts and files documents in the signing tool.",
        outcome: Outcome::AwaitingAcceptance,
        age: HOUR.saturating_mul(26),
        pace: HOUR,
    },
    SampleRequest {
        partner: "priya",
        reason: "Tidewater writes our newsletter, buys our ads and hosts our webinars.",
        outcome: Outcome::Active,
        age: HOUR.saturating_mul(24 * 118),
        pace: HOUR.saturating_mul(19),
    },
];

/// A login to an app: its Owner, the app, the label, where one logs in, the user name.
pub(super) const ACCOUNTS: &[[&str; 5]] = &[
    [
        "uma",
        "Mailchimp",
        "EMEA newsletter",
        "https://mail.example.com/login",
        "newsletter@lumen.example",
    ],
    ["uma", "Google Ads", "Spring campaign", "https://ads.example.com/login", "ads@lumen.example"],
    ["uma", "YouTube", "Product films", "https://video.example.com/login", "films@lumen.example"],
    ["uma", "Zoom", "Webinars", "https://meet.example.net/login", "webinars@lumen.example"],
    [
        "adam",
        "LinkedIn",
        "Company page",
        "https://network.example.net/login",
        "social@lumen.example",
    ],
    [
        "adam",
        "Shopify",
        "Spare parts shop",
        "https://shop.example.com/login",
        "parts@lumen.example",
    ],
    [
        "olivia",
        "DocuSign",
        "Supplier contracts",
        "https://sign.example.org/login",
        "legal@lumen.example",
    ],
    ["olivia", "Stripe", "Payments", "https://pay.example.org/login", "finance@lumen.example"],
];

pub(super) const FIRST: &[&str] = &[
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
pub(super) const SECOND: &[&str] = &[
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
pub(super) const GIVEN: &[&str] = &[
    "Aisha", "Ben", "Carla", "Dmitri", "Elena", "Farid", "Greta", "Hiro", "Isabel", "Jakob",
    "Kavya", "Lars", "Mina", "Noah", "Oksana", "Paul", "Quinn", "Rosa", "Samir", "Tess", "Umar",
    "Vera", "Wen", "Yusuf", "Zoe",
];
pub(super) const FAMILY: &[&str] = &[
    "Abbott",
    "Bauer",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Khan",
    "Lopez",
    "Moreau",
    "Nakamura",
    "Olsen",
    "Petrov",
    "Rossi",
    "Silva",
    "Tanaka",
    "Varga",
    "Walsh",
    "Yilmaz",
    "Zielinski",
];
pub(super) const REASONS: &[&str] = &[
    "They take over the newsletter and need the mailing tool.",
    "Quarterly audit: read access to the billing portals.",
    "They build our new shop and test it with our payment account.",
    "Cover for our social media team during the summer.",
    "They translate our help center and publish it themselves.",
    "Joint event in October: ticketing and video accounts.",
];
pub(super) const NOTES: &[&str] = &[
    "Please wait for the new contract.",
    "We work with somebody else for this.",
    "Ask again next quarter.",
];
