//! From a provider's code to a session of this server's.

use entente_domain::{EmailAddress, IdentityProviderId, UserId, UserStatus};
use entente_store::{
    Connection, IdentityProviderRow, UserFilter, UserRow, bind_subject, identity_provider,
    list_users, user_of_subject,
};
use entente_wire::ErrorCode;
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{
    id_token::{Expected, Identity},
    provider::Granted,
    refusal, registration,
    session::{Tokens, begin},
};
use crate::{
    app::App,
    error::{ApiError, ApiResult},
    retry::{Task, in_transaction},
};

/// What a client got from the provider, and what proves that it is the one who asked.
pub(crate) struct CodeGrant {
    pub(crate) provider: IdentityProviderId,
    pub(crate) code: String,
    pub(crate) code_verifier: String,
    pub(crate) redirect_uri: String,
    pub(crate) nonce: String,
}

/// Begins a session for whom the provider says it is.
pub(crate) async fn sign_in(app: &App, grant: &CodeGrant) -> ApiResult<Tokens> {
    let provider = identity_provider(&mut *app.store.read().await?, grant.provider).await?;
    let provider = provider.ok_or_else(not_configured)?;
    let with = registration(&app.vault, &provider)?;
    let expected = Expected {
        issuer: &with.issuer,
        client_id: &with.client_id,
        nonce: Some(&grant.nonce),
        now: app.clock.now(),
    };
    let code = (grant.code.as_str(), grant.code_verifier.as_str(), grant.redirect_uri.as_str());
    let granted = app.providers.exchange(&with, code, expected).await.map_err(|error| {
        tracing::warn!(provider = %provider.id, %error, "a code was not taken");
        refusal(&error)
    })?;
    let (identity, address) = who(app, &provider, &granted).await?;
    let begin = Begin {
        provider: &provider,
        subject: &identity.subject,
        address: address.as_ref(),
        token: granted.refresh_token.as_ref(),
    };
    let (user, tokens) = in_transaction(app, &begin).await?;
    tracing::info!(session = %tokens.session, %user, "signed in");
    Ok(tokens)
}

/// Finds the member and begins their session.
struct Begin<'a> {
    provider: &'a IdentityProviderRow,
    subject: &'a str,
    address: Option<&'a Address>,
    /// The provider's refresh token.
    token: Option<&'a SecretString>,
}

impl Task for Begin<'_> {
    type Done = (UserId, Tokens);

    async fn run(&self, app: &App, connection: &mut Connection) -> ApiResult<Self::Done> {
        let Self { provider, subject, address, token } = *self;
        let user = member(app, connection, provider, subject, address).await?.id;
        Ok((user, begin(app, connection, user, token).await?))
    }
}

pub(crate) fn not_configured() -> ApiError {
    ApiError::new(
        ErrorCode::SsoNotConfigured,
        "No single sign-on serves this address. Sign in with an API key, or ask an Admin of your \
         workspace.",
    )
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(ErrorCode::SsoRefused, detail)
}

/// Who signed in, and their mail address, which is asked for only while the subject is not known.
async fn who(
    app: &App,
    provider: &IdentityProviderRow,
    granted: &Granted,
) -> ApiResult<(Identity, Option<Address>)> {
    let identity = granted.identity.clone().ok_or_else(|| refused("Nobody signed in."))?;
    let (workspace, issuer) = (provider.workspace, &provider.issuer);
    let known = {
        let mut connection = app.store.read().await?;
        user_of_subject(&mut connection, workspace, issuer, &identity.subject).await?
    };
    if known.is_some() {
        return Ok((identity, None));
    }
    if let Some(address) = Address::of(provider, &identity.claims) {
        return Ok((identity, Some(address)));
    }
    // Many providers tell it here and not in the token (OpenID Connect Core 1.0, 5.4).
    let Some(token) = &granted.access_token else { return Ok((identity, None)) };
    let more = app.providers.user_info(issuer, token, &identity.subject).await;
    let more = more.map_err(|error| {
        tracing::warn!(provider = %provider.id, %error, "a provider does not tell of somebody");
        refusal(&error)
    })?;
    Ok((identity, Address::of(provider, &more)))
}

