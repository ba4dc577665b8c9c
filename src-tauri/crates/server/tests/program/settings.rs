//! File, environment and flags.

use std::{fs, path::Path, process::Command};

use crate::PROGRAM;

/// What `config` prints with a file, the environment and flags.
fn config(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<String, String> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("server.toml");
    fs::write(&path, file).expect("written");
    config_at(&path, environment, flags)
}

fn config_at(path: &Path, environment: &[(&str, &str)], flags: &[&str]) -> Result<String, String> {
    let output = Command::new(PROGRAM)
        .arg("config")
        .args(flags)
        .env("ENTENTE_CONFIG", path)
        .envs(environment.iter().copied())
        .output()
        .expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn line<'a>(shown: &'a str, setting: &str) -> &'a str {
    let begins = format!("{setting} = ");
    shown.lines().find(|line| line.starts_with(&begins)).unwrap_or_default()
}

#[test]
fn a_flag_overrides_the_environment_and_that_the_file() {
    let file = "listen = '127.0.0.1:1'\nsmtp-port = 1\n# more\ndecision-days = 1\n";
    let environment = [("ENTENTE_LISTEN", "127.0.0.1:2"), ("ENTENTE_SMTP_PORT", "2")];
    let shown = config(file, &environment, &["--listen", "127.0.0.1:3"]).expect("settings");
    assert_eq!(line(&shown, "listen"), "listen = \"127.0.0.1:3\" # --listen");
    assert_eq!(line(&shown, "smtp-port"), "smtp-port = 2 # ENTENTE_SMTP_PORT");
    assert!(line(&shown, "decision-days").starts_with("decision-days = 1 # "), "{shown}");
    assert!(line(&shown, "decision-days").ends_with("server.toml:4"), "{shown}");
    assert_eq!(line(&shown, "smtp-tls"), "smtp-tls = \"starttls\" # default");
}

#[test]
fn every_setting_has_one_name_and_what_is_shown_can_be_a_file() {
    let shown = config("", &[], &["--data", "/srv/x"]).expect("settings");
    assert!(shown.lines().count() > 15, "{shown}");
    let again = config(&shown, &[], &[]).expect("a file");
    let values = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(values(&shown), values(&again));
    let help = Command::new(PROGRAM).args(["serve", "--help"]).output().expect("it runs");
    let help = String::from_utf8_lossy(&help.stdout);
    for line in shown.lines() {
        let name = line.trim_start_matches("# ").split(' ').next().unwrap_or_default();
        assert!(help.contains(&format!("--{name} ")), "{name} is a flag");
        let variable = format!("ENTENTE_{}", name.replace('-', "_").to_uppercase());
        assert!(help.contains(&format!("[env: {variable}")), "{variable} is a variable");
    }
}

#[test]
fn what_a_file_cannot_say_is_refused_with_its_line() {
    for (file, said) in [
        ("\nlistn = 1", "server.toml:2: there is no setting listn"),
        ("listen = 'nowhere'", "server.toml:1: invalid value 'nowhere'"),
        ("\n\nsmtp-port = 70000", "server.toml:3: invalid value '70000'"),
        ("smtp-port = 1\nsmtp-port = 2", "server.toml:2: duplicate key"),
        ("[smtp]\nhost = 'x'", "server.toml:1: smtp must be a text"),
        ("config = 'other.toml'", "server.toml:1: there is no setting config"),
        ("log = '[['", "the setting log cannot be"),
    ] {
        let error = config(file, &[], &[]).expect_err("refused");
        assert!(error.contains(said), "{file:?}: {error}");
    }
    let error = config_at(Path::new("/nonexistent/server.toml"), &[], &[]).expect_err("refused");
    assert!(error.contains("/nonexistent/server.toml cannot be read"), "{error}");
}

#[test]
fn a_secret_is_never_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("database");
    fs::write(&database, "postgres://entente:hunter2@db.example/entente\n").expect("written");
    let file = "smtp-password = 'hunter2'\nsmtp-host = 'mail.example'";
    let environment = [("ENTENTE_DATABASE", "postgres://entente:hunter2@db.example/entente")];
    let shown = config(file, &environment, &[]).expect("settings");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(line(&shown, "database").contains("entente:hidden@db.example"), "{shown}");
    assert!(line(&shown, "smtp-password").contains("(hidden)"), "{shown}");
    // In the query of an address it could be anywhere.
    let environment = [("ENTENTE_DATABASE", "postgres://db.example/e?password=hunter2")];
    let shown = config("", &environment, &[]).expect("settings");
    assert!(line(&shown, "database").contains("(hidden)"), "{shown}");
    // Nor in the words about a file that cannot be read.
    let error = config("smtp-password = hunter2", &[], &[]).expect_err("not quoted");
    assert!(!error.contains("hunter2"), "{error}");
    let help = Command::new(PROGRAM)
        .args(["serve", "--help"])
        .env("ENTENTE_DATABASE", "postgres://entente:hunter2@db.example/entente")
        .env("ENTENTE_SMTP_PASSWORD", "hunter2")
        .output()
        .expect("it runs");
    assert!(!String::from_utf8_lossy(&help.stdout).contains("hunter2"));
}

#[test]
fn a_secret_can_be_in_a_file_of_its_own() {
    let directory = tempfile::tempdir().expect("a directory");
    let database = directory.path().join("database");
    let url = format!("sqlite://{}", directory.path().join("mine.db").display());
    fs::write(&database, format!("{url}\n")).expect("written");
    let run = |environment: &[(&str, &str)]| {
        Command::new(PROGRAM)
            .args(["workspace", "create", "--name", "Globex", "--data"])
            .arg(directory.path())
            .env("ENTENTE_DATABASE_FILE", &database)
            .envs(environment.iter().copied())
            .output()
            .expect("it runs")
    };
    assert!(run(&[]).status.success());
    assert!(directory.path().join("mine.db").exists());
    assert!(!directory.path().join("entente.db").exists());
    let both = run(&[("ENTENTE_DATABASE", url.as_str())]);
    assert!(!both.status.success());
    assert!(String::from_utf8_lossy(&both.stderr).contains("keep one"));
    // What the file says gives way to the other variant from the environment.
    let file =
        format!("database = 'postgres://nobody@127.0.0.1:1/x'\ndata = {:?}", directory.path());
    let path = directory.path().join("server.toml");
    fs::write(&path, file).expect("written");
    assert!(run(&[("ENTENTE_CONFIG", &path.to_string_lossy())]).status.success());
}
