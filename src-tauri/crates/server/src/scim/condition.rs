//! A filter as the condition that the database understands.

use entente_store::{
    Condition, EmailTest, EmailText, SortKey, TextTest, UserMoment, UserTest, UserText,
};

use super::{
    USER, USER_TYPE,
    comparison::{Comparison, Test, text_holds},
    error::{ScimError, ScimResult, ScimType},
    filter::{AttributePath, Filter},
    matching::Named,
    schema::{Attribute, COMMON, MEMBER},
};

/// Where the database keeps an attribute of a member.
#[derive(Debug, Clone, Copy)]
enum Column {
    Text(UserText),
    Moment(UserMoment),
    Active,
    /// The same for all.
    Constant(&'static str),
    Email(EmailText),
    EmailPrimary,
    Role,
    /// There is one role at most.
    RolePrimary,
}

fn column(attribute: &Attribute, sub: Option<&Attribute>) -> Option<Column> {
    Some(match (attribute.name, sub.map(|sub| sub.name)) {
        ("schemas", None) => Column::Constant(USER),
        ("id", None) => Column::Text(UserText::Id),
        ("externalId", None) => Column::Text(UserText::ExternalId),
        ("meta", Some("resourceType")) => Column::Constant(USER_TYPE),
        ("meta", Some("created")) => Column::Moment(UserMoment::Created),
        ("meta", Some("lastModified")) => Column::Moment(UserMoment::LastModified),
        ("meta", Some("version")) => Column::Text(UserText::Version),
        ("userName", None) => Column::Text(UserText::UserName),
        ("name", Some("formatted")) => Column::Text(UserText::FormattedName),
        ("name", Some("familyName")) => Column::Text(UserText::FamilyName),
        ("name", Some("givenName")) => Column::Text(UserText::GivenName),
        ("displayName", None) => Column::Text(UserText::DisplayName),
        ("emails", None | Some("value")) => Column::Email(EmailText::Value),
        ("emails", Some("type")) => Column::Email(EmailText::Type),
        ("emails", Some("display")) => Column::Email(EmailText::Display),
        ("emails", Some("primary")) => Column::EmailPrimary,
        ("active", None) => Column::Active,
        ("roles", None | Some("value")) => Column::Role,
        ("roles", Some("primary")) => Column::RolePrimary,
        _ => return None,
    })
}

/// What a filter asks for.
pub(crate) fn condition(filter: &Filter) -> ScimResult<Condition<UserTest>> {
    tree(filter, &|part| match part {
        Filter::Values(path, inner) => {
            let Named { attribute, .. } = Named::find(&[COMMON, MEMBER], path)?;
            match attribute.name {
                "emails" => Ok(Condition::Is(UserTest::Email(tree(inner, &|part| {
                    email_test(&compared(part, &[attribute.subs()], Some(attribute))?)
                })?))),
                "roles" => Ok(Condition::All(vec![has(UserText::Role), within(inner, attribute)?])),
                _ => within(inner, attribute),
            }
        }
        part => user_test(&compared(part, &[COMMON, MEMBER], None)?),
    })
}

/// A condition on what is in an attribute with a single value.
fn within(filter: &Filter, attribute: &'static Attribute) -> ScimResult<Condition<UserTest>> {
    tree(filter, &|part| user_test(&compared(part, &[attribute.subs()], Some(attribute))?))
}

fn tree<T>(
    filter: &Filter,
    leaf: &impl Fn(&Filter) -> ScimResult<Condition<T>>,
) -> ScimResult<Condition<T>> {
    let all = |parts: &[Filter]| -> ScimResult<Vec<Condition<T>>> {
        parts.iter().map(|part| tree(part, leaf)).collect()
    };
    match filter {
        Filter::And(parts) => Ok(Condition::All(all(parts)?)),
        Filter::Or(parts) => Ok(Condition::Any(all(parts)?)),
        Filter::Not(inner) => Ok(Condition::Not(Box::new(tree(inner, leaf)?))),
        Filter::Present(_) | Filter::Compare(..) | Filter::Values(..) => leaf(filter),
    }
}

/// A comparison with what it is about.
struct Compared {
    named: Named,
    comparison: Comparison,
}

fn compared(
    filter: &Filter,
    attributes: &[&'static [Attribute]],
    within: Option<&'static Attribute>,
) -> ScimResult<Compared> {
    let find = |path: &AttributePath| {
        let named = Named::find(attributes, path)?;
        Ok::<_, ScimError>(match within {
            Some(attribute) => Named { attribute, sub: Some(named.attribute) },
            None => named,
        })
    };
    match filter {
        Filter::Present(path) => {
            Ok(Compared { named: find(path)?, comparison: Comparison::PRESENT })
        }
        Filter::Compare(path, operator, value) => {
            let named = find(path)?;
            let comparison = Comparison::of(named.compared(), *operator, value)?;
            Ok(Compared { named, comparison })
        }
        Filter::Values(..) | Filter::Not(_) | Filter::And(_) | Filter::Or(_) => {
            Err(ScimError::new(ScimType::InvalidFilter, "Brackets cannot be nested."))
        }
    }
}

fn has(text: UserText) -> Condition<UserTest> {
    Condition::Is(UserTest::Text(text, TextTest::Present))
}

fn negated_if<T>(negated: bool, condition: Condition<T>) -> Condition<T> {
    if negated { Condition::Not(Box::new(condition)) } else { condition }
}

fn user_test(compared: &Compared) -> ScimResult<Condition<UserTest>> {
    let Compared { named: Named { attribute, sub }, comparison } = compared;
    let Comparison { negated, test } = comparison;
    let is = |test| negated_if(*negated, Condition::Is(test));
    let always = |holds| Ok(is(UserTest::Always(holds)));
    match (attribute.name, sub) {
        ("name", None) => {
            let parts = [UserText::FormattedName, UserText::FamilyName, UserText::GivenName];
            return Ok(negated_if(*negated, Condition::Any(parts.map(has).to_vec())));
        }
        ("meta", None) => return always(true),
        _ => {}
    }
    let Some(column) = column(attribute, *sub) else {
        let name = sub.map_or_else(String::new, |sub| format!(".{}", sub.name));
        let detail = format!("Members cannot be filtered by {}{name}.", attribute.name);
        return Err(ScimError::new(ScimType::InvalidFilter, detail));
    };
    match (column, test) {
        (Column::Text(text), Test::Text(test)) => Ok(is(UserTest::Text(text, test.clone()))),
        (Column::Text(text), Test::Present) => Ok(is(UserTest::Text(text, TextTest::Present))),
        (Column::Moment(moment), Test::Moment(order, at)) => {
            Ok(is(UserTest::Moment(moment, *order, *at)))
        }
        (Column::Active, Test::Flag(active)) => Ok(is(UserTest::Active(*active))),
        (Column::Moment(_) | Column::Active | Column::Constant(_), Test::Present) => always(true),
        (Column::Constant(text), Test::Text(test)) => {
            always(text_holds(test, compared.named.compared(), text))
        }
        // Of what there can be several of, one for which it holds is enough.
        (Column::Role, Test::Text(test)) => Ok(Condition::All(vec![
            has(UserText::Role),
            is(UserTest::Text(UserText::Role, test.clone())),
        ])),
        (Column::Role | Column::RolePrimary, Test::Present) => {
            Ok(Condition::All(vec![has(UserText::Role), is(UserTest::Always(true))]))
        }
        (Column::RolePrimary, Test::Flag(primary)) => {
            Ok(Condition::All(vec![has(UserText::Role), is(UserTest::Always(*primary))]))
        }
        (Column::Email(_), Test::Present) if sub.is_none() => {
            Ok(Condition::Is(UserTest::Email(negated_if(*negated, Condition::All(Vec::new())))))
        }
        (Column::Email(_) | Column::EmailPrimary, _) => {
            Ok(Condition::Is(UserTest::Email(email_test(compared)?)))
        }
        // A comparison is of its attribute's kind.
        _ => always(false),
    }
}

fn email_test(compared: &Compared) -> ScimResult<Condition<EmailTest>> {
    let Compared { named: Named { attribute, sub }, comparison } = compared;
    let test = match (column(attribute, *sub), &comparison.test) {
        (Some(Column::Email(text)), Test::Text(test)) => EmailTest::Text(text, test.clone()),
        (Some(Column::Email(text)), Test::Present) => EmailTest::Text(text, TextTest::Present),
        (Some(Column::EmailPrimary), Test::Flag(primary)) => EmailTest::Primary(*primary),
        (Some(Column::EmailPrimary), Test::Present) => EmailTest::PrimaryTold,
        // A comparison is of its attribute's kind.
        _ => EmailTest::Always(false),
    };
    Ok(negated_if(comparison.negated, Condition::Is(test)))
}

/// What a list is sorted by.
pub(crate) fn sort_key(path: &AttributePath) -> ScimResult<SortKey> {
    let named = Named::find(&[COMMON, MEMBER], path);
    let column = named.ok().and_then(|named| column(named.attribute, named.sub));
    match column {
        Some(Column::Text(text)) => Ok(SortKey::Text(text)),
        Some(Column::Moment(moment)) => Ok(SortKey::Moment(moment)),
        Some(Column::Active) => Ok(SortKey::Active),
        Some(Column::Role) => Ok(SortKey::Text(UserText::Role)),
        Some(Column::Email(EmailText::Value)) => Ok(SortKey::Email),
        Some(
            Column::Constant(_) | Column::Email(_) | Column::EmailPrimary | Column::RolePrimary,
        )
        | None => {
            let detail = format!("Members cannot be sorted by {path}.");
            Err(ScimError::new(ScimType::InvalidPath, detail))
        }
    }
}

#[cfg(test)]
mod tests;
