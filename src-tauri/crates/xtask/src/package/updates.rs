//! Packages that know where newer ones are, and that older ones can tell to be genuine.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::shell::{command, root, run};

/// Whose signature packages have, and their password; Tauri's own names.
const KEY: &str = "TAURI_SIGNING_PRIVATE_KEY";
const PASSWORD: &str = "TAURI_SIGNING_PRIVATE_KEY_PASSWORD";

/// What is published beside the packages.
const MANIFEST: &str = "latest.json";

/// Where whoever distributes the program will put newer versions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Whose signature they will have: what `tauri signer generate` wrote into the `.pub` file.
    pubkey: String,
    /// Where the newest version's manifest will be; the packages lie beside the first one.
    endpoints: Vec<String>,
    /// The key to sign with, where it is not of the environment.
    #[serde(skip)]
    key: Option<PathBuf>,
}

impl Place {
    /// Reads and checks it: a wrong one would be found only by those who have the package.
    pub fn read(file: &Path) -> Result<Self> {
        let name = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
        let place: Self = serde_json::from_str(&text)
            .with_context(|| format!("{name} is not as it should be"))?;
        ensure!(!place.endpoints.is_empty(), "{name} names no endpoint");
        for endpoint in &place.endpoints {
            ensure!(
                endpoint.starts_with("https://"),
                "{endpoint} in {name} is not an https address"
            );
        }
        let is_key = place.pubkey.len() > 80
            && place.pubkey.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
        ensure!(is_key, "the pubkey in {name} is not what `tauri signer generate` writes");
        Ok(place)
    }

    /// What Tauri's configuration gets for it.
    pub fn config(&self) -> String {
        let updater = json!({
            "pubkey": self.pubkey,
            "endpoints": self.endpoints,
            // Or whoever can change the manifest could bring back an old version.
            "requireSignedVersion": true,
        });
        json!({"plugins": {"updater": updater}}).to_string()
    }

    /// Has the bundler sign what it makes, if there is a key.
    pub fn sign(&self, bundler: &mut Command) {
        bundler.arg("--config").arg(self.config());
        if let Some(key) = &self.key {
            bundler.env(KEY, key).env(PASSWORD, "");
        } else if env::var_os(KEY).is_none() {
            return;
        }
        bundler
            .arg("--config")
            .arg(json!({"bundle": {"createUpdaterArtifacts": true}}).to_string());
    }

    /// Writes what older versions will read, from the signatures in the bundler's folder; none if
    /// there are none.
    pub fn manifest(&self, bundle: &Path) -> Result<Option<PathBuf>> {
        let mut platforms = Map::new();
        for (folder, kind) in [("deb", "deb"), ("rpm", "rpm"), ("nsis", "nsis"), ("macos", "app")] {
            let Ok(files) = fs::read_dir(bundle.join(folder)) else { continue };
            for file in files {
                let path = file?.path();
                let (Some(stem), Some("sig")) =
                    (path.file_stem(), path.extension().and_then(|suffix| suffix.to_str()))
                else {
                    continue;
                };
                let about = json!({
                    "url": self.beside(&stem.to_string_lossy())?,
                    "signature": fs::read_to_string(&path)?,
                });
                platforms.insert(platform(kind), about);
            }
        }
        if platforms.is_empty() {
            return Ok(None);
        }
        let manifest = json!({"version": env!("CARGO_PKG_VERSION"), "platforms": platforms});
        let file = bundle.join(MANIFEST);
        fs::write(&file, serde_json::to_string_pretty(&manifest)?)?;
        Ok(Some(file))
    }

    /// The address of a file that lies beside the manifest.
    fn beside(&self, name: &str) -> Result<String> {
        let endpoint = self.endpoints.first().context("an endpoint")?;
        let path = endpoint.split(['?', '#']).next().unwrap_or(endpoint);
        let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
        Ok(format!("{folder}/{name}"))
    }
}

/// As the updater names a system and a kind of package.
pub fn platform(kind: &str) -> String {
    let system = if cfg!(target_os = "macos") { "darwin" } else { env::consts::OS };
    format!("{system}-{}-{kind}", env::consts::ARCH)
}

/// A place with a key of its own, for packages that nobody gets.
pub fn to_try_out(folder: &Path) -> Result<Place> {
    let key = folder.join("key");
    let mut generate = command("node");
    generate.arg(root().join("ui/node_modules/@tauri-apps/cli/tauri.js"));
    generate.args(["signer", "generate", "--ci", "--force", "--password", "", "--write-keys"]);
    run(generate.arg(&key).stdout(std::process::Stdio::null()))?;
    let place = json!({
        "pubkey": fs::read_to_string(key.with_extension("pub"))?,
        "endpoints": ["https://downloads.example/entente/latest.json"],
    });
    let file = folder.join("place.json");
    fs::write(&file, place.to_string())?;
    Ok(Place { key: Some(key), ..Place::read(&file)? })
}

/// What a manifest says of one kind of package: where it is, and its signature.
pub fn of_kind(manifest: &Path, kind: &str) -> Result<(String, String)> {
    let manifest: Value = serde_json::from_slice(&fs::read(manifest)?)?;
    let platform = platform(kind);
    let about = manifest.pointer(&format!("/platforms/{platform}"));
    let text = |name: &str| {
        let text = about.and_then(|about| about.get(name)).and_then(Value::as_str);
        text.map(str::to_owned).with_context(|| format!("no {name} of {platform}: {manifest}"))
    };
    ensure!(manifest.get("version") == Some(&json!(env!("CARGO_PKG_VERSION"))), "{manifest}");
    Ok((text("url")?, text("signature")?))
}
