use std::{collections::BTreeMap, fs, path::Path};

use entente_domain::{Action, PartnershipId, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::Row as _;

use crate::{
    CacheError, Keeping, Opened,
    open::{Pools, files, make_directory_of},
    seal::Seal,
};

/// What cannot be asked for again: profiles, settings, decisions under way, what was told.
#[derive(Debug, Clone)]
pub struct Journal {
    pools: Pools,
    seal: Option<Seal>,
}

/// A connection, without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRecord {
    /// Its id on this machine; also the name under which the keyring has the key.
    pub id: String,
    /// The server's address.
    pub server: String,
    /// Index of its colour, 0 to 7.
    pub color: u8,
    /// What the person calls it; none if they gave it no name.
    #[serde(default)]
    pub label: Option<String>,
    /// How its user signs in.
    #[serde(default)]
    pub sign_in: SignInKind,
    /// The user's mail address.
    #[serde(default)]
    pub email: String,
    /// Whose it is, until the cache knows better.
    pub user_name: String,
    /// The workspace, until the cache knows better.
    pub workspace_name: String,
}

/// How a profile's user signs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// With an API key.
    #[default]
    Key,
    /// At an identity provider, through the browser.
    Browser,
}

/// What a decision does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum IntentAction {
    /// Sends a new request.
    Request,
    /// Takes an action on a version of a partnership.
    Act {
        /// Which action.
        action: Action,
        /// On which partnership.
        partnership: PartnershipId,
        /// On which version of it.
        version: i64,
    },
    /// Writes something else, as the API takes it.
    Write {
        /// `POST`, `PATCH` or `DELETE`.
        method: String,
        /// The path below the server's origin.
        path: String,
        /// The version that the person saw, where the API asks for one.
        version: Option<i64>,
        /// What it does, for the person: a word of [`entente_domain::Deed`].
        what: String,
    },
}

/// A decision on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its id, which is its idempotency key.
    pub id: String,
    /// Of which profile.
    pub profile: String,
    /// What it does.
    pub action: IntentAction,
    /// The attributes to send.
    pub body: Value,
    /// What a person knows it by: the partner's name.
    pub about: String,
    /// When it was decided.
    pub at: Timestamp,
}

impl Journal {
    /// Opens the file. A damaged one is set aside under another name and a fresh one begun.
    pub async fn open(path: &Path, now: Timestamp) -> Result<(Self, Opened), CacheError> {
        make_directory_of(path)?;
        let fresh = !path.exists();
        let why = match Self::try_open(path).await {
            Ok(journal) => {
                return Ok((journal, if fresh { Opened::Fresh } else { Opened::Existing }));
            }
            Err(error) if error.is_of_the_file() => error.to_string(),
            Err(error) => return Err(error),
        };
        tracing::error!(why, "the journal is set aside and begun anew");
        for file in files(path) {
            let mut aside = file.as_os_str().to_owned();
            aside.push(format!(".damaged-{}", now.unix_millis()));
            if file.exists() {
                fs::rename(&file, &aside).map_err(|error| CacheError::of_io(&file, error))?;
            }
        }
        Ok((Self::try_open(path).await?, Opened::Rebuilt(why)))
    }

    async fn try_open(path: &Path) -> Result<Self, CacheError> {
        let pools = Pools::open(path, &Keeping::Plain).await?;
        if let Err(error) = sqlx::migrate!("./migrations").run(&pools.write).await {
            pools.close().await;
            return Err(error.into());
        }
        Ok(Self { pools, seal: None })
    }

    /// The same journal for one profile, whose decisions are sealed with its key from now on.
    #[must_use]
    pub fn sealed(&self, keeping: &Keeping) -> Self {
        let seal = match keeping {
            Keeping::Encrypted(key) => Some(Seal::new(key)),
            Keeping::Plain | Keeping::Memory => None,
        };
        Self { pools: self.pools.clone(), seal }
    }

    /// Closes it.
    pub async fn close(&self) {
        self.pools.close().await;
    }

    /// The profiles, in the order in which they were added.
    pub async fn profiles(&self) -> Result<Vec<ProfileRecord>, CacheError> {
        let docs: Vec<String> = sqlx::query_scalar("SELECT doc FROM profiles ORDER BY position")
            .fetch_all(&self.pools.read)
            .await?;
        Ok(docs.iter().map(|doc| serde_json::from_str(doc)).collect::<Result<_, _>>()?)
    }

    /// Adds a profile, or changes it.
    pub async fn put_profile(&self, profile: &ProfileRecord) -> Result<(), CacheError> {
        sqlx::query(
            "INSERT INTO profiles (id, position, doc) \
             VALUES ($1, (SELECT COALESCE(MAX(position), 0) + 1 FROM profiles), $2) \
             ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
        )
        .bind(&profile.id)
        .bind(serde_json::to_string(profile)?)
        .execute(&self.pools.write)
        .await?;
        Ok(())
    }

