//! Looks at packages as somebody who installs them would.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::{MOST_DOWNLOADED, MOST_INSTALLED, megabytes, updates::of_kind};
use crate::{
    packages::{DESKTOP, DRIVE, need},
    shell::{command, output, root, run, say, target},
    tools::NEXTEST,
};

/// What every package has to bring.
const FILES: &[&str] = &[
    "usr/bin/entente",
    "usr/share/applications/Entente.desktop",
    "usr/share/icons/hicolor/32x32/apps/entente.png",
    "usr/share/icons/hicolor/128x128/apps/entente.png",
    "usr/share/icons/hicolor/512x512/apps/entente.png",
    "usr/share/doc/entente/copyright",
    "usr/share/doc/entente/changelog.gz",
];

/// What it is loaded with only once it runs, so that nothing else tells of it.
const LOADED_LATE: &str = "libayatana-appindicator3-1";

/// Unpacks a package; gives the folder.
fn unpack(deb: &Path) -> Result<PathBuf> {
    let folder = deb.with_extension("unpacked");
    let _ = fs::remove_dir_all(&folder);
    run(command("dpkg-deb").arg("--extract").args([deb, &folder]))?;
    Ok(folder)
}

/// It brings all files, is opened for links, and names what it needs.
pub fn contents(deb: &Path) -> Result<()> {
    let unpacked = unpack(deb)?;
    for file in FILES {
        if !unpacked.join(file).is_file() {
            bail!("the package lacks {file}");
        }
    }
    let entry = fs::read_to_string(unpacked.join("usr/share/applications/Entente.desktop"))?;
    for line in ["Exec=entente %u", "Icon=entente", "MimeType=x-scheme-handler/entente;"] {
        if !entry.lines().any(|found| found == line) {
            bail!("the desktop entry lacks {line:?}:\n{entry}");
        }
    }
    let needs = output(command("dpkg-deb").args(["--field"]).arg(deb).arg("Depends"));
    let needs = needs.context("the package cannot be read")?;
    for name in ["libwebkit2gtk-4.1-0", "libgtk-3-0", "libssl3", LOADED_LATE] {
        if !needs.split(", ").any(|need| need.split(' ').next() == Some(name)) {
            bail!("the package does not need {name}: {needs}");
        }
    }
    Ok(())
}

/// Older versions find it, and can tell that it is this version and genuine.
pub fn manifest(manifest: &Path) -> Result<()> {
    let (url, signature) = of_kind(manifest, "deb")?;
    if !url.starts_with("https://downloads.example/entente/Entente_") || !url.ends_with(".deb") {
        bail!("the package is not beside the manifest: {url}");
    }
    let signature = String::from_utf8(BASE64.decode(signature)?)?;
    let version = format!("version:{}", env!("CARGO_PKG_VERSION"));
    let comment = signature.lines().find_map(|line| line.strip_prefix("trusted comment: "));
    if !comment.is_some_and(|comment| comment.contains(&version)) {
        bail!("the signature does not say of which version it is:\n{signature}");
    }
    Ok(())
}

/// It is small.
pub fn size(deb: &Path) -> Result<()> {
    let installed = size_of(&unpack(deb)?)?;
    let downloaded = fs::metadata(deb)?.len();
    println!("{} installed, {} to download", megabytes(installed), megabytes(downloaded));
    if installed > MOST_INSTALLED || downloaded > MOST_DOWNLOADED {
        bail!("more than {} or {}", megabytes(MOST_INSTALLED), megabytes(MOST_DOWNLOADED));
    }
    Ok(())
}

