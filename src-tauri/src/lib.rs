//! The desktop program: sets up Tauri and hands everything to the controller.
//!
//! Thin: what the program knows is in the crates beside it; what is here joins them to a window, a
//! tray and the desktop's notifications.

#[cfg(test)]
mod boundary;
mod commands;
mod controller;
mod embedded;
mod files;
mod language;
mod log;
mod look_alike;
mod registry;
mod tray;
mod view;
mod window;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use tauri::{AppHandle, Manager as _, RunEvent, WindowEvent};

use controller::{Begin, Controller};

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
    /// An entente:// link of a mail: opens what it names.
    link: Option<String>,
}

/// Runs the program until it is quit.
pub fn run(arguments: Arguments) -> Result<()> {
    need_a_display()?;
    let root = match arguments.data {
        Some(data) => data,
        None => directories::ProjectDirs::from("app", "entente", "entente")
            .context("there is no home directory; name a directory with --data")?
            .data_dir()
            .to_owned(),
    };

    log::begin(&root);
    language::begin(&root);

    let registry = registry::registry();
    let Arguments { demo, hidden, link, .. } = arguments;
    let context = context()?;
    let mut builder = tauri::Builder::default().plugin(tauri_plugin_single_instance::init(
        |app, arguments, _| started_again(app, arguments),
    ));
    if controller::is_updatable(context.config()) {
        builder = builder.plugin(tauri_plugin_updater::Builder::new().build());
    }
    let app = builder
        .invoke_handler(registry.invoke_handler())
        .setup(move |app| {
            registry.mount_events(app);
            let begin = Begin { demo, hidden };
            let controller = Controller::start(app.handle().clone(), root, begin);
            app.manage(controller.clone());
            if !hidden {
                window::make(app.handle())?;
            }
            if let Some(link) = &link {
                controller.open_link(link);
            }
            Ok(())
        })
        .build(context)
        .context("the window system could not be used")?;

    app.run(|app, event| match event {
        RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. } => {
            window::remember(app);
            let controller = app.state::<Controller>();
            if !controller.has_tray() {
                api.prevent_close();
                controller.close_without_tray();
            }
        }
        RunEvent::WindowEvent { event: WindowEvent::Destroyed, .. } => {
            entente_desktop::window_gone();
            app.state::<Controller>().window_gone();
        }
        // Closing the window is not quitting: the program goes on in the tray.
        RunEvent::ExitRequested { code: None, api, .. } => {
            let controller = app.state::<Controller>();
            if controller.has_tray() {
                api.prevent_exit();
                controller.window_closed();
            }
        }
        _ => {}
    });
    Ok(())
}

/// What the program was built with.
fn context() -> Result<tauri::Context> {
    let mut context = tauri::generate_context!();
    // Tests name a place for newer versions of their own; what people run has the one that it was
    // built with, or none.
    if cfg!(debug_assertions)
        && let Some(file) = std::env::var_os("ENTENTE_UPDATES")
    {
        let place = std::fs::read(file).context("ENTENTE_UPDATES")?;
        let place = serde_json::from_slice(&place).context("ENTENTE_UPDATES")?;
        context.config_mut().plugins.0.insert(controller::UPDATER.into(), place);
    }
    Ok(context)
}

/// Somebody started the program while it runs: they want to see it, or what a link names. A start at
/// login wants nothing more than that it runs.
fn started_again(app: &AppHandle, arguments: Vec<String>) {
    let Some(controller) = app.try_state::<Controller>() else { return };
    match Arguments::try_parse_from(arguments) {
        Ok(Arguments { hidden: true, link: None, .. }) => {}
        Ok(Arguments { link: Some(link), .. }) => controller.open_link(&link),
        Ok(_) | Err(_) => controller.open(None),
    }
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
