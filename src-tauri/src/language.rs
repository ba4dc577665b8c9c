//! The language that the program speaks. There is one for the process, as its locale is: whatever
//! comes from Rust is said in it, for the window as for a banner shown while there is none.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use entente_attention::{Language, Text};

use crate::files::write_whole;

/// A file of its own, because it is wanted before the journal is open, and in the demo, too.
const FILE: &str = "language";

static SPOKEN: Mutex<Language> = Mutex::new(Language::English);

/// What is spoken.
pub fn spoken() -> Language {
    *SPOKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A text, as it is spoken.
pub fn say(text: &Text<'_>) -> String {
    spoken().say(text)
}

/// Speaks what was chosen, or as the system does.
pub fn begin(root: &Path) {
    speak(chosen(root));
}

/// What was chosen; none for as the system does.
pub fn chosen(root: &Path) -> Option<Language> {
    fs::read_to_string(file(root)).ok()?.trim().parse().ok()
}

/// Chooses, and speaks it from now on; with no choice, as the system does.
pub fn choose(root: &Path, choice: Option<Language>) -> io::Result<()> {
    keep(root, choice)?;
    speak(choice);
    Ok(())
}

fn keep(root: &Path, choice: Option<Language>) -> io::Result<()> {
    match choice {
        Some(language) => write_whole(&file(root), language.tag().as_bytes()),
        None => match fs::remove_file(file(root)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        },
    }
}

fn speak(choice: Option<Language>) {
    let language = choice.unwrap_or_else(|| Language::of_system(entente_desktop::languages()));
    *SPOKEN.lock().unwrap_or_else(PoisonError::into_inner) = language;
}

fn file(root: &Path) -> PathBuf {
    root.join(FILE)
}

#[cfg(test)]
mod tests {
    use entente_wire::ErrorCode;

    use super::*;

    #[test]
    fn a_choice_is_kept_until_it_is_taken_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("deep");
        assert_eq!(chosen(&root), None);
        keep(&root, None).expect("nothing to take back");
        for language in Language::ALL {
            keep(&root, Some(language)).expect("kept");
            assert_eq!(chosen(&root), Some(language));
        }
        keep(&root, None).expect("taken back");
        assert_eq!(chosen(&root), None);
        for wrong in ["", "xx", "de en", "\u{0}"] {
            fs::write(file(&root), wrong).expect("written");
            assert_eq!(chosen(&root), None, "{wrong:?}");
        }
    }

    #[test]
    fn every_refusal_is_in_every_language() {
        let of_this_program = codes_in_the_source();
        assert!(of_this_program.len() > 30, "the source was not read: {of_this_program:?}");
        let of_the_server = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned());
        for code in of_the_server.chain(of_this_program) {
            for fact in [None, Some("<fact>")] {
                let german = Language::German.refusal(&code, fact, "");
                assert!(german.len() > 10, "{code}: {german:?}");
            }
        }
    }

    /// The codes that this program gives itself: the first text after what makes a refusal, and what
    /// the functions named `code` say.
    fn codes_in_the_source() -> Vec<String> {
        const MAKERS: [&str; 4] =
            ["Error::new(", "CommandError::of(", "Problem { code: ", "retryable("];
        let mut codes = Vec::new();
        for folder in ["src", "crates/sync/src", "crates/api-client/src", "crates/cache/src"] {
            for source in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
                let code = source.split("#[cfg(test)]").next().unwrap_or_default();
                for maker in MAKERS {
                    let after = code.split(maker).skip(1).map(str::trim_start);
                    codes.extend(after.filter_map(|rest| quoted(rest.strip_prefix('"')?)));
                }
                for function in code.split("fn code(").skip(1) {
                    let body = function.split("\n    }\n").next().unwrap_or_default();
                    codes.extend(body.split("=> \"").skip(1).filter_map(quoted));
                }
            }
        }
        codes
    }

    fn quoted(text: &str) -> Option<String> {
        Some(text.split_once('"')?.0.to_owned())
    }

    fn sources(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder of the source");
        entries
            .flat_map(|entry| {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    sources(&path)
                } else {
                    vec![fs::read_to_string(path).expect("a source")]
                }
            })
            .collect()
    }
}
