//! Gives Tauri the names of the commands, so that its access list knows each of them.

#[path = "src/registry/names.rs"]
mod names;

fn main() {
    println!("cargo:rerun-if-changed=src/registry/names.rs");
    let manifest = tauri_build::AppManifest::new().commands(names::COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo:warning={error:#}");
        std::process::exit(1);
    }
}
