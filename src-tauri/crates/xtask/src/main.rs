//! `cargo xtask run` and `cargo xtask test`: everything from a fresh machine to a window, or to the
//! last test. Needs nothing but a Rust toolchain and Node to begin with.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the one who ran it")]

mod packages;
mod run;
mod shell;
mod test;
mod tools;
mod ui;

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
    /// Makes the pictures in icons/ from their sources.
    Icons,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
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
