use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use zbus::{
    Connection, Proxy, interface,
    message::Header,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use crate::until;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// A tray host: programs register their icons with it as with a panel.
#[derive(Debug)]
pub struct Tray {
    bus: Connection,
    items: Items,
}

/// An entry of a menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuEntry {
    id: i32,
    /// What people read; empty for a line between groups.
    pub label: String,
    /// Whether it can be clicked.
    pub enabled: bool,
    /// What is below it.
    pub entries: Vec<MenuEntry>,
}

type Items = Arc<Mutex<Vec<(String, String)>>>;
type Layout = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

struct Watcher(Items);

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, service: String, #[zbus(header)] header: Header<'_>) {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let item = if service.starts_with('/') {
            (sender, service)
        } else {
            (service, "/StatusNotifierItem".to_owned())
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        let items = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        items.iter().map(|(service, path)| format!("{service}{path}")).collect()
    }
}

impl Tray {
    pub(crate) async fn start(address: &str) -> Result<Self> {
        let items = Items::default();
        let bus = zbus::connection::Builder::address(address)?
            .serve_at("/StatusNotifierWatcher", Watcher(items.clone()))?
            .name(WATCHER)?
            .build()
            .await?;
        Ok(Self { bus, items })
    }

    /// Leaves the bus as a panel that ends does.
    pub async fn hide(&self) -> Result<()> {
        Ok(self.bus.release_name(WATCHER).await.map(drop)?)
    }

    /// Comes back.
    pub async fn show(&self) -> Result<()> {
        Ok(self.bus.request_name(WATCHER).await?)
    }

    async fn item(&self) -> Result<Proxy<'static>> {
        let newest = || self.items.lock().unwrap_or_else(PoisonError::into_inner).last().cloned();
        let (service, path) = until("a tray icon", async || Ok(newest())).await?;
        Ok(Proxy::new(&self.bus, service, path, "org.kde.StatusNotifierItem").await?)
    }

    /// The text beside the icon: the count.
    pub async fn label(&self) -> Result<String> {
        Ok(self.item().await?.get_property("XAyatanaLabel").await?)
    }

    async fn menu_proxy(&self) -> Result<Proxy<'static>> {
        let item = self.item().await?;
        let path: OwnedObjectPath = item.get_property("Menu").await?;
        let service = item.destination().to_string();
        Ok(Proxy::new(&self.bus, service, path, "com.canonical.dbusmenu").await?)
    }

    /// The menu as it is now.
    pub async fn menu(&self) -> Result<Vec<MenuEntry>> {
        let menu = self.menu_proxy().await?;
        let _: bool = menu.call("AboutToShow", &(0_i32,)).await?;
        let nothing: &[&str] = &[];
        let (_, layout): (u32, Layout) = menu.call("GetLayout", &(0_i32, -1_i32, nothing)).await?;
        Ok(entry(layout).entries)
    }

    /// Waits until the menu has an entry whose label holds a text.
    pub async fn entry(&self, text: &str) -> Result<MenuEntry> {
        until(&format!("the tray's entry {text:?}"), async || {
            Ok(find(&self.menu().await?, text).cloned())
        })
        .await
    }

    /// Clicks an entry below another: `["Approve? Ana", "Approve"]`.
    pub async fn click(&self, path: &[&str]) -> Result<()> {
        let (first, rest) = path.split_first().context("a path has entries")?;
        let mut entry = self.entry(first).await?;
        for text in rest {
            entry = find(&entry.entries, text).cloned().with_context(|| format!("no {text:?}"))?;
        }
        let menu = self.menu_proxy().await?;
        let data = Value::from(0_i32);
        let _: () = menu.call("Event", &(entry.id, "clicked", data, 0_u32)).await?;
        Ok(())
    }
}

fn find<'a>(entries: &'a [MenuEntry], text: &str) -> Option<&'a MenuEntry> {
    entries.iter().find(|entry| entry.label.contains(text))
}

fn entry((id, properties, children): Layout) -> MenuEntry {
    let text = |name: &str| {
        properties.get(name).and_then(|value| String::try_from(value.try_clone().ok()?).ok())
    };
    let enabled = properties
        .get("enabled")
        .and_then(|value| bool::try_from(value.try_clone().ok()?).ok())
        .unwrap_or(true);
    MenuEntry {
        id,
        // An underscore marks a mnemonic; two are one.
        label: text("label")
            .unwrap_or_default()
            .replace("__", "\u{0}")
            .replace('_', "")
            .replace('\u{0}', "_"),
        enabled,
        entries: children
            .into_iter()
            .filter_map(|child| Layout::try_from(child).ok())
            .map(entry)
            .collect(),
    }
}
