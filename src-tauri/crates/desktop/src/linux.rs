use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc::UnboundedSender;
use zbus::{Connection, MatchRule, MessageStream, fdo::DBusProxy, message::Type, names::BusName};

/// A StatusNotifierItem needs a watcher on the session bus.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const LOGIND: &str = "org.freedesktop.login1";
const NETWORK: &str = "org.freedesktop.NetworkManager";
/// NetworkManager's word for a network that leads somewhere, or more.
const CONNECTED_SITE: u32 = 60;

pub(crate) async fn watch_tray(changed: UnboundedSender<bool>) {
    if let Err(error) = follow_tray(&changed).await {
        tracing::debug!(%error, "nobody tells of trays here");
        let _ = changed.send(false);
    }
}

async fn follow_tray(changed: &UnboundedSender<bool>) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    let proxy = DBusProxy::new(&bus).await?;
    let mut changes = proxy.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    let _ = changed.send(proxy.name_has_owner(BusName::try_from(WATCHER)?).await?);
    while let Some(change) = changes.next().await {
        if changed.send(change.args()?.new_owner().is_some()).is_err() {
            break;
        }
    }
    Ok(())
}

pub(crate) async fn watch_wakes(woke: UnboundedSender<()>) {
    if let Err(error) = follow_wakes(woke).await {
        tracing::debug!(%error, "nobody tells of sleep and networks here");
    }
}

/// logind says `PrepareForSleep(false)` after a wake, NetworkManager its state when it changes.
async fn follow_wakes(woke: UnboundedSender<()>) -> zbus::Result<()> {
    let bus = Connection::system().await?;
    let wakes = signals(&bus, LOGIND, "org.freedesktop.login1.Manager", "PrepareForSleep").await?;
    let networks = signals(&bus, NETWORK, NETWORK, "StateChanged").await?;
    let wakes = wakes.map(|signal| Ok(!signal?.body().deserialize::<bool>()?));
    let networks =
        networks.map(|signal| Ok(signal?.body().deserialize::<u32>()? >= CONNECTED_SITE));
    let mut both = std::pin::pin!(stream::select(wakes, networks));
    while let Some(is_up) = both.next().await {
        let is_up: bool = is_up.unwrap_or_else(|error: zbus::Error| {
            tracing::debug!(%error, "a signal could not be read");
            false
        });
        if is_up && woke.send(()).is_err() {
            break;
        }
    }
    Ok(())
}

async fn signals(
    bus: &Connection,
    sender: &'static str,
    interface: &'static str,
    member: &'static str,
) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .sender(sender)?
        .interface(interface)?
        .member(member)?
        .build();
    MessageStream::for_match_rule(rule, bus, Some(4)).await
}

/// Its name and version, in its own words.
pub(crate) async fn notification_service() -> zbus::Result<String> {
    let bus = Connection::session().await?;
    let answer = bus
        .call_method(
            Some("org.freedesktop.Notifications"),
            "/org/freedesktop/Notifications",
            Some("org.freedesktop.Notifications"),
            "GetServerInformation",
            &(),
        )
        .await?;
    let (name, _, version, _): (String, String, String, String) = answer.body().deserialize()?;
    Ok(format!("{name} {version}"))
}
