//! What the client of each version left: a journal, and a cache that is encrypted or not.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use entente_cache::{
    Cache, CacheKey, Intent, IntentAction, Journal, Keeping, ListQuery, Opened, ProfileRecord,
    SignInKind,
};
use entente_domain::Action;
use entente_store::Engine;
use entente_tests::Ground;
use secrecy::SecretString;
use serde_json::json;

use super::{copy_small, moment, to_store, versions};
use crate::{clients::Desk, request};

/// The key of the stored caches, and of nothing else.
const KEY: &str = "4f1d8c0b7a2e9d3c6b5a49382716051f4f1d8c0b7a2e9d3c6b5a49382716051f";
const PROFILE: &str = "01993a5e-0000-7000-8000-000000000001";
const TOLD: &str = "01993a5e-0000-7000-8000-000000000001/news";

fn key() -> Keeping {
    Keeping::Encrypted(CacheKey::from_secret(&SecretString::from(KEY)).expect("a key"))
}

fn profile() -> ProfileRecord {
    ProfileRecord {
        id: PROFILE.into(),
        server: "https://entente.globex.example/".into(),
        color: 3,
        label: Some("Work".into()),
        sign_in: SignInKind::Browser,
        email: "adam@globex.example".into(),
        user_name: "Adam Berg".into(),
        workspace_name: "Globex".into(),
    }
}

/// A decision of each kind.
fn intents() -> [Intent; 3] {
    let partnership = "01993a5e-0000-7000-8000-0000000000aa".parse().expect("an id");
    let write = IntentAction::Write {
        method: "POST".into(),
        path: "/api/v1/access-requests".into(),
        version: Some(2),
        what: "Your request for access".into(),
    };
    let act = IntentAction::Act { action: Action::Approve, partnership, version: 1 };
    [("k1", IntentAction::Request), ("k2", act), ("k3", write)].map(|(id, action)| Intent {
        id: id.into(),
        profile: PROFILE.into(),
        action,
        body: json!({"data": {"attributes": {"reason": "The launch"}}}),
        about: "Fjord Studio".into(),
        at: moment(),
    })
}

async fn store(place: &Path) -> Result<()> {
    let ground = Ground::new(Engine::Sqlite)?;
    let path = ground.path().join("journal.db");
    let (journal, _) = Journal::open(&path, moment()).await?;
    journal.put_profile(&profile()).await?;
    journal.put_setting("active_profile", &Some(PROFILE)).await?;
    journal.mark_told(&[TOLD.to_owned()], moment()).await?;
    let sealed = journal.sealed(&key());
    let [first, rest @ ..] = intents();
    // One as it is where there is no keyring.
    journal.record_intent(&first).await?;
    for intent in rest {
        sealed.record_intent(&intent).await?;
    }
    journal.close().await;
    copy_small(&path, &place.join("journal.db")).await?;

    let world = ground.world().await?;
    for guest in ["marit", "ines", "grace"] {
        request(&world, guest).await?;
    }
    let desk = Desk::open_at(&world, "adam", ground.path(), world.url()).await?;
    desk.live().await?;
    desk.close().await;
    copy_small(&ground.path().join("adam/cache.db"), &place.join("cache.db")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_and_the_cache_of_each_version_open() -> Result<()> {
    if let Some(place) = to_store("client")? {
        store(&place).await?;
    }
    for version in versions()? {
        let ground = Ground::new(Engine::Sqlite)?;
        for name in ["journal.db", "cache.db"] {
            fs::copy(version.join("client").join(name), ground.path().join(name))?;
        }
        let (journal, opened) = Journal::open(&ground.path().join("journal.db"), moment()).await?;
        ensure!(opened == Opened::Existing, "nothing of it may be lost: {opened:?}");
        ensure!(journal.profiles().await? == [profile()]);
        let active: Option<Option<String>> = journal.setting("active_profile").await?;
        ensure!(active.flatten().as_deref() == Some(PROFILE));
        ensure!(journal.sealed(&key()).unsettled(PROFILE).await? == intents());
        ensure!(journal.told().await?.get(TOLD) == Some(&moment()));
        journal.close().await;

        // A cache is read, or begun anew; it is never in the way.
        let (cache, opened) = Cache::open(&ground.path().join("cache.db"), &Keeping::Plain).await?;
        let all = cache.list(&ListQuery { limit: 9, ..ListQuery::default() }).await?;
        match opened {
            Opened::Existing => ensure!(all.total == 3 && cache.cursor().await?.is_some()),
            Opened::Rebuilt(why) => ensure!(why.contains("another version"), "{why}"),
            Opened::Fresh => anyhow::bail!("it was there"),
        }
        cache.close().await;
    }
    Ok(())
}
