//! Makes what went wrong smaller: leaves out batches and steps for as long as it still goes wrong.

use std::time::{Duration, Instant};

use crate::{operation::Batch, scenario::replay, world::Servers};

/// How often a smaller one is tried: what happens at once does not happen the same way each time.
const TRIES: usize = 3;
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The smallest batches found that still go wrong, and how they did.
pub async fn shrink(
    servers: &Servers,
    mut batches: Vec<Batch>,
    why: String,
) -> (Vec<Batch>, String) {
    let begun = Instant::now();
    let mut why = why;
    let mut size = batches.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < batches.len() && begun.elapsed() < PATIENCE {
            let mut fewer = batches.clone();
            fewer.drain(at..(at + size).min(batches.len()));
            match fails(servers, &fewer).await {
                Some(how) => (batches, why) = (fewer, how),
                None => at += size,
            }
        }
        size /= 2;
    }
    let mut at = 0;
    while at < batches.len() && begun.elapsed() < PATIENCE {
        let Batch::Steps(steps) = batches[at].clone() else {
            at += 1;
            continue;
        };
        let mut smaller = false;
        for left_out in 0..steps.len() {
            let mut steps = steps.clone();
            steps.remove(left_out);
            let mut fewer = batches.clone();
            fewer[at] = Batch::Steps(steps);
            if let Some(how) = fails(servers, &fewer).await {
                (batches, why) = (fewer, how);
                smaller = true;
                break;
            }
        }
        if !smaller {
            at += 1;
        }
    }
    (batches, why)
}

async fn fails(servers: &Servers, batches: &[Batch]) -> Option<String> {
    for _ in 0..TRIES {
        if let Err(why) = replay(servers, batches, false).await {
            return Some(format!("{why:#}"));
        }
    }
    None
}
