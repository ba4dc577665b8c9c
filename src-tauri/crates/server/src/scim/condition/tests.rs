//! The database finds whom a filter means: held against the same filter on each member in memory.

use entente_domain::{SendPolicy, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceRole};
use entente_store::{
    Profile, ScimEmail, ScimSort, ScimUser, Store, UserRow, WorkspaceRow, count_scim_users,
    insert_user, insert_workspace, list_scim_users, save_profile,
};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{TestCaseError, TestRunner},
};
use uuid::Uuid;

use super::{
    super::{
        filter::{Filter, Operator, Value, parse, parse_path},
        matching::holds,
        resource::{document, mark_role},
    },
    *,
};

const BASE: &str = "https://entente.example/scim/v2";

/// Texts that are easily taken for each other.
const TEXTS: &[&str] = &[
    "a", "A", "ab", "Ab", "aB", "b", "B", "é", "É", "aé", "ß", "SS", "%", "_", "a%", "a_b", "'",
    "\\", "!", " ", "a b", "_b", "z", "Z", "0", "😀", "a😀",
];

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS).prop_map(str::to_owned)
}

fn some_text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

fn email() -> impl Strategy<Value = ScimEmail> {
    (text(), some_text(), some_text(), any::<Option<bool>>())
        .prop_map(|(value, kind, display, primary)| ScimEmail { value, kind, display, primary })
}

fn profile() -> impl Strategy<Value = Profile> {
    let names = (some_text(), some_text(), some_text(), some_text(), some_text());
    let emails = prop::collection::vec(email(), 0..3);
    (names, emails, any::<bool>(), prop::bool::weighted(0.1)).prop_map(
        |((external, display, formatted, given, family), emails, role_told, deleted)| Profile {
            external_id: external,
            display_name: display,
            formatted_name: formatted,
            given_name: given,
            family_name: family,
            emails,
            role_told,
            deleted,
        },
    )
}

/// Somebody, and what was told of them, if anything was.
fn member() -> impl Strategy<Value = (UserRow, Option<Profile>)> {
    let status = prop::sample::select(UserStatus::ALL);
    let role = prop::sample::select(WorkspaceRole::ALL);
    (text(), text(), status, role, 0..4_i64, prop::option::weighted(0.8, profile())).prop_map(
        |(address, name, status, role, at, profile)| {
            let at = Timestamp::from_unix_millis(1_700_000_000_000 + at).expect("a moment");
            let user = UserRow {
                id: UserId::new(Uuid::now_v7()),
                workspace: WorkspaceId::new(Uuid::nil()),
                email: address,
                name,
                role,
                status,
                created_at: at,
                updated_at: at,
                view_number: 0,
                version: at.unix_millis() % 4,
            };
            (user, profile)
        },
    )
}

/// The attributes that a filter can ask for.
const PATHS: &[&str] = &[
    "id",
    "externalId",
    "userName",
    "USERNAME",
    "displayName",
    "name",
    "name.formatted",
    "name.givenName",
    "urn:ietf:params:scim:schemas:core:2.0:User:name.familyName",
    "emails",
    "emails.value",
    "emails.type",
    "emails.display",
    "emails.primary",
    "active",
    "roles",
    "roles.value",
    "roles.primary",
    "schemas",
    "meta",
    "meta.resourceType",
    "meta.created",
    "meta.lastModified",
    "meta.version",
];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => text().prop_map(Value::Text),
        1 => Just(Value::Text(String::new())),
        2 => any::<bool>().prop_map(Value::Flag),
        1 => Just(Value::Text("TRUE".into())),
        1 => Just(Value::Null),
        2 => (0..4_i64).prop_map(|at| {
            let at = Timestamp::from_unix_millis(1_700_000_000_000 + at).expect("a moment");
            Value::Text(at.to_string())
        }),
        2 => prop::sample::select(&["user", "admin", "Owner", "User", "W/\"2\""][..])
            .prop_map(|text| Value::Text(text.into())),
    ]
}

