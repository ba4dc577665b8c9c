/// Why something was refused or failed, in German; none for a code that this version does not know.
pub(crate) fn german_refusal(code: &str, fact: Option<&str>) -> Option<String> {
    let said = match code {
        // On the way to the server.
        "unreachable" => "Der Server ist nicht erreichbar. Prüfe die Adresse und deine Verbindung.",
        "interrupted" => "Die Verbindung zum Server brach ab.",
        "timed_out" => "Der Server braucht zu lange für eine Antwort.",
        "untrusted" => {
            "Dem Zertifikat des Servers wird nicht vertraut, also wurde nichts gesendet. Wenn deine \
             Organisation selbst für ihre Server bürgt, nenne in den Einstellungen die Datei ihrer \
             Zertifizierungsstelle."
        }
        "not_entente" => {
            "Unter dieser Adresse antwortet etwas, aber kein Entente-Server. Prüfe die Adresse."
        }
        "redirected" => {
            let address = fact.map(|address| format!(", {address}")).unwrap_or_default();
            return Some(format!(
                "Der Server verweist auf eine andere Adresse{address}. Verbinde dich mit jener, wenn \
                 du ihr vertraust."
            ));
        }
        "busy" | "unavailable" => {
            "Der Server kann gerade nicht antworten. Versuche es gleich noch einmal."
        }
        "server_fault" | "internal" => {
            let number = fact.map(|id| format!(" (Anfrage {id})")).unwrap_or_default();
            return Some(format!(
                "Der Server hat einen Fehler{number}. Versuche es später noch einmal."
            ));
        }
        "offline" => {
            "Du bist offline. Versuche es noch einmal, wenn der Server erreichbar ist; es wurde nichts \
             gesendet."
        }
        "connecting" => "Entente gleicht noch mit dem Server ab. Versuche es gleich noch einmal.",
        "outcome_unknown" => {
            "Die Verbindung brach ab, bevor der Server geantwortet hat. Entente findet so bald wie \
             möglich heraus, was daraus wurde, und sagt es dir."
        }

        // Signing in.
        "missing_credentials" => "Dafür braucht es einen API-Schlüssel.",
        "invalid_credentials" => {
            "Der API-Schlüssel oder die Sitzung gilt nicht mehr. Melde dich neu an."
        }
        "expired_credentials" => {
            "Die Zeit des API-Schlüssels ist abgelaufen. Melde dich mit einem neuen an."
        }
        "user_disabled" => {
            "Du wurdest aus dem Workspace entfernt. Frage einen Admin des Workspace."
        }
        "session_expired" => "Deine Sitzung ist zu Ende. Melde dich neu an.",
        "insufficient_scope" => {
            "Dem API-Schlüssel fehlt die Berechtigung dafür. Benutze einen, der sie hat."
        }
        "sso_refused" => {
            "Single Sign-on wurde verweigert. Melde dich noch einmal an, oder frage einen Admin deines \
             Workspace."
        }
        "sso_not_configured" => {
            "Für diese Adresse gibt es kein Single Sign-on. Melde dich mit einem API-Schlüssel an, \
             oder frage einen Admin deines Workspace."
        }
        "provider_unavailable" => {
            "Dein Identitätsanbieter antwortet gerade nicht. Versuche es gleich noch einmal."
        }
        "sign_in_impossible" => "Dieser Computer lässt Entente nicht auf deinen Browser warten.",
        "sign_in_provider" => {
            "Der Server nennt einen Identitätsanbieter, der nicht benutzt werden kann. Sage es deinem \
             Admin."
        }
        "sign_in_timed_out" => {
            "Die Anmeldung wurde nicht rechtzeitig beendet. Versuche es noch einmal."
        }
        "sign_in_refused" => {
            let why = fact.map(|code| format!(" ({code})")).unwrap_or_default();
            return Some(format!(
                "Der Identitätsanbieter hat dich nicht angemeldet{why}. Versuche es noch einmal."
            ));
        }
        "sign_in_mixed" => {
            "Ein anderer Identitätsanbieter hat geantwortet als der gefragte. Versuche es noch einmal."
        }
        "cancelled" => "Die Anmeldung wurde abgebrochen.",
        "another_user" => {
            let who = fact.unwrap_or("?");
            return Some(format!(
                "Das ist jemand anderes: {who}. Füge ein eigenes Profil dafür hinzu."
            ));
        }
        "address_empty" => "Gib die Adresse des Servers ein, zum Beispiel entente.example.com.",
        "address_unreadable" => {
            "Das ist keine Serveradresse. Gib eine ein wie entente.example.com."
        }
        "address_scheme" => {
            "Die Adresse muss mit https:// beginnen (oder mit http:// für diesen Computer)."
        }
        "address_insecure" => {
            "Benutze https:// für einen Server, der nicht auf diesem Computer ist, damit niemand den \
             Schlüssel lesen kann."
        }
        "signed_out" => "Dieses Profil ist abgemeldet. Melde dich neu an.",
        "no_key" => "Der Schlüsselbund hat den Schlüssel dieses Profils nicht. Melde dich neu an.",
        "keyring_locked" => {
            "Der Schlüsselbund ist gesperrt, also kann der Schlüssel dieses Profils nicht gelesen \
             werden. Entsperre ihn, oder melde dich neu an."
        }
        "no_keyring" => {
            "Es gibt keinen Schlüsselbund, also wurde der Schlüssel dieses Profils nicht behalten. \
             Melde dich neu an."
        }
        "locked" => {
            "Der Server lässt dich nicht mehr in diesen Workspace, also ist gesperrt, was davon \
             behalten wurde. Melde dich neu an, um es zu sehen."
        }

        // What the server refuses.
        "forbidden" => {
            "Du gehörst nicht zu denen, die das dürfen. Frage einen Admin deines Workspace."
        }
        "not_found" => "Das ist nicht mehr da, oder nicht für dich zu sehen.",
        "partnership_exists" => {
            "Dein Workspace hat schon eine Partnerschaft oder eine Anfrage mit diesem Workspace."
        }
        "wrong_state" => {
            return Some(before_you(fact, "Das ist nicht mehr oder noch nicht möglich."));
        }
        "deadline_passed" => {
            return Some(before_you(
                fact,
                "Die Anfrage ist abgelaufen, bevor entschieden wurde. Ein Inhaber der Partnerschaft \
                 kann sie erneut senden.",
            ));
        }
        "stale_version" => {
            return Some(before_you(
                fact,
                "Es wurde inzwischen geändert. Sieh es dir an, wie es jetzt ist, und entscheide noch \
                 einmal.",
            ));
        }
        "terms_changed" => {
            "Die Nutzungsbedingungen haben sich geändert. Lies die aktuellen und stimme ihnen zu."
        }
        "terms_not_agreed" => "Den Nutzungsbedingungen muss zugestimmt werden.",
        "already_shared" => "Eines dieser Konten ist schon über diese Partnerschaft geteilt.",
        "already_member" => "Hier hat schon jemand diesen Zugriff.",
        "last_owner" => "Ein Inhaber muss bleiben. Benenne zuerst einen anderen.",
        "no_guest_admin" => {
            "Der Gast-Workspace hat keinen Admin, der das Konto bekommen könnte. Frage deinen Partner."
        }
        "managed_by_identity_provider" => {
            "Ein Identitätsanbieter fügt die Mitglieder dieses Workspace hinzu und entfernt sie. \
             Entferne sie dort."
        }
        "unknown_workspace" => {
            "Kein Workspace hat diese Workspace-ID. Bitte einen Admin des Gast-Workspace, dir seine zu \
             kopieren."
        }
        "own_workspace" => {
            "Das ist die ID deines eigenen Workspace. Gib die Workspace-ID deines Partners ein."
        }
        "reason_required" => {
            "Sage, warum du eine Partnerschaft möchtest, damit ein Admin entscheiden kann."
        }
        "unknown_account" => {
            "Eines dieser Konten ist keines von deinen. Wähle unter deinen Konten."
        }
        "unknown_user" => {
            "Jemand davon ist kein aktives Mitglied deines Workspace. Wähle unter seinen Mitgliedern."
        }
        "guest_cannot_own" => "Ein Gast kann kein Kontoinhaber sein. Gib eine andere Rolle.",
        "invalid_value" => "Dieser Wert ist nicht möglich. Wähle einen anderen.",
        "invalid_email" => {
            "Das ist keine E-Mail-Adresse, die benutzt werden kann, wie ana@example.com."
        }
        "invalid_text" => {
            "Dieser Text kann nicht gespeichert werden: Er ist zu lang oder enthält Zeichen, die man \
             nicht sieht."
        }
        "too_many" => "Davon gibt es schon so viele, wie es geben kann.",
        "reminder_too_soon" => {
            "Vor kurzem wurde schon eine Erinnerung gesendet. Warte etwas, bevor du wieder erinnerst."
        }
        "rate_limited" => "Das waren zu viele Anfragen. Versuche es gleich noch einmal.",
        "request_in_progress" => {
            "Dieselbe Anfrage wird noch beantwortet. Versuche es gleich noch einmal."
        }

        // What only a program does wrong.
        "malformed_body"
        | "unknown_parameter"
        | "invalid_parameter"
        | "method_not_allowed"
        | "cursor_expired"
        | "payload_too_large"
        | "unsupported_media_type"
        | "idempotency_key_reused"
        | "version_required"
        | "unknown_action" => {
            "Server und Programm verstehen einander hier nicht. Aktualisiere Entente."
        }

        // On this computer.
        "disk_full" => {
            "Die Festplatte dieses Computers ist voll, also kann nichts Neues behalten werden. Schaffe \
             Platz; Entente macht dann von selbst weiter."
        }
        "folder_read_only" => {
            "Entente darf in seinen Ordner auf diesem Computer nicht schreiben. Mache den Ordner für \
             dich beschreibbar; Entente macht dann von selbst weiter."
        }
        "cache_failed" => "Eine Datei von Entente auf diesem Computer kann nicht benutzt werden.",
        "not_kept" => {
            "Die Entscheidung konnte auf diesem Computer nicht behalten werden, also wurde sie nicht \
             gesendet. Ist die Festplatte voll?"
        }
        "demo_failed" => "Die Demo konnte nicht gestartet werden.",
        "no_profile" => "Dieses Profil ist nicht mehr da.",
        "not_open" => "Entente startet noch. Versuche es gleich noch einmal.",
        "no_browser" => {
            "Dein Browser konnte nicht gestartet werden. Setze einen Standardbrowser und versuche es \
             noch einmal."
        }
        "browser_failed" => "Die Seite wurde nicht geöffnet.",
        "clipboard_failed" => {
            "Die Zwischenablage kann nicht benutzt werden, also wurde nichts geöffnet."
        }
        "file_failed" => "Die Datei konnte nicht geschrieben werden.",
        "invalid_date" => "Das ist kein Datum. Wähle ein anderes.",
        "invalid_setting" => "Das kann nicht eingestellt werden. Wähle einen anderen Wert.",
        "invalid_name" => "Ein Name hat höchstens 60 Zeichen, auf einer Zeile.",
        "too_much" => "Das ist zu viel, um es zu behalten.",
        "start_at_login_failed" => "Der Start bei der Anmeldung konnte nicht eingestellt werden.",
        "language_not_kept" => "Die Sprache konnte nicht behalten werden.",
        "not_a_whole_path" => "Nenne den ganzen Pfad der Datei, von der Wurzel an.",
        "unreadable_file" => "Diese Datei kann nicht gelesen werden.",
        "no_certificate" => {
            "In dieser Datei ist kein Zertifikat in der PEM-Form, die mit \"-----BEGIN \
             CERTIFICATE-----\" beginnt. Bitte deinen Admin um die Datei in dieser Form."
        }
        "damaged_certificate" => {
            "Das Zertifikat in dieser Datei ist beschädigt. Bitte deinen Admin noch einmal um die Datei."
        }

        // Newer versions.
        "installing" => "Sie wird schon installiert.",
        "no_update" => "Es ist keine neuere Version bekannt.",
        "not_genuine" => {
            "Was heruntergeladen wurde, ist nicht von dem unterschrieben, von dem du Entente hast, also \
             wurde es nicht installiert. Sage es deinem Admin."
        }
        "not_installed" => "Die neuere Version wurde nicht installiert.",
        "package_kept" => {
            let command = fact.map(|command| format!(" mit: {command}")).unwrap_or(".".into());
            return Some(format!(
                "Die neuere Version wurde nicht installiert. Das Paket ist echt und wurde behalten. Wer \
                 den Computer verwaltet, kann es installieren{command}"
            ));
        }
        "no_package" => "Es gibt eine neuere Version, aber kein Paket davon für diesen Computer.",
        "odd_place" => {
            "Der Ort für neuere Versionen antwortet nicht, wie er soll. Versuche es später noch einmal."
        }
        "place_unreachable" => {
            "Der Ort für neuere Versionen ist nicht erreichbar. Prüfe deine Verbindung und versuche es \
             noch einmal."
        }
        "zoom_failed" => "Die Größe wurde nicht geändert.",
        _ => return None,
    };
    Some(said.to_owned())
}

/// What somebody else did comes first.
fn before_you(by: Option<&str>, then: &str) -> String {
    match by {
        Some(by) => format!("{by} hat es vor dir geändert. {then}"),
        None => then.to_owned(),
    }
}
