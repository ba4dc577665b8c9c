//! What must hold of a member, as SQL that means the same on every engine.
//!
//! Every test is true or false, never NULL, so that `NOT` is the opposite. Texts are compared by
//! their characters' numbers; where case does not count, A to Z and a to z are the same.

use entente_domain::Timestamp;

use crate::{Engine, people, sql::Statement};

/// Tests, put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<T> {
    /// All of these hold.
    All(Vec<Self>),
    /// At least one of these holds.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// The test holds.
    Is(T),
}

/// What can be tested of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserTest {
    /// Holds of everybody, or of nobody.
    Always(bool),
    /// A text.
    Text(UserText, TextTest),
    /// A moment.
    Moment(UserMoment, Order, Timestamp),
    /// Whether they can act.
    Active(bool),
    /// One of their mail addresses.
    Email(Condition<EmailTest>),
}

/// What can be tested of a mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailTest {
    /// Holds of every address, or of none.
    Always(bool),
    /// A text.
    Text(EmailText, TextTest),
    /// Whether it is the first one to use; what is not told is not.
    Primary(bool),
    /// Whether that was told.
    PrimaryTold,
}

/// How a text is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextTest {
    /// There is one.
    Present,
    /// It is this.
    Equal(String),
    /// It holds this.
    Contains(String),
    /// It starts with this.
    StartsWith(String),
    /// It ends with this.
    EndsWith(String),
    /// It comes before or after this.
    Compared(Order, String),
}

/// How two values stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The same.
    Equal,
    /// Less.
    Below,
    /// Less, or the same.
    AtMost,
    /// More.
    Above,
    /// More, or the same.
    AtLeast,
}

impl Order {
    const fn as_sql(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::Below => " < ",
            Self::AtMost => " <= ",
            Self::Above => " > ",
            Self::AtLeast => " >= ",
        }
    }
}

/// A text of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserText {
    /// Their id.
    Id,
    /// Their version, as an ETag.
    Version,
    /// The address that they are known by.
    UserName,
    /// What the identity provider calls them.
    ExternalId,
    /// The name to show.
    DisplayName,
    /// The full name.
    FormattedName,
    /// The given name.
    GivenName,
    /// The family name.
    FamilyName,
    /// The role, where it was told or is not the ordinary one.
    Role,
}

/// A moment of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserMoment {
    /// When they were added.
    Created,
    /// When they last changed.
    LastModified,
}

/// A text of a mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailText {
    /// The address.
    Value,
    /// What it is for.
    Type,
    /// Its label.
    Display,
}

/// The text with A to Z in lower case.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// The same in SQL. PostgreSQL would fold more than A to Z under most collations.
fn folded(engine: Engine, text: &str) -> String {
    match engine {
        Engine::Sqlite => format!("lower({text})"),
        Engine::Postgres => format!("lower({text} COLLATE \"C\")"),
    }
}

/// A text that is put in order by its characters' numbers, as SQLite does unasked.
pub(super) fn ordered(engine: Engine, text: &str) -> String {
    match engine {
        Engine::Sqlite => text.to_owned(),
        Engine::Postgres => format!("{text} COLLATE \"C\""),
    }
}

impl UserText {
    /// Whether case counts.
    const fn is_exact(self) -> bool {
        match self {
            Self::Id | Self::Version | Self::ExternalId => true,
            Self::UserName
            | Self::DisplayName
            | Self::FormattedName
            | Self::GivenName
            | Self::FamilyName
            | Self::Role => false,
        }
    }

    /// The text as `users u LEFT JOIN scim_users s` have it, folded where case does not count.
    pub(super) fn as_sql(self, engine: Engine) -> String {
        match self {
            Self::Id => "u.id".into(),
            Self::Version => "('W/\"' || CAST(u.version AS TEXT) || '\"')".into(),
            Self::UserName => folded(engine, "u.email"),
            Self::ExternalId => "s.external_id".into(),
            Self::DisplayName => {
                folded(engine, "CASE WHEN s.user_id IS NULL THEN u.name ELSE s.display_name END")
            }
            Self::FormattedName => folded(engine, "s.formatted_name"),
            Self::GivenName => folded(engine, "s.given_name"),
            Self::FamilyName => folded(engine, "s.family_name"),
            // The words of roles are in lower case, after `workspace_`.
            Self::Role => "CASE WHEN s.role_told = 1 OR u.role <> 'workspace_user' \
                           THEN substr(u.role, 11) END"
                .into(),
        }
    }
}

impl UserMoment {
    pub(super) const fn as_sql(self) -> &'static str {
        match self {
            Self::Created => "u.created_at",
            Self::LastModified => "u.updated_at",
        }
    }
}

/// 1 for members who can act.
pub(super) const ACTIVE: &str = "CASE WHEN u.status = 'disabled' THEN 0 ELSE 1 END";

/// Where mail addresses are read: as they were told, or the one that a member without a profile has.
#[derive(Clone, Copy)]
enum Addresses {
    Told,
    Own,
}

impl Addresses {
    fn text(self, engine: Engine, text: EmailText) -> String {
        let column = match (self, text) {
            (Self::Told, EmailText::Value) => "e.value",
            (Self::Told, EmailText::Type) => "e.type",
            (Self::Told, EmailText::Display) => "e.display",
            (Self::Own, EmailText::Value) => "u.email",
            (Self::Own, EmailText::Type) => "'work'",
            (Self::Own, EmailText::Display) => "CAST(NULL AS TEXT)",
        };
        folded(engine, column)
    }

