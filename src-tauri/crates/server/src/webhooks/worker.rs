use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use entente_domain::{Timestamp, WebhookId};
use entente_store::{ClaimedDelivery, StoreError, has_due_delivery, webhook};
use reqwest::{
    Client,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, USER_AGENT},
    redirect::Policy,
};
use secrecy::SecretString;
use tokio::task::JoinSet;

use super::{addresses::is_public, check, place_of_webhook, signature::sign};
use crate::{Sealed, WebhookConfig, app::App};

/// How often deliveries are looked for without a commit.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many deliveries one process makes at once.
const AT_ONCE: usize = 32;
/// How many of them to one webhook, so that a slow one holds up itself only.
const AT_ONCE_EACH: usize = 2;
/// How long after each failed try the next one is: six tries in all.
const WAITS: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(60 * 60),
    Duration::from_secs(6 * 60 * 60),
];
/// How often an event is tried.
const TRIES: i64 = 6;

/// The way out for events.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    client: Client,
    config: WebhookConfig,
}

impl Sender {
    pub(crate) fn new(config: &WebhookConfig) -> Result<Self, reqwest::Error> {
        let guard = Guard { allow_private: config.allow_private };
        let client = Client::builder()
            // Who answers with another address is not followed there, and no proxy of the environment
            // resolves names in the guard's stead.
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(guard))
            .timeout(config.patience)
            .build()?;
        Ok(Self { client, config: config.clone() })
    }

    /// Sends an event; the status of the answer, whatever it is.
    async fn send(
        &self,
        url: &str,
        secret: &SecretString,
        delivery: &ClaimedDelivery,
        at: Timestamp,
    ) -> Result<u16, String> {
        // The settings may have changed since it was added.
        let url = check(url, &self.config).map_err(|why| format!("Not sent: {why}."))?;
        let signature = sign(secret, at.unix_millis().div_euclid(1_000), &delivery.body);
        let sent = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("Entente-Webhooks/", env!("CARGO_PKG_VERSION")))
            .header("Entente-Event-Id", &delivery.event_id)
            .header("Entente-Event-Type", delivery.event.as_str())
            .header("Entente-Signature", signature)
            .body(delivery.body.clone())
            .send()
            .await;
        match sent {
            // The body of the answer is nobody's business.
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) => Err(words(&error)),
        }
    }
}

/// Why there was no answer, without what the network behind the server looks like.
fn words(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<NotPublic>() {
            return format!("Not sent: {one}.");
        }
        cause = one.source();
    }
    if error.is_timeout() {
        "There was no answer in time.".into()
    } else if error.is_connect() {
        "The connection could not be made.".into()
    } else {
        "The connection ended before there was an answer.".into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("its host's address is not one that the whole internet reaches")]
struct NotPublic;

/// Resolves names, and keeps what is this machine's or its network's from being reached.
#[derive(Debug)]
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> =
                found.filter(|found| allow_private || is_public(found.ip())).collect();
            if found.is_empty() {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// Delivers events until the server stops, several at once; at least once each.
pub(crate) async fn run(app: Arc<App>, sender: Sender) {
    let mut commits = app.commits.subscribe();
    let mut stopping = app.stopping.subscribe();
    let mut under_way = JoinSet::new();
    let mut busy: BTreeMap<WebhookId, usize> = BTreeMap::new();
    loop {
        let begun = begin_due(&app, &sender, &mut under_way, &mut busy).await;
        if let Err(error) = begun {
            tracing::error!(%error, "deliveries to webhooks could not be looked for");
        }
        tokio::select! {
            _ = commits.changed() => {}
            () = tokio::time::sleep(INTERVAL) => {}
            Some(done) = under_way.join_next(), if !under_way.is_empty() => match done {
                Ok(id) => {
                    let left = busy.remove(&id).unwrap_or(1) - 1;
                    if left > 0 {
                        busy.insert(id, left);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a delivery to a webhook failed");
                    // Whose it was is not told: all are counted anew as they end.
                    busy.clear();
                }
            },
            _ = stopping.wait_for(|stopping| *stopping) => break,
        }
    }
    // Each ends in its time.
    while under_way.join_next().await.is_some() {}
}

async fn begin_due(
    app: &Arc<App>,
    sender: &Sender,
    under_way: &mut JoinSet<WebhookId>,
    busy: &mut BTreeMap<WebhookId, usize>,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let freed = app.store.free_deliveries(TRIES, now).await?;
    if freed > 0 {
        tracing::warn!(freed, "deliveries to webhooks were cut off and are made again");
    }
    while under_way.len() < AT_ONCE {
        if !has_due_delivery(&mut *app.store.read().await?, now).await? {
            return Ok(());
        }
        let full = busy.iter().filter(|(_, count)| **count >= AT_ONCE_EACH);
        let full: Vec<WebhookId> = full.map(|(id, _)| *id).collect();
        let until = now.after(sender.config.patience * 3);
        let Some(delivery) = app.store.claim_delivery(&full, now, until).await? else {
            return Ok(());
        };
        *busy.entry(delivery.webhook).or_default() += 1;
        let (app, sender) = (app.clone(), sender.clone());
        under_way.spawn(async move {
            if let Err(error) = deliver(&app, &sender, &delivery).await {
                tracing::error!(%error, webhook = %delivery.webhook, "a delivery was not noted");
            }
            delivery.webhook
        });
    }
    Ok(())
}

async fn deliver(app: &App, sender: &Sender, delivery: &ClaimedDelivery) -> Result<(), StoreError> {
    let id = delivery.webhook;
    let Some(row) = webhook(&mut *app.store.read().await?, id).await? else { return Ok(()) };
    let sealed = Sealed { key_id: row.key_id, text: row.sealed };
    let sent = match app.vault.open(&place_of_webhook(id), &sealed) {
        Ok(secret) => sender.send(&row.url, &secret, delivery, app.clock.now()).await,
        Err(error) => {
            tracing::error!(%error, webhook = %id, "a webhook's secret could not be opened");
            Err("The server could not open the secret that signs it.".to_owned())
        }
    };
    let now = app.clock.now();
    let (status, error) = match sent {
        Ok(status @ 200..=299) => return app.store.delivered(delivery, status, now).await,
        Ok(status) => (Some(status), format!("The answer was the status {status}.")),
        Err(error) => (None, error),
    };
    let failed = usize::try_from(delivery.attempts).unwrap_or(usize::MAX);
    let next_at = WAITS.get(failed.saturating_sub(1)).map(|wait| now.after(*wait));
    if next_at.is_none() {
        tracing::warn!(webhook = %id, event = %delivery.event_id, "an event was given up");
    }
    app.store.not_delivered(delivery, status, &error, next_at, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_resolved_unless_allowed() {
        let resolve = async |allow_private: bool| {
            let name: Name = "localhost".parse().expect("a name");
            Guard { allow_private }.resolve(name).await
        };
        let refused = resolve(false).await.err().expect("refused");
        assert!(refused.is::<NotPublic>(), "{refused}");
        assert!(resolve(true).await.expect("addresses").all(|found| found.ip().is_loopback()));
    }
}
