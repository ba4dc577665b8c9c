//! The same built page in a browser, with the answers that the program gave it.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use axum::{
    Router,
    extract::{Path as UrlPath, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
    routing::{get, post},
};
use entente_testkit::Window;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::setting::Setting;

/// What each command answered.
type Recorded = BTreeMap<String, Value>;

/// Records what the page is told when it shows its list.
const RECORD: &str = "
    window.recorded = {};
    const real = window.fetch;
    window.fetch = async (...given) => {
        const answer = await real(...given);
        const url = String(given[0].url ?? given[0]);
        const command = url.match(/^ipc:..localhost.(.+)$/);
        if (command) recorded[decodeURIComponent(command[1])] = await answer.clone().json();
        return answer;
    };";

/// What the page finds in place of the program: answers over HTTP on this computer.
const STAND_IN: &str = "<script>
    window.__TAURI_INTERNALS__ = {
        metadata: { currentWindow: { label: 'main' }, currentWebview: { label: 'main' } },
        transformCallback: () => 1,
        unregisterCallback: () => {},
        invoke: async (command, given) => {
            if (command.startsWith('plugin:')) return 1;
            const body = JSON.stringify(given ?? {});
            const answer = await fetch('/answers/' + command, { method: 'POST', body });
            return answer.ok ? answer.json() : null;
        },
    };
    window.__TAURI_EVENT_PLUGIN_INTERNALS__ = { unregisterListener: () => {} };
    </script>";

/// Lets the window read its list once more, and keeps what it is told.
pub async fn record(window: &Window) -> Result<Recorded> {
    window.run(RECORD).await?;
    window.press("Accounts").await?;
    window.press("Partners").await?;
    let told = entente_testkit::until("a list", async || {
        let told = window.run("return window.recorded").await?;
        Ok(told["partnerships"].is_object().then_some(told))
    })
    .await?;
    let mut recorded: Recorded = serde_json::from_value(told)?;
    for command in ["app_state", "inbox"] {
        let ask = format!("return await window.__TAURI_INTERNALS__.invoke('{command}')");
        recorded.insert(command.to_owned(), window.run(&ask).await?);
    }
    Ok(recorded)
}

/// Serves the page on loopback; gives its address.
pub fn serve(runtime: &Runtime, setting: &Setting, recorded: Recorded) -> Result<String> {
    let built = setting.target().parent().context("the project's folder")?.join("ui/dist");
    let index = fs::read_to_string(built.join("index.html")).context("the built page")?;
    let index = Arc::new(index.replace("<head>", &format!("<head>{STAND_IN}")));
    let files: BTreeMap<String, Vec<u8>> = files(&built.join("assets"))?;
    let router = Router::new()
        .route("/", get(async move || Html(index.to_string())))
        .route("/assets/{name}", get(asset).with_state(Arc::new(files)))
        .route("/answers/{command}", post(answer).with_state(Arc::new(recorded)));
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(format!("http://{address}/"))
    })
}

fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for file in fs::read_dir(folder)? {
        let file = file?;
        files.insert(file.file_name().to_string_lossy().into_owned(), fs::read(file.path())?);
    }
    Ok(files)
}

async fn asset(
    State(files): State<Arc<BTreeMap<String, Vec<u8>>>>,
    UrlPath(name): UrlPath<String>,
) -> Response {
    let kind = if name.ends_with(".js") { "text/javascript" } else { "text/css" };
    match files.get(&name) {
        Some(file) => ([(header::CONTENT_TYPE, kind)], file.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn answer(
    State(recorded): State<Arc<Recorded>>,
    UrlPath(command): UrlPath<String>,
) -> Response {
    match recorded.get(&command) {
        Some(answer) => axum::Json(answer).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// How Chromium shows a page like a program of its own.
pub fn arguments(page: &str, profile: &str) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--password-store=basic",
        "--window-size=1180,760",
        // It does not start as root otherwise.
        "--no-sandbox",
    ]
    .map(str::to_owned)
    .into();
    arguments.push(format!("--user-data-dir={profile}"));
    arguments.push(format!("--app={page}"));
    arguments
}
