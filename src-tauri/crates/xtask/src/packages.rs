//! The system's packages: installed on Debian and its kin, named elsewhere.

use anyhow::{Result, bail};

use crate::shell::{command, is_there, output, run, say};

/// What building needs.
pub const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libwebkit2gtk-4.1-dev",
    "libayatana-appindicator3-dev",
    "librsvg2-dev",
    "libssl-dev",
    "libdbus-1-dev",
    "libxdo-dev",
];

/// What a virtual desktop needs.
pub const DESKTOP: &[&str] = &[
    "xvfb",
    "xauth",
    "dbus",
    "dbus-x11",
    "dunst",
    "libnotify-bin",
    "xdotool",
    "x11-utils",
    "imagemagick",
    "gnome-keyring",
    "libsecret-tools",
    "fonts-dejavu-core",
    "adwaita-icon-theme",
];

/// What driving a window in a test needs, beside the virtual desktop.
pub const DRIVE: &[&str] = &["webkit2gtk-driver", "openbox", "xclip", "xsettingsd"];

/// What the tests of the server on PostgreSQL need; they start one of their own.
pub const DATABASE: &[&str] = &["postgresql"];

/// What tests need that use programs from PyPI.
pub const PYTHON: &[&str] = &["python3", "python3-venv"];

/// What the window's page is measured against.
pub const BROWSER: &[&str] = &["chromium"];

/// What checking packages needs.
pub const PACKAGING: &[&str] = &["debootstrap", "desktop-file-utils", "lintian", "rpm"];

const ELSEWHERE: &str = "Install what Tauri 2 needs on your system, then run this again:
  Fedora:  sudo dnf install webkit2gtk4.1-devel libappindicator-gtk3-devel librsvg2-devel openssl-devel dbus-devel libxdo-devel gcc
  Arch:    sudo pacman -S --needed webkit2gtk-4.1 libappindicator-gtk3 librsvg openssl dbus xdotool base-devel
  macOS:   xcode-select --install
  Windows: the Microsoft C++ Build Tools and WebView2 (part of Windows 11)";

/// Makes sure that packages are there: installs what is missing where it may, names it where not.
pub fn need(packages: &[&str]) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if !is_there("dpkg-query") {
        return check_elsewhere();
    }
    let missing: Vec<&str> = packages.iter().copied().filter(|name| !is_installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let is_root = output(command("id").arg("-u")).as_deref() == Some("0");
    let may_sudo = is_there("sudo") && output(command("sudo").args(["-n", "true"])).is_some();
    if !is_root && !may_sudo {
        bail!(
            "these packages are missing; install them and run this again:\n  sudo apt-get install {list}"
        );
    }
    say(&format!("Installing with apt-get: {list}"));
    let apt = |arguments: &[&str]| {
        let mut apt = if is_root {
            command("apt-get")
        } else {
            let mut sudo = command("sudo");
            sudo.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
            sudo
        };
        apt.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]).args(arguments);
        run(&mut apt)
    };
    apt(&["update"])?;
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(missing);
    apt(&arguments)
}

fn is_installed(package: &str) -> bool {
    let status = output(command("dpkg-query").args(["-W", "-f=${Status}", package]));
    status.is_some_and(|status| status.ends_with("ok installed"))
}

fn check_elsewhere() -> Result<()> {
    let has_webkit = output(command("pkg-config").args(["--exists", "webkit2gtk-4.1"])).is_some();
    if has_webkit {
        return Ok(());
    }
    bail!("WebKitGTK 4.1 is missing, and this is not Debian or Ubuntu.\n{ELSEWHERE}")
}
