use std::collections::BTreeMap;

use anyhow::Result;
use entente_domain::{ApiKeyId, Timestamp};
use entente_server::{Running, SCOPES, new_key};
use entente_store::{KeyRow, insert_key};
use entente_tests::scene::{Office, Scene};
use secrecy::SecretString;
use uuid::Uuid;

/// A column of the table: who asks, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Somebody with their key.
    Office(Office),
    /// [`Office::Both`] with a key that lacks the scope.
    Lacking,
    /// Somebody without a key.
    NoKey,
    /// With one that never was.
    UnknownKey,
    /// With one that was revoked.
    RevokedKey,
    /// With one whose time is over.
    ExpiredKey,
}

impl Caller {
    pub(super) fn all() -> Vec<Self> {
        let offices = Office::ALL.iter().copied().map(Self::Office);
        let others =
            [Self::Lacking, Self::NoKey, Self::UnknownKey, Self::RevokedKey, Self::ExpiredKey];
        offices.chain(others).collect()
    }

    /// As whom they act, if they do.
    pub(super) fn office(self) -> Office {
        match self {
            Self::Office(office) => office,
            Self::Lacking
            | Self::NoKey
            | Self::UnknownKey
            | Self::RevokedKey
            | Self::ExpiredKey => Office::Both,
        }
    }
}

/// Keys of [`Office::Both`] that are not good for everything.
pub(super) struct Keys {
    /// By the scope that each lacks; the one without a name has none.
    lacking: BTreeMap<&'static str, SecretString>,
    revoked: SecretString,
    expired: SecretString,
}

impl Keys {
    pub(super) async fn make(server: &Running, scene: &mut Scene) -> Result<Self> {
        let both = scene.user(Office::Both);
        let (at, keys) = (scene.at, &mut scene.facts.keys);
        let mut write = server.store().write().await?;
        let mut add = async |scopes: Vec<String>,
                             expires_at: Option<Timestamp>,
                             revoked_at: Option<Timestamp>| {
            let key = new_key();
            let row = KeyRow {
                id: ApiKeyId::new(Uuid::now_v7()),
                user: both,
                name: "Test".into(),
                scopes,
                created_at: at,
                expires_at,
                revoked_at,
                session: None,
            };
            insert_key(write.connection(), &row, &server.secret().hash(&key)).await?;
            keys.extend(revoked_at.is_none().then_some(row));
            anyhow::Ok(key)
        };
        let but = |lacked: &str| -> Vec<String> {
            SCOPES.iter().filter(|scope| **scope != lacked).map(|scope| (*scope).into()).collect()
        };
        let mut lacking = BTreeMap::from([("", add(Vec::new(), None, None).await?)]);
        for scope in SCOPES {
            lacking.insert(*scope, add(but(scope), None, None).await?);
        }
        let revoked = add(but(""), None, Some(at)).await?;
        let expired = add(but(""), Some(at), None).await?;
        write.commit().await?;
        Ok(Self { lacking, revoked, expired })
    }

    /// What a caller asks with.
    pub(super) fn of(&self, caller: Caller, scene: &Scene, scope: &str) -> Option<SecretString> {
        match caller {
            Caller::Office(office) => Some(scene.someone(office).key.clone()),
            Caller::Lacking => self.lacking.get(scope).cloned(),
            Caller::NoKey => None,
            Caller::UnknownKey => Some(new_key()),
            Caller::RevokedKey => Some(self.revoked.clone()),
            Caller::ExpiredKey => Some(self.expired.clone()),
        }
    }
}
