//! One static configuration: a file, over it the environment, over it the flags.
//!
//! A setting is an argument with a variable in the environment; the file has it under the same name as
//! the flag. So there is one list of settings, and what the file says becomes the argument's default.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use toml::de::{DeTable, DeValue};
use url::Url;

/// Names the file in the environment.
pub(crate) const FILE_VARIABLE: &str = "ENTENTE_CONFIG";
/// Where the file is looked for if none is named.
const USUAL_FILE: &str = "/etc/entente/server.toml";
/// What is shown for a secret.
const HIDDEN: &str = "(hidden)";

/// The arguments, with what the file says where they and the environment say nothing.
pub(crate) struct Settings {
    pub(crate) matches: ArgMatches,
    command: Command,
    file: Option<File>,
}

/// What a file says: the values of each setting, and its line.
struct File {
    path: PathBuf,
    settings: BTreeMap<String, (Vec<String>, usize)>,
}

/// Reads arguments, environment and file.
pub(crate) fn read(command: Command, arguments: Vec<OsString>) -> Result<Settings> {
    let given = command.clone().get_matches_from(arguments.clone());
    let Some(mut file) = File::find(&given)? else {
        return Ok(Settings { matches: given, command, file: None });
    };
    file.check(&command)?;
    file.leave_to(&given);
    let command = file.defaults_of(command);
    let matches = command.clone().get_matches_from(arguments);
    Ok(Settings { matches, command, file: Some(file) })
}

