//! Feeds what is parsed from outside with whatever a fuzzer thinks of.
//!
//! libFuzzer with the stable toolchain: the compiler's coverage instrumentation needs no nightly. The
//! code is safe Rust, so no sanitizer is needed either; every panic is a finding.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    packages::{self, BUILD},
    shell::{command, is_there, output, root, run as run_command, say, target},
};

#[derive(Args)]
pub struct Fuzz {
    /// How long each target is fed.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Only the target with this name.
    #[arg(long)]
    only: Option<String>,
}

const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How one target did.
pub struct Done {
    pub name: String,
    pub executions: u64,
    pub coverage: u64,
    pub finding: Option<PathBuf>,
}

pub fn run(arguments: &Fuzz) -> Result<()> {
    let minutes = arguments.minutes;
    let done = feed_all(minutes, arguments.only.as_deref())?;
    println!("{:<16} {:>12} {:>10} {:>9}  finding", "target", "executions", "a second", "coverage");
    for Done { name, executions, coverage, finding } in &done {
        let finding = finding.as_deref().map_or("none".into(), Path::to_string_lossy);
        let rate = executions / (minutes * 60).max(1);
        println!("{name:<16} {executions:>12} {rate:>10} {coverage:>9}  {finding}");
    }
    if done.iter().any(|done| done.finding.is_some()) {
        bail!("something was found; put it into tests/fuzz/seeds with the mend");
    }
    Ok(())
}

/// Feeds all targets, or one, each for this long.
pub fn feed_all(minutes: u64, only: Option<&str>) -> Result<Vec<Done>> {
    packages::need(BUILD)?;
    let mut names = targets()?;
    if let Some(only) = only {
        if !names.iter().any(|name| name == only) {
            bail!("there is no target {only:?}; there are: {}", names.join(", "));
        }
        names.retain(|name| name == only);
    }
    let fuzzer = build()?;
    say(&format!("Feeding {} for {minutes} min each", names.join(", ")));
    all(&names, &|name| feed(&fuzzer, name, minutes * 60))
}

/// Their seeds' folders name them; a test holds that against the targets themselves.
fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in fs::read_dir(root().join("tests/fuzz/seeds"))? {
        names.push(folder?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn build() -> Result<PathBuf> {
    say("Building the fuzzer (instrumented; some minutes the first time)");
    let version = output(command("rustc").arg("-vV")).context("rustc is missing")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not say for what it builds")?;
    let folder = target().join("fuzz");
    let mut build = command(env!("CARGO"));
    build.args(["build", "--quiet", "--profile", "fuzz", "--package", "entente-fuzz"]);
    // With a target named, what runs while building is not instrumented.
    build.args(["--features", "libfuzzer", "--bin", "fuzz", "--target", host]);
    build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", INSTRUMENTED);
    run_command(&mut build)?;
    Ok(folder.join(host).join("fuzz/fuzz"))
}

/// Feeds all targets, as many at once as there are processors.
fn all(names: &[String], feed: &(dyn Fn(&str) -> Result<Done> + Sync)) -> Result<Vec<Done>> {
    let left = Mutex::new(names.iter());
    let next = || left.lock().ok()?.next();
    let worker = || {
        let mut done = Vec::new();
        while let Some(name) = next() {
            done.push(feed(name)?);
        }
        Ok(done)
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(names.len());
    let mut done = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok(Ok(more)) => done.extend::<Vec<Done>>(more),
                Ok(Err(error)) => return Err(error),
                Err(_) => bail!("a fuzzer's thread ended"),
            }
        }
        Ok(())
    })?;
    done.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    Ok(done)
}

/// Feeds one target, beginning with its seeds and with what earlier runs found to be of interest.
fn feed(fuzzer: &Path, name: &str, seconds: u64) -> Result<Done> {
    let corpus = target().join("fuzz/corpus").join(name);
    let findings = target().join("fuzz/findings").join(name);
    let _ = fs::remove_dir_all(&findings);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&findings)?;
    let log = findings.join("log.txt");
    // Long work that nobody waits for.
    let mut fuzz = if is_there("nice") {
        let mut nice = Command::new("nice");
        nice.args(["-n", "19"]).arg(fuzzer);
        nice
    } else {
        Command::new(fuzzer)
    };
    fuzz.arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-timeout=20", "-rss_limit_mb=1024", "-max_len=9000", "-print_final_stats=1"])
        .arg(&corpus)
        .arg(root().join("tests/fuzz/seeds").join(name))
        .env("ENTENTE_FUZZ", name)
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?);
    let mut fuzz: Child = fuzz.spawn().context("the fuzzer could not be started")?;
    let status = fuzz.wait()?;
    let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let finding = fs::read_dir(&findings)?
        .filter_map(|file| Some(file.ok()?.path()))
        .find(|file| *file != log);
    if finding.is_none() && !status.success() {
        bail!("the fuzzer failed on {name} ({status}): see {}", log.display());
    }
    Ok(Done {
        name: name.into(),
        executions: number_after(&said, "stat::number_of_executed_units:"),
        coverage: number_after(&said, " cov: "),
        finding,
    })
}

/// The number after the last time that a word was said.
fn number_after(said: &str, word: &str) -> u64 {
    let rest = said.rfind(word).and_then(|at| said.get(at + word.len()..));
    rest.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
