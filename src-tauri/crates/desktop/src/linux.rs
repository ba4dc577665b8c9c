use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use zbus::{Connection, MatchRule, MessageStream, fdo::DBusProxy, message::Type, names::BusName};

/// A StatusNotifierItem needs a watcher on the session bus.
pub(crate) async fn has_tray() -> bool {
    let ask = async {
        let bus = Connection::session().await?;
        let name = BusName::try_from("org.kde.StatusNotifierWatcher")?;
        Ok::<_, zbus::Error>(DBusProxy::new(&bus).await?.name_has_owner(name).await?)
    };
    ask.await.unwrap_or(false)
}

/// logind says `PrepareForSleep(false)` after a wake.
pub(crate) async fn watch_wakes(woke: mpsc::UnboundedSender<()>) {
    if let Err(error) = listen(woke).await {
        tracing::debug!(%error, "nobody tells of sleep here");
    }
}

async fn listen(woke: mpsc::UnboundedSender<()>) -> zbus::Result<()> {
    let bus = Connection::system().await?;
    let rule = MatchRule::builder()
        .msg_type(Type::Signal)
        .interface("org.freedesktop.login1.Manager")?
        .member("PrepareForSleep")?
        .build();
    let mut signals = MessageStream::for_match_rule(rule, &bus, Some(4)).await?;
    while let Some(signal) = signals.next().await {
        let falls_asleep: bool = signal?.body().deserialize()?;
        if !falls_asleep && woke.send(()).is_err() {
            break;
        }
    }
    Ok(())
}
