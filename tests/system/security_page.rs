//! What `src-tauri/SECURITY.md` says is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

/// The requirements of OWASP ASVS 5.0 at levels 1 and 2: chapter, section, and how many. They are
/// numbered without gaps at these levels.
#[rustfmt::skip]
const REQUIREMENTS: &[(u8, u8, u8)] = &[
    (1, 1, 2), (1, 2, 9), (1, 3, 11), (1, 4, 3), (1, 5, 2),
    (2, 1, 3), (2, 2, 3), (2, 3, 4), (2, 4, 1),
    (3, 2, 2), (3, 3, 4), (3, 4, 6), (3, 5, 5), (3, 7, 2),
    (4, 1, 3), (4, 2, 1), (4, 3, 2), (4, 4, 4),
    (5, 1, 1), (5, 2, 3), (5, 3, 2), (5, 4, 3),
    (6, 1, 3), (6, 2, 12), (6, 3, 4), (6, 4, 4), (6, 5, 5), (6, 6, 3), (6, 8, 4),
    (7, 1, 3), (7, 2, 4), (7, 3, 2), (7, 4, 5), (7, 5, 2), (7, 6, 2),
    (8, 1, 2), (8, 2, 3), (8, 3, 1), (8, 4, 1),
    (9, 1, 3), (9, 2, 4),
    (10, 1, 2), (10, 2, 2), (10, 3, 4), (10, 4, 11), (10, 5, 5), (10, 6, 2), (10, 7, 3),
    (11, 1, 2), (11, 2, 3), (11, 3, 3), (11, 4, 4), (11, 5, 1), (11, 6, 1),
    (12, 1, 3), (12, 2, 2), (12, 3, 4),
    (13, 1, 1), (13, 2, 5), (13, 3, 2), (13, 4, 5),
    (14, 1, 2), (14, 2, 4), (14, 3, 3),
    (15, 1, 3), (15, 2, 3), (15, 3, 7),
    (16, 1, 1), (16, 2, 5), (16, 3, 4), (16, 4, 3), (16, 5, 3),
    (17, 1, 1), (17, 2, 4), (17, 3, 2),
];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> Result<String> {
    fs::read_to_string(top().join("src-tauri/SECURITY.md")).context("the page")
}

/// The sources: their paths and texts.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", "gen", ".git"].contains(&name.as_str()) {
                sources(&path, found)?;
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.push((path.to_string_lossy().replace('\\', "/"), text));
        }
    }
    Ok(())
}

#[test]
fn the_security_page_names_evidence_that_is_there() -> Result<()> {
    let mut found = Vec::new();
    for folder in ["src-tauri", "tests", "ui", ".github", ".config"] {
        sources(&top().join(folder), &mut found)?;
    }
    found.push(("/Cargo.toml".into(), fs::read_to_string(top().join("Cargo.toml"))?));
    let page = page()?;
    let mut tests = 0;
    for name in page.split('`').skip(1).step_by(2) {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if name.chars().all(is_word) && name.matches('_').count() >= 2 {
            let head = format!("fn {name}(");
            ensure!(found.iter().any(|(_, text)| text.contains(&head)), "no test {name}");
            tests += 1;
        } else if [".rs", ".md", ".toml", ".json", ".yml", ".svelte", ".js", ".service"]
            .iter()
            .any(|kind| name.ends_with(kind))
        {
            let end = format!("/{name}");
            ensure!(found.iter().any(|(path, _)| path.ends_with(&end)), "no file {name}");
        }
    }
    ensure!(tests > 100, "evidence is named in another way: {tests}");
    Ok(())
}

#[test]
fn the_security_page_speaks_of_every_requirement_once() -> Result<()> {
    let mut told = BTreeSet::new();
    for row in page()?.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, numbers, verdict, evidence, ..] = cells[..] else { continue };
        if !numbers.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let verdicts = ["held", "partly", "open", "n/a"];
        ensure!(verdicts.contains(&verdict) && !evidence.is_empty(), "{row}");
        for number in numbers.split(", ") {
            ensure!(told.insert(number.to_owned()), "{number} is told twice");
        }
    }
    let all = REQUIREMENTS.iter().flat_map(|&(chapter, section, count)| {
        (1..=count).map(move |number| format!("{chapter}.{section}.{number}"))
    });
    let all: BTreeSet<String> = all.collect();
    ensure!(all.len() == 253, "{}", all.len());
    let lacking: Vec<_> = all.difference(&told).collect();
    let unknown: Vec<_> = told.difference(&all).collect();
    ensure!(lacking.is_empty() && unknown.is_empty(), "lacking {lacking:?}, unknown {unknown:?}");
    Ok(())
}
