//! What is measured, beside its floor or its peer in the same run. `cargo xtask bench` builds it for
//! release, with the programs that it measures, and starts it.
//!
//! To add something: a file with a function that gives [`Line`]s, and an entry in [`MEASURES`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the one who ran it")]

mod banner;
mod demo;
mod desk;
mod first_sync;
mod idle;
mod line;
mod memory;
mod one_change;
mod package;
mod processes;
mod program;
mod queries;
mod report;
mod screen;
mod setting;
mod site;
mod start;
mod streams;
mod throughput;
mod typing;
mod web;

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use line::Line;
use report::Report;
use setting::{Need, Setting};

/// Something that is measured.
struct Measure {
    /// Its number in the table of budgets, or a word.
    number: &'static str,
    what: &'static str,
    /// What must be there beside the server's program.
    needs: &'static [Need],
    run: fn(&Setting) -> Result<Vec<Line>>,
}

/// All that is measured.
const MEASURES: &[Measure] = &[
    Measure {
        number: "P1",
        what: "From the program's start to its painted list",
        needs: &[Need::Window, Need::Browser],
        run: start::run,
    },
    Measure {
        number: "P2",
        what: "Memory with the window and without",
        needs: &[Need::Window],
        run: memory::run,
    },
    Measure {
        number: "P3",
        what: "What it does while there is nothing to do",
        needs: &[Need::Window],
        run: idle::run,
    },
    Measure {
        number: "P4",
        what: "From a request to its notification",
        needs: &[Need::Window],
        run: banner::run,
    },
    Measure { number: "P5", what: "Asking the client's cache", needs: &[], run: queries::run },
    Measure {
        number: "P6",
        what: "A first sync, beside a bare insert of its rows",
        needs: &[],
        run: first_sync::run,
    },
    Measure {
        number: "P7",
        what: "One change, with few partnerships and with many",
        needs: &[],
        run: one_change::run,
    },
    Measure {
        number: "P8",
        what: "Requests sent, approved and accepted on PostgreSQL",
        needs: &[Need::Database],
        run: throughput::run,
    },
    Measure { number: "P9", what: "Open event streams", needs: &[], run: streams::run },
    Measure {
        number: "P10",
        what: "Typing into the search of a long list",
        needs: &[Need::Window],
        run: typing::run,
    },
    Measure {
        number: "P11",
        what: "How large the package is",
        needs: &[Need::Package],
        run: package::run,
    },
    Measure { number: "demo", what: "A demo of many partnerships", needs: &[], run: demo::run },
];

#[derive(Parser)]
#[command(about = "Measures what there are budgets for.")]
struct Arguments {
    /// Only these: P8 or P7,P9.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// With small sizes, to see that it works: the numbers do not count.
    #[arg(long)]
    quick: bool,
    /// Name what must be there for it, and measure nothing.
    #[arg(long)]
    needs: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("perf: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let chosen = chosen(&arguments.only)?;
    if arguments.needs {
        let needs = chosen.iter().flat_map(|measure| measure.needs);
        needs.for_each(|need| println!("{}", need.as_str()));
        return Ok(ExitCode::SUCCESS);
    }
    let setting = Setting::new(arguments.quick)?;
    let mut report = Report::new(arguments.quick);
    for measure in chosen {
        println!("{}  {}", measure.number, measure.what);
        match (measure.run)(&setting) {
            Ok(lines) => report.add(measure.number, lines),
            Err(error) => report.failed(measure.number, &error),
        }
    }
    println!("\n{report}");
    let path = setting.target().join("bench.json");
    report.write(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    println!("Also in {}", path.display());
    Ok(if report.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(only: &[String]) -> Result<Vec<&'static Measure>> {
    let is = |measure: &Measure, name: &str| measure.number.eq_ignore_ascii_case(name);
    for name in only {
        ensure!(
            MEASURES.iter().any(|measure| is(measure, name)),
            "nothing that is measured is called {name}"
        );
    }
    let is_wanted =
        |measure: &&Measure| only.is_empty() || only.iter().any(|name| is(measure, name));
    Ok(MEASURES.iter().filter(is_wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_a_number_of_its_own() {
        for (index, measure) in MEASURES.iter().enumerate() {
            assert_eq!(chosen(&[measure.number.to_lowercase()]).expect("it is there").len(), 1);
            assert!(MEASURES[..index].iter().all(|other| other.number != measure.number));
        }
        assert!(chosen(&["P0".to_owned()]).is_err());
        assert_eq!(chosen(&[]).expect("all").len(), MEASURES.len());
    }

    #[test]
    fn each_measure_comes_to_numbers() {
        let setting = Setting::new(true).expect("programs");
        // What needs a window or a package is tried where there is one.
        for measure in MEASURES
            .iter()
            .filter(|measure| measure.needs.iter().all(|need| *need == Need::Database))
        {
            let lines = (measure.run)(&setting).expect(measure.number);
            assert!(!lines.is_empty(), "{}", measure.number);
            for line in lines {
                println!("{} {line:?}", measure.number);
                assert!(line.median.is_finite() && line.median >= 0.0, "{line:?}");
                assert!(!line.budgets.is_empty(), "{line:?}");
            }
        }
    }
}
