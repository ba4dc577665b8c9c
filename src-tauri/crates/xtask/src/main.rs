//! `cargo xtask run`, `test`, `verify` and `bench`: everything from a fresh machine to a window, to the
//! last test, to the last figure, or to a table of what was measured. Needs nothing but a Rust toolchain
//! and Node to begin with.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the one who ran it")]

mod bench;
mod fuzz;
mod package;
mod packages;
mod pictures;
mod run;
mod shell;
mod test;
mod tools;
mod ui;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests Entente.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds what is needed and opens the window; on a virtual display where there is none.
    Run(run::Run),
    /// Runs every check and every test; the last lines are the test runner's summary.
    Test(test::Test),
    /// Runs the long checks at their full sizes and prints their figures.
    Verify(verify::Verify),
    /// Measures what there are budgets for; prints a table, and writes it to target/bench.json.
    Bench(bench::Bench),
    /// Makes the packages that people install; `--check` installs and starts what it made.
    Package(package::Package),
    /// Feeds what is parsed from outside with whatever a fuzzer thinks of.
    Fuzz(fuzz::Fuzz),
    /// Keeps a picture of every screen and state of the window, light and dark.
    Pictures(pictures::Pictures),
    /// Makes the pictures in icons/ from their sources.
    Icons,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Pictures(arguments) => pictures::run(&arguments),
        Command::Icons => ui::icons(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
