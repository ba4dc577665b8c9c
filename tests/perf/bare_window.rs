//! A window of the desktop program's toolkit with next to nothing in it: what is measured against it is
//! what the program adds.

use tauri::{
    WebviewUrl, WebviewWindowBuilder,
    http::{HeaderValue, Response, header::CONTENT_TYPE},
};

fn main() -> tauri::Result<()> {
    tauri::Builder::default()
        // A page of its own: for an empty one, the toolkit does not even start what shows pages.
        .register_uri_scheme_protocol("bare", |_, _| {
            // As much as there is room for: a scroll bar would fade for a long while.
            let words = "<p>It has some words.".repeat(15);
            let page = format!("<!doctype html><h1>A bare window</h1>{words}").into_bytes();
            let mut response = Response::new(page);
            let html = HeaderValue::from_static("text/html");
            response.headers_mut().insert(CONTENT_TYPE, html);
            response
        })
        .setup(|app| {
            let page = WebviewUrl::CustomProtocol("bare://localhost/".parse()?);
            WebviewWindowBuilder::new(app, "bare", page)
                .title("Bare")
                .inner_size(1180.0, 760.0)
                .build()?;
            Ok(())
        })
        .run(tauri::generate_context!())
}