fn size_of(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_folder = entry.file_type()?.is_dir();
        bytes += if is_folder { size_of(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

/// The other kind of package has the same files and needs.
pub fn rpm(rpm: &Path) -> Result<()> {
    let ask = |what: &str| output(command("rpm").args(["-qp", what]).arg(rpm));
    let files = ask("--list").context("rpm cannot read it")?;
    let needs = ask("--requires").context("rpm cannot read it")?;
    for file in FILES.iter().filter(|file| !file.contains("/doc/")) {
        if !files.lines().any(|line| line.strip_prefix('/') == Some(file)) {
            bail!("the RPM package lacks {file}:\n{files}");
        }
    }
    for name in ["libwebkit2gtk-4.1.so.0", "libcrypto.so.3", "libayatana-appindicator3.so.1"] {
        if !needs.contains(name) {
            bail!("the RPM package does not need {name}:\n{needs}");
        }
    }
    Ok(())
}

/// What checks desktop entries and packages finds no fault.
pub fn lint(deb: &Path) -> Result<()> {
    say("Checking the desktop entry and the package (desktop-file-validate, lintian)");
    let entry = unpack(deb)?.join("usr/share/applications/Entente.desktop");
    run(command("desktop-file-validate").arg(entry))?;
    let mut lintian = command("lintian");
    // It has a window instead of a manual page, and the changelog is the one that people read.
    let other = "no-manual-page,syntax-error-in-debian-changelog";
    lintian.args(["--fail-on", "error,warning", "--suppress-tags", other]);
    run(lintian.arg("--allow-root").arg(deb))
}

/// On a system that has nothing but what the package says it needs, it can be installed and started.
pub fn clean_root(deb: &Path) -> Result<()> {
    say("Installing it in a clean root (debootstrap)");
    let folder = target().join("clean-root");
    if folder.exists() {
        run(command("rm").args(["-rf", "--one-file-system"]).arg(&folder))?;
    }
    let suite = fs::read_to_string("/etc/os-release")?;
    let suite = suite.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let suite = suite.context("the system does not name its version")?;
    let mut bootstrap = command("debootstrap");
    run(bootstrap.args(["--variant=minbase", suite]).arg(&folder))?;
    fs::copy(deb, folder.join("entente.deb"))?;
    for name in ["etc/resolv.conf", "etc/hosts"] {
        let _ = fs::copy(Path::new("/").join(name), folder.join(name));
    }
    let inside = |script: &str| {
        let mut chroot = command("chroot");
        chroot.arg(&folder).args(["sh", "-ec", script]);
        chroot.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        chroot
    };
    run(&mut inside(
        "apt-get -q update; apt-get -q -y install --no-install-recommends /entente.deb",
    ))?;
    let libraries = output(&mut inside("ldd /usr/bin/entente")).context("ldd failed")?;
    if libraries.contains("not found") {
        bail!("a library is missing that the package does not need:\n{libraries}");
    }
    let version = output(&mut inside("entente --version")).context("it does not start")?;
    println!("It says: {version}");
    // With no display it says so, instead of falling over a library.
    let said = inside("entente").output()?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    if !said.contains("there is no display") {
        bail!("without a display it says: {said}");
    }
    let handler = output(&mut inside(
        "apt-get -q -y install --no-install-recommends desktop-file-utils >/dev/null 2>&1; \
         update-desktop-database; grep x-scheme-handler/entente /usr/share/applications/mimeinfo.cache",
    ));
    if handler.as_deref() != Some("x-scheme-handler/entente=Entente.desktop;") {
        bail!("nothing opens entente:// links: {handler:?}");
    }
    run(&mut inside("apt-get -q -y remove entente; test ! -e /usr/bin/entente"))?;
    run(command("rm").args(["-rf", "--one-file-system"]).arg(&folder))
}

/// The desktop tests, with the program as it is packed.
pub fn desktop(deb: &Path) -> Result<()> {
    say("Running the desktop tests with the packaged program");
    need(DESKTOP)?;
    need(DRIVE)?;
    let program = unpack(deb)?.join("usr/bin/entente");
    // Some tests start the server beside it.
    run(command(env!("CARGO")).args([
        "build",
        "--quiet",
        "--package",
        "entente-server",
        "--bins",
    ]))?;
    let mut tests = Command::new(NEXTEST.get()?);
    tests.current_dir(root()).args(["nextest", "run", "--workspace", "--cargo-quiet"]);
    // What is shipped takes no other place for newer versions than the one that it was built with.
    tests.args(["-E", "binary(desktop) - test(/^updates::/)"]).env("ENTENTE_PROGRAM", program);
    run(&mut tests)
}
