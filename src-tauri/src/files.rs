//! Small files of the program's own.

use std::{fs, io, path::Path};

/// Writes a file, whole or not at all.
pub fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let partial = file.with_extension("partial");
    fs::write(&partial, content)?;
    fs::rename(&partial, file)
}
