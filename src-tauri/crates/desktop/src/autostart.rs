//! Starting a program when a person logs in: an entry as in the freedesktop.org Desktop Application
//! Autostart Specification 0.5.

use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// The entry that starts a program at login.
#[derive(Debug, Clone)]
pub struct Autostart {
    /// The person's own entry.
    own: PathBuf,
    /// Entries of the same name that hold for everybody on this computer.
    common: Vec<PathBuf>,
}

/// Why the entry was not written.
#[derive(Debug, Error)]
pub enum AutostartError {
    /// The file or its folder cannot be written.
    #[error("{0} cannot be written: {1}")]
    NotWritten(PathBuf, std::io::Error),
    /// The program's path cannot stand in an entry.
    #[error("the program is at a place that an entry cannot name")]
    Unspeakable,
}

impl Autostart {
    /// The entry of a program, by its file's name without the ending. None where programs are
    /// started at login in another way.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let path = |name: &str| env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
        let own = path("XDG_CONFIG_HOME").or_else(|| Some(path("HOME")?.join(".config")))?;
        let common = env::var_os("XDG_CONFIG_DIRS").filter(|folders| !folders.is_empty());
        let common = common.unwrap_or_else(|| "/etc/xdg".into());
        Some(Self::at(name, own, env::split_paths(&common)))
    }

    fn at(name: &str, own: PathBuf, common: impl Iterator<Item = PathBuf>) -> Self {
        let in_folder = |folder: PathBuf| folder.join("autostart").join(format!("{name}.desktop"));
        Self { own: in_folder(own), common: common.map(in_folder).collect() }
    }

    /// Whether the program is started at login.
    #[must_use]
    pub fn is_on(&self) -> bool {
        // The first entry of that name holds.
        let entry =
            [&self.own].into_iter().chain(&self.common).find_map(|p| fs::read_to_string(p).ok());
        entry.is_some_and(|entry| is_on(&entry))
    }

    /// Starts a program at login with arguments, under the name that people read.
    pub fn turn_on(
        &self,
        title: &str,
        program: &Path,
        arguments: &[&str],
    ) -> Result<(), AutostartError> {
        let program = program.to_str().ok_or(AutostartError::Unspeakable)?;
        let mut exec = quoted(program).ok_or(AutostartError::Unspeakable)?;
        for argument in arguments {
            exec.push(' ');
            exec.push_str(&quoted(argument).ok_or(AutostartError::Unspeakable)?);
        }
        self.write(&format!(
            "[Desktop Entry]\nType=Application\nName={title}\nExec={exec}\nIcon=entente\n\
             Terminal=false\nX-GNOME-Autostart-enabled=true\n"
        ))
    }

    /// Does not start it any more.
    pub fn turn_off(&self) -> Result<(), AutostartError> {
        if self.common.iter().any(|path| path.exists()) {
            return self.write("[Desktop Entry]\nType=Application\nHidden=true\n");
        }
        match fs::remove_file(&self.own) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(AutostartError::NotWritten(self.own.clone(), error))
            }
            _ => Ok(()),
        }
    }

    fn write(&self, entry: &str) -> Result<(), AutostartError> {
        let failed = |error| AutostartError::NotWritten(self.own.clone(), error);
        if let Some(folder) = self.own.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // Whole or not at all.
        let partial = self.own.with_extension("partial");
        fs::write(&partial, entry).and_then(|()| fs::rename(&partial, &self.own)).map_err(failed)
    }
}

fn is_on(entry: &str) -> bool {
    let mut group = "";
    for line in entry.lines().map(str::trim) {
        if line.starts_with('[') {
            group = line;
        } else if group == "[Desktop Entry]"
            && let Some((key, value)) = line.split_once('=')
            && matches!(
                (key.trim(), value.trim()),
                ("Hidden", "true") | ("X-GNOME-Autostart-enabled", "false")
            )
        {
            return false;
        }
    }
    entry.contains("[Desktop Entry]")
}

/// A word of `Exec`: quoted, then escaped once more as every value of an entry is; none if it has a
/// character that cannot be written there.
fn quoted(word: &str) -> Option<String> {
    if word.chars().any(char::is_control) {
        return None;
    }
    let mut quoted = String::from("\"");
    for c in word.chars() {
        match c {
            '"' | '`' | '$' => quoted.extend(["\\\\", &c.to_string()]),
            '\\' => quoted.push_str("\\\\\\\\"),
            '%' => quoted.push_str("%%"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders() -> (tempfile::TempDir, Autostart) {
        let home = tempfile::tempdir().expect("a folder");
        let common = home.path().join("xdg");
        let entry = Autostart::at("entente", home.path().join("config"), [common].into_iter());
        (home, entry)
    }

    #[test]
    fn it_is_on_once_turned_on_and_off_once_turned_off() {
        let (home, entry) = folders();
        assert!(!entry.is_on());
        entry.turn_off().expect("nothing to do");
        entry.turn_on("Entente", Path::new("/opt/En tente/entente"), &["--hidden"]).expect("on");
        assert!(entry.is_on());
        let text = fs::read_to_string(home.path().join("config/autostart/entente.desktop"));
        let text = text.expect("the file");
        assert!(text.contains("Exec=\"/opt/En tente/entente\" \"--hidden\"\n"), "{text}");
        entry.turn_off().expect("off");
        assert!(!entry.is_on());
        assert!(!home.path().join("config/autostart/entente.desktop").exists());
    }

    #[test]
    fn an_entry_for_everybody_can_be_turned_off_for_one() {
        let (home, entry) = folders();
        fs::create_dir_all(home.path().join("xdg/autostart")).expect("a folder");
        let common = home.path().join("xdg/autostart/entente.desktop");
        fs::write(&common, "[Desktop Entry]\nType=Application\nExec=entente\n").expect("a file");
        assert!(entry.is_on());
        entry.turn_off().expect("off");
        assert!(!entry.is_on());
        assert!(common.exists());
        entry.turn_on("Entente", Path::new("/usr/bin/entente"), &[]).expect("on");
        assert!(entry.is_on());
    }

    #[test]
    fn an_entry_that_desktops_pass_over_is_off() {
        for (entry, on) in [
            ("[Desktop Entry]\nExec=x", true),
            ("[Desktop Entry]\nExec=x\nHidden=true", false),
            ("[Desktop Entry]\nExec=x\nX-GNOME-Autostart-enabled = false", false),
            ("[Desktop Entry]\nExec=x\n[Desktop Action]\nHidden=true", true),
            ("", false),
        ] {
            assert_eq!(is_on(entry), on, "{entry:?}");
        }
    }

    #[test]
    fn a_path_cannot_become_a_command() {
        assert_eq!(quoted("/a b").as_deref(), Some("\"/a b\""));
        assert_eq!(quoted("/$(x)`y`\"").as_deref(), Some(r#""/\\$(x)\\`y\\`\\"""#));
        assert_eq!(quoted(r"a\b").as_deref(), Some(r#""a\\\\b""#));
        assert_eq!(quoted("50%f").as_deref(), Some("\"50%%f\""));
        assert_eq!(quoted("a\nb"), None);
    }
}
