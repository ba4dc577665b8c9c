/// The names of all commands: read here and by the build script, which makes the access list of
/// them. A test holds them against the handlers, the capability file and the bindings.
pub const COMMANDS: &[&str] = &[
    "activate_profile",
    "app_state",
    "connect",
    "decide",
    "dismiss_notice",
    "end_demo",
    "inbox",
    "partnership",
    "partnership_with",
    "partnerships",
    "pause_notifications",
    "send_request",
    "sign_out",
    "start_demo",
    "sync_now",
    "terms",
];
