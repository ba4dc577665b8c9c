//! The person's own profiles: signing in and out, and how they look.

use std::{sync::PoisonError, time::Duration};

use entente_api_client::{
    AddressError, ApiError, Client, ClientOptions, Credentials, LastPage, ServerAddress,
    SessionTokens, Sessions, SignIn, SignInError,
};
use entente_attention::Text;
use entente_cache::{Keeping, ProfileRecord, SignInKind};
use entente_wire::MeResource;
use secrecy::SecretString;
use tokio::sync::oneshot;

use super::{Controller, home::Profile, opening::ACTIVE, trust::client_options};
use crate::{
    language,
    view::{AppState, CommandError, NoticeKind},
};

const COLORS: u8 = 8;
const LONGEST_LABEL: usize = 60;
/// How long a person may take in their browser.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long the end of a session may take, while a person waits for it.
const GOODBYE: Duration = Duration::from_secs(5);

/// Somebody whom a server let in.
struct Admitted {
    server: ServerAddress,
    me: MeResource,
    secret: SecretString,
    sign_in: SignInKind,
}

impl Controller {
    /// Adds a profile with a key, or gives one that is there a new key.
    pub async fn connect(&self, server: &str, key: SecretString) -> Result<AppState, CommandError> {
        let admitted = self.admit(address(server)?, key, SignInKind::Key).await?;
        self.adopt(admitted).await
    }

    /// Adds a profile by single sign-on in the system's browser; `whose` is a mail address or a
    /// workspace ID.
    pub async fn sign_in(&self, server: &str, whose: &str) -> Result<AppState, CommandError> {
        let admitted = self.admit_by_browser(address(server)?, whose).await?;
        self.adopt(admitted).await
    }

    /// Stops waiting for the browser.
    pub fn cancel_sign_in(&self) {
        drop(self.signing_in().take());
    }

    /// Gives a profile a new key of the same user.
    pub async fn renew_key(&self, id: &str, key: SecretString) -> Result<AppState, CommandError> {
        let profile = self.any_profile(id).await?;
        let server = address(&profile.record.server)?;
        let admitted = self.admit(server, key, SignInKind::Key).await?;
        self.adopt(admitted.of(id, "key")?).await
    }

    /// Signs a profile's user in again in the system's browser.
    pub async fn sign_in_again(&self, id: &str) -> Result<AppState, CommandError> {
        let profile = self.any_profile(id).await?;
        let whose = match &*profile.me.read().await {
            Some(me) => me.user.email.clone(),
            None => profile.record.email.clone(),
        };
        let server = address(&profile.record.server)?;
        let admitted = self.admit_by_browser(server, &whose).await?;
        self.adopt(admitted.of(id, "address")?).await
    }

    /// Reads a profile's key from the keyring once more.
    pub async fn unlock_profile(&self, id: &str) -> Result<AppState, CommandError> {
        self.any_profile(id).await?;
        self.notes().retain(|note| note.kind() != NoticeKind::NoKeyring);
        self.reopen_profiles(|profile| profile.record.id == id).await
    }

