//! The one list of commands and events. From it come the handlers, the access list and the window's
//! TypeScript bindings; a test holds all of them against each other.

#[cfg(test)]
mod names;

use tauri_specta::{Builder, ErrorHandlingMode, collect_commands, collect_events};

use crate::{commands, view::BackendEvent};

/// The commands and events of the window.
pub fn registry() -> Builder<tauri::Wry> {
    Builder::new()
        .error_handling(ErrorHandlingMode::Throw)
        .disable_serde_phases()
        .commands(collect_commands![
            commands::access::account,
            commands::access::accounts,
            commands::access::act,
            commands::access::activities,
            commands::access::activity_bars,
            commands::access::activity_choices,
            commands::access::impact,
            commands::access::log_in,
            commands::access::members,
            commands::access::partner_members,
            commands::access::read_activities,
            commands::access::save_activities,
            commands::access::shareable_accounts,
            commands::access::shared_accounts,
            commands::app::app_state,
            commands::app::dismiss_notice,
            commands::app::install_update,
            commands::app::look_for_update,
            commands::app::pause_notifications,
            commands::app::put_off_update,
            commands::app::zoom,
            commands::partnerships::decide,
            commands::partnerships::decision_card,
            commands::partnerships::inbox,
            commands::partnerships::partnership,
            commands::partnerships::partnership_with,
            commands::partnerships::partnerships,
            commands::partnerships::send_request,
            commands::partnerships::terms,
            commands::profiles::activate_profile,
            commands::profiles::cancel_sign_in,
            commands::profiles::color_profile,
            commands::profiles::connect,
            commands::profiles::end_demo,
            commands::profiles::keep_unencrypted,
            commands::profiles::rename_profile,
            commands::profiles::renew_key,
            commands::profiles::sign_in,
            commands::profiles::sign_in_again,
            commands::profiles::sign_out,
            commands::profiles::start_demo,
            commands::profiles::sync_now,
            commands::profiles::unlock_profile,
            commands::settings::change_notification_settings,
            commands::settings::change_program_settings,
            commands::settings::diagnostics,
            commands::settings::notification_settings,
            commands::settings::program_settings,
            commands::settings::remember_for_window,
            commands::settings::window_memory,
        ])
        .events(collect_events![BackendEvent])
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use specta_typescript::Typescript;

    use super::*;

    const BINDINGS: &str = "../ui/src/lib/backend/bindings.ts";

    fn bindings() -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let out = root.join("../target/bindings.ts");
        registry()
            .export(
                Typescript::default()
                    .header("// Generated from src-tauri/src/registry.rs; do not edit.\n"),
                &out,
            )
            .expect("the bindings are written");
        fs::read_to_string(out).expect("the bindings are there")
    }

    #[test]
    fn the_windows_bindings_are_those_of_the_registry() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(BINDINGS);
        let generated = bindings();
        if std::env::var_os("UPDATE_BINDINGS").is_some() {
            fs::write(&path, &generated).expect("the bindings can be written");
        }
        let committed = fs::read_to_string(&path).expect("the bindings are committed");
        assert!(
            committed == generated,
            "{BINDINGS} is not what the registry gives; run the tests with UPDATE_BINDINGS=1"
        );
    }

    #[test]
    fn the_access_list_names_every_command_and_no_other() {
        let generated = bindings();
        for name in names::COMMANDS {
            assert!(generated.contains(&format!("(\"{name}\"")), "no handler for {name}");
        }
        assert_eq!(
            generated
                .matches("TAURI_INVOKE")
                .count()
                .max(generated.matches("invoke(\"").count())
                .max(1),
            generated.matches("TAURI_INVOKE").count().max(generated.matches("invoke(\"").count())
        );
        let file = fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("capabilities/main.json"),
        )
        .expect("the capability file");
        let capability: serde_json::Value = serde_json::from_str(&file).expect("JSON");
        let mut allowed: Vec<&str> = capability["permissions"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|permission| permission.as_str())
            .filter(|permission| !permission.starts_with("core:"))
            .collect();
        allowed.sort_unstable();
        let mut wanted: Vec<String> = names::COMMANDS
            .iter()
            .map(|name| format!("allow-{}", name.replace('_', "-")))
            .collect();
        wanted.sort_unstable();
        assert_eq!(allowed, wanted);
    }
}
