use entente_domain::{
    Account, AccountId, AccountLabel, AccountRole, ApiKeyId, ApplicationName, EmailAddress,
    PersonName, SendPolicy, TextError, Timestamp, UserId, UserStatus, WorkspaceId, WorkspaceName,
    WorkspaceRole,
};
use entente_store::{
    KeyRow, Origin, SealedSecret, Store, StoreError, UserRow, WorkspaceRow, accounts_by_id,
    insert_account, insert_key, insert_user, insert_workspace, put_secret, revoke_key, update_user,
    workspace,
};
use secrecy::SecretString;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

use crate::{
    SCOPES, ServerSecret, Vault, VaultError,
    access::{self, Doing},
    keys::new_key,
    vault::place_of_secret,
};

/// Why the first steps of an installation are refused.
#[derive(Debug, Error)]
pub enum SetUpError {
    /// The name cannot be used.
    #[error("the name cannot be used: {0}")]
    Name(TextError),
    /// The mail address cannot be used.
    #[error("the mail address cannot be used: {0}")]
    Email(TextError),
    /// The address of an account cannot be used.
    #[error("the address of an account must begin with https://")]
    Url,
    /// The credentials cannot be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// No such account.
    #[error("there is no account with the ID {0}")]
    UnknownAccount(AccountId),
    /// No such workspace.
    #[error("there is no workspace with the ID {0}")]
    UnknownWorkspace(WorkspaceId),
    /// An identity provider's token gives roles up to an Admin's.
    #[error("the highest role that a token can give is admin")]
    RoleTooHigh,
    /// A sample lacks something, or breaks the rules that it shows.
    #[error("the sample is not right: {0}")]
    Sample(String),
    /// The database failed, or has it already.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Adds a workspace.
pub async fn add_workspace(
    store: &Store,
    name: &str,
    at: Timestamp,
) -> Result<WorkspaceRow, SetUpError> {
    let name = WorkspaceName::parse(name).map_err(SetUpError::Name)?;
    let id = WorkspaceId::new(Uuid::now_v7());
    let row = WorkspaceRow {
        id,
        slug: slug(name.as_str(), id),
        name: name.into(),
        send_policy: SendPolicy::AnyRole,
        managed: false,
    };
    let mut write = store.write().await?;
    insert_workspace(write.connection(), &row, at).await?;
    write.commit().await?;
    Ok(row)
}

/// Adds a live user to a workspace.
pub async fn add_user(
    store: &Store,
    in_workspace: WorkspaceId,
    email: &str,
    name: &str,
    role: WorkspaceRole,
    at: Timestamp,
) -> Result<UserRow, SetUpError> {
    let row = UserRow {
        id: UserId::new(Uuid::now_v7()),
        workspace: in_workspace,
        email: EmailAddress::parse(email).map_err(SetUpError::Email)?.into(),
        name: PersonName::parse(name).map_err(SetUpError::Name)?.into(),
        role,
        status: UserStatus::Live,
        created_at: at,
        updated_at: at,
        view_number: 0,
        version: 1,
    };
    let mut write = store.write().await?;
    if workspace(write.connection(), in_workspace).await?.is_none() {
        return Err(SetUpError::UnknownWorkspace(in_workspace));
    }
    insert_user(write.connection(), &row).await?;
    write.commit().await?;
    Ok(row)
}

/// Makes a key for a user; the secret is told here and never again.
pub async fn add_key(
    store: &Store,
    secret: &ServerSecret,
    user: UserId,
    name: &str,
    expires_at: Option<Timestamp>,
    at: Timestamp,
) -> Result<(ApiKeyId, SecretString), SetUpError> {
    let key = new_key();
    let row = KeyRow {
        id: ApiKeyId::new(Uuid::now_v7()),
        user,
        name: name.to_owned(),
        scopes: SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        created_at: at,
        expires_at,
        revoked_at: None,
        session: None,
    };
    let mut write = store.write().await?;
    insert_key(write.connection(), &row, &secret.hash(&key)).await?;
    write.commit().await?;
    Ok((row.id, key))
}

/// Changes a user's role.
pub async fn set_role(
    store: &Store,
    user: &UserRow,
    role: WorkspaceRole,
    at: Timestamp,
) -> Result<(), SetUpError> {
    let mut write = store.write().await?;
    let after = UserRow { role, ..user.clone() };
    update_user(write.connection(), user, &after, at).await?;
    Ok(write.commit().await?)
}

/// Disables a user: what they had access to, owned or asked for ends with it; they stay on record.
pub async fn disable_user(store: &Store, user: &UserRow, at: Timestamp) -> Result<(), SetUpError> {
    let mut write = store.write().await?;
    let origin = Origin::default();
    let doing = Doing::new(None, at, &origin);
    access::disable(write.connection(), user, &doing).await?;
    doing.finish(write.connection()).await?;
    Ok(write.commit().await?)
}

/// An account to add.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// Its first Owner, in whose workspace it is.
    pub owner: &'a UserRow,
    /// The app.
    pub application: &'a str,
    /// What tells it from other accounts of the same app.
    pub label: &'a str,
    /// Where one logs in; `https` only.
    pub url: &'a str,
    /// Its credentials by type: `username`, `password`.
    pub secrets: &'a [(&'a str, SecretString)],
}

