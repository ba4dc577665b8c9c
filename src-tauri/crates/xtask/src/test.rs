//! Every check and every test, each named and timed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use clap::Args;
use entente_testkit::Postgres;

use crate::{
    package,
    packages::{self, BUILD, DATABASE, DESKTOP, DRIVE, PYTHON},
    shell::{command, root, run as run_command, say, target},
    tools::{DENY, NEXTEST},
    ui,
};

#[derive(Args)]
pub struct Test {
    /// Also look for known weaknesses in dependencies; needs the advisory databases on the network.
    #[arg(long)]
    advisories: bool,
}

/// Runs steps, and remembers how long each took.
#[derive(Default)]
struct Steps(Vec<(&'static str, Duration)>);

impl Steps {
    fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        say(name);
        let begun = Instant::now();
        work().with_context(|| format!("the step {name:?} failed"))?;
        self.0.push((name, begun.elapsed()));
        Ok(())
    }

    fn table(&self) {
        say("Done so far");
        for (name, took) in &self.0 {
            println!("{:>7.1} s  {name}", took.as_secs_f64());
        }
    }
}

pub fn run(arguments: &Test) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("System packages", || {
        packages::need(BUILD)?;
        packages::need(DESKTOP)?;
        packages::need(DRIVE)?;
        packages::need(DATABASE)?;
        packages::need(PYTHON)
    })?;
    steps.step("Window: packages and page", || {
        ui::install()?;
        ui::build()
    })?;
    steps.step("Window: format and lint", || npm("lint"))?;
    steps.step("Window: types", || npm("check"))?;
    steps.step("Window: tests", || npm("test"))?;
    steps.step("Rust: format", || cargo(&["fmt", "--all", "--check"]))?;
    steps.step("Rust: lint (clippy)", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
    })?;
    steps.step("Rust: documentation", || {
        let mut doc = command(env!("CARGO"));
        doc.args(["doc", "--workspace", "--no-deps", "--quiet"]);
        run_command(doc.env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    let deny = DENY.get()?;
    steps.step("Dependencies: licences, sources, who may import whom", || {
        check_dependencies(&deny, &["bans", "licenses", "sources"])
    })?;
    if arguments.advisories {
        steps.step("Dependencies: known weaknesses", || {
            check_dependencies(&deny, &["advisories"])?;
            let mut audit = ui::npm(&["audit", "--audit-level=moderate"]);
            run_command(&mut audit)?;
            run_command(audit.current_dir(root().join("tests/fixtures/oidc")))
        })?;
    } else {
        println!("Known weaknesses were not looked for: that needs --advisories and the network.");
    }
    let nextest = NEXTEST.get()?;
    let mut python = PathBuf::new();
    steps.step("Tests: packages from PyPI", || {
        python = entente_testkit::python_env()?;
        Ok(())
    })?;
    steps.step("Tests: an OpenID provider from npm", || {
        entente_testkit::install_openid_provider().map(drop)
    })?;
    steps.step("Rust: building the program and the tests", || {
        cargo(&[
            "build",
            "--quiet",
            "--package",
            "entente",
            "--package",
            "entente-server",
            "--bins",
        ])?;
        let mut build = Command::new(&nextest);
        run_command(build.args(["nextest", "run", "--workspace", "--no-run", "--cargo-quiet"]))
    })?;
    if cfg!(target_os = "linux") {
        steps.step("Package: what it holds", package::try_out)?;
    }
    steps.table();
    say("Rust: tests");
    let kept = target().join("test-output");
    let _ = fs::remove_dir_all(&kept);
    println!("Pictures and logs of the desktop tests: {}", kept.display());
    let mut test = Command::new(&nextest);
    test.args(["nextest", "run", "--workspace", "--cargo-quiet"]);
    // One for all tests, each with a database of its own; it ends with this program.
    let postgres = Postgres::start()?;
    test.env(entente_testkit::ADDRESS, postgres.address());
    test.env(entente_testkit::ENVIRONMENT, python);
    // The summary of this is the last that is said.
    run_command(&mut test)
}

fn cargo(arguments: &[&str]) -> Result<()> {
    run_command(command(env!("CARGO")).args(arguments))
}

fn npm(script: &str) -> Result<()> {
    run_command(&mut ui::npm(&["run", "--silent", script]))
}

/// Has cargo-deny look at what the project depends on.
pub fn check_dependencies(deny: &Path, what: &[&str]) -> Result<()> {
    let mut check = command(deny);
    check.args(["--workspace", "--config", ".config/deny.toml", "check", "--hide-inclusion-graph"]);
    check.args(what);
    run_command(&mut check)
}
