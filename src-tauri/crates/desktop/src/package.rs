use std::path::Path;

use thiserror::Error;
use tokio::process::Command;

/// What a package is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageKind {
    /// Debian and its kin.
    Deb,
    /// Fedora, openSUSE and their kin.
    Rpm,
}

/// Why a package was not installed. Its text is a whole sentence for a person.
#[derive(Debug, Error)]
pub enum PackageError {
    /// Nothing here asks for a password.
    #[error("This computer has no program that asks for an administrator's password (pkexec).")]
    NoAuthority,
    /// The person, or the system, refused it.
    #[error("Only an administrator can install it, and nobody gave their password.")]
    Refused,
    /// The package manager did not do it.
    #[error("The system's package manager did not install it.")]
    Failed,
}

impl PackageKind {
    /// How its file's name ends.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
        }
    }

    /// What a person would type as an administrator, before the file's name. What else a new version
    /// needs comes with it; nothing is taken away for it.
    #[must_use]
    pub fn command(self) -> &'static [&'static str] {
        match self {
            Self::Deb => &["apt-get", "install", "--yes", "--no-remove"],
            Self::Rpm => &["rpm", "--upgrade"],
        }
    }
}

/// Installs a package; the system asks for an administrator's password, never this program.
pub async fn install_package(kind: PackageKind, file: &Path) -> Result<(), PackageError> {
    let mut command = Command::new("pkexec");
    command.args(kind.command()).arg(file).stdin(std::process::Stdio::null());
    let status = command.status().await.map_err(|error| {
        tracing::warn!(%error, "pkexec was not started");
        PackageError::NoAuthority
    })?;
    tracing::info!(%status, "the package manager ended");
    match status.code() {
        Some(0) => Ok(()),
        // pkexec(1): 126 for a dialog that was dismissed, 127 for one that could not be or said no.
        Some(126 | 127) => Err(PackageError::Refused),
        _ => Err(PackageError::Failed),
    }
}
