//! The desktop program on a desktop of its own, with many partnerships in its cache.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use entente_testkit::{Lab, Window};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{processes, program::Program, screen::Screen, setting::Setting};

/// A desktop, a server, and a program that is connected to it.
pub struct Desk {
    pub lab: Lab,
    pub runtime: Runtime,
    program: PathBuf,
    data: String,
    // Last: the program's server is there as long as the program.
    _server: Program,
}

impl Desk {
    /// Connects and reads so many partnerships; `meanwhile` sees the window before it is closed.
    pub fn set_up<T>(
        setting: &Setting,
        name: &str,
        partnerships: usize,
        meanwhile: impl AsyncFnOnce(&Window) -> Result<T>,
    ) -> Result<(Self, T)> {
        let count = partnerships.to_string();
        let arguments = ["demo", "--listen", "127.0.0.1:0", "--partnerships", &count];
        let mut server = Program::start(&setting.program("entente-server")?, &arguments)?;
        let facts: Value = serde_json::from_str(&server.line()?)?;
        let admin = facts["users"]
            .as_array()
            .and_then(|users| users.iter().find(|user| user["role"] == "workspace_admin"));
        let key = admin.and_then(|user| user["apiKey"].as_str()).context("an Admin's key")?;
        let url = facts["url"].as_str().context("the server's address")?;
        let program = setting.shipped("entente")?;
        let runtime = Runtime::new()?;
        let (lab, data, seen) = runtime.block_on(async {
            let mut lab = Lab::start(name).await?;
            lab.spawn(Path::new("openbox"), &[], "openbox.log")?;
            let data = lab.home().join("program").to_string_lossy().into_owned();
            let window = lab.open_window(&program, &["--data", &data]).await?;
            window.press("Connect").await?;
            window.type_into("Server address", url).await?;
            window.type_into("API key", key).await?;
            window.press("Connect").await?;
            window.wait("[data-connectivity='live']").await?;
            window.press("Partners").await?;
            window.wait("[role=listbox], [role=list], [role=grid], ul li").await?;
            let seen = meanwhile(&window).await?;
            window.quit().await?;
            anyhow::Ok((lab, data, seen))
        })?;
        let desk = Self { lab, runtime, program, data, _server: server };
        desk.screen()?.rests()?;
        Ok((desk, seen))
    }

    pub fn screen(&self) -> Result<Screen> {
        Screen::open(self.lab.variable("DISPLAY").context("there is no display")?)
    }

    /// Starts the program on its data.
    pub fn start(&mut self) -> Result<u32> {
        let (program, data) = (self.program.clone(), self.data.clone());
        self.spawn(&program, &["--data", &data])
    }

    /// Starts any program on this desktop.
    pub fn spawn(&mut self, program: &Path, arguments: &[&str]) -> Result<u32> {
        let _in_it = self.runtime.enter();
        self.lab.spawn(program, arguments, "measured.log")
    }

    /// How long it takes from a program's start until it is painted; ends it.
    pub fn time_to_paint(&mut self, program: &Path, arguments: &[&str]) -> Result<f64> {
        let screen = self.screen()?;
        let begun = Instant::now();
        let id = self.spawn(program, arguments)?;
        let Ok(took) = screen.painted(begun) else {
            let picture = self.runtime.block_on(self.lab.picture("restless"))?;
            anyhow::bail!("{} does not come to rest: {}", program.display(), picture.display());
        };
        self.end(id)?;
        Ok(took.as_secs_f64() * 1000.0)
    }

    /// The same for the program itself.
    pub fn time_to_start(&mut self) -> Result<f64> {
        let (program, data) = (self.program.clone(), self.data.clone());
        self.time_to_paint(&program, &["--data", &data])
    }

    /// Closes the one window as its person would.
    pub fn close_window(&self, title: &str) -> Result<()> {
        let name = format!("^{title}$");
        let find = ["search", "--onlyvisible", "--name", &name];
        for _ in 0..100 {
            let Ok(found) = self.ask("xdotool", &find) else { return Ok(()) };
            let window = found.lines().next().unwrap_or_default().to_owned();
            let _ = self.ask("xdotool", &["windowactivate", &window, "key", "alt+F4"]);
            thread::sleep(Duration::from_millis(300));
        }
        anyhow::bail!("the window {title:?} stays open")
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Result<String> {
        self.runtime.block_on(self.lab.ask(program, arguments))
    }

    /// Ends a program and what it started.
    pub fn end(&self, id: u32) -> Result<()> {
        let processes = processes::tree(id)?;
        for process in &processes {
            let _ = self.ask("kill", &["-KILL", &process.to_string()]);
        }
        for _ in 0..500 {
            if processes.iter().all(|process| processes::tree(*process).is_err()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        anyhow::bail!("it does not end")
    }
}