fn test_of(
    paths: &'static [&'static str],
    within: Vec<&'static [Attribute]>,
) -> impl Strategy<Value = Filter> + Clone {
    let operator = prop::option::of(prop::sample::select(Operator::ALL));
    let any =
        (prop::sample::select(paths), operator, value()).prop_map(|(path, operator, value)| {
            let path = parse_path(path).expect("a path").path;
            match operator {
                Some(operator) => Filter::Compare(path, operator, value),
                None => Filter::Present(path),
            }
        });
    // What is not compared so is refused, here and there.
    any.prop_filter("a comparison that there is", move |filter| match filter {
        Filter::Compare(path, operator, value) => {
            let named = Named::find(&within, path).expect("an attribute");
            Comparison::of(named.compared(), *operator, value).is_ok()
        }
        _ => true,
    })
    .boxed()
}

const IN_EMAILS: &[&str] = &["value", "type", "display", "primary"];
const IN_ROLES: &[&str] = &["value", "primary"];
const IN_NAME: &[&str] = &["formatted", "familyName", "givenName"];

fn joined(part: impl Strategy<Value = Filter> + Clone) -> impl Strategy<Value = Filter> {
    let parts = prop::collection::vec(part.clone(), 2..4);
    prop_oneof![
        part.prop_map(|inner| Filter::Not(Box::new(inner))),
        parts.clone().prop_map(Filter::And),
        parts.prop_map(Filter::Or),
    ]
}

fn values() -> impl Strategy<Value = Filter> {
    let of = |name: &'static str, paths| {
        let path = parse_path(name).expect("a path").path;
        let named = Named::find(&[MEMBER], &path).expect("an attribute");
        test_of(paths, vec![named.attribute.subs()])
            .prop_recursive(2, 6, 3, joined)
            .prop_map(move |inner| Filter::Values(path.clone(), Box::new(inner)))
    };
    prop_oneof![3 => of("emails", IN_EMAILS), 1 => of("roles", IN_ROLES), 1 => of("name", IN_NAME)]
}

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![4 => test_of(PATHS, vec![COMMON, MEMBER]), 1 => values()]
        .prop_recursive(3, 12, 3, joined)
}

struct Population {
    store: Store,
    workspace: WorkspaceId,
    members: Vec<ScimUser>,
}

impl Population {
    async fn new(url: &str, runner: &mut TestRunner) -> Self {
        let store = Store::open(url).await.expect("a store");
        let workspace = WorkspaceId::new(Uuid::now_v7());
        let at = Timestamp::from_unix_millis(0).expect("a moment");
        let mut write = store.write().await.expect("a transaction");
        // Somebody in another workspace is never found.
        for id in [workspace, WorkspaceId::new(Uuid::now_v7())] {
            let row = WorkspaceRow {
                id,
                name: "Globex".into(),
                slug: id.to_string(),
                send_policy: SendPolicy::AnyRole,
                managed: true,
            };
            insert_workspace(write.connection(), &row, at).await.expect("inserted");
            let people = prop::collection::vec(member(), 40).new_tree(runner).expect("people");
            let mut known: Vec<String> = Vec::new();
            for (user, profile) in people.current() {
                if known.contains(&user.email) {
                    continue;
                }
                known.push(user.email.clone());
                let user = UserRow { workspace: id, ..user };
                insert_user(write.connection(), &user).await.expect("inserted");
                if let Some(profile) = profile {
                    save_profile(write.connection(), user.id, &profile).await.expect("saved");
                }
            }
        }
        write.commit().await.expect("committed");
        let mut read = store.read().await.expect("a connection");
        let all = list_scim_users(&mut read, workspace, None, None, 0, 1_000).await;
        let members = all.expect("members");
        drop(read);
        assert!(members.len() > 10 && members.iter().all(|member| !member.profile.deleted));
        Self { store, workspace, members }
    }