/// A secret on a line of its own in a file, as systemd's credentials are.
pub(crate) fn read_secret(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("the secret in {} cannot be read", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl Settings {
    /// The settings of the command that was given, as a file with the same effect.
    pub(crate) fn effective(&self) -> String {
        let mut text = String::new();
        let Some((name, matches)) = self.matches.subcommand() else { return text };
        let Some(command) = self.command.find_subcommand(name) else { return text };
        for argument in self.command.get_arguments().chain(command.get_arguments()) {
            let Some(setting) = setting(argument).filter(|name| *name != "config") else {
                continue;
            };
            let Some(source) = self.source(setting, argument, matches) else {
                let _ = writeln!(text, "# {setting} is not set");
                continue;
            };
            let values = matches.get_raw(argument.get_id().as_str()).into_iter().flatten();
            let values: Vec<String> =
                values.map(|value| shown(argument, &value.to_string_lossy())).collect();
            let value = match &values[..] {
                [value] => value.clone(),
                values => format!("[{}]", values.join(", ")),
            };
            let _ = writeln!(text, "{setting} = {value} # {source}");
        }
        text
    }

    fn source(&self, setting: &str, argument: &Arg, matches: &ArgMatches) -> Option<String> {
        Some(match matches.value_source(argument.get_id().as_str())? {
            ValueSource::CommandLine => format!("--{setting}"),
            ValueSource::EnvVariable => argument.get_env()?.to_string_lossy().into_owned(),
            _ => match &self.file {
                Some(File { path, settings }) if settings.contains_key(setting) => {
                    format!("{}:{}", path.display(), settings.get(setting)?.1)
                }
                _ => "default".to_owned(),
            },
        })
    }
}

/// The name of an argument that is a setting.
fn setting(argument: &Arg) -> Option<&str> {
    argument.get_env().and(argument.get_long())
}

/// A value as the file would have it.
fn shown(argument: &Arg, value: &str) -> String {
    if argument.is_hide_env_values_set() {
        // The address of a database tells where it is; only the password in it is a secret.
        let known = Url::parse(value).ok().filter(|_| argument.get_id() == "database");
        let mut address = known.filter(|url| url.query().is_none());
        if let Some(address) = &mut address
            && address.password().is_some_and(|password| !password.is_empty())
        {
            let _ = address.set_password(Some("hidden"));
        }
        return format!("{:?}", address.map_or_else(|| HIDDEN.to_owned(), Into::into));
    }
    if value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok() {
        value.to_owned()
    } else {
        format!("{value:?}")
    }
}

impl File {
    fn find(given: &ArgMatches) -> Result<Option<Self>> {
        let named: Option<&PathBuf> = given.get_one("config");
        if named.is_none() && given.subcommand_name() == Some("demo") {
            // It stands for itself, whatever else is served on this machine.
            return Ok(None);
        }
        let path = named.map_or(Path::new(USUAL_FILE), PathBuf::as_path);
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(path.to_owned(), &text).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error)
                .with_context(|| format!("the settings in {} cannot be read", path.display())),
        }
    }

    fn parse(path: PathBuf, text: &str) -> Result<Self> {
        let line_of = |at: usize| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            // Not the error as a whole: it quotes the line, which may hold a password.
            anyhow::anyhow!("{}:{line}: {}", path.display(), error.message())
        })?;
        let mut settings = BTreeMap::new();
        for (name, value) in table.into_inner() {
            let line = line_of(name.span().start);
            let Some(values) = texts(value.get_ref()) else {
                bail!(
                    "{}:{line}: {} must be a text, a number, true, false, or a list of texts",
                    path.display(),
                    name.get_ref(),
                );
            };
            settings.insert(name.into_inner().into_owned(), (values, line));
        }
        Ok(Self { path, settings })
    }

    /// Refuses what is no setting, and values that a setting cannot have.
    fn check(&self, command: &Command) -> Result<()> {
        let mut known = BTreeMap::new();
        collect(command, &mut known);
        known.remove("config");
        for (name, (values, line)) in &self.settings {
            let place = format!("{}:{line}", self.path.display());
            let Some(argument) = known.get(name.as_str()) else {
                bail!("{place}: there is no setting {name}; `entente-server config` lists all");
            };
            let flag = format!("--{name}={}", values.join(","));
            let argument = Arg::clone(argument).env(None::<&str>);
            let checked = Command::new("settings").no_binary_name(true).arg(argument);
            if let Err(error) = checked.try_get_matches_from([flag]) {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                bail!("{place}: {}", first.strip_prefix("error: ").unwrap_or(first));
            }
        }
        Ok(())
    }

    /// Of a setting and its `-file` variant the file's gives way to one that is given elsewhere.
    fn leave_to(&mut self, given: &ArgMatches) {
        let matches = std::iter::successors(Some(given), |matches| Some(matches.subcommand()?.1));
        let Some(matches) = matches.last() else { return };
        self.settings.retain(|name, _| {
            let other = match name.strip_suffix("-file") {
                Some(other) => other.replace('-', "_"),
                None => format!("{}_file", name.replace('-', "_")),
            };
            let known = matches.try_contains_id(&other).is_ok();
            !(known
                && matches!(
                    matches.value_source(&other),
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                ))
        });
    }

    fn defaults_of(&self, command: Command) -> Command {
        command
            .mut_args(|argument| {
                let found = setting(&argument).and_then(|name| self.settings.get(name));
                match found.cloned() {
                    Some((values, _)) => argument.default_values(values),
                    None => argument,
                }
            })
            .mut_subcommands(|command| self.defaults_of(command))
    }
}

fn collect<'a>(command: &'a Command, into: &mut BTreeMap<&'a str, &'a Arg>) {
    for argument in command.get_arguments() {
        if let Some(name) = setting(argument) {
            into.entry(name).or_insert(argument);
        }
    }
    for command in command.get_subcommands() {
        collect(command, into);
    }
}

fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::String(text) => Some(vec![text.clone().into_owned()]),
        DeValue::Integer(number) => Some(vec![number.to_string()]),
        DeValue::Float(number) => Some(vec![number.to_string()]),
        DeValue::Boolean(value) => Some(vec![value.to_string()]),
        DeValue::Array(values) => values
            .iter()
            .map(|value| match value.get_ref() {
                DeValue::String(text) => Some(text.clone().into_owned()),
                _ => None,
            })
            .collect(),
        DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}
