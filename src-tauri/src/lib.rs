//! The desktop program: sets up Tauri and hands everything to the controller.
//!
//! Thin: what the program knows is in the crates beside it; what is here joins them to a window, a
//! tray and the desktop's notifications.

mod commands;
mod controller;
mod embedded;
mod registry;
mod tray;
mod view;
mod window;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tauri::{Manager as _, RunEvent};

use controller::Controller;

/// What the program can be started with.
#[derive(Debug, Parser)]
#[command(name = "entente", version, about = "Host-guest partnerships, in the tray.")]
pub struct Arguments {
    /// Start in the demo: sample workspaces on a server inside this program.
    #[arg(long)]
    demo: bool,
    /// Start without a window, in the tray.
    #[arg(long)]
    hidden: bool,
    /// Where profiles and caches are kept.
    #[arg(long, env = "ENTENTE_HOME")]
    data: Option<PathBuf>,
}

/// Runs the program until it is quit.
pub fn run(arguments: Arguments) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_env("ENTENTE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,entente=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    need_a_display()?;
    let root = match arguments.data {
        Some(data) => data,
        None => directories::ProjectDirs::from("app", "entente", "entente")
            .context("there is no home directory; name a directory with --data")?
            .data_dir()
            .to_owned(),
    };

    let registry = registry::registry();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::show(app)))
        .invoke_handler(registry.invoke_handler())
        .setup(move |app| {
            registry.mount_events(app);
            let controller = Controller::start(app.handle().clone(), root, arguments.demo);
            app.manage(controller);
            if !arguments.hidden {
                window::make(app.handle())?;
            }
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("the window system could not be used")?;

    app.run(|app, event| {
        // Closing the window is not quitting: the program goes on in the tray.
        if let RunEvent::ExitRequested { code: None, api, .. } = event {
            let controller = app.state::<Controller>();
            if !controller.has_no_tray() {
                api.prevent_exit();
                controller.window_closed();
            }
        }
    });
    Ok(())
}

/// Says what is missing before a library falls over it.
fn need_a_display() -> Result<()> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !is_set("DISPLAY") && !is_set("WAYLAND_DISPLAY") {
        bail!(
            "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set). Start it on a desktop; \
             `cargo xtask run` starts a virtual one"
        );
    }
    Ok(())
}
