//! What the desktop program keeps without its window: it follows one workspace, tells what waits and
//! decides it. It says each step on its output, is killed at any of them, and ends in good order when
//! its input does.

#![allow(clippy::print_stdout, reason = "it says what it does")]

use std::{env, io, path::PathBuf, pin::pin, time::Duration};

use anyhow::{Context as _, Result};
use entente_api_client::{Client, ClientOptions};
use entente_cache::{Cache, CacheKey, Intent, IntentAction, Journal, Keeping, ListQuery, Opened};
use entente_domain::{Action, PartnershipId};
use entente_server::{Clock as _, SystemClock};
use entente_sync::{Connectivity, Decision, Session, SessionConfig};
use secrecy::SecretString;
use tokio::task::spawn_blocking;

const PROFILE: &str = "adam";

#[tokio::main]
async fn main() -> Result<()> {
    let told = |name: &str| env::var(name).with_context(|| format!("{name} is not set"));
    let directory = PathBuf::from(env::args_os().nth(1).context("a directory")?);
    let key = CacheKey::from_secret(&SecretString::from(told("DESK_CACHE_KEY")?));
    let keeping = Keeping::Encrypted(key.context("a cache's key")?);
    let (cache, opened) = Cache::open(&directory.join("cache.db"), &keeping).await?;
    say_opened("cache", &opened);
    let path = directory.join("journal.db");
    let (journal, opened) = Journal::open(&path, SystemClock.now()).await?;
    say_opened("journal", &opened);
    let journal = journal.sealed(&keeping);
    let key = SecretString::from(told("DESK_KEY")?);
    let client = Client::new(told("DESK_SERVER")?.parse()?, key, ClientOptions::default())?;
    let config = SessionConfig {
        profile: PROFILE.into(),
        client,
        cache: cache.clone(),
        journal: journal.clone(),
    };
    let (session, mut events) = Session::start(config);
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let ended = spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));

    let mut status = session.status();
    let is_live = |status: &Connectivity| matches!(status, Connectivity::Live);
    status.wait_for(is_live).await?;
    println!("live");
    let mut was_quiet = false;
    while !ended.is_finished() {
        let waits = cache.awaiting_me(20).await?;
        // A decision whose outcome is not known is settled before another is made.
        let is_settled = journal.unsettled(PROFILE).await?.is_empty();
        if is_settled {
            for record in &waits {
                let id = record.id.to_string();
                if !journal.told().await?.contains_key(&id) {
                    println!("shown {id}");
                    journal.mark_told(&[id], SystemClock.now()).await?;
                }
            }
            for record in &waits {
                let id = record.id;
                let is_approved = id.to_string().ends_with(['0', '2', '4', '6', '8', 'a', 'c']);
                let action = if is_approved { Action::Approve } else { Action::Decline };
                let (version, note) = (record.version, None);
                println!("asked {id} {action}");
                let decision =
                    Decision { partnership: id, version, action, note, agreed_terms: None };
                let mut deciding = pin!(session.decide(decision));
                let mut is_recorded = false;
                let decided = loop {
                    tokio::select! {
                        decided = &mut deciding => break decided,
                        () = tokio::time::sleep(Duration::from_millis(1)), if !is_recorded => {
                            is_recorded = is_under_way(&journal, id).await?;
                            if is_recorded {
                                println!("recorded {id}");
                            }
                        }
                    }
                };
                match decided {
                    Ok(_) => println!("done {id} {action}"),
                    Err(error) => println!("refused {id} {}", error.code),
                }
            }
        }
        let is_quiet = waits.is_empty() && is_settled;
        if is_quiet && !was_quiet {
            println!("quiet");
        }
        was_quiet = is_quiet;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    session.stop().await;
    let all = cache.list(&ListQuery { limit: 100_000, ..ListQuery::default() }).await?;
    for record in all.rows {
        println!("has {} {} {}", record.id, record.version, record.state.as_str());
    }
    Ok(())
}

/// Whether a decision on a partnership is in the journal: it is carried out from now on, whatever comes.
async fn is_under_way(journal: &Journal, id: PartnershipId) -> Result<bool> {
    let intents = journal.unsettled(PROFILE).await?;
    let is_it = |intent: &Intent| match &intent.action {
        IntentAction::Act { partnership, .. } => *partnership == id,
        IntentAction::Request | IntentAction::Write { .. } => false,
    };
    Ok(intents.iter().any(is_it))
}

fn say_opened(what: &str, opened: &Opened) {
    match opened {
        Opened::Existing => println!("{what} existing"),
        Opened::Fresh => println!("{what} fresh"),
        Opened::Rebuilt(why) => println!("{what} rebuilt {why}"),
    }
}
