//! A member as SCIM tells of them, and what SCIM tells of a member.

use std::collections::BTreeSet;

use entente_domain::{
    AddressLabel, EmailAddress, ExternalId, PersonName, TextError, UserStatus, WorkspaceRole,
};
use entente_store::{Profile, ScimEmail, ScimUser};
use serde_json::{Map, Value as Json, json};

use super::{
    USER, USER_TYPE,
    comparison::flag_in,
    error::{ScimError, ScimResult, ScimType},
    filter::AttributePath,
    schema::{self, Attribute, COMMON, Kind, MEMBER},
};

/// The most mail addresses of one member.
const MOST_EMAILS: usize = 20;

/// The role of whom no other one was told.
pub(crate) const USUAL_ROLE: WorkspaceRole = WorkspaceRole::User;

/// Whether a member can act, as SCIM knows it.
pub(crate) fn is_active(member: &ScimUser) -> bool {
    member.user.status != UserStatus::Disabled
}

/// The weak ETag of a member.
pub(crate) fn etag(member: &ScimUser) -> String {
    format!("W/\"{}\"", member.user.version)
}

/// Where a member is.
pub(crate) fn location(base: &str, member: &ScimUser) -> String {
    format!("{base}/Users/{}", member.user.id)
}

/// The word that SCIM has for a role: `admin`.
pub(crate) fn role_word(role: WorkspaceRole) -> &'static str {
    role.as_str().strip_prefix("workspace_").unwrap_or(role.as_str())
}

/// The roles that can be told, up to the highest one.
pub(crate) fn roles_up_to(highest: WorkspaceRole) -> Vec<&'static str> {
    let most = highest.min(WorkspaceRole::Admin);
    WorkspaceRole::ALL.iter().filter(|role| **role <= most).map(|role| role_word(*role)).collect()
}

/// A member with all attributes.
pub(crate) fn document(member: &ScimUser, base: &str) -> Map<String, Json> {
    let ScimUser { user, profile } = member;
    let mut document = Map::new();
    let mut add = |name: &str, value: Json| {
        if !value.is_null() {
            document.insert(name.into(), value);
        }
    };
    add("schemas", json!([USER]));
    add("id", json!(user.id));
    add("externalId", json!(profile.external_id));
    add("userName", json!(user.email));
    add(
        "name",
        object(&[
            ("formatted", json!(profile.formatted_name)),
            ("familyName", json!(profile.family_name)),
            ("givenName", json!(profile.given_name)),
        ]),
    );
    add("displayName", json!(profile.display_name));
    let email = |email: &ScimEmail| {
        object(&[
            ("value", json!(email.value)),
            ("display", json!(email.display)),
            ("type", json!(email.kind)),
            ("primary", json!(email.primary)),
        ])
    };
    let emails: Vec<Json> = profile.emails.iter().map(email).collect();
    add("emails", if emails.is_empty() { Json::Null } else { json!(emails) });
    add("active", json!(is_active(member)));
    if profile.role_told || user.role != USUAL_ROLE {
        add("roles", json!([{"value": role_word(user.role)}]));
    }
    add(
        "meta",
        json!({
            "resourceType": USER_TYPE,
            "created": user.created_at,
            "lastModified": user.updated_at,
            "location": location(base, member),
            "version": etag(member),
        }),
    );
    document
}

/// Says of the one role of a member that it is the one, for paths that ask for it.
pub(crate) fn mark_role(document: &mut Map<String, Json>) {
    let role = document.get_mut("roles").and_then(|roles| roles.get_mut(0));
    if let Some(role) = role.and_then(Json::as_object_mut) {
        role.insert("primary".into(), true.into());
    }
}

/// The members of an object that are something; null if none is.
fn object(members: &[(&str, Json)]) -> Json {
    let told = members.iter().filter(|(_, value)| !value.is_null());
    let told: Map<String, Json> =
        told.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    if told.is_empty() { Json::Null } else { told.into() }
}

/// Which attributes a caller asked for.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    only: Option<Vec<AttributePath>>,
    without: Vec<AttributePath>,
}

impl Projection {
    /// Reads lists of names, parted by commas. Names of nothing ask for nothing.
    pub(crate) fn read(only: Option<&str>, without: Option<&str>) -> ScimResult<Self> {
        let paths = |names: &str| {
            let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
            names
                .filter_map(|name| super::filter::parse_path(name).ok())
                .map(|path| path.path)
                .collect()
        };
        let only = only.filter(|names| !names.trim().is_empty());
        let without = without.filter(|names| !names.trim().is_empty());
        if only.is_some() && without.is_some() {
            return Err(ScimError::new(
                ScimType::InvalidValue,
                "Ask for attributes or excludedAttributes, not for both.",
            ));
        }
        Ok(Self { only: only.map(paths), without: without.map(paths).unwrap_or_default() })
    }

