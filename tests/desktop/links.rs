use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    program,
    setup::{ask_access, quit, send},
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opens_its_item_in_the_profile_that_sees_it_and_never_acts() -> Result<()> {
    let mut stage = Stage::open("links").await?;
    let account = stage.share_an_account().await?;
    let request = ask_access(&stage.world, &account).await?;
    let partnership = send(&stage.world, "ines").await?;
    stage.connect_all(&["adam", "uma", "grace"]).await?;
    let Stage { mut lab, world, window } = stage;
    window.wait("[data-profile='grace@brightside.example']").await?;
    let data = lab.home().join("program").to_string_lossy().into_owned();
    let program = program()?.to_string_lossy().into_owned();

    // A second start hands the link over and ends. Adam can decide, Uma only sees it.
    let link = format!("entente://partnerships/{}", partnership.id);
    lab.ask(&program, &["--data", &data, &link]).await?;
    window.wait("[data-profile='adam@globex.example']").await?;
    window.wait("[data-testid=detail][data-state=awaiting_approval]").await?;
    lab.picture("partnership").await?;

    // An access request is on the page of its account, with Uma, who owns it.
    let link = format!("entente://access-requests/{request}");
    lab.ask(&program, &["--data", &data, &link]).await?;
    window.wait("[data-profile='uma@globex.example']").await?;
    window.wait_text("main", "Hugo Martin").await?;
    lab.picture("access-request").await?;

    // What nobody here can see, and what is no link of a mail, opens nothing and does nothing.
    for link in [
        "entente://partnerships/01990000-0000-7000-8000-00000000dead".to_owned(),
        format!("entente://partnerships/{}?action=approve", partnership.id),
        format!("entente://approve/adam/partnerships/{}", partnership.id),
    ] {
        lab.ask(&program, &["--data", &data, &link]).await?;
        window.wait_text(".toast", "none of your connections can see it").await?;
        window.click(".toast button").await?;
        window.wait_gone(".toast").await?;
    }
    let now = world.client("uma").partnership(partnership.id.parse()?).await?;
    ensure!(now.attributes.state.as_str() == "awaiting_approval");
    let state = window.invoke("app_state", json!({})).await?;
    ensure!(state["profiles"].as_array().map(Vec::len) == Some(3), "{state}");
    let report = window.invoke("diagnostics", json!({})).await?.to_string();
    ensure!(report.contains("Profile 3: live"), "{report}");
    for secret in
        [&world.key("adam"), &world.key("uma"), "Adam", "Uma", "Hugo", "Globex", "Kestrel", "@"]
    {
        ensure!(!report.contains(secret), "{secret} in {report}");
    }
    quit(&lab, window).await?;

    // A first start opens it, too.
    let link = format!("entente://partnerships/{}", partnership.id);
    let window = lab.open_window(program.as_ref(), &["--data", &data, &link]).await?;
    window.wait("[data-profile='adam@globex.example']").await?;
    window.wait("[data-testid=detail][data-state=awaiting_approval]").await?;
    window.quit().await
}
