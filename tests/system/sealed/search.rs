//! Looking for something in every file of a folder.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// What is looked for, as it is and as others write it.
#[derive(Debug, Default)]
pub struct Needles(Vec<(String, Vec<u8>)>);

/// In how many ways each is looked for.
const WAYS: usize = 5;

impl Needles {
    pub fn add(&mut self, what: &str, bytes: &[u8]) {
        let hex = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        self.0.push((what.to_owned(), bytes.to_owned()));
        for (how, text) in [
            ("hexadecimal", hex.clone()),
            ("HEXADECIMAL", hex.to_uppercase()),
            ("base64", STANDARD_NO_PAD.encode(bytes)),
            ("base64url", URL_SAFE_NO_PAD.encode(bytes)),
        ] {
            self.0.push((format!("{what} in {how}"), text.into_bytes()));
        }
    }

    pub fn len(&self) -> usize {
        self.0.len() / WAYS
    }
}

/// What was looked through, and what was found.
#[derive(Debug, Default)]
pub struct Found {
    pub files: u64,
    pub bytes: u64,
    pub hits: Vec<(String, PathBuf)>,
}

/// Looks for each needle in every file below a folder, but for some.
pub fn search(folder: &Path, skipped: &[PathBuf], needles: &Needles) -> Result<Found> {
    let mut found = Found::default();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !skipped.contains(&path) {
                let text = fs::read(&path)?;
                found.files += 1;
                found.bytes += text.len() as u64;
                let hits = needles.0.iter().filter(|(_, needle)| holds(&text, needle));
                found.hits.extend(hits.map(|(what, _)| (what.clone(), path.clone())));
            }
        }
    }
    Ok(found)
}

/// Whether bytes are somewhere in others. By their first byte, or else a cluster takes minutes.
fn holds(text: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return true };
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}