    /// Gives a profile a name of the person's own; an empty one takes it away.
    pub async fn rename_profile(&self, id: &str, label: &str) -> Result<AppState, CommandError> {
        let label = label.trim();
        if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
            let message = format!("A name has at most {LONGEST_LABEL} characters, on one line.");
            return Err(CommandError::new("invalid_name", &message).about("label"));
        }
        let label = (!label.is_empty()).then(|| label.to_owned());
        self.change_look(id, |profile| profile.look().label = label).await
    }

    /// Gives a profile another colour, 0 to 7.
    pub async fn color_profile(&self, id: &str, color: u8) -> Result<AppState, CommandError> {
        self.change_look(id, |profile| profile.look().color = color % COLORS).await
    }

    async fn change_look(
        &self,
        id: &str,
        change: impl FnOnce(&Profile),
    ) -> Result<AppState, CommandError> {
        let profile = self.any_profile(id).await?;
        change(&profile);
        {
            let guard = self.inner.home.read().await;
            let home = guard.as_ref().ok_or_else(CommandError::not_open)?;
            home.journal.put_profile(&profile.record_now()).await?;
        }
        self.changed().await
    }

    /// Removes a profile: ends its session, deletes its key and its cache.
    pub async fn sign_out(&self, id: &str) -> Result<AppState, CommandError> {
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        let Some(index) = home.profiles.iter().position(|profile| profile.record.id == id) else {
            return Err(CommandError::no_profile());
        };
        let profile = home.profiles.remove(index);
        profile.close().await;
        if !profile.demo {
            end_session(&profile, client_options(&home.journal).await).await;
            // The key first: without it, what may be left of the cache can be read by nobody.
            self.forget_secrets(id).await;
        }
        home.journal.remove_profile(id).await?;
        if home.active.as_deref() == Some(id) {
            home.active = home.profiles.first().map(|profile| profile.record.id.clone());
            home.journal.put_setting(ACTIVE, &home.active).await?;
        }
        profile.cache.clone().delete().await?;
        drop(guard);
        self.changed().await
    }

    /// Shows another profile's partnerships.
    pub async fn activate(&self, id: &str) -> Result<AppState, CommandError> {
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        if home.profile(id).is_none() {
            return Err(CommandError::no_profile());
        }
        home.active = Some(id.into());
        home.journal.put_setting(ACTIVE, &home.active).await?;
        drop(guard);
        self.changed().await
    }

    /// Closes some profiles and opens them again with what the keyring and the settings say now.
    pub(super) async fn reopen_profiles(
        &self,
        which: impl Fn(&Profile) -> bool,
    ) -> Result<AppState, CommandError> {
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        for index in 0..home.profiles.len() {
            let Some(old) = home.profiles.get(index).filter(|profile| which(profile)).cloned()
            else {
                continue;
            };
            // A key that no keyring keeps must not be lost by this.
            let credentials = match &old.credentials {
                Some(credentials) => Ok(credentials.clone()),
                None => self.credentials_of(&old.record.id).await,
            };
            old.close().await;
            let keeps = self.keeping(&home.journal, &old.record.id);
            let was_plain = matches!(old.keeping, Keeping::Plain);
            if old.is_damaged() || was_plain && !matches!(keeps.await, Keeping::Plain) {
                old.cache.clone().delete().await?;
            }
            let profile = self.open_profile(home, old.record_now(), credentials).await?;
            if let Some(place) = home.profiles.get_mut(index) {
                *place = profile;
            }
        }
        drop(guard);
        self.changed().await
    }

    /// Makes a profile of who was admitted, or renews the one that they have.
    async fn adopt(&self, admitted: Admitted) -> Result<AppState, CommandError> {
        if self.inner.home.read().await.as_ref().is_none_or(|home| home.demo.is_some()) {
            // Real data is never mixed with the sample.
            self.move_out().await;
            self.open_real().await?;
        }
        let mut guard = self.inner.home.write().await;
        let Some(home) = guard.as_mut() else { return Err(CommandError::not_open()) };
        let Admitted { server, me, secret, sign_in } = admitted;
        // A user is of one server and has one profile.
        let old = home.profiles.iter().position(|profile| profile.record.id == me.id);
        let (label, color) = match old.and_then(|index| home.profiles.get(index)) {
            Some(old) => {
                old.close().await;
                let look = old.look().clone();
                (look.label, look.color)
            }
            None => (None, u8::try_from(home.profiles.len()).unwrap_or(0) % COLORS),
        };
        let record = ProfileRecord {
            id: me.id.clone(),
            server: server.to_string(),
            color,
            label,
            sign_in,
            email: me.attributes.email,
            user_name: me.attributes.name,
            workspace_name: me.attributes.workspace.name,
        };
        self.keep_secret(&record.id, &secret).await;
        home.journal.put_profile(&record).await?;
        let credentials = self.credentials(&record.id, secret);
        let profile = self.open_profile(home, record, Ok(credentials)).await?;
        home.active = Some(profile.record.id.clone());
        home.journal.put_setting(ACTIVE, &home.active).await?;
        match old.and_then(|index| home.profiles.get_mut(index)) {
            Some(place) => *place = profile,
            None => home.profiles.push(profile),
        }
        drop(guard);
        self.changed().await
    }

    async fn admit_by_browser(
        &self,
        server: ServerAddress,
        whose: &str,
    ) -> Result<Admitted, CommandError> {
        let options = self.client_options().await?;
        let sessions = Sessions::new(server.clone(), options).map_err(|e| refused(&e))?;
        let provider = sessions.provider(whose.trim()).await.map_err(|e| refused(&e))?;
        let sign_in = SignIn::begin(&provider).await.map_err(|error| not_signed_in(&error))?;
        // A second sign-in ends the first one's waiting.
        let (waiting, cancelled) = oneshot::channel();
        *self.signing_in() = Some(waiting);
        let url = sign_in.url().to_string();
        entente_desktop::open_in_browser(url).await.map_err(|error| {
            tracing::warn!(%error, "the browser was not opened");
            CommandError::new(
                "no_browser",
                "Your browser could not be started. Set a default browser and try again.",
            )
        })?;
        let grant = tokio::select! {
            grant = sign_in.answer(PATIENCE, last_page()) => grant.map_err(|error| not_signed_in(&error))?,
            _ = cancelled => {
                return Err(CommandError::new("cancelled", "The sign-in was cancelled."));
            }
        };
        self.cancel_sign_in();
        let tokens = sessions.begin(&grant).await.map_err(|error| refused(&error))?;
        self.admit(server, tokens.to_secret(), SignInKind::Browser).await
    }

    /// Asks the server whose a key or session is.
    async fn admit(
        &self,
        server: ServerAddress,
        secret: SecretString,
        sign_in: SignInKind,
    ) -> Result<Admitted, CommandError> {
        let token = match SessionTokens::from_secret(&secret) {
            Some(tokens) => tokens.access,
            None => secret.clone(),
        };
        let options = self.client_options().await?;
        let client = Client::new(server.clone(), Credentials::from(token), options)
            .map_err(|error| refused(&error))?;
        let me = client.me().await.map_err(|error| refused(&error))?;
        Ok(Admitted { server, me, secret, sign_in })
    }

    fn signing_in(&self) -> std::sync::MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.inner.signing_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the server that a session is over, if it can be told. It ends by itself otherwise.