    /// The document with what was asked for, and what is told always.
    pub(crate) fn apply(&self, document: Map<String, Json>) -> Json {
        let mut told = Map::new();
        for (name, value) in document {
            let Some(attribute) =
                schema::find(COMMON, &name).or_else(|| schema::find(MEMBER, &name))
            else {
                continue;
            };
            if attribute.always {
                told.insert(name, value);
            } else if let Some(value) = self.part(attribute, value) {
                told.insert(name, value);
            }
        }
        told.into()
    }

    fn part(&self, attribute: &Attribute, value: Json) -> Option<Json> {
        let named = |paths: &[AttributePath]| {
            let about = paths.iter().filter(|path| {
                path.name.eq_ignore_ascii_case(attribute.name)
                    && path.schema.as_ref().is_none_or(|schema| schema.eq_ignore_ascii_case(USER))
            });
            about.map(|path| path.sub.clone()).collect::<Vec<Option<String>>>()
        };
        let in_it = |subs: &[Option<String>], name: &str| {
            subs.iter().flatten().any(|sub| sub.eq_ignore_ascii_case(name))
        };
        if let Some(only) = &self.only {
            let subs = named(only);
            return match subs.iter().any(Option::is_none) {
                true => Some(value),
                false if subs.is_empty() => None,
                false => keep(value, &|name| in_it(&subs, name)),
            };
        }
        let subs = named(&self.without);
        if subs.iter().any(Option::is_none) {
            return None;
        }
        if subs.is_empty() { Some(value) } else { keep(value, &|name| !in_it(&subs, name)) }
    }
}

/// The members of an object, or of each of several, that are kept.
fn keep(value: Json, kept: &impl Fn(&str) -> bool) -> Option<Json> {
    match value {
        Json::Object(members) => {
            let members: Map<String, Json> =
                members.into_iter().filter(|(name, _)| kept(name)).collect();
            (!members.is_empty()).then(|| members.into())
        }
        Json::Array(elements) => {
            let elements: Vec<Json> =
                elements.into_iter().filter_map(|element| keep(element, kept)).collect();
            (!elements.is_empty()).then(|| elements.into())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Some(value),
    }
}

/// The attributes of an object under the names of the schema. What is not known there is left out.
pub(crate) fn canonical(
    object: Map<String, Json>,
    attributes: &[&'static [Attribute]],
) -> Map<String, Json> {
    let mut known = Map::new();
    for (name, value) in object {
        let name = name.rsplit_once(':').map_or(name.as_str(), |(schema, name)| {
            if schema.eq_ignore_ascii_case(USER) { name } else { "" }
        });
        let found = attributes.iter().find_map(|some| schema::find(some, name));
        if let Some(attribute) = found {
            known.insert(attribute.name.into(), canonical_value(value, attribute));
        }
    }
    known
}

/// A value of an attribute, with the names of the schema in it. A single value of what there can be
/// several of is a list of one; a text stands for the `value` of such an element.
pub(crate) fn canonical_value(value: Json, attribute: &'static Attribute) -> Json {
    match value {
        Json::Array(elements) => {
            elements.into_iter().map(|element| one_value(element, attribute)).collect()
        }
        value if attribute.many && !value.is_null() => vec![one_value(value, attribute)].into(),
        value => one_value(value, attribute),
    }
}

fn one_value(value: Json, attribute: &'static Attribute) -> Json {
    match value {
        Json::Object(members) => canonical(members, &[attribute.subs()]).into(),
        Json::String(text) if attribute.many && matches!(attribute.kind, Kind::Complex(_)) => {
            json!({"value": text})
        }
        value => value,
    }
}

/// What was told of a member's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoleTold {
    /// Nothing: it stays as it is.
    Nothing,
    /// None: it is the usual one.
    None,
    /// This one.
    This(WorkspaceRole),
}

/// What was told of a member, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) user_name: EmailAddress,
    /// The name that others see, if any was told.
    pub(crate) name: Option<String>,
    pub(crate) active: Option<bool>,
    pub(crate) role: RoleTold,
    pub(crate) profile: Profile,
}

