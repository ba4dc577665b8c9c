//! Single sign-on against a certified OpenID provider, through a browser that follows its pages.

mod refreshing;
mod signing_in;

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use entente_api_client::{
    Client, ClientOptions, Credentials, LastPage, SessionTokens, Sessions, SignIn,
};
use entente_domain::WorkspaceId;
use entente_server::{Clock as _, Config, ManualClock, NewProvider, SystemClock, set_provider};
use entente_store::Engine;
use entente_testkit::OpenIdProvider;
use entente_tests::{
    Ground, World,
    contract::{self, Exchange},
};
use entente_wire::{IdentityProviderResource, SessionAttributes, TokenRequest};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::{Answer, media_type};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the browser shows at the end.
fn last_page() -> LastPage {
    LastPage {
        language: "en".into(),
        signed_in: "You are signed in.".into(),
        not_signed_in: "You are not signed in.".into(),
    }
}

/// A server whose host workspace signs in through a provider.
pub struct Scene {
    _ground: Ground,
    world: World,
    clock: Arc<ManualClock>,
    provider: OpenIdProvider,
}

impl Scene {
    async fn start() -> Result<Self> {
        Self::on(Ground::new(Engine::Sqlite)?).await
    }

    async fn on(ground: Ground) -> Result<Self> {
        Self::on_with(ground, |_| {}, |_| {}).await
    }

    async fn with(change_provider: impl FnOnce(&mut NewProvider)) -> Result<Self> {
        Self::on_with(Ground::new(Engine::Sqlite)?, |_| {}, change_provider).await
    }

    async fn on_with(
        ground: Ground,
        change_config: impl FnOnce(&mut Config),
        change_provider: impl FnOnce(&mut NewProvider),
    ) -> Result<Self> {
        // The provider's clock is the real one: this one begins there.
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let mut config = Config { clock: clock.clone(), ..ground.config() };
        change_config(&mut config);
        let world = World::start_with(config).await?;
        let provider = OpenIdProvider::start()?;
        let scene = Self { _ground: ground, world, clock, provider };
        let mut new = NewProvider::public(scene.provider.issuer(), "entente", &["globex.example"]);
        change_provider(&mut new);
        scene.set(new).await?;
        Ok(scene)
    }

    async fn set(&self, new: NewProvider) -> Result<()> {
        let server = self.world.server.as_ref().context("it runs")?;
        let workspace = self.workspace()?;
        set_provider(server.store(), server.vault(), workspace, new, server.now()).await?;
        Ok(())
    }

    fn workspace(&self) -> Result<WorkspaceId> {
        Ok(self.world.person("uma").workspace.parse()?)
    }

    /// Time goes on, here and at the provider.
    fn pass(&self, by: Duration) -> Result<()> {
        self.clock.pass(by);
        self.provider.pass(by)
    }

    fn sessions(&self) -> Result<Sessions> {
        Ok(Sessions::new(self.world.url().parse()?, ClientOptions::default())?)
    }

    /// What somebody's browser brings back from the provider.
    async fn grant(&self, account: &str) -> Result<TokenRequest> {
        let provider = self.sessions()?.provider("anybody@globex.example").await?;
        self.grant_at(&provider, account).await
    }

    async fn grant_at(
        &self,
        provider: &IdentityProviderResource,
        account: &str,
    ) -> Result<TokenRequest> {
        let sign_in = SignIn::begin(provider).await?;
        let back = self.provider.sign_in(sign_in.url().as_str(), account)?;
        let answer = tokio::spawn(sign_in.answer(MINUTE, last_page()));
        let page = reqwest::get(back).await?;
        assert!(page.text().await?.contains("You are signed in."));
        Ok(answer.await??)
    }

    async fn sign_in(&self, account: &str) -> Result<SessionTokens> {
        Ok(self.sessions()?.begin(&self.grant(account).await?).await?)
    }

    /// What somebody who tries to sign in is told.
    async fn refused(&self, account: &str) -> Result<String> {
        refusal_of(&self.post("/auth/token", &self.grant(account).await?, None).await?)
    }

    async fn post(
        &self,
        path: &str,
        body: &impl serde::Serialize,
        key: Option<&str>,
    ) -> Result<Answer> {
        let path = format!("/api/v1{path}");
        let url = format!("{}{path}", self.world.url());
        let mut request = reqwest::Client::new().post(url).json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let media_type = media_type(&answer);
        let text = answer.text().await?;
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? };
        let (method, media_type) = ("POST", media_type.as_str());
        contract::check(Exchange { method, path: &path, status, media_type, body: &body })?;
        Ok(Answer { status, etag: String::new(), body })
    }

    async fn refresh(&self, tokens: &SessionTokens, key: Option<&str>) -> Result<Answer> {
        let token = tokens.refresh.expose_secret();
        let body = json!({"grantType": "refresh_token", "refreshToken": token});
        self.post("/auth/token", &body, key).await
    }

    /// A client that does not refresh by itself.
    fn client(&self, tokens: &SessionTokens) -> Result<Client> {
        self.client_with(tokens.access.clone())
    }

    fn client_with(&self, credentials: impl Into<Credentials>) -> Result<Client> {
        Ok(Client::new(self.world.url().parse()?, credentials, ClientOptions::default())?)
    }

    /// What the API says of an access token: the code, or nothing if it is good.
    async fn state(&self, tokens: &SessionTokens) -> Result<&'static str> {
        Ok(self.client(tokens)?.me().await.err().map_or("good", |error| error.code()))
    }
}

fn tokens(answer: &Answer) -> Result<SessionTokens> {
    assert_eq!(answer.status, 200, "{}", answer.code());
    let told: SessionAttributes =
        serde_json::from_value(answer.body["data"]["attributes"].clone())?;
    Ok(told.into())
}

fn refusal_of(answer: &Answer) -> Result<String> {
    assert_eq!((answer.status, answer.code()), (403, "sso_refused"), "{:?}", answer.body);
    let detail = answer.body["errors"][0]["detail"].as_str().context("a sentence")?;
    Ok(detail.to_owned())
}
