//! What holds between the window and the rest, read from the files that say it.

use std::{fs, path::Path};

use clap::CommandFactory as _;
use serde_json::Value;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).expect("JSON")
}

#[test]
fn the_window_loads_nothing_from_outside_and_runs_no_inline_script() {
    let app = &json("tauri.conf.json")["app"];
    assert_eq!(app["withGlobalTauri"], false);
    assert_eq!(app["windows"], serde_json::json!([]), "the one window is made in window.rs");
    let security = &app["security"];
    assert!(security["dangerousDisableAssetCspModification"].is_null());
    assert!(security["assetProtocol"].is_null(), "no file of the person's is loaded");
    assert_eq!(security["capabilities"], serde_json::json!(["main"]));
    let policy = security["csp"].as_object().expect("a policy by directives");
    assert_eq!(policy["default-src"], "'none'");
    assert_eq!(policy["script-src"], "'self'");
    for (directive, sources) in policy {
        for source in sources.as_str().expect("text").split_whitespace() {
            let near = ["'none'", "'self'", "data:", "ipc:", "http://ipc.localhost"];
            let is_style = directive == "style-src" && source == "'unsafe-inline'";
            let is_data = source == "data:";
            assert!(near.contains(&source) || is_style, "{directive} {source}");
            assert!(!is_data || directive == "img-src", "{directive} {source}");
        }
    }
    let page = read("../ui/dist/index.html");
    for script in page.split("<script").skip(1) {
        let head = script.split('>').next().unwrap_or_default();
        assert!(head.contains(" src=\"./assets/"), "an inline or foreign script: {head}");
    }
    assert!(!page.contains("://"), "the page names something outside");
}

#[test]
fn the_window_may_listen_to_events_and_call_its_own_commands_only() {
    let capability = json("capabilities/main.json");
    assert!(capability["remote"].is_null(), "no page of the web may call anything");
    assert_eq!(capability["windows"], serde_json::json!(["main"]));
    for permission in capability["permissions"].as_array().expect("a list") {
        let name = permission.as_str().expect("a permission without a scope");
        let is_event = ["core:event:allow-listen", "core:event:allow-unlisten"].contains(&name);
        assert!(is_event || !name.contains(':'), "{name}");
    }
}

#[test]
fn no_key_leaves_through_a_command() {
    let bindings = read("../ui/src/lib/backend/bindings.ts");
    let (commands, types) = bindings.split_once("/* Types */").expect("commands, then types");
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["secret", "password", "token", "apikey", "credential"].iter().any(|it| name.contains(it))
            || name == "key"
    };
    // What the window gets, and what it sends in a document.
    for line in types.lines().map(str::trim) {
        let Some((name, kind)) = line.split_once(": ") else { continue };
        assert!(!kind.contains("string") || !is_secret(name), "a type has text in {name}: {line}");
    }
    // The keys that pass are those that a person types, and no answer is a text by itself.
    let taken = commands.lines().filter(|line| line.contains("key: string"));
    let taken: Vec<_> = taken.filter_map(|line| line.trim().split(':').next()).collect();
    assert_eq!(taken, ["connect", "renewKey"]);
    let texts = commands.lines().filter(|line| line.contains("__TAURI_INVOKE<string"));
    let texts: Vec<_> = texts.filter_map(|line| line.trim().split(':').next()).collect();
    assert_eq!(texts, ["diagnostics"], "a text that nobody can tell from a key");
}

#[test]
fn nothing_secret_is_given_on_the_command_line() {
    let program = crate::Arguments::command();
    for argument in program.get_arguments() {
        let name = argument.get_id().as_str();
        assert!(
            !["key", "token", "secret", "password"].iter().any(|it| name.contains(it)),
            "{name}"
        );
    }
}
