//! The window's page: its packages, and building it.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash as _, Hasher as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

use crate::shell::{command, is_there, output, root, run, say, target};

/// npm, in the window's folder.
pub fn npm(arguments: &[&str]) -> std::process::Command {
    let mut npm = command(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(root().join("ui")).args(["--no-audit", "--no-fund"]).args(arguments);
    npm
}

/// Installs the window's packages if the lock file changed since the last time.
pub fn install() -> Result<()> {
    check_node()?;
    let ui = root().join("ui");
    let lock = fs::read(ui.join("package-lock.json")).context("ui/package-lock.json is missing")?;
    let stamp = ui.join("node_modules").join(".entente-installed");
    let wanted = hash(&lock).to_string();
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    say("Installing the window's packages (npm ci)");
    run(&mut npm(&["ci", "--loglevel=error"]))?;
    Ok(fs::write(&stamp, wanted)?)
}

fn check_node() -> Result<()> {
    let found = output(command("node").arg("--version"));
    let major = found
        .as_deref()
        .and_then(|version| version.strip_prefix('v'))
        .and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    match major {
        Some(20..) => Ok(()),
        Some(old) => bail!("Node {old} is too old: version 20 or newer is needed"),
        None => bail!("Node is missing: install version 20 or newer (https://nodejs.org)"),
    }
}

/// Builds the page if its sources changed since the last time.
pub fn build() -> Result<()> {
    install()?;
    let ui = root().join("ui");
    let mut hasher = DefaultHasher::new();
    for name in ["index.html", "package-lock.json", "vite.config.ts", "svelte.config.js"] {
        fs::read(ui.join(name)).unwrap_or_default().hash(&mut hasher);
    }
    hash_folder(&ui.join("src"), &mut hasher)?;
    let wanted = hasher.finish().to_string();
    let stamp = target().join("ui-built");
    let is_built = ui.join("dist/assets").is_dir();
    if is_built && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    say("Building the window's page (vite)");
    run(&mut npm(&["run", "--silent", "build"]))?;
    fs::create_dir_all(target())?;
    Ok(fs::write(&stamp, wanted)?)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn hash_folder(folder: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        entry.path().hash(hasher);
        if entry.file_type()?.is_dir() {
            hash_folder(&entry.path(), hasher)?;
        } else {
            fs::read(entry.path())?.hash(hasher);
        }
    }
    Ok(())
}

/// Makes the pictures in `icons/` from their sources.
pub fn icons() -> Result<()> {
    if !is_there("rsvg-convert") {
        bail!("rsvg-convert is missing: install the package librsvg2-bin");
    }
    let icons = root().join("icons");
    let draw = |source: &str, size: u32, to: &str| {
        let mut convert = command("rsvg-convert");
        convert.current_dir(&icons).args(["-w", &size.to_string(), source, "-o", to]);
        run(&mut convert)
    };
    for (size, to) in [(32, "32x32.png"), (128, "128x128.png"), (512, "icon.png")] {
        draw("icon.svg", size, to)?;
    }
    // The formats of macOS and Windows; the bundler's tool makes many more, for what is not built.
    let made = target().join("icons");
    let tool = root().join("ui/node_modules/@tauri-apps/cli/tauri.js");
    install()?;
    run(command("node").arg(tool).arg("icon").arg(icons.join("icon.png")).arg("-o").arg(&made))?;
    for name in ["icon.icns", "icon.ico"] {
        fs::copy(made.join(name), icons.join(name))?;
    }
    for state in ["idle", "attention", "offline", "paused", "signed-out"] {
        draw(&format!("tray/{state}.svg"), 32, &format!("tray/{state}.png"))?;
    }
    Ok(())
}
