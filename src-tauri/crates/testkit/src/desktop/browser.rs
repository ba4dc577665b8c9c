use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::Result;

/// Stands for the system's browser: opening an address only notes it.
const OPENER: &str = "#!/bin/sh\nprintf '%s\\n' \"$1\" >>\"$XDG_RUNTIME_DIR/opened\"\n";

/// Makes a folder of programs with the one that opens addresses.
pub(super) fn install(programs: &Path) -> Result<()> {
    fs::create_dir_all(programs)?;
    let opener = programs.join("xdg-open");
    fs::write(&opener, OPENER)?;
    Ok(fs::set_permissions(&opener, fs::Permissions::from_mode(0o700))?)
}

/// The addresses that were opened, in order.
pub(super) fn opened(runtime: &Path) -> Result<Vec<String>> {
    match fs::read_to_string(runtime.join("opened")) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
