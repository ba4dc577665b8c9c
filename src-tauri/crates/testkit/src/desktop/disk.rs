//! A small disk of its own, which can be full or not be written.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

/// A small file system, mounted at a folder until this is dropped. Mounting is root's: without root,
/// `sudo` must need no password.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts a new one at a folder, with room for so many MiB.
    pub fn mount(at: &Path, mebibytes: u32) -> Result<Self> {
        fs::create_dir_all(at)?;
        let owner = output(Command::new("id").arg("-u"))?;
        let options = format!("size={mebibytes}m,mode=700,uid={owner}");
        as_root(&["mount", "-t", "tmpfs", "-o", &options, "entente-test"], at)?;
        Ok(Self { at: at.into() })
    }

    /// Makes a folder with all that is in it a disk that cannot be written, until this is dropped.
    pub fn protect(at: &Path) -> Result<Self> {
        let text = at.to_str().context("a folder in UTF-8")?;
        as_root(&["mount", "--bind", text], at)?;
        let disk = Self { at: at.into() };
        as_root(&["mount", "-o", "remount,bind,ro"], at)?;
        ensure!(fs::write(at.join("probe"), "x").is_err(), "it can be written all the same");
        Ok(disk)
    }

    /// Takes all the room that is left.
    pub fn fill(&self) -> Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.filling())?;
        let mut piece = vec![7; 64 * 1024];
        while !piece.is_empty() {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives it back.
    pub fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filling())?)
    }

    fn filling(&self) -> PathBuf {
        self.at.join("filling")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who has a file open there keeps it until they close it.
        let _ = as_root(&["umount", "--lazy"], &self.at);
    }
}

fn as_root(words: &[&str], at: &Path) -> Result<()> {
    let is_root = output(Command::new("id").arg("-u"))? == "0";
    let sudo: &[&str] = if is_root { &[] } else { &["sudo", "-n"] };
    let mut all = sudo.iter().chain(words);
    let program = all.next().context("a program")?;
    output(Command::new(program).args(all).arg(at)).map(drop)
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?} could not be started"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
