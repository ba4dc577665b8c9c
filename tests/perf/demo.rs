//! How soon a demo of many partnerships is there.

use std::time::Instant;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{line::Line, program::Program, setting::Setting};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let many = setting.size(100_000, 1_000);
    let path = setting.program("entente-server")?;
    let arguments = ["demo".to_owned(), "--partnerships".to_owned(), many.to_string()];
    let mut took = Vec::new();
    for _ in 0..setting.size(5, 1) {
        let begun = Instant::now();
        let mut demo = Program::start(&path, &arguments)?;
        let facts: Value = serde_json::from_str(&demo.line()?)?;
        took.push(begun.elapsed().as_secs_f64());
        ensure!(facts["users"].as_array().is_some_and(|users| !users.is_empty()), "{facts}");
    }
    let name = format!("A demo of {many} partnerships, from its start to its keys");
    Ok(vec![Line::of(name, "s", &took).median_at_most(5.0)])
}
