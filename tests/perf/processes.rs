//! What a program and all that it started take.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// How often threads are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// A process and its descendants.
pub fn tree(root: u32) -> Result<Vec<u32>> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if let Some((_, parent)) = stat(id) {
            parents.insert(id, parent);
        }
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| **of == parent).map(|(id, _)| *id));
        next += 1;
    }
    ensure!(parents.contains_key(&root), "the program has ended");
    Ok(found)
}

/// Processor time, in ticks, and the parent; none if it has ended.
fn stat(id: u32) -> Option<(u64, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name, in parentheses, can hold anything.
    let mut rest = text.rsplit_once(") ")?.1.split(' ');
    let state = rest.next()?;
    let parent = rest.next()?.parse().ok()?;
    let times: Vec<u64> = rest.skip(9).take(2).filter_map(|time| time.parse().ok()).collect();
    (state != "Z").then(|| (times.iter().sum(), parent))
}

/// How many bytes of memory they have: their own, and their parts of what is shared.
pub fn memory(processes: &[u32]) -> Result<Vec<(String, u64)>> {
    let mut each = Vec::new();
    for id in processes {
        let path = format!("/proc/{id}/smaps_rollup");
        let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        let pss = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = pss.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let name = fs::read_to_string(format!("/proc/{id}/comm"))?.trim().to_owned();
        each.push((name, kib.context("its form is unknown")? * 1024));
    }
    Ok(each)
}

/// Seconds of a processor, and how often a thread was woken.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub seconds: f64,
    pub wakes: u64,
}

/// What they did within a time. Threads are looked at each second, since one that ends takes with it
/// how often it was woken.
pub fn work(root: u32, time: Duration) -> Result<Work> {
    let begun = Instant::now();
    let family = tree(root)?;
    let (before, mut known) = (ticks(&family), wakes(&family));
    let mut woken = 0;
    while begun.elapsed() < time {
        thread::sleep(LOOK);
        let now = wakes(&tree(root)?);
        let since = |(thread, count): (&PathBuf, &u64)| {
            count.saturating_sub(known.get(thread).copied().unwrap_or(0))
        };
        woken += now.iter().map(since).sum::<u64>();
        known = now;
    }
    let took = ticks(&tree(root)?).saturating_sub(before);
    // USER_HZ, which is the same on every Linux that there is a desktop for.
    Ok(Work { seconds: took as f64 / 100.0, wakes: woken })
}

fn ticks(processes: &[u32]) -> u64 {
    processes.iter().filter_map(|id| stat(*id)).map(|(ticks, _)| ticks).sum()
}

/// How often each thread was woken since it began.
fn wakes(processes: &[u32]) -> BTreeMap<PathBuf, u64> {
    let mut wakes = BTreeMap::new();
    for id in processes {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let switches =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            if let Some(count) = switches.and_then(|count| count.trim().parse().ok()) {
                wakes.insert(task.path(), count);
            }
        }
    }
    wakes
}