impl Told {
    /// Reads a resource whose names are those of the schema.
    pub(crate) fn read(resource: &Map<String, Json>) -> ScimResult<Self> {
        let user_name = text(resource, "userName", EmailAddress::parse)?;
        let user_name = user_name.ok_or_else(|| {
            invalid("userName is required: the mail address that the person is known by")
        })?;
        let empty = Map::new();
        let name = match resource.get("name") {
            None | Some(Json::Null) => &empty,
            Some(Json::Object(name)) => name,
            Some(_) => return Err(invalid("name must be an object")),
        };
        let person = |object, attribute| text(object, attribute, PersonName::parse);
        let formatted: Option<PersonName> = person(name, "formatted")?;
        let family = person(name, "familyName")?;
        let given = person(name, "givenName")?;
        let display = person(resource, "displayName")?;
        let (role, role_told) = match role(resource)? {
            RoleTold::This(role) => (RoleTold::This(role), true),
            other => (other, false),
        };
        let parts: Vec<&str> =
            [&given, &family].into_iter().flatten().map(PersonName::as_str).collect();
        let joined = PersonName::parse(&parts.join(" ")).ok();
        let seen = display.clone().or_else(|| formatted.clone()).or(joined);
        Ok(Self {
            user_name,
            name: seen.map(String::from),
            active: flag(resource, "active")?,
            role,
            profile: Profile {
                external_id: text(resource, "externalId", ExternalId::parse)?.map(String::from),
                display_name: display.map(String::from),
                formatted_name: formatted.map(String::from),
                given_name: given.map(String::from),
                family_name: family.map(String::from),
                emails: emails(resource)?,
                role_told,
                deleted: false,
            },
        })
    }
}

fn invalid(why: impl std::fmt::Display) -> ScimError {
    ScimError::new(ScimType::InvalidValue, format!("The value cannot be kept: {why}."))
}

/// A text in an object; no text and an empty one are none.
fn text<T>(
    object: &Map<String, Json>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, TextError>,
) -> ScimResult<Option<T>> {
    match object.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) => match parse(text) {
            Ok(text) => Ok(Some(text)),
            Err(TextError::Empty) => Ok(None),
            Err(why) => Err(invalid(format!("{name}: {why}"))),
        },
        Some(_) => Err(invalid(format!("{name} must be a text"))),
    }
}

/// A boolean in an object, also as the text that Entra ID sends.
fn flag(object: &Map<String, Json>, name: &str) -> ScimResult<Option<bool>> {
    let flag = match object.get(name) {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Bool(flag)) => Some(*flag),
        Some(Json::String(text)) => flag_in(text),
        Some(_) => None,
    };
    flag.map(Some).ok_or_else(|| invalid(format!("{name} must be true or false")))
}

/// The objects in an attribute of several.
fn objects<'a>(
    resource: &'a Map<String, Json>,
    name: &str,
) -> ScimResult<Option<Vec<&'a Map<String, Json>>>> {
    match resource.get(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Array(elements)) => {
            let objects: Option<Vec<_>> = elements.iter().map(Json::as_object).collect();
            objects.map(Some).ok_or_else(|| invalid(format!("{name} must hold objects")))
        }
        Some(_) => Err(invalid(format!("{name} must be a list"))),
    }
}

fn emails(resource: &Map<String, Json>) -> ScimResult<Vec<ScimEmail>> {
    let told = objects(resource, "emails")?.unwrap_or_default();
    if told.len() > MOST_EMAILS {
        return Err(invalid(format!("emails has at most {MOST_EMAILS} addresses")));
    }
    let mut emails: Vec<ScimEmail> = Vec::new();
    for email in told {
        let value = text(email, "value", EmailAddress::parse)?;
        let value = value.ok_or_else(|| invalid("an element of emails lacks its value"))?;
        let label =
            |name| text(email, name, AddressLabel::parse).map(|text| text.map(String::from));
        let email = ScimEmail {
            value: value.into(),
            kind: label("type")?,
            display: label("display")?,
            primary: flag(email, "primary")?,
        };
        if !emails.contains(&email) {
            emails.push(email);
        }
    }
    if emails.iter().filter(|email| email.primary == Some(true)).count() > 1 {
        return Err(invalid("only one of emails can be primary"));
    }
    Ok(emails)
}

fn role(resource: &Map<String, Json>) -> ScimResult<RoleTold> {
    let Some(told) = objects(resource, "roles")? else { return Ok(RoleTold::Nothing) };
    let mut all = BTreeSet::new();
    let mut primary = BTreeSet::new();
    for element in told {
        let Some(word) = element.get("value").and_then(Json::as_str) else {
            return Err(invalid("an element of roles lacks its value"));
        };
        let role = word.trim().to_ascii_lowercase().parse::<WorkspaceRole>();
        let role = role.map_err(|_| {
            let known = roles_up_to(WorkspaceRole::Admin).join(", ");
            invalid(format!("the role is none of {known}"))
        })?;
        all.insert(role);
        if flag(element, "primary")? == Some(true) {
            primary.insert(role);
        }
    }
    let chosen = if all.len() > 1 { &primary } else { &all };
    match (chosen.len(), chosen.first()) {
        (1, Some(role)) => Ok(RoleTold::This(*role)),
        _ if all.is_empty() => Ok(RoleTold::None),
        _ => Err(invalid("a member has one role: name one, or make one of them primary")),
    }
}
