//! Makes the packages that people install, with Tauri's own bundler.

mod check;
mod updates;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

pub use updates::Place;

use crate::{
    packages::{self, BUILD, PACKAGING},
    shell::{command, run as run_command, say, target},
    ui,
};

#[derive(Args, Default)]
pub struct Package {
    /// On Debian: install what was made in a clean root, then run the desktop tests with it.
    #[arg(long)]
    check: bool,
    /// Where this version looks for newer ones, as JSON: `pubkey` and `endpoints`. Packages are signed
    /// if the environment has TAURI_SIGNING_PRIVATE_KEY.
    #[arg(long, value_name = "FILE")]
    updates: Option<PathBuf>,
}

/// What is made on this system.
const KINDS: &str = if cfg!(target_os = "macos") {
    "app,dmg"
} else if cfg!(windows) {
    "nsis"
} else {
    "deb,rpm"
};

/// What one version may take: on the disk, and to download.
const MOST_INSTALLED: u64 = 25 * 1024 * 1024;
const MOST_DOWNLOADED: u64 = 10 * 1024 * 1024;

pub fn run(arguments: &Package) -> Result<()> {
    packages::need(BUILD)?;
    if arguments.check {
        packages::need(PACKAGING)?;
    }
    ui::build()?;
    say("Building the program (small; takes a while)");
    let place = arguments.updates.as_deref().map(Place::read).transpose()?;
    let program = build(place.as_ref())?;
    say("Making packages");
    let folder = target().join("packages");
    let made = bundle(&folder, false, KINDS, place.as_ref())?;
    println!("Installed: {}", megabytes(fs::metadata(&program)?.len()));
    for package in &made {
        println!("{}  {}", megabytes(fs::metadata(package)?.len()), package.display());
    }
    if let Some(place) = &place {
        match place.manifest(&folder.join("release/bundle"))? {
            Some(manifest) => println!("Publish them with {}", manifest.display()),
            None => println!("Not signed: TAURI_SIGNING_PRIVATE_KEY is not set."),
        }
    }
    if arguments.check {
        let deb = made.iter().find(|path| path.extension().is_some_and(|kind| kind == "deb"));
        let rpm = made.iter().find(|path| path.extension().is_some_and(|kind| kind == "rpm"));
        let deb = deb.context("only a Debian package can be checked")?;
        check::contents(deb)?;
        check::size(deb)?;
        check::rpm(rpm.context("there is no RPM package")?)?;
        check::lint(deb)?;
        check::clean_root(deb)?;
        check::desktop(deb)?;
    }
    Ok(())
}

/// The desktop program, built to be shipped.
pub fn build(place: Option<&Place>) -> Result<PathBuf> {
    let mut build = command(env!("CARGO"));
    match place {
        Some(place) => build.env("TAURI_CONFIG", place.config()),
        None => build.env_remove("TAURI_CONFIG"),
    };
    run_command(build.args(["build", "--profile", "ship", "--package", "entente", "--bins"]))?;
    // The bundler knows no profile of this name, and writes into what it finds.
    let program = target().join("packages/release").join(program_name());
    if let Some(folder) = program.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(target().join("ship").join(program_name()), &program)?;
    Ok(program)
}

fn program_name() -> &'static str {
    if cfg!(windows) { "entente.exe" } else { "entente" }
}

/// Makes a package of the program of the tests, quickly, and looks at what is in it.
pub fn try_out() -> Result<()> {
    // Without what a debugger needs: it is packed in seconds.
    let folder = target().join("package-test");
    fs::create_dir_all(folder.join("debug"))?;
    let program = target().join("debug").join(program_name());
    let mut strip = command("strip");
    strip.arg("-o").arg(folder.join("debug").join(program_name())).arg(program);
    run_command(&mut strip)?;
    let place = updates::to_try_out(&folder)?;
    let made = bundle(&folder, true, "deb", Some(&place))?;
    check::contents(made.first().context("no package was made")?)?;
    check::manifest(&place.manifest(&folder.join("debug/bundle"))?.context("nothing was signed")?)
}

/// Runs the bundler on the program in a target folder.
fn bundle(target: &Path, debug: bool, kinds: &str, place: Option<&Place>) -> Result<Vec<PathBuf>> {
    let folder = target.join(if debug { "debug" } else { "release" }).join("bundle");
    let _ = fs::remove_dir_all(&folder);
    let mut tauri = command("node");
    let cli = crate::shell::root().join("ui/node_modules/@tauri-apps/cli/tauri.js");
    tauri.arg(cli).args(["bundle", "--ci", "--bundles", kinds]);
    tauri.current_dir(crate::shell::root().join("src-tauri")).env("CARGO_TARGET_DIR", target);
    if debug {
        tauri.arg("--debug");
    }
    if kinds.contains("deb") {
        tauri.arg("--config").arg(changelog(&folder)?);
    }
    if let Some(place) = place {
        place.sign(&mut tauri);
    }
    run_command(&mut tauri)?;
    let mut made = Vec::new();
    for kind in kinds.split(',') {
        // For example bundle/deb/Entente_0.1.0_amd64.deb; beside it what it was made from.
        for file in fs::read_dir(folder.join(if kind == "app" { "macos" } else { kind }))? {
            let path = file?.path();
            let suffix = if kind == "nsis" { "exe" } else { kind };
            if path.extension().is_some_and(|found| found == suffix) {
                made.push(path);
            }
        }
    }
    if made.is_empty() {
        bail!("the bundler made nothing in {}", folder.display());
    }
    Ok(made)
}

/// Debian wants the changelog compressed, in a folder with the package's name.
fn changelog(folder: &Path) -> Result<String> {
    let log = crate::shell::root().join("src-tauri/CHANGELOG.md");
    let gzip = command("gzip").args(["-9nc"]).arg(log).output().context("gzip is missing")?;
    let packed = folder.with_file_name("changelog.gz");
    if let Some(parent) = packed.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&packed, gzip.stdout)?;
    let path = packed.to_string_lossy().replace('\\', "/").replace('"', "\\\"");
    let files = format!("{{\"/usr/share/doc/entente/changelog.gz\": \"{path}\"}}");
    Ok(format!("{{\"bundle\": {{\"linux\": {{\"deb\": {{\"files\": {files}}}}}}}}}"))
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes * 10 / (1024 * 1024);
    format!("{:>3}.{} MiB", tenths / 10, tenths % 10)
}
