//! P11: how large what people install is.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{line::Line, setting::Setting};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let made = setting.target().join("packages/release/bundle/deb");
    let package = fs::read_dir(&made).ok().and_then(|mut files| {
        files.find_map(|file| {
            let path = file.ok()?.path();
            path.extension().is_some_and(|kind| kind == "deb").then_some(path)
        })
    });
    let package = package.context("there is no package: run cargo xtask package first")?;
    let listed = Command::new("dpkg-deb").arg("--contents").arg(&package).output()?;
    ensure!(listed.status.success(), "{} cannot be read", package.display());
    // "-rwxr-xr-x root/root 12345 2026-11-25 04:00 ./usr/bin/entente"
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let installed: u64 =
        text.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum();
    let in_mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    Ok(vec![
        Line::new("Installed package", "MiB", in_mib(installed)).median_at_most(25.0),
        Line::new("Package to download", "MiB", in_mib(fs::metadata(&package)?.len()))
            .median_at_most(10.0),
    ])
}
