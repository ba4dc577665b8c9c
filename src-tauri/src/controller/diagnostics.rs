//! What helps to find a fault, for a person to hand on: no keys, names, mail addresses or bodies.

use std::{env, fmt::Write as _};

use entente_sync::Connectivity;

use super::{Controller, answers::Answer, now};
use crate::{language, log};

const LINES: usize = 200;

impl Controller {
    /// The versions, how this computer is, how the profiles stand, and the end of the log.
    pub async fn diagnostics(&self) -> Answer<String> {
        let mut text = String::new();
        let mut say = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}: {value}");
        };
        say("Entente", env!("CARGO_PKG_VERSION"));
        say("At", &now().to_string());
        say("System", &format!("{} {}", env::consts::OS, env::consts::ARCH));
        for name in ["XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE", "LANG", "TZ"] {
            say(name, &env::var(name).unwrap_or_else(|_| "not set".into()));
        }
        say("Language", language::spoken().tag());
        say("Tray", if self.has_tray() { "yes" } else { "no" });
        let service = entente_desktop::notification_service().await;
        say("Notifications", service.as_deref().unwrap_or("none"));
        let notices =
            self.notes().iter().map(|note| format!("{:?}", note.kind())).collect::<Vec<_>>();
        say("Notices", &notices.join(", "));
        let guard = self.inner.home.read().await;
        match guard.as_ref() {
            None => say("Profiles", "not open"),
            Some(home) => {
                say("Place", if home.demo.is_some() { "demo" } else { "own" });
                for (number, profile) in home.profiles.iter().enumerate() {
                    let as_of = profile.cache.as_of().await?;
                    let as_of = as_of.map_or_else(|| "never".into(), |at| at.to_string());
                    let waiting = profile.cache.count_awaiting_me().await?;
                    let unsettled = home.journal.unsettled(&profile.record.id).await?.len();
                    let standing = standing(&profile.connectivity().await);
                    say(
                        &format!("Profile {}", number + 1),
                        &format!(
                            "{standing}; in step as of {as_of}; {waiting} waiting; {unsettled} \
                             decisions without an answer"
                        ),
                    );
                }
            }
        }
        text.push_str("\nLog:\n");
        for line in log::last_lines(&self.inner.root, LINES) {
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }
}

fn standing(connectivity: &Connectivity) -> String {
    match connectivity {
        Connectivity::Connecting => "connecting".into(),
        Connectivity::FirstSync { done, .. } => format!("first sync, {done} so far"),
        Connectivity::Live => "live".into(),
        Connectivity::Polling => "polling".into(),
        Connectivity::Offline { since, problem } => {
            format!("offline since {since}: {}", problem.code)
        }
        Connectivity::SignedOut { problem } => format!("signed out: {}", problem.code),
    }
}
