//! Newer versions: found where whoever distributes the program puts them, shown in the window, and
//! installed when the person asks and only if they are genuine.
//!
//! What is tried up to its end is the kind of package that a person may install without an
//! administrator: the program's own file is replaced and begun. A `.deb` is tried up to where an
//! administrator is needed.

mod publisher;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use entente_testkit::{Lab, Window, until};
use entente_tests::{Authority, World};
use serde_json::json;

use crate::{program, setup::ended};
use publisher::{Publisher, Signer};

const BANNER: &str = "[data-testid='newer-version']";
const FIELD: &str = "File of a certificate authority";

/// The program where newer versions replace it, on a desktop of its own.
struct Shop {
    lab: Lab,
    world: World,
    authority: Authority,
    publisher: Publisher,
    signer: Signer,
    program: PathBuf,
}

impl Shop {
    async fn open(name: &str) -> Result<Self> {
        let mut lab = Lab::start(name).await?;
        let world = World::start(lab.home()).await?;
        let authority = Authority::new(lab.home())?;
        let publisher = Publisher::start(&authority).await?;
        let signer = Signer::new(lab.home(), "key").await?;
        let place = lab.home().join("place.json");
        fs::write(&place, publisher.place(&signer)?.to_string())?;
        lab.set_variable("ENTENTE_UPDATES", &place.to_string_lossy());
        // As it is shipped: what a debugger needs would only be carried to and fro.
        let installed = lab.home().join("entente");
        let from = program()?.to_string_lossy().into_owned();
        lab.ask("strip", &["-o", &installed.to_string_lossy(), &from]).await?;
        Ok(Self { lab, world, authority, publisher, signer, program: installed })
    }

    fn data(&self) -> PathBuf {
        self.lab.home().join("program")
    }

    async fn start(&mut self) -> Result<Window> {
        let data = self.data().to_string_lossy().into_owned();
        self.lab.open_window(&self.program, &["--data", &data]).await
    }

    /// Quits it in the tray.
    async fn quit(&self, window: Window) -> Result<()> {
        let process = self.lab.process(&self.program).await?;
        self.lab.tray.click(&["Quit"]).await?;
        ended(&process).await?;
        let _ = window.quit().await;
        Ok(())
    }

    /// A file to be published, beside the program.
    fn package(&self, content: &[u8]) -> Result<PathBuf> {
        let file = self.lab.home().join("new-version");
        fs::write(&file, content)?;
        Ok(file)
    }

    async fn connect(&self, window: &Window) -> Result<()> {
        window.press("Connect").await?;
        window.type_into("Server address", &self.world.url()).await?;
        window.type_into("API key", &self.world.key("adam")).await?;
        window.press("Connect").await?;
        window.wait("[data-connectivity='live']").await
    }

    /// Names the authority that vouches for the place.
    async fn trust(&self, window: &Window) -> Result<()> {
        window.press("General").await?;
        window.type_into(FIELD, &self.authority.file.to_string_lossy()).await?;
        window.press("About").await
    }
}

async fn look(window: &Window) -> Result<()> {
    window.press("Look now").await
}