/// Adds an account with its credentials, sealed.
pub async fn add_account(
    store: &Store,
    vault: &Vault,
    new: NewAccount<'_>,
    at: Timestamp,
) -> Result<Account, SetUpError> {
    let url = Url::parse(new.url).ok().filter(|url| url.scheme() == "https");
    let account = Account {
        id: AccountId::new(Uuid::now_v7()),
        workspace: new.owner.workspace,
        application: ApplicationName::parse(new.application).map_err(SetUpError::Name)?,
        label: AccountLabel::parse(new.label).map_err(SetUpError::Name)?,
        url: url.ok_or(SetUpError::Url)?.into(),
        created_by: new.owner.id,
        created_at: at,
        updated_at: at,
        last_login_at: None,
        version: 1,
    };
    let mut write = store.write().await?;
    let connection = write.connection();
    insert_account(connection, &account).await?;
    for (secret_type, value) in new.secrets {
        put_secret(connection, &seal(vault, account.id, secret_type, value)?, at).await?;
    }
    let origin = Origin::default();
    // Its Owner is told nothing: an installation is being set up.
    let doing = Doing::new(None, at, &origin);
    access::grant(connection, &account, None, new.owner, AccountRole::Owner, &doing).await?;
    write.commit().await?;
    Ok(account)
}

/// Replaces one of an account's credentials: `username`, `password`.
pub async fn set_secret(
    store: &Store,
    vault: &Vault,
    account: AccountId,
    secret_type: &str,
    value: &SecretString,
    at: Timestamp,
) -> Result<(), SetUpError> {
    let mut write = store.write().await?;
    if accounts_by_id(write.connection(), [account]).await?.is_empty() {
        return Err(SetUpError::UnknownAccount(account));
    }
    put_secret(write.connection(), &seal(vault, account, secret_type, value)?, at).await?;
    Ok(write.commit().await?)
}

fn seal(
    vault: &Vault,
    account: AccountId,
    secret_type: &str,
    value: &SecretString,
) -> Result<SealedSecret, VaultError> {
    let sealed = vault.seal(&place_of_secret(account, secret_type), value)?;
    Ok(SealedSecret {
        account,
        secret_type: secret_type.to_owned(),
        key_id: sealed.key_id,
        sealed: sealed.text,
    })
}

/// Changes who of a workspace may send requests.
pub async fn set_send_policy(
    store: &Store,
    workspace: WorkspaceId,
    policy: SendPolicy,
) -> Result<(), SetUpError> {
    let mut write = store.write().await?;
    if !entente_store::set_send_policy(write.connection(), workspace, policy).await? {
        return Err(SetUpError::UnknownWorkspace(workspace));
    }
    Ok(write.commit().await?)
}

/// Ends a key at once; false if there is none or it was ended before.
pub async fn revoke(store: &Store, key: ApiKeyId, at: Timestamp) -> Result<bool, SetUpError> {
    let mut write = store.write().await?;
    let done = revoke_key(write.connection(), key, at).await?;
    write.commit().await?;
    Ok(done)
}

/// The name in lower case with hyphens, and the end of the id, so that it is its own.
pub(crate) fn slug(name: &str, id: WorkspaceId) -> String {
    let words: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' })
        .collect();
    let id = id.uuid().simple().to_string();
    let mut parts: Vec<&str> = words.split_whitespace().take(6).collect();
    parts.extend(id.get(24..));
    parts.join("-")
}
