//! S6: no dependency is known to be weak, and fuzzers find nothing.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::Told;
use crate::{
    fuzz,
    shell::{command, root},
    test::check_dependencies,
    tools::DENY,
    ui,
};

/// How long each target is fed.
const MINUTES: u64 = 10;

/// Looks at dependencies, then feeds each target; tells figures, and what failed.
pub fn look(told: &mut Told) -> Result<Option<String>> {
    let mut failed = Vec::new();
    let mut say = |told: &mut Told, what: &str, found: Result<String>| {
        let found = found.unwrap_or_else(|why| {
            failed.push(format!("{what}: {why:#}"));
            "FAILED".into()
        });
        told.push(Map::from_iter([(what.to_owned(), Value::from(found))]));
    };
    say(told, "dependencies", rules());
    say(told, "advisories", advisories());
    say(told, "npm, window", audit(&mut ui::npm(&["audit", "--json"])));
    let mut provider = ui::npm(&["audit", "--json"]);
    provider.current_dir(root().join("tests/fixtures/oidc"));
    say(told, "npm, tests", audit(&mut provider));
    for done in fuzz::feed_all(MINUTES, None)? {
        if let Some(finding) = &done.finding {
            failed.push(format!("{}: {}", done.name, finding.display()));
        }
        let figures = json!({
            "target": done.name,
            "minutes": MINUTES,
            "executions": done.executions,
            "a second": done.executions / (MINUTES * 60),
            "coverage": done.coverage,
        });
        told.extend(figures.as_object().cloned());
    }
    Ok((!failed.is_empty()).then(|| failed.join("; ")))
}

fn rules() -> Result<String> {
    check_dependencies(&DENY.get()?, &["bans", "licenses", "sources"])?;
    Ok("licences, sources and importers as they should be".into())
}

fn advisories() -> Result<String> {
    let deny = DENY.get()?;
    let mut fetch = command(&deny);
    fetch.args(["--workspace", "--config", ".config/deny.toml", "fetch", "db"]);
    let fetched = fetch.output().context("cargo-deny could not be started")?;
    if !fetched.status.success() {
        bail!(not_looked_for(&String::from_utf8_lossy(&fetched.stderr)));
    }
    check_dependencies(&deny, &["advisories"])?;
    Ok("none".into())
}

/// npm's answer is no report where the registry cannot be asked.
fn audit(audit: &mut Command) -> Result<String> {
    let answer = audit.output().context("npm is missing")?;
    let report: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    let Some(found) = report.pointer("/metadata/vulnerabilities") else {
        let why = report.get("message").and_then(Value::as_str);
        bail!(not_looked_for(why.unwrap_or("npm says nothing")));
    };
    let count = |how: &str| found.get(how).and_then(Value::as_u64).unwrap_or(0);
    let bad = count("moderate") + count("high") + count("critical");
    ensure!(bad == 0, "npm knows of {bad} weaknesses");
    Ok("none".into())
}

/// What failed where a database cannot be reached: nobody looked, so nothing is held.
fn not_looked_for(why: &str) -> String {
    format!("not looked for: {}", why.lines().next().unwrap_or_default().trim())
}
