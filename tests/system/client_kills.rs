//! R3: a client that is killed at any moment, while it syncs and decides, again and again. Its cache
//! opens, no decision is lost or made twice, and what it has is what the server has.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use entente_cache::CacheKey;
use entente_domain::{Action, PartnershipId, StateName};
use entente_tests::{Ground, World, program, size, tell};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use secrecy::ExposeSecret as _;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::watch,
};
use uuid::Uuid;

/// How long the rest may take on a busy machine once nobody is killed any more.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn kills_of_a_client_lose_and_double_no_decision() -> Result<()> {
    let kills = size("ENTENTE_CLIENT_KILLS", 15)?;
    let mut rng = StdRng::seed_from_u64(size("ENTENTE_SEED", 1)?);
    let begun = Instant::now();
    let ground = Ground::new(entente_store::Engine::Sqlite)?;
    let world = Arc::new(ground.world().await?);
    let key = CacheKey::random();
    let stopping = watch::Sender::new(false);
    let asking: Vec<_> = ["marit", "ines", "grace"]
        .map(|guest| tokio::spawn(ask(world.clone(), guest, stopping.subscribe())))
        .into();

    let mut said = Said::default();
    for _ in 0..kills {
        let mut desk = Desk::start(&world, ground.path(), &key)?;
        // Some are killed while they open their files, the others while they sync and decide.
        if rng.random_bool(0.8) {
            desk.until("live", &mut said).await?;
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..120))).await;
        desk.child.start_kill()?;
        desk.child.wait().await?;
        while let Some(line) = desk.lines.next_line().await? {
            said.note(&line)?;
        }
    }
    stopping.send_replace(true);
    let mut desk = Desk::start(&world, ground.path(), &key)?;
    let mut sent: Vec<PartnershipId> = Vec::new();
    for asking in asking {
        // They wait until what they sent is decided, which the desk says it does.
        let both = tokio::time::timeout(PATIENCE, asking);
        sent.extend(both.await.context("something was not decided")???);
    }
    desk.until("quiet", &mut said).await?;
    drop(desk.child.stdin.take());
    while let Some(line) = desk.lines.next_line().await? {
        said.note(&line)?;
    }
    ensure!(desk.child.wait().await?.success(), "it ends in good order");

    let adam = world.client("adam");
    let mut has = BTreeMap::new();
    for id in &sent {
        let now = adam.partnership(*id).await?.attributes;
        let decided: Vec<&str> = now
            .history
            .iter()
            .filter(|one| one.from == Some(StateName::AwaitingApproval))
            .map(|one| one.to.as_str())
            .collect();
        let [decided] = decided[..] else { anyhow::bail!("{id} was decided {decided:?}") };
        if let Some(action) = said.done.get(&id.to_string()) {
            let is = if action == "approve" { "awaiting_acceptance" } else { "declined_by_host" };
            ensure!(decided == is, "{id}: {action} was done, and it is {decided}");
        }
        has.insert(id.to_string(), format!("{} {}", now.version, now.state));
    }
    ensure!(said.refused.is_empty(), "nobody else decided: {:?}", said.refused);
    ensure!(said.has == has, "the cache is as the server is: {:?}, {has:?}", said.has);
    let cut_off = said.asked.difference(&said.done.keys().cloned().collect()).count();
    // What is shown is recorded as told after it was: a kill in between can show it once more.
    let twice = said.shown.values().filter(|times| **times > 1).count();
    ensure!(u64::try_from(twice)? <= kills, "{twice} were shown twice");
    tell(&json!({
        "check": "R3",
        "kills": kills,
        "decisions": sent.len(),
        "found in the journal": said.recorded.len(),
        "cut off": cut_off,
        "shown twice": twice,
        "seconds": begun.elapsed().as_secs_f64().round(),
    }))
}

/// Asks a guest's workspace again and again, each time after it was decided; gives what was asked.
async fn ask(
    world: Arc<World>,
    guest: &'static str,
    stopping: watch::Receiver<bool>,
) -> Result<Vec<PartnershipId>> {
    let uma = world.client("uma");
    let body = json!({"data": {"attributes": serde_json::to_value(world.request_to(guest))?}});
    let nothing = json!({"data": {"attributes": {}}});
    let mut sent = Vec::new();
    while !*stopping.borrow() {
        let id: PartnershipId = uma.create(&body, &Uuid::now_v7().to_string()).await?.id.parse()?;
        sent.push(id);
        let now = loop {
            let now = uma.partnership(id).await?.attributes;
            if now.state != StateName::AwaitingApproval {
                break now;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        if now.state == StateName::AwaitingAcceptance {
            let key = Uuid::now_v7().to_string();
            uma.act(Action::Withdraw, id, now.version, &nothing, &key).await?;
        }
    }
    Ok(sent)
}

/// What the desk said of itself, over all its lives.
#[derive(Debug, Default)]
struct Said {
    was_live: bool,
    shown: BTreeMap<String, u64>,
    asked: BTreeSet<String>,
    recorded: BTreeSet<String>,
    done: BTreeMap<String, String>,
    refused: Vec<String>,
    has: BTreeMap<String, String>,
}

impl Said {
    fn note(&mut self, line: &str) -> Result<()> {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["live"] => self.was_live = true,
            ["cache", "fresh"] => ensure!(!self.was_live, "the cache was lost"),
            ["shown", id] => *self.shown.entry(id.into()).or_default() += 1,
            ["asked", id, _] => {
                // What is in the journal is carried out, and nobody has to ask for it again.
                ensure!(!self.recorded.contains(id), "the decision on {id} was lost");
                self.asked.insert(id.into());
            }
            ["recorded", id] => drop(self.recorded.insert(id.into())),
            ["done", id, action] => {
                let before = self.done.insert(id.into(), action.into());
                ensure!(before.is_none(), "{id} was done twice");
            }
            ["refused", ..] => self.refused.push(line.into()),
            ["has", id, version, state] => {
                self.has.insert(id.into(), format!("{version} {state}"));
            }
            ["cache" | "journal", "rebuilt", ..] => anyhow::bail!("it did not open: {line}"),
            _ => {}
        }
        Ok(())
    }
}

/// A running desk; it ends with this.
struct Desk {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Desk {
    fn start(world: &World, directory: &Path, key: &CacheKey) -> Result<Self> {
        let mut child = Command::new(program("examples/desk")?)
            .arg(directory.join("desk"))
            .env("DESK_SERVER", world.url())
            .env("DESK_KEY", world.key("adam"))
            .env("DESK_CACHE_KEY", key.to_secret().expose_secret())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("what it says")?).lines();
        Ok(Self { child, lines })
    }

    async fn until(&mut self, word: &str, said: &mut Said) -> Result<()> {
        let until = async {
            while let Some(line) = self.lines.next_line().await? {
                said.note(&line)?;
                if line == word {
                    return Ok(());
                }
            }
            anyhow::bail!("it ended before it said {word:?}")
        };
        tokio::time::timeout(PATIENCE, until).await.with_context(|| format!("no {word:?}"))?
    }
}
