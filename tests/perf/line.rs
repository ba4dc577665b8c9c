use serde::Serialize;

/// One line of the table: what was measured, and what it is held against.
///
/// `Line::of("Found", "ms", &took).p99_at_most(5.0)` holds many values against an absolute budget,
/// `Line::new("Approved", "a second", rate).against("pgbench", peer).at_least(0.6)` one against a peer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// In what.
    pub unit: String,
    /// The median, or the one value that there is.
    pub median: f64,
    /// Only where there are many values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99: Option<f64>,
    /// The floor or the peer, measured in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// What it may be; all of it must hold.
    pub budgets: Vec<Budget>,
    /// What else the numbers do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a line is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// What it is.
    pub name: String,
    /// Its value, in the line's unit.
    pub value: f64,
    /// The line's, divided by it.
    pub ratio: f64,
}

/// What a line may be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Budget {
    MedianAtMost(f64),
    P99AtMost(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
}

#[allow(dead_code, reason = "every measure takes what it needs")]
impl Line {
    /// A line with one value.
    pub fn new(name: impl Into<String>, unit: &str, value: f64) -> Self {
        Self {
            name: name.into(),
            unit: unit.to_owned(),
            median: value,
            p99: None,
            against: None,
            budgets: Vec::new(),
            note: None,
        }
    }

    /// A line of many values.
    pub fn of(name: impl Into<String>, unit: &str, values: &[f64]) -> Self {
        Self { p99: Some(quantile(values, 0.99)), ..Self::new(name, unit, median(values)) }
    }

    /// Holds it against something that was measured in the same run.
    pub fn against(mut self, name: impl Into<String>, value: f64) -> Self {
        self.against = Some(Against { name: name.into(), value, ratio: self.median / value });
        self
    }

    /// Adds what else there is to say.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// The median may be no more.
    pub fn median_at_most(self, most: f64) -> Self {
        self.with(Budget::MedianAtMost(most))
    }

    /// The 99th percentile may be no more.
    pub fn p99_at_most(self, most: f64) -> Self {
        self.with(Budget::P99AtMost(most))
    }

    /// It may be no more than so many times what it is held against.
    pub fn at_most(self, times: f64) -> Self {
        self.with(Budget::RatioAtMost(times))
    }

    /// It must be so many times what it is held against.
    pub fn at_least(self, times: f64) -> Self {
        self.with(Budget::RatioAtLeast(times))
    }

    fn with(mut self, budget: Budget) -> Self {
        self.budgets.push(budget);
        self
    }

    /// Whether it is within its budgets. What cannot be compared is not.
    pub fn holds(&self) -> bool {
        self.budgets.iter().all(|budget| budget.is_kept_by(self))
    }
}

impl Budget {
    fn is_kept_by(self, line: &Line) -> bool {
        let ratio = line.against.as_ref().map(|against| against.ratio);
        match self {
            Self::MedianAtMost(most) => line.median <= most,
            Self::P99AtMost(most) => line.p99.is_some_and(|value| value <= most),
            Self::RatioAtMost(most) => ratio.is_some_and(|ratio| ratio <= most),
            Self::RatioAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
        }
    }
}

/// The middle of some values.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The smallest value that so large a part of them does not exceed; no number where there is none.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let above = sorted.iter().enumerate().find(|(index, _)| {
        // As many as there are up to and with this one.
        (*index as f64 + 1.0) >= part * sorted.len() as f64
    });
    above.map_or(f64::NAN, |(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!((median(&values), quantile(&values, 0.99)), (100.0, 198.0));
        assert_eq!((median(&[3.0]), quantile(&[3.0], 0.99)), (3.0, 3.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn a_line_holds_if_all_its_budgets_do() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let line = || Line::of("Something", "ms", &values);
        assert!(line().holds(), "nothing is asked of it");
        assert!(line().median_at_most(50.0).p99_at_most(99.0).holds());
        assert!(!line().median_at_most(49.0).p99_at_most(99.0).holds());
        assert!(!line().median_at_most(50.0).p99_at_most(98.0).holds());
        assert!(line().against("a floor", 40.0).at_most(1.25).holds());
        assert!(!line().against("a floor", 39.0).at_most(1.25).holds());
        assert!(line().against("a peer", 100.0).at_least(0.5).holds());
        assert!(!line().against("a peer", 101.0).at_least(0.5).holds());
    }

    #[test]
    fn what_cannot_be_compared_does_not_hold() {
        assert!(!Line::new("Something", "ms", 1.0).at_most(1.2).holds(), "nothing to compare with");
        assert!(!Line::new("Something", "ms", 1.0).p99_at_most(2.0).holds(), "one value only");
        assert!(!Line::of("Something", "ms", &[]).median_at_most(1.0).holds(), "no value");
        let nothing = Line::new("Something", "ms", 0.0).against("nothing", 0.0);
        assert!(!nothing.at_most(1.2).holds());
    }
}
