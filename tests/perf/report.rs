use std::{fmt, fs, path::Path};

use anyhow::Result;
use serde::Serialize;

use crate::{line::Budget, line::Line, setting::Machine};

/// All that was measured, as a table and as JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whether sizes were small, so that numbers do not count.
    quick: bool,
    machine: Machine,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    number: &'static str,
    #[serde(flatten)]
    line: Option<Line>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    /// Within its budgets.
    Held,
    /// Over one of them.
    Missed,
    /// There is no budget for it, or sizes were small.
    Seen,
    /// It could not be measured.
    Failed,
}

impl Report {
    pub fn new(quick: bool) -> Self {
        Self { quick, machine: Machine::look(), entries: Vec::new() }
    }

    /// Adds what was measured.
    pub fn add(&mut self, number: &'static str, lines: Vec<Line>) {
        for line in lines {
            let verdict = match (self.quick || line.budgets.is_empty(), line.holds()) {
                (true, _) => Verdict::Seen,
                (false, true) => Verdict::Held,
                (false, false) => Verdict::Missed,
            };
            self.entries.push(Entry { number, line: Some(line), error: None, verdict });
        }
    }

    /// Adds that it could not be measured.
    pub fn failed(&mut self, number: &'static str, error: &anyhow::Error) {
        let error = Some(format!("{error:#}"));
        self.entries.push(Entry { number, line: None, error, verdict: Verdict::Failed });
    }

    /// Whether all was measured, and is within its budgets.
    pub fn is_well(&self) -> bool {
        self.entries.iter().all(|entry| matches!(entry.verdict, Verdict::Held | Verdict::Seen))
    }

    /// Writes it as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        Ok(fs::write(path, serde_json::to_string_pretty(self)?)?)
    }
}

const HEAD: [&str; 8] =
    ["", "Measured", "Median", "p99", "Floor or peer", "Ratio", "Budget", "Verdict"];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.entries.iter().map(row));
        let mut widths = [0; HEAD.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        for entry in &self.entries {
            if let Some(error) = &entry.error {
                writeln!(f, "{} could not be measured: {error}", entry.number)?;
            }
            if let Some(Line { name, note: Some(note), .. }) = &entry.line {
                writeln!(f, "{} {name}: {note}", entry.number)?;
            }
        }
        writeln!(f, "{}", self.machine)?;
        if self.quick {
            writeln!(f, "Sizes were small: these numbers do not count.")?;
        }
        Ok(())
    }
}

fn row(entry: &Entry) -> [String; HEAD.len()] {
    let verdict = match entry.verdict {
        Verdict::Held => "held",
        Verdict::Missed => "MISSED",
        Verdict::Seen => "-",
        Verdict::Failed => "FAILED",
    };
    let mut row = <[String; HEAD.len()]>::default();
    row[0] = entry.number.to_owned();
    row[7] = verdict.to_owned();
    let Some(line) = &entry.line else { return row };
    row[1].clone_from(&line.name);
    row[2] = format!("{} {}", number(line.median), line.unit);
    row[3] = line.p99.map(number).unwrap_or_default();
    if let Some(against) = &line.against {
        row[4] = format!("{} {}", number(against.value), against.name);
        row[5] = format!("{:.2}", against.ratio);
    }
    let budgets = line.budgets.iter().map(|budget| match budget {
        Budget::MedianAtMost(most) => format!("<= {}", number(*most)),
        Budget::P99AtMost(most) => format!("p99 <= {}", number(*most)),
        Budget::RatioAtMost(most) => format!("<= {most} x"),
        Budget::RatioAtLeast(least) => format!(">= {least} x"),
    });
    row[6] = budgets.collect::<Vec<_>>().join(", ");
    row
}

/// With three digits that tell something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: f64) -> Line {
        Line::new("Something", "ms", value).median_at_most(10.0)
    }

    #[test]
    fn one_that_is_missed_or_failed_makes_it_unwell() {
        let mut report = Report::new(false);
        report.add("P1", vec![line(10.0), Line::new("No budget", "ms", 99.0)]);
        assert!(report.is_well(), "{report}");
        report.add("P2", vec![line(11.0)]);
        assert!(!report.is_well(), "{report}");
        let mut report = Report::new(false);
        report.failed("P3", &anyhow::anyhow!("nothing is there"));
        assert!(!report.is_well());
        assert!(report.to_string().contains("P3 could not be measured: nothing is there"));
    }

    #[test]
    fn small_sizes_are_not_judged() {
        let mut report = Report::new(true);
        report.add("P1", vec![line(11.0)]);
        assert!(report.is_well());
        assert!(report.to_string().contains("do not count"));
    }

    #[test]
    fn a_row_tells_all_of_a_line() {
        let mut report = Report::new(false);
        report.add(
            "P8",
            vec![Line::new("Rate", "a second", 61.0).against("a peer", 100.0).at_least(0.6)],
        );
        let row = row(&report.entries[0]);
        let expected =
            ["P8", "Rate", "61.0 a second", "", "100 a peer", "0.61", ">= 0.6 x", "held"];
        assert_eq!(row, expected);
    }
}
