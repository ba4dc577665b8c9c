use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Result;
use futures_util::StreamExt as _;
use zbus::{
    MatchRule, Message, MessageStream, fdo::MonitoringProxy, message::Type, zvariant::OwnedValue,
};

use crate::until;

/// A notification, as a program asked for it on the bus.
#[derive(Debug, Clone)]
pub struct Banner {
    /// Its first line.
    pub title: String,
    /// The rest.
    pub body: String,
    /// Its buttons' ids and labels.
    pub buttons: Vec<(String, String)>,
    /// When it was asked for.
    pub at: Instant,
}

/// Everything that was asked of the notification service, in order.
#[derive(Debug, Clone, Default)]
pub struct Banners(Arc<Mutex<Vec<Banner>>>);

type Notify = (String, u32, String, String, String, Vec<String>, HashMap<String, OwnedValue>, i32);

impl Banners {
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let this = Self::default();
        let bus = zbus::connection::Builder::address(address)?.build().await?;
        let rule = MatchRule::builder()
            .msg_type(Type::MethodCall)
            .interface("org.freedesktop.Notifications")?
            .member("Notify")?
            .build();
        let mut messages = MessageStream::from(&bus);
        MonitoringProxy::new(&bus).await?.become_monitor(&[rule], 0).await?;
        let banners = this.clone();
        tokio::spawn(async move {
            // The connection lives as long as it is read.
            let _bus = bus;
            while let Some(Ok(message)) = messages.next().await {
                if let Some(banner) = read(&message) {
                    banners.lock().push(banner);
                }
            }
        });
        Ok(this)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Banner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them so far.
    #[must_use]
    pub fn all(&self) -> Vec<Banner> {
        self.lock().clone()
    }

    /// The newest one with this title; waits for it.
    pub async fn titled(&self, title: &str) -> Result<Banner> {
        until(&format!("the notification {title:?} (there were {:?})", self.titles()), async || {
            Ok(self.lock().iter().rev().find(|banner| banner.title == title).cloned())
        })
        .await
    }

    /// The titles so far.
    #[must_use]
    pub fn titles(&self) -> Vec<String> {
        self.lock().iter().map(|banner| banner.title.clone()).collect()
    }
}

fn read(message: &Message) -> Option<Banner> {
    let at = Instant::now();
    let header = message.header();
    if header.member()?.as_str() != "Notify" {
        return None;
    }
    let (_, _, _, title, body, actions, _, _): Notify = message.body().deserialize().ok()?;
    let buttons = actions
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .filter(|(id, _)| id != "default")
        .collect();
    Some(Banner { title, body, buttons, at })
}
