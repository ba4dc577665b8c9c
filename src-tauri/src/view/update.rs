//! A newer version of the program, as the window shows it.

use serde::Serialize;
use specta::Type;

/// A newer version that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct NewerVersion {
    /// Which.
    pub version: String,
    /// Whether the person wants to hear of this one later.
    pub put_off: bool,
    /// How far its installation is.
    pub stage: UpdateStage,
}

/// How far the installation of a newer version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UpdateStage {
    /// Nobody asked for it.
    #[default]
    Waiting,
    /// It is being downloaded.
    Downloading {
        /// How much is there, in percent, where that is known.
        percent: Option<u8>,
    },
    /// It is being installed; the system may ask for a password.
    Installing,
}
