//! P3: what the program does while there is nothing to do.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::{desk::Desk, line::Line, processes, setting::Setting};

pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    let many = setting.size(10_000, 200);
    let time = setting.size(Duration::from_secs(300), Duration::from_secs(20));
    let rest = setting.size(Duration::from_secs(15), Duration::from_secs(3));
    let (mut desk, ()) = Desk::set_up(setting, "perf-idle", many, async |_| Ok(()))?;
    let screen = desk.screen()?;
    let program = desk.start()?;
    screen.painted(Instant::now())?;
    thread::sleep(rest);
    let open = processes::work(program, time)?;
    desk.close_window("Entente")?;
    thread::sleep(rest);
    let closed = processes::work(program, time)?;
    desk.end(program)?;
    let seconds = time.as_secs_f64();
    let lines =
        [("window closed", closed), ("window open", open)].into_iter().flat_map(|(how, work)| {
            let share = 100.0 * work.seconds / seconds;
            let wakes = work.wakes as f64 / seconds;
            [
                Line::new(format!("Idle, {how}: share of a core"), "%", share).median_at_most(0.1),
                Line::new(format!("Idle, {how}: wake-ups"), "a second", wakes).median_at_most(2.0),
            ]
        });
    Ok(lines.collect())
}
