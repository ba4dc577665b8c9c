//! P2: what the program takes, with its window and without.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{desk::Desk, line::Line, processes, setting::Setting};

/// Long enough for what was needed only to start to be given back.
const REST: Duration = Duration::from_secs(15);

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let many = setting.size(10_000, 200);
    let (mut desk, ()) = Desk::set_up(setting, "perf-memory", many, async |_| Ok(()))?;
    let rest = setting.size(REST, Duration::from_secs(3));
    let screen = desk.screen()?;
    let bare = desk.spawn(&setting.shipped("examples/bare-window")?, &[])?;
    screen.painted(Instant::now())?;
    let (bare_size, bare_parts) = size(bare, rest)?;
    desk.end(bare)?;
    let program = desk.start()?;
    screen.painted(Instant::now())?;
    let (open, open_parts) = size(program, rest)?;
    desk.close_window("Entente")?;
    let (closed, closed_parts) = size(program, rest)?;
    desk.end(program)?;
    let against = |line: Line| line.against(format!("a bare window ({bare_parts})"), bare_size);
    Ok(vec![
        against(Line::new("Memory (PSS), window closed", "MiB", closed).note(closed_parts))
            .at_most(0.45),
        against(Line::new("Memory (PSS), window open", "MiB", open).note(open_parts)).at_most(1.2),
    ])
}

/// All of it in MiB, and what each process has.
fn size(root: u32, rest: Duration) -> Result<(f64, String)> {
    thread::sleep(rest);
    let parts = processes::memory(&processes::tree(root)?)?;
    let in_mib = |bytes: u64| bytes as f64 / 1024.0 / 1024.0;
    let text: Vec<String> =
        parts.iter().map(|(name, bytes)| format!("{name} {:.0}", in_mib(*bytes))).collect();
    Ok((in_mib(parts.iter().map(|(_, bytes)| bytes).sum()), text.join(", ")))
}
