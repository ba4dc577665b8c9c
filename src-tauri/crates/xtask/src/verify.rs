//! The long checks: what the tests try in a short form, at the sizes that are held.

mod weaknesses;

use std::{
    fs,
    io::Write as _,
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

/// The one check that is no test.
const WEAKNESSES: (&str, &str) = ("S6", "known weaknesses of dependencies, and what fuzzers find");

/// What a check told: one line for each of its tests.
type Told = Vec<Map<String, Value>>;

/// How a check went.
struct Done {
    name: &'static str,
    what: &'static str,
    took: Duration,
    failed: Option<String>,
    told: Told,
}

pub fn run(arguments: &Verify) -> Result<()> {
    let (checks, with_weaknesses) = chosen(&arguments.only)?;
    packages::need(BUILD)?;
    let mut all = Vec::new();
    let figures = target().join("verify.jsonl");
    let _ = fs::remove_file(&figures);
    if !checks.is_empty() {
        all = tested(checks, arguments.seed, &figures)?;
    }
    if with_weaknesses {
        all.push(weaknesses(&figures)?);
    }
    say(&format!("Figures, also in {}", figures.display()));
    all.iter().for_each(print);
    let failed: Vec<&str> =
        all.iter().filter(|done| done.failed.is_some()).map(|done| done.name).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Looks for weaknesses, and writes what it tells beside what the tests do.
fn weaknesses(figures: &Path) -> Result<Done> {
    let (name, what) = WEAKNESSES;
    say(&format!("{name}: {what}"));
    let begun = Instant::now();
    let mut told = Told::new();
    let failed = weaknesses::look(&mut told).unwrap_or_else(|why| Some(format!("{why:#}")));
    let mut file = fs::File::options().create(true).append(true).open(figures)?;
    for line in &told {
        let mut line = line.clone();
        line.insert("check".into(), name.into());
        writeln!(file, "{}", Value::Object(line))?;
    }
    Ok(Done { name, what, took: begun.elapsed(), failed, told })
}

/// Runs tests at their full sizes.
fn tested(checks: Vec<&'static Check>, seed: u64, figures: &PathBuf) -> Result<Vec<Done>> {
    packages::need(DATABASE)?;
    packages::need(PYTHON)?;
    let python = entente_testkit::python_env()?;
    let nextest = NEXTEST.get()?;
    say("Building the tests, optimised and with their assertions");
    run_command(tests(&nextest).arg("--no-run"))?;
    let postgres = Postgres::start()?;
    let mut all = Vec::new();
    for check in checks {
        say(&format!("{}: {}", check.name, check.what));
        let known = read(figures)?.len();
        let mut test = tests(&nextest);
        test.args(["--filterset", check.tests, "--no-capture"]);
        test.env(entente_testkit::ADDRESS, postgres.address());
        test.env(entente_testkit::ENVIRONMENT, &python);
        test.env("ENTENTE_FIGURES", figures).env("ENTENTE_SEED", seed.to_string());
        test.envs(check.sizes.iter().map(|(name, size)| (name, size.to_string())));
        let begun = Instant::now();
        let failed = run_command(&mut test).err().map(|why| why.to_string());
        let told = read(figures)?.split_off(known);
        let silent = told.is_empty().then(|| "it told no figures".to_owned());
        let Check { name, what, .. } = *check;
        all.push(Done { name, what, took: begun.elapsed(), failed: failed.or(silent), told });
    }
    Ok(all)
}

/// Which tests are wanted, and whether weaknesses are to be looked for.
fn chosen(only: &[String]) -> Result<(Vec<&'static Check>, bool)> {
    let names = || CHECKS.iter().map(|check| check.name).chain([WEAKNESSES.0]);
    if let Some(unknown) = only.iter().find(|name| !names().any(|it| it.eq_ignore_ascii_case(name)))
    {
        bail!("there is no check {unknown}; there are {}", names().collect::<Vec<_>>().join(", "));
    }
    let wanted =
        |name: &str| only.is_empty() || only.iter().any(|it| it.eq_ignore_ascii_case(name));
    let checks = CHECKS.iter().filter(|check| wanted(check.name)).collect();
    Ok((checks, wanted(WEAKNESSES.0)))
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
    let Done { name, what, .. } = done;
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
