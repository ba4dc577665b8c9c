//! R1: the invariants of the domain, under random steps by many at once.

use std::{fs, path::Path, time::Instant};

use anyhow::{Context as _, Result, ensure};
use entente_store::Engine;
use entente_tests::{invariants, size, tell};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::{
    attempt::Foreign,
    choose::Chooser,
    database,
    operation::Batch,
    scenario::{Counts, live, replay},
    shrink::shrink,
    world::Servers,
};

/// So many steps happen in one world, then a new one is made.
const WORLD: u64 = 400;
/// After so many worlds the whole database is looked through.
const WORLDS: u64 = 10;
/// From so many steps on, each operation has been done and refused.
const LONG: u64 = 20_000;
/// What went wrong before, one batch a line.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/model/cases");
/// How often each of those is done again.
const REPEATS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_hold_on_sqlite() -> Result<()> {
    the_rules_hold(Engine::Sqlite).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_hold_on_postgresql() -> Result<()> {
    the_rules_hold(Engine::Postgres).await
}

async fn the_rules_hold(engine: Engine) -> Result<()> {
    let steps = size("ENTENTE_MODEL_STEPS", 800)?;
    let seed = size("ENTENTE_SEED", 1)?;
    let servers = Servers::start(engine).await?;
    for case in cases()? {
        let batches = read(&case)?;
        for _ in 0..REPEATS {
            replay(&servers, &batches, true).await.with_context(|| case.display().to_string())?;
        }
    }
    let begun = Instant::now();
    let mut counts = Counts::default();
    let mut foreign = Foreign::unknown();
    let mut worlds = 0;
    while counts.steps < steps {
        let rng = StdRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(worlds));
        let most = WORLD.min(steps - counts.steps);
        let (told, lived) = live(&servers, &mut foreign, &mut Chooser::new(rng), most).await;
        if let Err(why) = lived {
            let why = format!("{why:#}");
            eprintln!("seed {seed}, world {worlds}: {why}\nmaking it smaller...");
            let (batches, why) = shrink(&servers, told.batches, why).await;
            let kept = keep(&batches)?;
            panic!("seed {seed}, world {worlds}, kept in {kept}:\n{}\n{why}", lines(&batches)?);
        }
        counts.add(&told.counts);
        worlds += 1;
        if worlds.is_multiple_of(WORLDS) {
            invariants::never(servers.first().store()).await?;
        }
    }
    invariants::never(servers.first().store()).await?;
    database::audit_is_append_only(servers.first().store()).await?;
    servers.stop().await;
    let engine = format!("{engine:?}").to_lowercase();
    let seconds = begun.elapsed().as_secs_f64();
    tell(&json!({
        "check": "R1",
        "engine": engine,
        "seed": seed,
        "steps": counts.steps,
        "batches": counts.batches,
        "worlds": worlds,
        "views": counts.views,
        "pages of changes": counts.pages,
        "snapshots": counts.anew,
        "busy": counts.busy,
        "seconds": seconds.round(),
        "operations": counts.by_operation,
    }))?;
    ensure!(counts.busy * 500 <= counts.steps, "{} answers were that it is busy", counts.busy);
    enough(&counts)
}

/// Whether enough happened to have gone wrong: in a long run, each thing done and refused.
fn enough(counts: &Counts) -> Result<()> {
    let done: u64 = counts.by_operation.values().map(|(done, _)| done).sum();
    ensure!(done * 3 >= counts.steps, "only {done} of {} steps were done", counts.steps);
    for (name, (done, refused)) in &counts.by_operation {
        let only_done = ["set_role", "join", "follow"].contains(&name.as_str());
        let both = *done > 0 && (only_done || *refused > 0);
        ensure!(both || counts.steps < LONG, "{name}: {done} done, {refused} refused");
    }
    Ok(())
}

fn cases() -> Result<Vec<std::path::PathBuf>> {
    let mut cases: Vec<_> =
        fs::read_dir(CASES)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    cases.retain(|case| case.extension().is_some_and(|extension| extension == "jsonl"));
    cases.sort();
    Ok(cases)
}

fn read(path: &Path) -> Result<Vec<Batch>> {
    let text = fs::read_to_string(path)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn lines(batches: &[Batch]) -> Result<String> {
    let lines: Vec<String> = batches.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    Ok(lines.join("\n"))
}

/// Keeps what went wrong: a file to put among the cases once it is understood.
fn keep(batches: &[Batch]) -> Result<String> {
    let mut file = tempfile::Builder::new().prefix("entente-case-").suffix(".jsonl").tempfile()?;
    std::io::Write::write_all(&mut file, lines(batches)?.as_bytes())?;
    let (_, path) = file.keep()?;
    Ok(path.display().to_string())
}
