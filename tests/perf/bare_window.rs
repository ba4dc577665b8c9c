//! A window of the desktop program's toolkit with next to nothing in it: what is measured against it is
//! what the program adds.

use tauri::{WebviewUrl, WebviewWindowBuilder};

/// Some words, so that there is something to paint.
const WORDS: &str = "addEventListener('DOMContentLoaded', () => { \
    document.body.innerHTML = '<h1>A bare window</h1><p>' + 'It has some words. '.repeat(100); })";

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        .setup(|app| {
            let nothing = WebviewUrl::External("about:blank".parse()?);
            WebviewWindowBuilder::new(app, "bare", nothing)
                .title("Bare")
                .inner_size(1180.0, 760.0)
                .initialization_script(WORDS)
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
}