/// A mail address as the provider tells it.
struct Address {
    address: EmailAddress,
    is_verified: bool,
}

impl Address {
    fn of(provider: &IdentityProviderRow, claims: &Map<String, Value>) -> Option<Self> {
        let text = claims.get(&provider.email_claim)?.as_str()?;
        let is_verified = match claims.get("email_verified") {
            Some(Value::Bool(said)) => *said,
            // Some providers say it in a text.
            Some(Value::String(said)) => said == "true",
            Some(_) => false,
            None => provider.trusts_email,
        };
        Some(Self { address: EmailAddress::parse(text).ok()?, is_verified })
    }
}

/// The member that a subject is: known from before, or by a verified mail address, which is believed
/// once.
async fn member(
    app: &App,
    connection: &mut Connection,
    provider: &IdentityProviderRow,
    subject: &str,
    address: Option<&Address>,
) -> ApiResult<UserRow> {
    let (workspace, issuer) = (provider.workspace, &provider.issuer);
    if let Some(user) = user_of_subject(connection, workspace, issuer, subject).await? {
        if user.status != UserStatus::Live {
            return Err(ApiError::new(
                ErrorCode::UserDisabled,
                "You were removed from the workspace. Ask an Admin of the workspace.",
            ));
        }
        return Ok(user);
    }
    let Some(Address { address, is_verified }) = address else {
        return Err(refused(
            "Your identity provider does not tell your mail address. Ask an Admin of your workspace.",
        ));
    };
    if !is_verified {
        return Err(refused(
            "Your identity provider has not verified your mail address. Verify it there and sign in \
             again.",
        ));
    }
    if !provider.domains.iter().any(|domain| domain == address.domain()) {
        return Err(refused(
            "Mail addresses of your domain cannot sign in here. Ask an Admin of your workspace.",
        ));
    }
    let filter = UserFilter {
        statuses: vec![UserStatus::Live],
        email: Some(address.as_str().to_owned()),
        ..UserFilter::default()
    };
    let mut found = list_users(connection, workspace, &filter, None, 0, 2).await?;
    let (Some(user), true) = (found.pop(), found.is_empty()) else {
        return Err(refused(
            "No member of this workspace has your mail address. Ask an Admin of the workspace to add \
             you.",
        ));
    };
    if !bind_subject(connection, &user, issuer, subject, app.clock.now()).await? {
        return Err(refused(
            "This member signed in with another account of your identity provider before. Ask whoever \
             runs the server to unbind it.",
        ));
    }
    Ok(user)
}

#[cfg(test)]
mod tests {
    use entente_domain::WorkspaceId;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_address_is_verified_only_if_it_is_said_or_the_operator_says_so() {
        let provider = |trusts_email| IdentityProviderRow {
            id: IdentityProviderId::new(Uuid::now_v7()),
            workspace: WorkspaceId::new(Uuid::now_v7()),
            issuer: "https://login.globex.example".into(),
            client_id: "entente".into(),
            client_secret: None,
            scopes: "openid".into(),
            email_claim: "upn".into(),
            trusts_email,
            domains: vec!["globex.example".into()],
        };
        let verified = |said: Value, trusts| {
            let mut claims = json!({"upn": "Ana@Globex.example", "email": "other@globex.example"});
            if !said.is_null() {
                claims["email_verified"] = said;
            }
            let claims = claims.as_object().expect("an object").clone();
            let found = Address::of(&provider(trusts), &claims).expect("an address");
            assert_eq!(found.address.as_str(), "Ana@globex.example");
            found.is_verified
        };
        assert!(verified(json!(true), false) && verified(json!("true"), false));
        assert!(verified(json!(null), true));
        for said in [json!(null), json!(false), json!("false"), json!("yes"), json!(1)] {
            assert!(!verified(said.clone(), false), "{said}");
        }
        for said in [json!(false), json!("false"), json!(1)] {
            assert!(!verified(said.clone(), true), "{said}: trust does not unsay it");
        }
        for bad in [json!({}), json!({"upn": 7}), json!({"upn": "ana"})] {
            let claims = bad.as_object().expect("an object").clone();
            assert!(Address::of(&provider(true), &claims).is_none(), "{bad}");
        }
    }
}
