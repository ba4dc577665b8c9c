use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result};

use crate::desktop::children::{Children, command};

/// What a desktop's settings make of colours; programs that run follow a change at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appearance {
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

impl Appearance {
    /// The settings that make it.
    fn settings(self) -> &'static str {
        match self {
            Self::Light => "Net/ThemeName \"Adwaita\"\nGtk/EnableAnimations 0\n",
            Self::Dark => "Net/ThemeName \"Adwaita-dark\"\nGtk/EnableAnimations 0\n",
        }
    }

    /// Writes them where the settings daemon reads them.
    pub(super) fn write(self, config: &Path) -> Result<()> {
        fs::create_dir_all(config.join("xsettingsd"))?;
        Ok(fs::write(config.join("xsettingsd/xsettingsd.conf"), self.settings())?)
    }
}

/// Starts the settings daemon; it reads its file again on SIGHUP.
pub(super) fn start(
    children: &mut Children,
    env: &BTreeMap<String, String>,
    output: &Path,
) -> Result<u32> {
    Appearance::Light.write(Path::new(&env["XDG_CONFIG_HOME"]))?;
    let daemon = children.start(command("xsettingsd", env), &output.join("settings.log"))?;
    daemon.id().context("the settings daemon ended at once")
}
