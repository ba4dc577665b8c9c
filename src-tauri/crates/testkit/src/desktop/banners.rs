use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
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
pub struct Banners {
    asked: Arc<Mutex<Vec<Banner>>>,
    pressed: Arc<AtomicUsize>,
}

type Notify = (String, u32, String, String, String, Vec<String>, HashMap<String, OwnedValue>, i32);

impl Banners {
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let this = Self::default();
        let bus = zbus::connection::Builder::address(address)?.build().await?;
        let rule = |of, member| -> Result<MatchRule<'static>> {
            let rule = MatchRule::builder().msg_type(of);
            Ok(rule.interface("org.freedesktop.Notifications")?.member(member)?.build())
        };
        let rules = [rule(Type::MethodCall, "Notify")?, rule(Type::Signal, "ActionInvoked")?];
        let mut messages = MessageStream::from(&bus);
        MonitoringProxy::new(&bus).await?.become_monitor(&rules, 0).await?;
        let banners = this.clone();
        tokio::spawn(async move {
            // The connection lives as long as it is read.
            let _bus = bus;
            while let Some(Ok(message)) = messages.next().await {
                match read(&message) {
                    Some(banner) => banners.lock().push(banner),
                    None => banners.count(&message),
                }
            }
        });
        Ok(this)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Banner>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, message: &Message) {
        if message.header().member().is_some_and(|member| member.as_str() == "ActionInvoked") {
            self.pressed.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// How many buttons the service said were pressed.
    pub(crate) fn pressed(&self) -> usize {
        self.pressed.load(Ordering::SeqCst)
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