async fn end_session(profile: &Profile, options: ClientOptions) {
    let tokens = profile.credentials.as_ref().and_then(Credentials::tokens);
    let (Some(tokens), Ok(server)) = (tokens, profile.record.server.parse()) else { return };
    let ended = async { Sessions::new(server, options)?.end(&tokens).await };
    match tokio::time::timeout(GOODBYE, ended).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(code = error.code(), "a session was not ended"),
        Err(_) => tracing::warn!("a session was not ended in time"),
    }
}

impl Admitted {
    /// The same, if it is the user of this profile.
    fn of(self, id: &str, field: &str) -> Result<Self, CommandError> {
        if self.me.id == id {
            return Ok(self);
        }
        let who = &self.me.attributes.name;
        let message = format!("That is somebody else: {who}. Add them as a profile of their own.");
        Err(CommandError::of("another_user", Some(who), &message).about(field))
    }
}

fn address(server: &str) -> Result<ServerAddress, CommandError> {
    server.parse().map_err(|error: AddressError| {
        CommandError::new(error.code(), &error.to_string()).about("server")
    })
}

/// Why signing in failed, at the field that it is about.
fn refused(error: &ApiError) -> CommandError {
    let refusal = CommandError {
        retryable: error.retryable(),
        ..CommandError::of(error.code(), error.fact(), &error.to_string())
    };
    match error {
        ApiError::Unauthorized(_) => refusal.about("key"),
        ApiError::Refused(_) => refusal.about("address"),
        ApiError::Unreachable
        | ApiError::Interrupted
        | ApiError::TimedOut
        | ApiError::Untrusted
        | ApiError::NotEntente
        | ApiError::Redirected(_)
        | ApiError::RateLimited(..)
        | ApiError::Busy(_)
        | ApiError::Fault(_) => refusal.about("server"),
    }
}

fn not_signed_in(error: &SignInError) -> CommandError {
    let refusal = CommandError::of(error.code(), error.fact(), &error.to_string());
    CommandError { retryable: true, ..refusal }
}

fn last_page() -> LastPage {
    let language = language::spoken();
    LastPage {
        language: language.to_string(),
        signed_in: language.say(&Text::BackToEntente),
        not_signed_in: language.say(&Text::NotSignedIn),
    }
}