    const fn primary(self) -> &'static str {
        match self {
            Self::Told => "e.is_primary",
            Self::Own => "1",
        }
    }
}

/// The address to sort a member by: the first one to use.
pub(super) fn main_address(engine: Engine) -> String {
    let told = folded(engine, "e.value");
    let own = folded(engine, "u.email");
    format!(
        "CASE WHEN s.user_id IS NULL THEN {own} ELSE (SELECT {told} FROM scim_emails e \
         WHERE e.user_id = u.id ORDER BY COALESCE(e.is_primary, 0) DESC, e.position LIMIT 1) END"
    )
}

impl<T> Condition<T> {
    fn push(&self, query: &mut Statement, push_test: &impl Fn(&mut Statement, &T)) {
        match self {
            Self::All(parts) => Self::push_all(parts, query, " AND ", "1 = 1", push_test),
            Self::Any(parts) => Self::push_all(parts, query, " OR ", "1 = 0", push_test),
            Self::Not(inner) => {
                query.push("NOT (");
                inner.push(query, push_test);
                query.push(")");
            }
            Self::Is(test) => push_test(query, test),
        }
    }

    fn push_all(
        parts: &[Self],
        query: &mut Statement,
        between: &str,
        none: &str,
        push_test: &impl Fn(&mut Statement, &T),
    ) {
        if parts.is_empty() {
            query.push(none);
            return;
        }
        query.push("(");
        for (position, part) in parts.iter().enumerate() {
            if position > 0 {
                query.push(between);
            }
            part.push(query, push_test);
        }
        query.push(")");
    }
}

impl Condition<UserTest> {
    /// Adds the condition on `users u LEFT JOIN scim_users s`.
    pub(super) fn push_sql(&self, engine: Engine, query: &mut Statement) {
        self.push(query, &|query, test| match test {
            UserTest::Always(holds) => push_always(query, *holds),
            UserTest::Text(text, test) => {
                // What is the same here is the same as Unicode folds it, and that has an index.
                if let (UserText::UserName, TextTest::Equal(address)) = (text, test) {
                    query.push("u.folded_email = ").push_bind(people::folded(address));
                    query.push(" AND ");
                }
                push_text(query, engine, &text.as_sql(engine), text.is_exact(), test);
            }
            UserTest::Moment(moment, order, at) => {
                query.push(moment.as_sql()).push(order.as_sql()).push_bind(at.unix_millis());
            }
            UserTest::Active(active) => {
                query.push(if *active {
                    "u.status <> 'disabled'"
                } else {
                    "u.status = 'disabled'"
                });
            }
            UserTest::Email(condition) => {
                query.push("(EXISTS (SELECT 1 FROM scim_emails e WHERE e.user_id = u.id AND ");
                condition.push_sql(engine, Addresses::Told, query);
                query.push(") OR (s.user_id IS NULL AND ");
                condition.push_sql(engine, Addresses::Own, query);
                query.push("))");
            }
        });
    }
}

impl Condition<EmailTest> {
    fn push_sql(&self, engine: Engine, addresses: Addresses, query: &mut Statement) {
        self.push(query, &|query, test| match test {
            EmailTest::Always(holds) => push_always(query, *holds),
            EmailTest::Text(text, test) => {
                push_text(query, engine, &addresses.text(engine, *text), false, test);
            }
            EmailTest::Primary(primary) => {
                query.push("COALESCE(").push(addresses.primary()).push(", 0) = ");
                query.push(i64::from(*primary));
            }
            EmailTest::PrimaryTold => {
                query.push(addresses.primary()).push(" IS NOT NULL");
            }
        });
    }
}

fn push_always(query: &mut Statement, holds: bool) {
    query.push(if holds { "1 = 1" } else { "1 = 0" });
}

fn push_text(query: &mut Statement, engine: Engine, text: &str, exact: bool, test: &TextTest) {
    let told = |told: &str| if exact { told.to_owned() } else { fold(told) };
    query.push("(").push(text).push(" IS NOT NULL");
    match test {
        TextTest::Present => {}
        TextTest::Equal(other) => {
            query.push(" AND ").push(text).push(" = ").push_bind(told(other));
        }
        // Every text holds no text.
        TextTest::Contains(part) if part.is_empty() => {}
        TextTest::Contains(part) => {
            query.push(" AND replace(").push(text).push(", ").push_bind(told(part));
            query.push(", '') <> ").push(text);
        }
        TextTest::StartsWith(part) => {
            let length = part.chars().count();
            query.push(" AND substr(").push(text).push(format!(", 1, {length}) = "));
            query.push_bind(told(part));
        }
        TextTest::EndsWith(part) => {
            let length = part.chars().count();
            query.push(" AND length(").push(text).push(format!(") >= {length} AND substr("));
            query.push(text).push(", length(").push(text).push(format!(") - {length} + 1) = "));
            query.push_bind(told(part));
        }
        TextTest::Compared(order, other) => {
            query.push(" AND ").push(ordered(engine, text)).push(order.as_sql());
            query.push_bind(told(other));
        }
    }
    query.push(")");
}
