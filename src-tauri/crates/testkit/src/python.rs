use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

/// Names the virtual environment that xtask made for all tests.
pub const ENVIRONMENT: &str = "ENTENTE_PYTHON_ENV";

/// The virtual environment with what `tests/fixtures/python/requirements.txt` names; programs are in
/// its `bin`. The one that [`ENVIRONMENT`] names, or one that is made once in the target folder.
pub fn python_env() -> Result<PathBuf> {
    if let Some(given) = env::var_os(ENVIRONMENT) {
        let given = PathBuf::from(given);
        if !given.join("bin/python").exists() {
            bail!("{ENVIRONMENT} names {}, which has no bin/python", given.display());
        }
        return Ok(given);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).context("the project")?;
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target));
    let script = root.join("tests/fixtures/python/environment.py");
    let made =
        Command::new("python3").arg(script).arg(target.join("python")).output().context(
            "python3 could not be started; install it: sudo apt-get install python3-venv",
        )?;
    if !made.status.success() {
        bail!("the tests' Python packages: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    let place = String::from_utf8_lossy(&made.stdout).trim().to_owned();
    Ok(fs::canonicalize(place)?)
}
