//! Whom the program trusts beside those whom the system does: an organisation's own certificate
//! authority, from a file that the person names.

use std::path::Path;

use entente_api_client::{ClientOptions, ExtraCertificates};
use entente_cache::Journal;

use super::{Controller, answers::Answer};
use crate::view::CommandError;

const CA_FILE: &str = "ca_file";
/// Far more than the certificates of any organisation.
const MOST_BYTES: u64 = 1024 * 1024;

impl Controller {
    /// How requests go out from now on.
    pub(super) async fn client_options(&self) -> Answer<ClientOptions> {
        Ok(client_options(&self.journal().await?).await)
    }

    /// Trusts whom a file names, or nobody more if its path is empty; everybody connects anew.
    pub(super) async fn set_ca_file(&self, journal: &Journal, path: &str) -> Answer<()> {
        let path = path.trim();
        let wanted = (!path.is_empty()).then_some(path);
        if let Some(path) = wanted {
            read(path).await.map_err(|refusal| refusal.about("ca_file"))?;
        }
        journal.put_setting(CA_FILE, &wanted).await?;
        self.reopen_profiles(|profile| !profile.demo).await.map(drop)
    }
}

/// The file that the person named, and what is wrong with it now.
pub(super) async fn ca_file(journal: &Journal) -> (Option<String>, Option<String>) {
    match named(journal).await {
        Some(path) => {
            let problem = read(&path).await.err();
            (Some(path), problem.map(|problem| problem.message))
        }
        None => (None, None),
    }
}

/// How requests go out. If the file cannot be used, they go out without it: the server that needs it
/// is not trusted then, which its profile says.
pub(super) async fn client_options(journal: &Journal) -> ClientOptions {
    let certificates = match named(journal).await {
        Some(path) => read(&path).await.unwrap_or_else(|problem| {
            tracing::warn!(code = problem.code, "an authority is not trusted");
            ExtraCertificates::default()
        }),
        None => ExtraCertificates::default(),
    };
    ClientOptions { certificates, ..ClientOptions::default() }
}

async fn named(journal: &Journal) -> Option<String> {
    match journal.setting::<Option<String>>(CA_FILE).await {
        Ok(path) => path.flatten(),
        Err(error) => {
            tracing::error!(%error, "whom to trust could not be read");
            None
        }
    }
}

/// Reads the file; otherwise says what is wrong with it.
async fn read(path: &str) -> Answer<ExtraCertificates> {
    if !Path::new(path).is_absolute() {
        let sentence = "Name the whole path of the file, from the root of the disk.";
        return Err(CommandError::new("not_a_whole_path", sentence));
    }
    let unreadable = |error: std::io::Error| {
        CommandError::new("unreadable_file", &format!("This file cannot be read: {error}."))
    };
    // Nothing else is opened: a device or a pipe might never end.
    let about = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !about.is_file() || about.len() > MOST_BYTES {
        let sentence = "This is not the file of a certificate.";
        return Err(CommandError::new("no_certificate", sentence));
    }
    let pem = tokio::fs::read(path).await.map_err(unreadable)?;
    ExtraCertificates::from_pem(&pem)
        .map_err(|error| CommandError::new(error.code(), &error.to_string()))
}
