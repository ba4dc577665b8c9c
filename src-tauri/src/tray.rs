//! Draws the tray: what it shows is decided by `attention`.

use entente_attention::{Entry, TrayIcon, TrayModel};
use tauri::{
    AppHandle, Manager as _, Wry,
    image::Image,
    menu::{CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu},
    tray::TrayIconBuilder,
};

use crate::controller::Controller;

const ID: &str = "entente";

/// Shows a model; callable from any thread.
pub fn draw(app: &AppHandle, model: TrayModel) {
    let handle = app.clone();
    let drawn = app.run_on_main_thread(move || {
        if let Err(error) = draw_here(&handle, &model) {
            tracing::warn!(%error, "the tray was not drawn");
        }
    });
    if let Err(error) = drawn {
        tracing::warn!(%error, "the event loop is gone");
    }
}

fn draw_here(app: &AppHandle, model: &TrayModel) -> tauri::Result<()> {
    let menu = Menu::new(app)?;
    for item in items(app, &model.entries)? {
        menu.append(item.as_ref())?;
    }
    let title = (model.count > 0).then(|| model.count.to_string());
    if let Some(tray) = app.tray_by_id(ID) {
        tray.set_icon(Some(picture(model.icon)?))?;
        tray.set_menu(Some(menu))?;
        tray.set_title(title.as_deref().or(Some("")))?;
        tray.set_tooltip(Some(&model.text))?;
        return Ok(());
    }
    let mut builder = TrayIconBuilder::with_id(ID)
        .icon(picture(model.icon)?)
        .menu(&menu)
        .tooltip(&model.text)
        .on_menu_event(|app, event| match event.id().as_ref().parse() {
            Ok(command) => {
                let controller = app.state::<Controller>().inner().clone();
                tauri::async_runtime::spawn(async move { controller.command(command).await });
            }
            Err(()) => tracing::warn!("the tray has an entry that nobody knows"),
        });
    if let Some(title) = title {
        builder = builder.title(title);
    }
    builder.build(app)?;
    Ok(())
}

fn items(app: &AppHandle, entries: &[Entry]) -> tauri::Result<Vec<Box<dyn IsMenuItem<Wry>>>> {
    let mut items: Vec<Box<dyn IsMenuItem<Wry>>> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        items.push(match entry {
            Entry::Text(text) => {
                let id = format!("text/{number}");
                Box::new(MenuItem::with_id(app, id, mnemonic_free(text), false, None::<&str>)?)
            }
            Entry::Click { command, label, checked: true } => Box::new(CheckMenuItem::with_id(
                app,
                command.to_string(),
                mnemonic_free(label),
                true,
                true,
                None::<&str>,
            )?),
            Entry::Click { command, label, checked: false } => Box::new(MenuItem::with_id(
                app,
                command.to_string(),
                mnemonic_free(label),
                true,
                None::<&str>,
            )?),
            Entry::Menu { label, entries } => {
                let menu = Submenu::new(app, mnemonic_free(label), true)?;
                for item in self::items(app, entries)? {
                    menu.append(item.as_ref())?;
                }
                Box::new(menu)
            }
            Entry::Separator => Box::new(PredefinedMenuItem::separator(app)?),
        });
    }
    Ok(items)
}

/// An ampersand in a name is not a shortcut.
fn mnemonic_free(label: &str) -> String {
    label.replace('&', "&&")
}

fn picture(icon: TrayIcon) -> tauri::Result<Image<'static>> {
    Image::from_bytes(match icon {
        TrayIcon::Idle => include_bytes!("../../icons/tray/idle.png"),
        TrayIcon::Attention => include_bytes!("../../icons/tray/attention.png"),
        TrayIcon::Offline => include_bytes!("../../icons/tray/offline.png"),
        TrayIcon::Paused => include_bytes!("../../icons/tray/paused.png"),
        TrayIcon::SignedOut => include_bytes!("../../icons/tray/signed-out.png"),
    })
}
