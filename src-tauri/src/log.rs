//! Where the log goes: to the terminal, and to a file that a person can hand on. It holds no keys,
//! names, mail addresses or bodies.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

const FILE: &str = "entente.log";
const OLDER: &str = "entente.older.log";
/// A file that is larger becomes the older one.
const MOST: u64 = 1024 * 1024;

/// Begins to log. Without a file where none can be written.
pub fn begin(root: &Path) {
    let filter = EnvFilter::try_from_env("ENTENTE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("warn,entente=info"));
    let (file, failed) = match LogFile::open(&root.join("log"), MOST) {
        Ok(file) => (Some(fmt::layer().with_ansi(false).with_writer(file)), None),
        Err(error) => (None, Some(error)),
    };
    let terminal = fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(filter).with(terminal).with(file).init();
    if let Some(error) = failed {
        tracing::warn!(%error, "there is no log file");
    }
}

/// The last lines of the log, the oldest first.
pub fn last_lines(root: &Path, most: usize) -> Vec<String> {
    let folder = root.join("log");
    let text = |name: &str| {
        fs::read(folder.join(name))
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let all = [text(OLDER), text(FILE)].concat();
    let lines: Vec<&str> = all.lines().collect();
    lines[lines.len().saturating_sub(most)..].iter().map(|line| (*line).to_owned()).collect()
}

/// A file that never grows beyond its size, and the one before it.
#[derive(Debug, Clone)]
struct LogFile(Arc<Mutex<Open>>);

#[derive(Debug)]
struct Open {
    folder: PathBuf,
    file: File,
    size: u64,
    most: u64,
}

impl LogFile {
    fn open(folder: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let file = append(&folder.join(FILE))?;
        let size = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Open { folder: folder.into(), file, size, most }))))
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

impl<'a> MakeWriter<'a> for LogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.size > open.most {
            let current = open.folder.join(FILE);
            fs::rename(&current, open.folder.join(OLDER))?;
            open.file = append(&current)?;
            open.size = 0;
        }
        let written = open.file.write(line)?;
        open.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_what_is_newest_and_never_grows_beyond_two_files() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("log");
        for start in 0..3 {
            let mut file = LogFile::open(&folder, 100).expect("a file");
            for line in 0..20 {
                writeln!(file, "start {start} line {line}").expect("written");
            }
        }
        let last = last_lines(root.path(), 4);
        assert_eq!(last, [16, 17, 18, 19].map(|line| format!("start 2 line {line}")));
        let sizes: Vec<u64> = fs::read_dir(&folder)
            .expect("the folder")
            .map(|entry| entry.expect("an entry").metadata().expect("its size").len())
            .collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| *size < 130), "{sizes:?}");
    }
}
