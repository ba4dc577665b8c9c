//! Builds the program and starts it, on a virtual desktop where there is no display.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    packages::{self, BUILD, DESKTOP},
    shell::{command, output, run as run_command, say, target},
    ui,
};

#[derive(Args)]
pub struct Run {
    /// Build with optimisations.
    #[arg(long)]
    release: bool,
    /// On a virtual display: end once the screenshot is written.
    #[arg(long)]
    exit_after_screenshot: bool,
    /// What to start the program with, after `--`: `cargo xtask run -- --demo`.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// How long the window may take to show something.
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(arguments: &Run) -> Result<()> {
    packages::need(BUILD)?;
    ui::build()?;
    say("Building the program (cargo)");
    let mut build = command(env!("CARGO"));
    build.args(["build", "--package", "entente"]);
    if arguments.release {
        build.arg("--release");
    }
    run_command(&mut build)?;
    let folder = if arguments.release { "release" } else { "debug" };
    let program = target().join(folder).join(if cfg!(windows) { "entente.exe" } else { "entente" });
    if has_display() {
        say("Starting Entente");
        return run_command(Command::new(&program).args(&arguments.arguments));
    }
    run_virtually(&program, arguments)
}

fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}

/// A process that ends with its owner.
struct Owned(Child);

impl Drop for Owned {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run_virtually(program: &Path, arguments: &Run) -> Result<()> {
    packages::need(DESKTOP)?;
    say(
        "There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): starting a virtual one",
    );
    let runtime = std::env::temp_dir().join(format!("entente-desktop-{}", std::process::id()));
    make_private(&runtime)?;
    let (_display, number) = start_display()?;
    let log = target().join("entente.log");
    let mut session = Command::new("dbus-run-session");
    // The program becomes the session's own process, so that ending one ends the other.
    session
        .args(["--", "sh", "-c", SESSION])
        .arg(program)
        .args(&arguments.arguments)
        .env("DISPLAY", &number)
        .env("XDG_RUNTIME_DIR", &runtime)
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        .env("NO_AT_BRIDGE", "1")
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?);
    let mut session = Owned(session.spawn().context("dbus-run-session could not be started")?);
    let picture = target().join("entente-screenshot.png");
    let shown = wait_for_picture(&mut session.0, &number, &picture);
    if let Err(error) = shown {
        return Err(error.context(format!("the program's log is {}", log.display())));
    }
    println!("The window is up on display {number}. A picture of it: {}", picture.display());
    println!("The program's log: {}", log.display());
    if arguments.exit_after_screenshot {
        let _ = fs::remove_dir_all(&runtime);
        return Ok(());
    }
    println!("Press Ctrl-C to end it.");
    session.0.wait()?;
    let _ = fs::remove_dir_all(&runtime);
    Ok(())
}

const SESSION: &str = "dunst >/dev/null 2>&1 & \
    printf entente | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; \
    exec \"$0\" \"$@\"";

#[cfg(unix)]
fn make_private(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    Ok(fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?)
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> Result<()> {
    Ok(fs::create_dir_all(directory)?)
}

/// Xvfb chooses a free display and says which.
fn start_display() -> Result<(Owned, String)> {
    let mut xvfb = Command::new("Xvfb");
    xvfb.args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp", "-noreset"]);
    let mut xvfb = xvfb
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("Xvfb could not be started")?;
    let said = xvfb.stdout.take().context("Xvfb says nothing")?;
    let xvfb = Owned(xvfb);
    let mut number = String::new();
    BufReader::new(said).read_line(&mut number)?;
    if number.trim().is_empty() {
        bail!("Xvfb ended before it had a display");
    }
    Ok((xvfb, format!(":{}", number.trim())))
}

/// Waits until the window shows something that stays, and keeps a picture of it.
fn wait_for_picture(program: &mut Child, display: &str, picture: &PathBuf) -> Result<()> {
    let begun = Instant::now();
    let mut before = None;
    while begun.elapsed() < PATIENCE {
        if let Some(status) = program.try_wait()? {
            bail!("the program ended before its window was there ({status})");
        }
        let mut import = command("import");
        import.env("DISPLAY", display).args(["-window", "root"]).arg(picture);
        if output(&mut import).is_some() {
            let colours = output(command("identify").args(["-format", "%k %#"]).arg(picture));
            let is_painted = colours
                .as_deref()
                .and_then(|text| text.split_whitespace().next()?.parse::<u32>().ok())
                .is_some_and(|colours| colours > 50);
            if is_painted && colours == before {
                return Ok(());
            }
            before = colours;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    bail!("no window was seen within {} s", PATIENCE.as_secs())
}
