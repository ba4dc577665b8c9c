//! OpenID providers of workspaces, and which user a provider's subject is.

use entente_domain::{IdentityProviderId, Timestamp, UserId, WorkspaceId};
use sqlx::{Row as _, any::AnyRow};

use crate::{
    Connection, SealedText, StoreError, UserRow,
    people::{USER, user_row},
    read::Read,
    sql::Statement,
};

/// A workspace's OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProviderRow {
    /// Its id.
    pub id: IdentityProviderId,
    /// Whose members it knows.
    pub workspace: WorkspaceId,
    /// Its issuer identifier: an address, exactly as its tokens name it.
    pub issuer: String,
    /// What the provider calls this server.
    pub client_id: String,
    /// What proves to the provider that this server asks; none for a public client.
    pub client_secret: Option<SealedText>,
    /// What is asked for, parted by spaces.
    pub scopes: String,
    /// The claim that holds the mail address.
    pub email_claim: String,
    /// Whether its addresses count as verified without saying so.
    pub trusts_email: bool,
    /// The mail domains that it serves, in lower case.
    pub domains: Vec<String>,
}

const PROVIDER: &str = "SELECT id, workspace_id, issuer, client_id, key_id, sealed, scopes, \
     email_claim, trusts_email FROM identity_providers WHERE ";

fn provider_row(row: &AnyRow) -> Result<IdentityProviderRow, StoreError> {
    let read = Read::new("identity_providers", row)?;
    Ok(IdentityProviderRow {
        id: read.parsed("id")?,
        workspace: read.parsed("workspace_id")?,
        issuer: read.text("issuer")?,
        client_id: read.text("client_id")?,
        client_secret: SealedText::read(&read)?,
        scopes: read.text("scopes")?,
        email_claim: read.text("email_claim")?,
        trusts_email: read.number("trusts_email")? != 0,
        domains: Vec::new(),
    })
}

async fn one(
    connection: &mut Connection,
    query: Statement,
) -> Result<Option<IdentityProviderRow>, StoreError> {
    let Some(row) = query.build().fetch_optional(&mut *connection).await? else { return Ok(None) };
    let mut provider = provider_row(&row)?;
    let domains = sqlx::query(
        "SELECT domain FROM identity_provider_domains WHERE provider_id = $1 ORDER BY domain",
    )
    .bind(provider.id.to_string())
    .fetch_all(connection)
    .await?;
    provider.domains =
        domains.iter().map(|row| row.try_get("domain")).collect::<Result<_, sqlx::Error>>()?;
    Ok(Some(provider))
}

/// One provider, if there is such a one.
pub async fn identity_provider(
    connection: &mut Connection,
    id: IdentityProviderId,
) -> Result<Option<IdentityProviderRow>, StoreError> {
    let mut query = Statement::new(PROVIDER);
    query.push("id = ").push_bind(id.to_string());
    one(connection, query).await
}

/// A workspace's provider, if it has one.
pub async fn identity_provider_of(
    connection: &mut Connection,
    workspace: WorkspaceId,
) -> Result<Option<IdentityProviderRow>, StoreError> {
    let mut query = Statement::new(PROVIDER);
    query.push("workspace_id = ").push_bind(workspace.to_string());
    one(connection, query).await
}

/// The provider that serves a mail domain, given in lower case.
pub async fn identity_provider_for(
    connection: &mut Connection,
    domain: &str,
) -> Result<Option<IdentityProviderRow>, StoreError> {
    let mut query = Statement::new(PROVIDER);
    query.push("id IN (SELECT provider_id FROM identity_provider_domains WHERE domain = ");
    query.push_bind(domain.to_owned()).push(")");
    one(connection, query).await
}

/// Stores a provider in place of the workspace's earlier one.
pub async fn put_identity_provider(
    connection: &mut Connection,
    row: &IdentityProviderRow,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (key_id, sealed) = SealedText::columns(row.client_secret.as_ref());
    sqlx::query(
        "INSERT INTO identity_providers (id, workspace_id, issuer, client_id, key_id, sealed, \
         scopes, email_claim, trusts_email, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (id) DO UPDATE SET issuer = excluded.issuer, client_id = excluded.client_id, \
         key_id = excluded.key_id, sealed = excluded.sealed, scopes = excluded.scopes, \
         email_claim = excluded.email_claim, trusts_email = excluded.trusts_email, \
         updated_at = excluded.updated_at",
    )
    .bind(row.id.to_string())
    .bind(row.workspace.to_string())
    .bind(&row.issuer)
    .bind(&row.client_id)
    .bind(key_id)
    .bind(sealed)
    .bind(&row.scopes)
    .bind(&row.email_claim)
    .bind(i64::from(row.trusts_email))
    .bind(at.unix_millis())
    .bind(at.unix_millis())
    .execute(&mut *connection)
    .await?;
    forget_domains(connection, row.id).await?;
    for domain in &row.domains {
        sqlx::query("INSERT INTO identity_provider_domains (domain, provider_id) VALUES ($1, $2)")
            .bind(domain)
            .bind(row.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Removes a provider. Who is who there stays known.
pub async fn delete_identity_provider(
    connection: &mut Connection,
    id: IdentityProviderId,
) -> Result<(), StoreError> {
    forget_domains(connection, id).await?;
    sqlx::query("DELETE FROM identity_providers WHERE id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn forget_domains(
    connection: &mut Connection,
    id: IdentityProviderId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM identity_provider_domains WHERE provider_id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The user that a provider's subject is in a workspace.
pub async fn user_of_subject(
    connection: &mut Connection,
    workspace: WorkspaceId,
    issuer: &str,
    subject: &str,
) -> Result<Option<UserRow>, StoreError> {
    let mut query = Statement::new(USER);
    query.push("id = (SELECT user_id FROM identities WHERE workspace_id = ");
    query.push_bind(workspace.to_string());
    query.push(" AND issuer = ").push_bind(issuer.to_owned());
    query.push(" AND subject = ").push_bind(subject.to_owned()).push(")");
    query.build().fetch_optional(connection).await?.as_ref().map(user_row).transpose()
}

/// Notes which user a subject is; false if the user is another subject of that provider already.
pub async fn bind_subject(
    connection: &mut Connection,
    user: &UserRow,
    issuer: &str,
    subject: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO identities (workspace_id, issuer, subject, user_id, bound_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, issuer) DO NOTHING",
    )
    .bind(user.workspace.to_string())
    .bind(issuer)
    .bind(subject)
    .bind(user.id.to_string())
    .bind(at.unix_millis())
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets which subjects a user is; gives how many.
pub async fn unbind_subjects(connection: &mut Connection, user: UserId) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM identities WHERE user_id = $1")
        .bind(user.to_string())
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