/// What is told of a refusal, which is then put away.
async fn told(window: &Window, sentence: &str) -> Result<()> {
    window.wait_text(".toast", sentence).await?;
    let close = "for (const close of document.querySelectorAll('.toast button')) close.click()";
    window.run(close).await?;
    window.wait_gone(".toast").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_is_installed_when_the_person_asks_and_only_if_it_is_genuine() -> Result<()>
{
    let mut shop = Shop::open("update").await?;
    let before = fs::read(&shop.program)?;
    // Not another version, but another file: so it can be seen that it runs.
    let after = [before.as_slice(), b"newer"].concat();
    let package = shop.package(&after)?;
    let genuine = shop.signer.sign(&package, "0.2.0").await?;
    let window = shop.start().await?;
    shop.connect(&window).await?;
    window.press("Settings").await?;
    window.press("About").await?;
    shop.publisher.publish("0.1.0", "", &after, &genuine);

    // The place is trusted as servers are.
    look(&window).await?;
    window.wait_text("[role='alert']", "certificate is not trusted").await?;
    ensure!(shop.publisher.asked().is_empty(), "nothing was sent");
    shop.trust(&window).await?;
    look(&window).await?;
    window.wait_text("section", "This is the newest version.").await?;

    let stranger = Signer::new(shop.lab.home(), "another").await?.sign(&package, "0.2.0").await?;
    let old = shop.signer.sign(&package, "0.1.5").await?;
    for (signature, why) in [(&stranger, "somebody else's"), (&old, "an old version's")] {
        shop.publisher.publish("0.2.0", "", &after, signature);
        look(&window).await?;
        window.wait_text(BANNER, "Entente 0.2.0 is there.").await?;
        window.press("Install and restart").await?;
        told(&window, "not signed by whoever you have Entente from").await.context(why)?;
        ensure!(fs::read(&shop.program)? == before, "{why} signature: the program is another");
    }
    // Nor is what was changed on the way.
    shop.publisher.publish("0.2.0", "", b"\x7fELF of somebody else's", &genuine);
    look(&window).await?;
    window.press("Install and restart").await?;
    told(&window, "not signed by whoever you have Entente from").await?;
    ensure!(fs::read(&shop.program)? == before, "the program is another");

    // Put off, it is not shown until the person asks again.
    window.press("Later").await?;
    window.wait_gone(BANNER).await?;
    shop.publisher.publish("0.2.0", "", &after, &genuine);
    look(&window).await?;
    window.wait_text(BANNER, "Entente 0.2.0 is there.").await?;
    shop.lab.picture("newer").await?;
    let process = shop.lab.process(&shop.program).await?;
    window.press("Install and restart").await?;
    ended(&process).await?;
    ensure!(fs::read(&shop.program)? == after, "the program was not replaced");
    let restarted = shop.lab.process(&shop.program).await?;
    ensure!(restarted != process, "the new version runs");
    until("the tray of the new version", async || {
        Ok(shop.lab.tray.click(&["Quit"]).await.is_ok().then_some(()))
    })
    .await?;
    ended(&restarted).await?;
    let _ = window.quit().await;

    // All that was told to the place.
    let (headers, agents) = shop.publisher.told();
    ensure!(headers == ["accept", "host", "user-agent"], "{headers:?}");
    ensure!(agents == [concat!("Entente/", env!("CARGO_PKG_VERSION"))], "{agents:?}");
    let asked = shop.publisher.asked();
    ensure!(asked.iter().all(|path| ["/latest.json", "/package"].contains(&path.as_str())));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_versions_are_looked_for_unless_that_is_switched_off() -> Result<()> {
    let mut shop = Shop::open("update-switch").await?;
    shop.publisher.publish("0.2.0", "", b"", "");
    let window = shop.start().await?;
    shop.connect(&window).await?;
    window.press("Settings").await?;
    window.press("About").await?;
    window.click("input[role='switch']").await?;
    window.wait("input[role='switch']:not(:checked)").await?;
    shop.trust(&window).await?;
    until("the authority to be kept", async || {
        let settings = window.invoke("program_settings", json!({})).await?;
        Ok((settings["caFile"].is_string() && settings["lookForUpdates"] == false).then_some(()))
    })
    .await?;
    shop.quit(window).await?;

    let window = shop.start().await?;
    wait_for_log(&shop.data(), "looked=false").await?;
    ensure!(shop.publisher.asked().is_empty(), "it is off: {:?}", shop.publisher.asked());
    window.press("Settings").await?;
    window.press("About").await?;
    window.click("input[role='switch']").await?;
    window.wait("input[role='switch']:checked").await?;
    shop.quit(window).await?;

    // By itself, and no more than that.
    let window = shop.start().await?;
    window.wait_text(BANNER, "Entente 0.2.0 is there.").await?;
    ensure!(shop.publisher.asked() == ["/latest.json"], "{:?}", shop.publisher.asked());
    shop.quit(window).await?;

    // Once a day is enough.
    let window = shop.start().await?;
    wait_for_log(&shop.data(), "looked=false").await?;
    ensure!(shop.publisher.asked().len() == 1, "{:?}", shop.publisher.asked());
    window.quit().await
}

/// Waits until this start of the program has logged something.
async fn wait_for_log(data: &Path, what: &str) -> Result<()> {
    let log = data.join("log/entente.log");
    let old = fs::read_to_string(&log)?.matches(what).count();
    until(&format!("{what:?} in the log"), async || {
        Ok((fs::read_to_string(&log)?.matches(what).count() > old).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_needs_an_administrator_is_kept_for_one() -> Result<()> {
    let mut shop = Shop::open("update-deb").await?;
    // As the bundler does for a Debian package.
    let mut program = fs::read(&shop.program)?;
    let mark = b"__TAURI_BUNDLE_TYPE_VAR_UNK";
    let at = program.windows(mark.len()).position(|part| part == mark).context("the mark")?;
    program[at..at + mark.len()].copy_from_slice(b"__TAURI_BUNDLE_TYPE_VAR_DEB");
    fs::write(&shop.program, &program)?;
    let package = shop.package(b"!<arch>\ndebian-binary   ")?;
    let signature = shop.signer.sign(&package, "0.2.0").await?;
    shop.publisher.publish("0.2.0", "-deb", &fs::read(&package)?, &signature);
    let window = shop.start().await?;
    shop.connect(&window).await?;
    window.press("Settings").await?;
    shop.trust(&window).await?;
    look(&window).await?;
    window.press("Install and restart").await?;
    window.wait_text(".toast", "The package is genuine and was kept.").await?;
    shop.lab.picture("kept").await?;
    let kept = shop.data().join("updates/entente-0.2.0.deb");
    let install = format!("apt-get install --yes --no-remove {}", kept.display());
    window.wait_text(".toast", &install).await?;
    ensure!(fs::read(&kept)? == fs::read(&package)?, "it is the one that was signed");
    ensure!(fs::read(&shop.program)? == program, "nothing was installed");
    window.quit().await
}
