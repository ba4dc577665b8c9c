//! What is in a stored server, and what people read of it.

use anyhow::{Context as _, Result, ensure};
use entente_domain::{Action, IdentityProviderId, WorkspaceRole};
use entente_server::{NewAccount, NewScimToken, add_account, add_scim_token};
use entente_store::{IdentityProviderRow, put_identity_provider, users_by_id};
use entente_tests::{Person, World};
use entente_wire::{AcceptAttributes, Body};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{call, request};

/// The password of the one account.
pub const PASSWORD: &str = "correct horse battery staple";

/// Who reads what.
const READ: &[(&str, &[&str])] = &[
    ("uma", &["/me", "/accounts", "/access-requests"]),
    (
        "adam",
        &[
            "/me",
            "/partnerships",
            "/partnerships?filter[state]=awaiting_approval",
            "/activities",
            "/users",
            "/webhooks",
            "/api-keys",
        ],
    ),
    ("marit", &["/me", "/accounts", "/access-requests"]),
    ("hugo", &["/me", "/accounts"]),
];

/// A partnership in each of three states, an account that is shared, access that was given and that is
/// asked for, what happened, a webhook, an identity provider, a SCIM token. Gives the account's id.
pub async fn put_into(world: &mut World) -> Result<String> {
    world.add("marit", "Hugo Martin", WorkspaceRole::User).await?;
    world.add("marit", "Iris Moen", WorkspaceRole::User).await?;
    let active = request(world, "marit").await?.parse()?;
    let approved = request(world, "ines").await?.parse()?;
    request(world, "grace").await?;
    let nothing = json!({});
    for (id, key) in [(active, "one"), (approved, "two")] {
        world.client("adam").act(Action::Approve, id, 1, &nothing, key).await?;
    }
    let terms_version = world.client("marit").terms().await?.version;
    let agreed = serde_json::to_value(Body(AcceptAttributes { terms_version, agreed: true }))?;
    world.client("marit").act(Action::Accept, active, 2, &agreed, "three").await?;
    let account = account(world).await?;
    let share = json!({"accountIds": [account], "role": "account_manager"});
    done(world, "uma", &format!("/partnerships/{active}/accounts"), None, share).await?;
    let people = ["hugo", "iris"].map(|first| world.person(first).id.to_string());
    let ask = json!({"accountId": account, "userIds": people, "role": "account_collaborator"});
    let asked = done(world, "marit", "/access-requests", None, ask).await?;
    let asked = asked["data"][0]["id"].as_str().context("an access request")?.to_owned();
    done(world, "uma", &format!("/access-requests/{asked}/accept"), Some(1), json!({})).await?;
    password(world, &account).await?;
    let hook =
        json!({"url": "https://hooks.example/entente", "eventTypes": ["partnership.accepted"]});
    done(world, "adam", "/webhooks", None, hook).await?;
    around(world).await?;
    Ok(account)
}

async fn done(
    world: &World,
    who: &str,
    path: &str,
    version: Option<u32>,
    attributes: Value,
) -> Result<Value> {
    let mut write =
        call(world, who, "POST", path).json(json!({"data": {"attributes": attributes}}));
    if let Some(version) = version {
        write = write.version(version);
    }
    let answer = write.send().await?;
    ensure!((200..300).contains(&answer.status), "{path}: {answer:?}");
    Ok(answer.body)
}

async fn account(world: &World) -> Result<String> {
    let server = world.server.as_ref().context("it runs")?;
    let owner = world.person("uma").id;
    let owner = users_by_id(&mut *server.store().read().await?, [owner]).await?.remove(&owner);
    let owner = &owner.context("the owner")?;
    let secrets = [
        ("username", SecretString::from("team@globex.example")),
        ("password", SecretString::from(PASSWORD)),
    ];
    let url = "https://app.example.com/login";
    let new = NewAccount { owner, application: "Mailchimp", label: "EMEA", url, secrets: &secrets };
    Ok(add_account(server.store(), server.vault(), new, server.now()).await?.id.to_string())
}

/// What comes from outside: an identity provider and its SCIM token.
async fn around(world: &World) -> Result<()> {
    let server = world.server.as_ref().context("it runs")?;
    let workspace = world.person("adam").workspace.parse()?;
    let provider = IdentityProviderRow {
        id: IdentityProviderId::new(Uuid::now_v7()),
        workspace,
        issuer: "https://login.globex.example".into(),
        client_id: "entente".into(),
        client_secret: None,
        scopes: "openid email".into(),
        email_claim: "email".into(),
        trusts_email: false,
        domains: vec!["globex.example".into()],
    };
    let mut write = server.store().write().await?;
    put_identity_provider(write.connection(), &provider, server.now()).await?;
    write.commit().await?;
    let highest_role = WorkspaceRole::User;
    let token = NewScimToken { workspace, name: "Okta", highest_role, expires_at: None };
    add_scim_token(server.store(), server.secret(), token, server.now()).await?;
    Ok(())
}

/// What everybody reads: ids and attributes.
pub async fn answers(world: &World) -> Result<Value> {
    let mut answers = Map::new();
    for (who, paths) in READ {
        for path in *paths {
            let answer = call(world, who, "GET", path).send().await?;
            ensure!(answer.status == 200, "{who} {path}: {answer:?}");
            let mut data = answer.body["data"].clone();
            for one in data.as_array_mut().into_iter().flatten() {
                without_meta(one);
            }
            without_meta(&mut data);
            answers.insert(format!("{who} {path}"), data);
        }
    }
    Ok(answers.into())
}

/// What somebody may do is not stored, but worked out.
fn without_meta(resource: &mut Value) {
    if let Some(resource) = resource.as_object_mut() {
        resource.remove("meta");
    }
}

/// The account's password, as its Owner reads it.
pub async fn password(world: &World, account: &str) -> Result<String> {
    let path = format!("/accounts/{account}/secrets?filter[secretType]=password");
    let told = call(world, "uma", "GET", &path).send().await?;
    let value = told.body["data"][0]["attributes"]["value"].as_str();
    value.map(str::to_owned).with_context(|| format!("{told:?}"))
}

/// Whether all that was told then is told now; there may be more.
pub fn holds(now: &Value, then: &Value, place: &str) -> Result<()> {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => then.iter().try_for_each(|(name, then)| {
            let now = now.get(name).with_context(|| format!("{place}: {name} is gone"))?;
            holds(now, then, &format!("{place} {name}"))
        }),
        (Value::Array(now), Value::Array(then)) => {
            ensure!(now.len() == then.len(), "{place}: {} of {}", now.len(), then.len());
            let mut pairs = now.iter().zip(then).enumerate();
            pairs.try_for_each(|(index, (now, then))| holds(now, then, &format!("{place} {index}")))
        }
        _ => {
            ensure!(now == then, "{place}: {now} was {then}");
            Ok(())
        }
    }
}

/// Somebody with their key, which is good nowhere else.
pub fn told(person: &Person) -> Value {
    json!({
        "id": person.id.to_string(),
        "first": person.first,
        "name": person.name,
        "email": person.email,
        "workspace": person.workspace,
        "key": person.key.expose_secret(),
    })
}

/// The same person again.
pub fn person(told: &Value) -> Result<Person> {
    let text = |name: &str| told[name].as_str().map(str::to_owned).context("a text");
    Ok(Person {
        id: text("id")?.parse()?,
        first: text("first")?,
        name: text("name")?,
        email: text("email")?,
        workspace: text("workspace")?,
        key: text("key")?.into(),
    })
}
