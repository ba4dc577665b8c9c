use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use entente_domain::Timestamp;
use entente_wire::SessionAttributes;
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::{ApiError, Outcome, sessions::refresh, transport::Transport};

/// The newest tokens of a session.
#[derive(Debug, Clone)]
pub struct SessionTokens {
    /// What requests are sent with.
    pub access: SecretString,
    /// When that ends.
    pub access_expires_at: Timestamp,
    /// What is taken for new tokens, once.
    pub refresh: SecretString,
    /// When that ends, and the session with it, unless it was used.
    pub refresh_expires_at: Timestamp,
    /// The idempotency key of the request that will take it. It is chosen beforehand and kept with the
    /// token, so that a program that is killed before it has kept the answer can ask for the same
    /// answer again.
    refresh_key: SecretString,
}

/// Tokens as a keyring has them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InKeyring {
    #[serde(flatten)]
    tokens: SessionAttributes,
    refresh_key: String,
}

impl SessionTokens {
    /// All of it as one secret, for a keyring.
    #[must_use]
    pub fn to_secret(&self) -> SecretString {
        let tokens = SessionAttributes {
            access_token: self.access.expose_secret().to_owned(),
            access_token_expires_at: self.access_expires_at,
            refresh_token: self.refresh.expose_secret().to_owned(),
            refresh_token_expires_at: self.refresh_expires_at,
        };
        let refresh_key = self.refresh_key.expose_secret().to_owned();
        serde_json::to_string(&InKeyring { tokens, refresh_key }).unwrap_or_default().into()
    }

    /// What [`Self::to_secret`] made; none if it is something else, such as an API key.
    #[must_use]
    pub fn from_secret(secret: &SecretString) -> Option<Self> {
        let InKeyring { tokens, refresh_key } =
            serde_json::from_str(secret.expose_secret()).ok()?;
        Some(Self { refresh_key: refresh_key.into(), ..tokens.into() })
    }
}

impl From<SessionAttributes> for SessionTokens {
    fn from(told: SessionAttributes) -> Self {
        Self {
            access: told.access_token.into(),
            access_expires_at: told.access_token_expires_at,
            refresh: told.refresh_token.into(),
            refresh_expires_at: told.refresh_token_expires_at,
            refresh_key: new_key().into(),
        }
    }
}

type Kept = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What requests are sent with: an API key, or a session, which is refreshed when its access token has
/// expired. Clones share it.
#[derive(Clone)]
pub struct Credentials(Arc<Kind>);

enum Kind {
    Key(SecretString),
    Session(Session),
}

struct Session {
    newest: RwLock<SessionTokens>,
    /// Held by the one who refreshes.
    refreshing: Mutex<()>,
    keep: Box<dyn Fn(SessionTokens) -> Kept + Send + Sync>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.0 {
            Kind::Key(_) => "Credentials::Key(…)",
            Kind::Session(_) => "Credentials::Session(…)",
        })
    }
}

impl From<SecretString> for Credentials {
    fn from(key: SecretString) -> Self {
        Self(Arc::new(Kind::Key(key)))
    }
}

impl Credentials {
    /// A session. `keep` is told the new tokens after each refresh and should put them where they
    /// outlast the program: the ones before are good no more.
    pub fn session<F: Future<Output = ()> + Send + 'static>(
        tokens: SessionTokens,
        keep: impl Fn(SessionTokens) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Kind::Session(Session {
            newest: RwLock::new(tokens),
            refreshing: Mutex::default(),
            keep: Box::new(move |tokens| Box::pin(keep(tokens))),
        })))
    }

    /// The newest tokens, if it is a session.
    #[must_use]
    pub fn tokens(&self) -> Option<SessionTokens> {
        match &*self.0 {
            Kind::Key(_) => None,
            Kind::Session(session) => Some(session.newest()),
        }
    }

    /// What to send now.
    pub(crate) fn token(&self) -> SecretString {
        match &*self.0 {
            Kind::Key(key) => key.clone(),
            Kind::Session(session) => session.newest().access,
        }
    }

    /// Gets newer tokens than the one that was refused, one caller for all who wait. A key stays as it
    /// is.
    pub(crate) async fn refresh(
        &self,
        transport: &Transport,
        refused: &SecretString,
    ) -> Result<(), ApiError> {
        match &*self.0 {
            Kind::Key(_) => Ok(()),
            Kind::Session(session) => session.refresh(transport, refused).await,
        }
    }
}

impl Session {
    fn newest(&self) -> SessionTokens {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(&self, transport: &Transport, refused: &SecretString) -> Result<(), ApiError> {
        let _alone = self.refreshing.lock().await;
        let before = self.newest();
        if before.access.expose_secret() != refused.expose_secret() {
            return Ok(());
        }
        let ask = || refresh(transport, &before.refresh, before.refresh_key.expose_secret());
        let mut done = ask().await;
        if done.as_ref().is_err_and(|error| error.outcome() == Outcome::Unknown) {
            done = ask().await;
        }
        let tokens = done?;
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = tokens.clone();
        (self.keep)(tokens).await;
        Ok(())
    }
}

fn new_key() -> String {
    let bits: [u8; 16] = rand::rng().random();
    BASE64.encode(bits)
}
