use entente_domain::{ScimTokenId, Timestamp, TokenName, WorkspaceId, WorkspaceRole};
use entente_store::{
    ScimTokenRow, Store, insert_scim_token, list_scim_tokens, revoke_scim_token, scim_token,
    set_managed, workspace,
};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{ServerSecret, SetUpError, keys::new_scim_token};

/// A token of an identity provider to make.
#[derive(Debug)]
pub struct NewScimToken<'a> {
    /// The one workspace that it is good for.
    pub workspace: WorkspaceId,
    /// What to call it.
    pub name: &'a str,
    /// The highest role that it may give: an Admin's at most.
    pub highest_role: WorkspaceRole,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Makes a token; the secret is told here and never again. From now on the identity provider alone
/// adds and removes the workspace's members.
pub async fn add_scim_token(
    store: &Store,
    secret: &ServerSecret,
    new: NewScimToken<'_>,
    at: Timestamp,
) -> Result<(ScimTokenId, SecretString), SetUpError> {
    if new.highest_role > WorkspaceRole::Admin {
        return Err(SetUpError::RoleTooHigh);
    }
    let token = new_scim_token();
    let row = ScimTokenRow {
        id: ScimTokenId::new(Uuid::now_v7()),
        workspace: new.workspace,
        name: TokenName::parse(new.name).map_err(SetUpError::Name)?.into(),
        highest_role: new.highest_role,
        created_at: at,
        expires_at: new.expires_at,
        revoked_at: None,
    };
    let mut write = store.write().await?;
    if workspace(write.connection(), new.workspace).await?.is_none() {
        return Err(SetUpError::UnknownWorkspace(new.workspace));
    }
    insert_scim_token(write.connection(), &row, &secret.hash(&token)).await?;
    set_managed(write.connection(), new.workspace, true).await?;
    write.commit().await?;
    Ok((row.id, token))
}

/// What revoking a token came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedScimToken {
    /// There is none with this id.
    Unknown,
    /// The workspace has others.
    OthersLeft,
    /// It was the last one; the workspace's members still come and go by an identity provider only.
    LastOne,
    /// It was the last one; the workspace's Admins remove members again.
    Unmanaged,
}

/// Ends a token at once, and with the last one, if that is wanted, the rule that an identity provider
/// alone adds and removes members.
pub async fn end_scim_token(
    store: &Store,
    id: ScimTokenId,
    unmanage: bool,
    at: Timestamp,
) -> Result<RevokedScimToken, SetUpError> {
    let mut write = store.write().await?;
    let Some(row) = scim_token(write.connection(), id).await? else {
        return Ok(RevokedScimToken::Unknown);
    };
    revoke_scim_token(write.connection(), id, at).await?;
    let left = list_scim_tokens(write.connection(), Some(row.workspace)).await?;
    let done = if left.iter().any(|token| token.is_live(at)) {
        RevokedScimToken::OthersLeft
    } else if unmanage {
        set_managed(write.connection(), row.workspace, false).await?;
        RevokedScimToken::Unmanaged
    } else {
        RevokedScimToken::LastOne
    };
    write.commit().await?;
    Ok(done)
}

/// The tokens of a workspace, or all of them, the oldest first.
pub async fn scim_tokens(
    store: &Store,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<ScimTokenRow>, SetUpError> {
    Ok(list_scim_tokens(&mut *store.read().await?, workspace).await?)
}
