//! Builds what is measured, for release, and measures it (`tests/perf`).

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::{
    package,
    packages::{self, BROWSER, BUILD, DATABASE, DESKTOP, DRIVE},
    shell::{command, output, run as run_command, say, target},
    ui,
};

#[derive(Args)]
pub struct Bench {
    /// Only these: P8 or P7,P9.
    #[arg(long)]
    only: Option<String>,
    /// With small sizes, to see that it works: the numbers do not count.
    #[arg(long)]
    quick: bool,
}

pub fn run(arguments: &Bench) -> Result<()> {
    packages::need(BUILD)?;
    say("Building what is measured (cargo, release)");
    let server = ["--package", "entente-server", "--package", "entente-tests"];
    build("release", &[&server[..], &["--bins", "--example", "perf"]].concat())?;
    let perf =
        target().join("release/examples").join(if cfg!(windows) { "perf.exe" } else { "perf" });
    let measure = || {
        let mut measure = with_many_files(&perf);
        measure.args(arguments.only.iter().flat_map(|only| ["--only", only]));
        measure.args(arguments.quick.then_some("--quick"));
        measure
    };
    let needs = output(measure().arg("--needs")).context("nothing of that name is measured")?;
    let does_need = |what| needs.lines().any(|need| need == what);
    if does_need("database") {
        packages::need(DATABASE)?;
    }
    if does_need("window") {
        packages::need(DESKTOP)?;
        packages::need(DRIVE)?;
        ui::build()?;
        say("Building the program as it is shipped (cargo; takes a while)");
        build("ship", &["--package", "entente", "--bins", "--example", "bare-window"])?;
    }
    if does_need("browser") {
        packages::need(BROWSER)?;
    }
    if does_need("package") {
        package::run(&package::Package::default())?;
    }
    say("Measuring");
    run_command(&mut measure())
}

/// A program that may have as many files open as the system lets it, and what it starts: thousands of
/// connections are some of what is measured.
fn with_many_files(program: &Path) -> Command {
    if cfg!(windows) {
        return Command::new(program);
    }
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n \"$(ulimit -Hn)\"; exec \"$0\" \"$@\""]).arg(program);
    command
}

fn build(profile: &str, what: &[&str]) -> Result<()> {
    run_command(command(env!("CARGO")).args(["build", "--profile", profile]).args(what))
}
