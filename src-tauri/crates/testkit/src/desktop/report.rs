use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// So many of a log's last lines are told.
const LINES: usize = 30;

/// Tells what a lab's programs said and are at when the lab ends: it is read where a test failed.
#[derive(Debug)]
pub(crate) struct Report {
    home: PathBuf,
    output: PathBuf,
}

impl Report {
    pub(crate) fn new(home: &Path, output: &Path) -> Self {
        Self { home: home.into(), output: output.into() }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for folder in [&self.output, &self.home.join("program/log")] {
            for file in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = file.path();
                let Ok(log) = fs::read_to_string(&path) else { continue };
                let lines: Vec<&str> = log.lines().collect();
                let last = &lines[lines.len().saturating_sub(LINES)..];
                if path.extension().is_some_and(|kind| kind == "log") && !last.is_empty() {
                    let _ = writeln!(text, "{}:\n  {}", path.display(), last.join("\n  "));
                }
            }
        }
        text.push_str(&threads(&self.home));
        text
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // Whoever runs the tests shows this of one that failed only; others would show it always.
        if std::env::var_os("NEXTEST").is_none() {
            return;
        }
        let _ = std::io::stderr().write_all(self.text().as_bytes());
    }
}

/// The directories in `/proc` of a lab's processes, which are known by their home.
pub(crate) fn processes(home: &Path) -> impl Iterator<Item = PathBuf> {
    let home = format!("HOME={}", home.join("home").display());
    let all = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    all.filter(move |process| {
        fs::read(process.join("environ"))
            .is_ok_and(|env| env.split(|byte| *byte == 0).any(|one| one == home.as_bytes()))
    })
}

/// What each thread of the lab's programs waits for in the kernel (`proc(5)`: `wchan`, `syscall`).
fn threads(home: &Path) -> String {
    let mut text = String::new();
    for process in processes(home) {
        for thread in fs::read_dir(process.join("task")).into_iter().flatten().flatten() {
            let of = |name: &str| {
                let what = fs::read_to_string(thread.path().join(name)).unwrap_or_default();
                what.split(' ').next().unwrap_or_default().trim().to_owned()
            };
            let (name, at, call) = (of("comm"), of("wchan"), of("syscall"));
            let _ = writeln!(text, "{} {name}: {at} {call}", process.display());
        }
    }
    text
}