    async fn check(&self, filter: &Filter) -> Result<(), TestCaseError> {
        let mut expected = Vec::new();
        for member in &self.members {
            let mut resource = document(member, BASE);
            mark_role(&mut resource);
            let found = holds(filter, &[COMMON, MEMBER], &resource);
            if found.map_err(|why| TestCaseError::fail(format!("{why:?}")))? {
                expected.push(member.user.id);
            }
        }
        // As a client sends it.
        let read = parse(&filter.to_string()).expect("it reads");
        let condition = condition(&read).expect("a condition");
        let connection = &mut *self.store.read().await.expect("a connection");
        let some = Some(&condition);
        let found = list_scim_users(connection, self.workspace, some, None, 0, 1_000).await;
        let found: Vec<UserId> =
            found.expect("members").iter().map(|member| member.user.id).collect();
        prop_assert_eq!(&found, &expected, "{}", filter);
        let count = count_scim_users(connection, self.workspace, some).await.expect("a count");
        prop_assert_eq!(count, u64::try_from(expected.len()).expect("a number"));
        Ok(())
    }

    /// Every order holds all members, each once, and those without a value at the right end.
    async fn check_order(&self) {
        let connection = &mut *self.store.read().await.expect("a connection");
        for name in PATHS {
            let path = parse_path(name).expect("a path").path;
            let Ok(key) = sort_key(&path) else { continue };
            let mut orders = Vec::new();
            for descending in [false, true] {
                let sort = Some(ScimSort { key, descending });
                let found = list_scim_users(connection, self.workspace, None, sort, 0, 1_000).await;
                let found = found.expect("members");
                assert_eq!(found.len(), self.members.len(), "{name}");
                let named = Named::find(&[COMMON, MEMBER], &path).expect("an attribute");
                orders
                    .push(found.iter().map(|member| sorted_by(member, named)).collect::<Vec<_>>());
            }
            let is_in_order = |order: &[Option<String>]| {
                order.windows(2).all(|pair| match pair {
                    [Some(one), Some(next)] => one <= next,
                    [None, Some(_)] => false,
                    _ => true,
                })
            };
            assert!(is_in_order(&orders[0]), "{name}: {:?}", orders[0]);
            orders[1].reverse();
            assert!(is_in_order(&orders[1]), "{name}: {:?}", orders[1]);
        }
    }
}

fn sorted_by(member: &ScimUser, named: Named) -> Option<String> {
    let document = document(member, BASE);
    let value = document.get(named.attribute.name);
    let value = match value {
        Some(serde_json::Value::Array(elements)) => elements
            .iter()
            .find(|element| element["primary"] == true)
            .or_else(|| elements.first())
            .map(|element| &element["value"]),
        Some(serde_json::Value::Object(object)) => object.get(named.sub?.name),
        value => value,
    };
    let text = value.filter(|value| !value.is_null()).map(|value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    });
    text.map(|text| if named.compared().exact { text } else { entente_store::fold(&text) })
}

fn found_as_in_memory(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let config = ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() };
    let mut runner = TestRunner::new(config);
    let population = runtime.block_on(Population::new(url, &mut runner));
    let tried = runner.run(&filter(), |filter| runtime.block_on(population.check(&filter)));
    if let Err(error) = tried {
        panic!("{error}");
    }
    runtime.block_on(population.check_order());
    runtime.block_on(population.store.close());
}

#[test]
fn sqlite_finds_whom_a_filter_means() {
    let directory = tempfile::tempdir().expect("a directory");
    found_as_in_memory(&format!("sqlite://{}", directory.path().join("entente.db").display()));
}

#[test]
fn postgres_finds_whom_a_filter_means() {
    let database = entente_testkit::database().expect("a PostgreSQL");
    found_as_in_memory(&database.url());
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for text in [
        r#"nothing eq "a""#,
        r#"title eq "a""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:userName eq "a""#,
        "userName eq 1",
        "userName eq true",
        "userName gt null",
        r#"name eq "a""#,
        r#"name.middleName eq "a""#,
        r#"emails.nothing eq "a""#,
        r#"emails[nothing eq "a"]"#,
        r#"userName[value eq "a"]"#,
        r#"active eq "yes""#,
        "active gt true",
        r#"meta.created eq "yesterday""#,
        r#"meta.created co "2026-11-24T14:05:00Z""#,
        r#"meta.location eq "a""#,
        "meta.location pr",
    ] {
        let filter = parse(text).expect(text);
        assert!(condition(&filter).is_err(), "{text}");
    }
}
