use entente_domain::{EmailAddress, IdentityProviderId, Timestamp, UserId, WorkspaceId};
use entente_store::{
    IdentityProviderRow, Store, StoreError, delete_identity_provider, end_sessions_in,
    end_sessions_of, identity_provider_for, identity_provider_of, put_identity_provider,
    unbind_subjects, workspace,
};
use secrecy::SecretString;
use thiserror::Error;
use uuid::Uuid;

use super::{
    place_of_secret,
    provider::{ProviderError, Providers},
};
use crate::{Vault, VaultError};

/// Why a workspace's single sign-on cannot be set up.
#[derive(Debug, Error)]
pub enum SsoError {
    /// No such workspace.
    #[error("there is no workspace with the ID {0}")]
    UnknownWorkspace(WorkspaceId),
    /// The provider cannot be used.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Not the domain of mail addresses.
    #[error("{0} is not the domain of mail addresses, such as example.com")]
    Domain(String),
    /// Nobody could sign in.
    #[error("name at least one mail domain that the provider serves")]
    NoDomain,
    /// Each domain has one provider.
    #[error("{0} is served by the provider of another workspace")]
    DomainTaken(String),
    /// What is asked for would not tell who signs in.
    #[error("the scopes must hold openid, parted by single spaces")]
    Scopes,
    /// What the provider calls this server cannot be empty.
    #[error("the client ID is empty")]
    ClientId,
    /// The keys that seal the secret cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A provider to set.
#[derive(Debug, Clone)]
pub struct NewProvider {
    /// Its issuer identifier, exactly as it calls itself.
    pub issuer: String,
    /// What it calls this server.
    pub client_id: String,
    /// What proves to it that this server asks; none for a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for, parted by spaces.
    pub scopes: String,
    /// The mail domains that it serves.
    pub domains: Vec<String>,
    /// The claim that holds the mail address.
    pub email_claim: String,
    /// Whether its addresses count as verified without saying so.
    pub trusts_email: bool,
}

impl NewProvider {
    /// A public client that asks for who signs in, their mail address, and to hear when they are let
    /// in no more.
    #[must_use]
    pub fn public(issuer: &str, client_id: &str, domains: &[&str]) -> Self {
        Self {
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            client_secret: None,
            scopes: "openid email profile offline_access".to_owned(),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
            email_claim: "email".to_owned(),
            trusts_email: false,
        }
    }
}

/// Sets a workspace's provider, after asking it what it is. Under another issuer or client ID, the
/// sessions that the earlier one began end.
pub async fn set_provider(
    store: &Store,
    vault: &Vault,
    of: WorkspaceId,
    new: NewProvider,
    at: Timestamp,
) -> Result<IdentityProviderRow, SsoError> {
    let domains = domains(&new.domains)?;
    if !new.scopes.split(' ').any(|scope| scope == "openid") || new.scopes.contains("  ") {
        return Err(SsoError::Scopes);
    }
    if new.client_id.trim().is_empty() {
        return Err(SsoError::ClientId);
    }
    Providers::default().discover(&new.issuer).await?;

    let mut write = store.write().await?;
    let connection = write.connection();
    if workspace(connection, of).await?.is_none() {
        return Err(SsoError::UnknownWorkspace(of));
    }
    let before = identity_provider_of(connection, of).await?;
    for domain in &domains {
        if identity_provider_for(connection, domain).await?.is_some_and(|it| it.workspace != of) {
            return Err(SsoError::DomainTaken(domain.clone()));
        }
    }
    let id = match &before {
        Some(before) => before.id,
        None => IdentityProviderId::new(Uuid::now_v7()),
    };
    let seal = |secret: &SecretString| vault.seal(&place_of_secret(id), secret);
    let row = IdentityProviderRow {
        id,
        workspace: of,
        issuer: new.issuer,
        client_id: new.client_id.trim().to_owned(),
        client_secret: new.client_secret.as_ref().map(seal).transpose()?.map(Into::into),
        scopes: new.scopes,
        email_claim: new.email_claim,
        trusts_email: new.trusts_email,
        domains,
    };
    put_identity_provider(connection, &row, at).await?;
    let is_another = |before: &IdentityProviderRow| {
        (&before.issuer, &before.client_id) != (&row.issuer, &row.client_id)
    };
    if before.as_ref().is_some_and(is_another) {
        end_sessions_in(connection, of, at).await?;
    }
    write.commit().await?;
    Ok(row)
}

fn domains(given: &[String]) -> Result<Vec<String>, SsoError> {
    let mut domains = Vec::new();
    for domain in given {
        let address = EmailAddress::parse(&format!("a@{}", domain.trim()))
            .map_err(|_| SsoError::Domain(domain.clone()))?;
        domains.push(address.domain().to_owned());
    }
    domains.sort();
    domains.dedup();
    if domains.is_empty() { Err(SsoError::NoDomain) } else { Ok(domains) }
}

/// A workspace's provider, if it has one.
pub async fn provider_of(
    store: &Store,
    workspace: WorkspaceId,
) -> Result<Option<IdentityProviderRow>, SsoError> {
    Ok(identity_provider_of(&mut *store.read().await?, workspace).await?)
}

/// Removes a workspace's provider and ends the sessions that it began; false if there is none.
pub async fn remove_provider(
    store: &Store,
    workspace: WorkspaceId,
    at: Timestamp,
) -> Result<bool, SsoError> {
    let mut write = store.write().await?;
    let connection = write.connection();
    let Some(provider) = identity_provider_of(connection, workspace).await? else {
        return Ok(false);
    };
    end_sessions_in(connection, workspace, at).await?;
    delete_identity_provider(connection, provider.id).await?;
    write.commit().await?;
    Ok(true)
}

/// Forgets which account at a provider a user is, and ends their sessions; false if nothing was
/// known. Their next sign-in goes by the mail address again.
pub async fn unbind(store: &Store, user: UserId, at: Timestamp) -> Result<bool, SsoError> {
    let mut write = store.write().await?;
    let forgotten = unbind_subjects(write.connection(), user).await?;
    end_sessions_of(write.connection(), user, at).await?;
    write.commit().await?;
    Ok(forgotten > 0)
}
