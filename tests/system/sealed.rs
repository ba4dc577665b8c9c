//! S4: what would open something is nowhere to be read: not in the database, its log of writes, its
//! backups, or the server's log; and what is sealed opens in its own place only.

mod place;
mod search;

use anyhow::{Context as _, Result, ensure};
use entente_store::Engine;
use entente_tests::tell;
use serde_json::{Value, json};

use place::Place;
use search::{Needles, search};

/// What would open something, and what anybody may read there.
const PASSWORDS: [&str; 2] = ["hunter2-Xylophon-Quagga", "correct-Horse-Zymurgie"];
const LABEL: &str = "Findable-Label-Wombat";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_nowhere_else_on_sqlite() -> Result<()> {
    what_is_sealed_is_nowhere_else(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sealed_is_nowhere_else_on_postgresql() -> Result<()> {
    what_is_sealed_is_nowhere_else(Engine::Postgres).await
}

async fn what_is_sealed_is_nowhere_else(engine: Engine) -> Result<()> {
    let mut place = Place::make(engine).await?;
    let mut secrets = Needles::default();
    for password in PASSWORDS {
        secrets.add("a password", password.as_bytes());
    }
    secrets.add("a key", place.key.as_bytes());
    secrets.add("an identity provider's token", place.scim_token.as_bytes());
    secrets.add("the server's secret", &place.server_secret()?);
    for key in place.vault_keys()? {
        secrets.add("the vault's key", &key);
    }

    // Everything that is told once, asked for twice, and used.
    let url = place.serve().await?;
    for (path, body) in [
        ("/api-keys", json!({"name": "Another"})),
        ("/webhooks", json!({"url": "https://hooks.example/x"})),
    ] {
        let made = place.post(&url, path, &body).await?;
        assert_eq!(place.post(&url, path, &body).await?, made, "the same again for who asks again");
        let secret = made["data"]["attributes"]["secret"].as_str().context("a secret")?;
        secrets.add(path, secret.as_bytes());
    }
    for (account, password) in place.accounts.iter().zip(PASSWORDS) {
        assert_eq!(place.password(&url, account).await?.as_deref(), Some(password));
    }
    // Killed, so that what it has not put in its place yet is still in the log of writes.
    place.kill()?;
    place.back_up()?;
    let mut known = Needles::default();
    known.add("a label", LABEL.as_bytes());
    let (mut files, mut bytes) = (0, 0);
    for (folder, has_all) in place.folders() {
        let found = search(&folder, &place.key_files(), &secrets)?;
        ensure!(found.hits.is_empty(), "{:?}", found.hits);
        // What is looked for can be found.
        let control = search(&folder, &place.key_files(), &known)?;
        ensure!(!has_all || !control.hits.is_empty(), "{folder:?} does not hold the database");
        (files, bytes) = (files + found.files, bytes + found.bytes);
    }
    ensure!(place.log()?.lines().count() > 50, "it logs a lot");
    let tampered = tampered_with(&mut place).await?;
    tell(&json!({
        "check": "S4",
        "engine": format!("{engine:?}").to_lowercase(),
        "files": files,
        "bytes": bytes,
        "secrets": secrets.len(),
        "refused when tampered with": tampered,
    }))
}

/// Moved, changed, or without its key it does not open; under another key it does.
async fn tampered_with(place: &mut Place) -> Result<usize> {
    let url = place.serve().await?;
    let sealed = place.sealed().await?;
    let [one, other] = [&place.accounts[0], &place.accounts[1]].map(|account| account.to_string());
    let find = |account: &str, kind: &str| {
        let found = sealed.iter().find(|row| row.account == account && row.kind == kind);
        found.map(|row| row.sealed.clone()).context("a sealed text")
    };
    let right = find(&one, "password")?;
    let mut wrong = vec![find(&other, "password")?, find(&one, "username")?];
    for at in [0, right.len() / 2, right.len() - 1] {
        let changed = if right.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut text = right.clone();
        text.replace_range(at..=at, changed);
        wrong.push(text);
    }
    wrong.push(right[..right.len() - 4].to_owned());
    for text in &wrong {
        place.put(&one, "password", text).await?;
        let answer = place.secrets(&url, &place.accounts[0]).await?;
        ensure!(answer.status >= 500, "it opens: {answer:?}");
        let told = PASSWORDS.iter().find(|password| answer.text.contains(**password));
        ensure!(told.is_none(), "it tells {told:?}");
    }
    place.put(&one, "password", &right).await?;
    assert_eq!(place.password(&url, &place.accounts[0]).await?.as_deref(), Some(PASSWORDS[0]));
    // Under another key.
    let before = place.vault_keys()?;
    let said = place.run(&["vault", "rotate", "--wait-seconds", "0"])?;
    ensure!(said.contains("sealed again"), "{said}");
    ensure!(place.vault_keys()?.iter().all(|key| !before.contains(key)), "the key is another one");
    for (account, password) in place.accounts.iter().zip(PASSWORDS) {
        assert_eq!(place.password(&url, account).await?.as_deref(), Some(password));
    }
    let again = place.sealed().await?;
    ensure!(
        again.iter().all(|row| sealed.iter().all(|old| old.sealed != row.sealed)),
        "sealed anew"
    );
    // Without any.
    place.kill()?;
    place.lose_vault()?;
    let url = place.serve().await?;
    let answer: Value = serde_json::from_str(&place.secrets(&url, &place.accounts[0]).await?.text)?;
    ensure!(answer["errors"][0]["status"] == 500, "the database alone opens it: {answer}");
    Ok(wrong.len() + 1)
}
