//! Every screen and state of the window, one after another, light and dark: axe finds nothing in any of
//! them. With a folder in `ENTENTE_PICTURES`, a picture of each is kept there, large and small.

mod places;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use entente_server::{Config, DemoFacts, DemoOptions, DemoUser, Running, Server, seed};
use entente_testkit::{Appearance, Key, Lab, Window, until};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::program;

/// Where pictures are kept, if they are wanted.
const PICTURES: &str = "ENTENTE_PICTURES";
/// How large the window is looked at; the first is where people move about.
const SIZES: [(u32, u32); 2] = [(1280, 800), (800, 600)];

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_light_and_dark() -> Result<()> {
    let mut tour = Tour::begin().await?;
    if let Err(error) = places::visit(&mut tour).await {
        tour.lab.picture("failed").await?;
        return Err(error);
    }
    ensure!(tour.seen > 30, "the tour leaves something out");
    ensure!(tour.faults.is_empty(), "axe finds:\n{}", tour.faults.join("\n"));
    tour.window.quit().await
}

/// A window on its way through all that there is to see.
struct Tour {
    window: Window,
    /// A host and four guests, with months of work behind them.
    server: Option<Running>,
    facts: DemoFacts,
    appearance: Appearance,
    axe: String,
    pictures: Option<PathBuf>,
    seen: usize,
    faults: Vec<String>,
    lab: Lab,
}

impl Tour {
    async fn begin() -> Result<Self> {
        let mut lab = Lab::start("tour").await?;
        // Banners lie over the window's corner, which would hide it from clicks and pictures.
        lab.ask("dunstctl", &["set-paused", "true"]).await?;
        let server = Server::start(Config::local(lab.home().join("server"))).await?;
        let options = DemoOptions { story: true, partnerships: 60, seed: 7 };
        let facts = seed(&server, options).await?;
        let data = lab.home().join("program");
        let window = lab.open_window(&program()?, &["--data", &data.to_string_lossy()]).await?;
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let axe = fs::read_to_string(root.join("ui/node_modules/axe-core/axe.min.js"))
            .context("axe comes with the window's packages: npm ci")?;
        let pictures = std::env::var_os(PICTURES).map(PathBuf::from);
        let mut tour = Self {
            window,
            server: Some(server),
            facts,
            appearance: Appearance::Light,
            axe,
            pictures,
            seen: 0,
            faults: Vec::new(),
            lab,
        };
        tour.window.resize(SIZES[0].0, SIZES[0].1).await?;
        tour.appear(Appearance::Light).await?;
        Ok(tour)
    }

    /// Makes the desktop light or dark, and waits until the window is.
    async fn appear(&mut self, appearance: Appearance) -> Result<()> {
        self.lab.appear(appearance).await?;
        self.appearance = appearance;
        until("the window's colours", async || {
            let is_dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
            let is_dark = self.window.run(is_dark).await? == json!(true);
            Ok((is_dark == (appearance == Appearance::Dark)).then_some(()))
        })
        .await
    }

    /// Looks at what is shown now.
    async fn see(&mut self, name: &str) -> Result<()> {
        self.seen += 1;
        let name = format!("{:02}-{name}", self.seen);
        let first = self.appearance;
        let second = match first {
            Appearance::Light => Appearance::Dark,
            Appearance::Dark => Appearance::Light,
        };
        for appearance in [first, second] {
            if appearance != self.appearance {
                self.appear(appearance).await?;
            }
            self.check(&name, SIZES[0]).await?;
            // What differs in a small window is the same in both tones.
            if self.pictures.is_some() || appearance == first {
                self.window.resize(SIZES[1].0, SIZES[1].1).await?;
                self.check(&name, SIZES[1]).await?;
                self.window.resize(SIZES[0].0, SIZES[0].1).await?;
            }
        }
        Ok(())
    }

    async fn check(&mut self, name: &str, (width, height): (u32, u32)) -> Result<()> {
        let tone = format!("{:?}", self.appearance).to_lowercase();
        let faults = self.window.faults(&self.axe).await.with_context(|| format!("at {name}"))?;
        let told = faults.into_iter().map(|fault| format!("{name}, {tone}, {width}: {fault}"));
        self.faults.extend(told);
        let Some(pictures) = &self.pictures else { return Ok(()) };
        let folder = pictures.join(format!("{tone}-{width}x{height}"));
        fs::create_dir_all(&folder)?;
        self.lab.picture_of((width, height), &folder.join(format!("{name}.png"))).await
    }

    /// Connects as one of the sample's people: the first one in the window's form, the others as it
    /// does.
    async fn connect(&self, first: &str) -> Result<()> {
        let (url, user) = (self.server.as_ref().context("it runs")?.url(), self.user(first)?);
        let key = user.key.expose_secret();
        if self.window.run("return document.querySelector('nav') === null").await? == json!(true) {
            self.window.type_into("Server address", &url).await?;
            self.window.type_into("API key", key).await?;
            self.window.press("Connect").await?;
        } else {
            self.window.invoke("connect", json!({"server": url, "key": key})).await?;
        }
        self.window.wait(&format!("[title^='{}']", user.name)).await
    }

    fn user(&self, first: &str) -> Result<&DemoUser> {
        let is = |user: &&DemoUser| user.email.split('@').next() == Some(first);
        self.facts.users.iter().find(is).with_context(|| format!("the sample lacks {first}"))
    }

    /// Goes on as somebody else who is connected.
    async fn be(&self, first: &str) -> Result<()> {
        let user = self.user(first)?;
        self.window.click(&format!("[title^='{}']", user.name)).await?;
        let live = format!("[data-profile='{}'][data-connectivity='live']", user.email);
        self.window.wait(&live).await
    }

    /// Opens a section of the window.
    async fn go(&self, section: &str) -> Result<()> {
        self.window.click_text("nav .section", section).await
    }

    /// Leaves a dialog or a menu.
    async fn leave(&self) -> Result<()> {
        self.window.keys(Key::Escape).await?;
        self.window.wait_gone("[role=dialog], [role=menu]").await
    }
}
