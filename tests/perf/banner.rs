//! How long it takes from a request that somebody sends until the Admin's desktop is asked to show its
//! notification: through the server, its event stream, the program's cache, and what it decides to tell.

use anyhow::Result;

use crate::{line::Line, setting::Setting};

#[cfg(not(target_os = "linux"))]
pub fn run(_: &Setting) -> Result<Vec<Line>> {
    anyhow::bail!("only the desktop of Linux can be looked at")
}

#[cfg(target_os = "linux")]
pub fn run(setting: &Setting) -> Result<Vec<Line>> {
    tokio::runtime::Runtime::new()?.block_on(measure(setting))
}

#[cfg(target_os = "linux")]
async fn measure(setting: &Setting) -> Result<Vec<Line>> {
    use std::time::Instant;

    use entente_domain::Action;
    use entente_testkit::{Lab, until};
    use entente_tests::World;
    use entente_wire::Body;
    use serde_json::json;

    let mut lab = Lab::start("bench-banner").await?;
    let world = World::start(lab.home()).await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let window = lab.open_window(&setting.shipped("entente")?, &["--data", &data]).await?;
    let profile = json!({"server": world.url(), "key": world.key("adam")});
    window.invoke("connect", profile).await?;
    window.wait("[data-connectivity='live']").await?;

    let (uma, adam) = (world.client("uma"), world.client("adam"));
    let request = serde_json::to_value(Body(world.request_to("marit")))?;
    let (mut from_request, mut from_answer) = (Vec::new(), Vec::new());
    for round in 0..setting.size(220, 12) {
        let asked = Instant::now();
        let sent = uma.create(&request, &format!("round-{round}")).await?;
        let answered = Instant::now();
        let shown = until("one more notification", async || {
            Ok(lab.banners.all().get(round).map(|banner| banner.at))
        })
        .await?;
        // The first ones make it warm.
        if round >= setting.size(20, 2) {
            let millis = |since| shown.saturating_duration_since(since).as_secs_f64() * 1_000.0;
            from_request.push(millis(asked));
            from_answer.push(millis(answered));
        }
        adam.act(Action::Decline, sent.id.parse()?, 1, &json!({}), &format!("no-{round}")).await?;
    }
    window.quit().await?;
    let after = Line::of("", "ms", &from_answer);
    let note = format!(
        "from the answer on: {:.1} ms, 99 % {:.1} ms",
        after.median,
        after.p99.unwrap_or(f64::NAN)
    );
    // The commit is between the two; the budget must hold even from the request on.
    let line = Line::of("From a request to its notification on the bus", "ms", &from_request);
    Ok(vec![line.median_at_most(20.0).p99_at_most(100.0).note(note)])
}
