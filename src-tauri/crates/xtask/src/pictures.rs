//! A picture of every screen and state of the window, light and dark, large and small: the tour of the
//! desktop tests, which keeps them on its way.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::{
    packages::{self, BUILD, DESKTOP, DRIVE},
    shell::{command, output, root, run as run_command, say, target},
    tools::NEXTEST,
    ui,
};

#[derive(Args)]
pub struct Pictures {
    /// Where they go; target/pictures if not named.
    #[arg(long)]
    to: Option<PathBuf>,
    /// Also renew those that the README shows.
    #[arg(long)]
    readme: bool,
}

/// What the README shows: where it is in the folder of pictures, its name there.
const README: [(&str, &str, &str); 4] = [
    ("light-1280x800", "review", "review-light.png"),
    ("dark-1280x800", "partner-accounts", "accounts-dark.png"),
    ("light-1280x800", "activity", "activity-light.png"),
    ("dark-1280x800", "remove-partner", "remove-dark.png"),
];
/// More is too much for a README.
const MOST: u64 = 300 * 1024;

pub fn run(arguments: &Pictures) -> Result<()> {
    for packages in [BUILD, DESKTOP, DRIVE] {
        packages::need(packages)?;
    }
    ui::build()?;
    let nextest = NEXTEST.get()?;
    say("Building the program");
    run_command(command(env!("CARGO")).args([
        "build",
        "--quiet",
        "--package",
        "entente",
        "--bins",
    ]))?;
    let to = arguments.to.clone().unwrap_or_else(|| target().join("pictures"));
    let to = std::path::absolute(to)?;
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(&to)?;
    say("Going through every screen of the window");
    let mut tour = command(nextest);
    tour.args([
        "nextest",
        "run",
        "--workspace",
        "--cargo-quiet",
        "-E",
        "binary(desktop) & test(/^tour::/)",
    ]);
    let toured = run_command(tour.env("ENTENTE_PICTURES", &to));
    let count = fs::read_dir(&to)?.flatten().filter_map(|folder| fs::read_dir(folder.path()).ok());
    println!("{} pictures are in {}", count.map(Iterator::count).sum::<usize>(), to.display());
    toured?;
    if arguments.readme { renew(&to) } else { Ok(()) }
}

fn renew(pictures: &Path) -> Result<()> {
    let shown = root().join("ui/pictures");
    fs::create_dir_all(&shown)?;
    for (folder, name, file) in README {
        let from = find(&pictures.join(folder), name)?;
        let to = shown.join(file);
        // Text on plain ground: a palette loses nothing that an eye sees.
        let mut shrink = command("convert");
        shrink.arg(&from).args(["-strip", "-colors", "256", "-define", "png:compression-level=9"]);
        output(shrink.arg(&to)).context("convert is part of the package imagemagick")?;
        let size = fs::metadata(&to)?.len();
        ensure!(size <= MOST, "{file} has {size} bytes");
        println!("{}: {} KiB", to.display(), size / 1024);
    }
    Ok(())
}

/// The picture of a place; its number may change.
fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let is = |path: &PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.and_then(|stem| stem.split_once('-')).is_some_and(|(_, rest)| rest == name)
    };
    let found = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).find(is);
    found.with_context(|| format!("there is no picture of {name}"))
}