    /// Removes a profile with its decisions under way and what was told for it.
    pub async fn remove_profile(&self, id: &str) -> Result<(), CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM profiles WHERE id = $1").bind(id).execute(&mut *write).await?;
        sqlx::query("DELETE FROM intents WHERE profile = $1").bind(id).execute(&mut *write).await?;
        sqlx::query("DELETE FROM told WHERE substr(notice, 1, length($1) + 1) = $1 || '/'")
            .bind(id)
            .execute(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }

    /// A setting.
    pub async fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, CacheError> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM settings WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.pools.read)
            .await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Keeps a setting.
    pub async fn put_setting<T: Serialize>(&self, name: &str, value: &T) -> Result<(), CacheError> {
        sqlx::query(
            "INSERT INTO settings (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(serde_json::to_string(value)?)
        .execute(&self.pools.write)
        .await?;
        Ok(())
    }

    /// Records a decision, before it is sent.
    pub async fn record_intent(&self, intent: &Intent) -> Result<(), CacheError> {
        let doc = serde_json::to_vec(intent)?;
        let (doc, sealed) = match &self.seal {
            Some(seal) => (seal.close(&doc, &intent.id)?, true),
            None => (doc, false),
        };
        sqlx::query("INSERT INTO intents (id, profile, doc, sealed) VALUES ($1, $2, $3, $4)")
            .bind(&intent.id)
            .bind(&intent.profile)
            .bind(doc)
            .bind(sealed)
            .execute(&self.pools.write)
            .await?;
        Ok(())
    }

    /// Forgets a decision, because its outcome is known; true if it was not before.
    pub async fn settle_intent(&self, id: &str) -> Result<bool, CacheError> {
        let done = sqlx::query("DELETE FROM intents WHERE id = $1")
            .bind(id)
            .execute(&self.pools.write)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    /// A profile's decisions whose outcome is not known, oldest first; without those that were sealed
    /// with another key, see [`Self::forget_unreadable`].
    pub async fn unsettled(&self, profile: &str) -> Result<Vec<Intent>, CacheError> {
        Ok(self.recorded(profile).await?.into_iter().filter_map(|(_, intent)| intent).collect())
    }

    /// Forgets a profile's decisions that cannot be read any more, because the key that they were
    /// sealed with was lost; how many there were.
    pub async fn forget_unreadable(&self, profile: &str) -> Result<usize, CacheError> {
        let mut forgotten = 0;
        for (id, intent) in self.recorded(profile).await? {
            if intent.is_none() {
                forgotten += usize::from(self.settle_intent(&id).await?);
            }
        }
        Ok(forgotten)
    }

    async fn recorded(&self, profile: &str) -> Result<Vec<(String, Option<Intent>)>, CacheError> {
        let rows: Vec<(String, Vec<u8>, bool)> =
            sqlx::query_as("SELECT id, doc, sealed FROM intents WHERE profile = $1 ORDER BY id")
                .bind(profile)
                .fetch_all(&self.pools.read)
                .await?;
        let read = |id: &str, doc: Vec<u8>, sealed: bool| {
            let doc = if sealed { self.seal.as_ref()?.open(&doc, id)? } else { doc };
            serde_json::from_slice(&doc).ok()
        };
        Ok(rows
            .into_iter()
            .map(|(id, doc, sealed)| {
                let intent = read(&id, doc, sealed);
                (id, intent)
            })
            .collect())
    }

    /// What was told, and when.
    pub async fn told(&self) -> Result<BTreeMap<String, Timestamp>, CacheError> {
        let rows = sqlx::query("SELECT notice, at FROM told").fetch_all(&self.pools.read).await?;
        let mut told = BTreeMap::new();
        for row in rows {
            if let Ok(at) = Timestamp::from_unix_millis(row.try_get("at")?) {
                told.insert(row.try_get("notice")?, at);
            }
        }
        Ok(told)
    }

    /// Notes that things were told, all or none.
    pub async fn mark_told(&self, notices: &[String], at: Timestamp) -> Result<(), CacheError> {
        let mut write = self.pools.write.begin_with("BEGIN IMMEDIATE").await?;
        for notice in notices {
            sqlx::query(
                "INSERT INTO told (notice, at) VALUES ($1, $2) \
                 ON CONFLICT (notice) DO UPDATE SET at = excluded.at",
            )
            .bind(notice)
            .bind(at.unix_millis())
            .execute(&mut *write)
            .await?;
        }
        Ok(write.commit().await?)
    }

    /// Forgets what was told before a moment.
    pub async fn forget_told(&self, before: Timestamp) -> Result<(), CacheError> {
        sqlx::query("DELETE FROM told WHERE at < $1")
            .bind(before.unix_millis())
            .execute(&self.pools.write)
            .await?;
        Ok(())
    }
}
