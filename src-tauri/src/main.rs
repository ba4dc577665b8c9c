//! The program: reads its arguments and runs the desktop client.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let arguments = entente_app::Arguments::parse();
    match entente_app::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the one who started it reads it here")]
            {
                eprintln!("entente: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}
