//! The long checks: what the tests try in a short form, at the sizes that are held.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use entente_testkit::Postgres;
use serde_json::{Map, Value};

use crate::{
    packages::{self, BUILD, DATABASE, PYTHON},
    shell::{command, run as run_command, say, target},
    tools::NEXTEST,
};

#[derive(Args)]
pub struct Verify {
    /// Only these, by their names: R1,R2.
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    only: Vec<String>,
    /// Where what is random begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Tests that have a long form.
struct Check {
    name: &'static str,
    what: &'static str,
    /// Which tests, as the test runner filters them.
    tests: &'static str,
    /// How long they are to be.
    sizes: &'static [(&'static str, u64)],
}

const CHECKS: &[Check] = &[
    Check {
        name: "R1",
        what: "the rules of the domain, under random steps by many at once",
        tests: "binary(model)",
        sizes: &[("ENTENTE_MODEL_STEPS", 100_000)],
    },
    Check {
        name: "R2",
        what: "kills of the server, under load",
        tests: "binary(system) & test(/^kills::/)",
        sizes: &[("ENTENTE_KILLS", 200)],
    },
    Check {
        name: "R3",
        what: "kills of the client, while it syncs and decides",
        tests: "binary(system) & test(/^client_kills::/)",
        sizes: &[("ENTENTE_CLIENT_KILLS", 200)],
    },
    Check {
        name: "R5",
        what: "requests made up from the API document",
        tests: "binary(system) & test(/^schemathesis::/)",
        sizes: &[("ENTENTE_SCHEMATHESIS_EXAMPLES", 50)],
    },
    Check {
        name: "S2",
        what: "one tenant asks for what is another's",
        tests: "binary(system) & test(/^isolation::/)",
        sizes: &[("ENTENTE_FOREIGN", 100_000), ("ENTENTE_TIMINGS", 2_000)],
    },
    Check {
        name: "S3",
        what: "keys: every scope on every endpoint",
        tests: "binary(system) & test(/^keys::/)",
        sizes: &[],
    },
    Check {
        name: "S4",
        what: "credentials: sealed, and nowhere else",
        tests: "binary(system) & test(/^sealed::/)",
        sizes: &[],
    },
];

/// How a check went.
struct Done {
    check: &'static Check,
    took: Duration,
    failed: Option<String>,
    /// What its tests told: one line for each.
    told: Vec<Map<String, Value>>,
}

pub fn run(arguments: &Verify) -> Result<()> {
    let checks = chosen(&arguments.only)?;
    packages::need(BUILD)?;
    packages::need(DATABASE)?;
    packages::need(PYTHON)?;
    let python = entente_testkit::python_env()?;
    let nextest = NEXTEST.get()?;
    say("Building the tests, optimised and with their assertions");
    run_command(tests(&nextest).arg("--no-run"))?;
    let postgres = Postgres::start()?;
    let figures = target().join("verify.jsonl");
    let _ = fs::remove_file(&figures);
    let mut all = Vec::new();
    for check in checks {
        say(&format!("{}: {}", check.name, check.what));
        let known = read(&figures)?.len();
        let mut test = tests(&nextest);
        test.args(["--filterset", check.tests, "--no-capture"]);
        test.env(entente_testkit::ADDRESS, postgres.address());
        test.env(entente_testkit::ENVIRONMENT, &python);
        test.env("ENTENTE_FIGURES", &figures).env("ENTENTE_SEED", arguments.seed.to_string());
        test.envs(check.sizes.iter().map(|(name, size)| (name, size.to_string())));
        let begun = Instant::now();
        let failed = run_command(&mut test).err().map(|why| why.to_string());
        let told = read(&figures)?.split_off(known);
        let silent = told.is_empty().then(|| "it told no figures".to_owned());
        all.push(Done { check, took: begun.elapsed(), failed: failed.or(silent), told });
    }
    say(&format!("Figures, also in {}", figures.display()));
    all.iter().for_each(print);
    let failed: Vec<&str> =
        all.iter().filter(|done| done.failed.is_some()).map(|done| done.check.name).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn chosen(only: &[String]) -> Result<Vec<&'static Check>> {
    let is = |check: &Check, name: &String| check.name.eq_ignore_ascii_case(name);
    if let Some(unknown) = only.iter().find(|name| !CHECKS.iter().any(|check| is(check, name))) {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        bail!("there is no check {unknown}; there are {}", names.join(", "));
    }
    let wanted = |check: &&Check| only.is_empty() || only.iter().any(|name| is(check, name));
    Ok(CHECKS.iter().filter(wanted).collect())
}

/// The test runner, on a build of its own: as fast as a release, and with everything that is asserted.
fn tests(nextest: &Path) -> Command {
    let mut test = command(nextest);
    test.args(["nextest", "run", "--cargo-quiet", "--cargo-profile", "verify"]);
    test.args(["--profile", "verify", "--package", "entente-tests", "--package", "entente-server"]);
    test
}

fn read(figures: &PathBuf) -> Result<Vec<Map<String, Value>>> {
    if !figures.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(figures)?;
    text.lines().map(|line| serde_json::from_str(line).context("a line of figures")).collect()
}

fn print(done: &Done) {
    let verdict = if done.failed.is_some() { "FAILED" } else { "held" };
    let Check { name, what, .. } = done.check;
    println!("{name:<4} {verdict:<6} {:>8.1} s  {what}", done.took.as_secs_f64());
    for told in &done.told {
        let figures = told.iter().filter(|(name, _)| *name != "check");
        let figures: Vec<String> = figures.map(|(name, value)| figure(name, value)).collect();
        println!("{:24}{}", "", figures.join(", "));
    }
    if let Some(why) = &done.failed {
        println!("{:24}{why}", "");
    }
}

fn figure(name: &str, value: &Value) -> String {
    match value {
        Value::String(text) => format!("{name} {text}"),
        Value::Object(of) => {
            let of: Vec<String> = of.iter().map(|(name, value)| figure(name, value)).collect();
            format!("{name}: {}", of.join("; "))
        }
        other => format!("{name} {other}"),
    }
}
