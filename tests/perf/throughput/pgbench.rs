//! The same statements, run by pgbench.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use entente_store::Store;
use entente_testkit::Database;
use tempfile::TempDir;
use uuid::Uuid;

use super::statements::Statement;
use crate::site::Site;

/// Statements in which what differs from story to story is told from what does not.
pub struct Script {
    statements: Vec<Statement>,
    /// Values, and what stands for them.
    marks: Vec<(String, Mark)>,
}

/// On what a value depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    number: usize,
    variable: &'static str,
}

impl Mark {
    /// As an expression: a text in the form of an id.
    fn expression(self) -> String {
        format!("({} || lpad(:{}::text, 12, '0'))", literal(&self.stem()), self.variable)
    }

    fn stem(self) -> String {
        format!("{:08}-0000-7000-8000-", self.number)
    }
}

impl Script {
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { statements, marks: Vec::new() }
    }

    /// A value that every writer has another one for.
    pub fn each_writer(self, value: &str) -> Self {
        self.mark(value, "client_id")
    }

    /// A value that every story has another one for.
    pub fn each_story(self, value: &str) -> Self {
        self.mark(value, "story")
    }

    fn mark(mut self, value: &str, variable: &'static str) -> Self {
        let number = self.marks.len();
        self.marks.push((value.to_owned(), Mark { number, variable }));
        self
    }

    /// Ids that nobody named are of rows that are added: every story has its own.
    fn mark_new(mut self) -> Self {
        let values = self.statements.iter().flat_map(|statement| &statement.values);
        let ids: Vec<String> =
            values.flatten().filter(|value| Uuid::parse_str(value).is_ok()).cloned().collect();
        for id in ids {
            if !self.marks.iter().any(|(known, _)| *known == id) {
                self = self.each_story(&id);
            }
        }
        self
    }

    /// As pgbench takes it.
    fn text(&self) -> Result<String> {
        let mut script = String::from("\\set number :number + 1\n");
        script.push_str("\\set story :client_id * 1000000 + :number\n");
        for statement in &self.statements {
            // Several at once are one message of the server's, and several of pgbench's.
            for text in statement.text.split("; ") {
                script.push_str(&self.filled(text, &statement.values)?);
                script.push_str(";\n");
            }
        }
        Ok(script)
    }

    fn filled(&self, text: &str, values: &[Option<String>]) -> Result<String> {
        let mut filled = String::new();
        let mut parts = text.split('$');
        filled.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = part[..digits].parse().context("a value's number")?;
            let value = values.get(number - 1).context("a value")?;
            filled.push_str(&value.as_ref().map_or("NULL".to_owned(), |value| self.value(value)));
            filled.push_str(&part[digits..]);
        }
        Ok(filled)
    }

    fn value(&self, value: &str) -> String {
        // What is long is a mail or an answer, of which no two must differ.
        let mark =
            self.marks.iter().find(|(marked, _)| value.len() < 300 && value.contains(marked));
        let Some((marked, mark)) = mark else { return literal(value) };
        let (before, after) = value.split_once(marked.as_str()).unwrap_or((value, ""));
        match (before.is_empty(), after.is_empty()) {
            (true, true) => mark.expression(),
            _ => format!("({} || {} || {})", literal(before), mark.expression(), self.value(after)),
        }
    }
}

/// pgbench takes a colon for a variable, in texts too.
fn literal(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\072");
    format!("E'{}'", text.replace('\n', "\\n"))
}

/// pgbench on a database of its own, in the same cluster.
pub struct Pgbench {
    program: std::path::PathBuf,
    database: Database,
    directory: TempDir,
    writers: usize,
}

impl Pgbench {
    /// Makes the people whom the statements are about, for so many stories of each writer.
    pub async fn new(site: &Site, script: Script, writers: usize, stories: usize) -> Result<Self> {
        let database = site.another_database()?;
        Store::migrate(&database.url()).await?;
        let script = script.mark_new();
        database.session()?.run(&people(&script, writers, stories))?;
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("story.sql"), script.text()?)?;
        let program = site.binaries()?.join("pgbench");
        Ok(Self { program, database, directory, writers })
    }

    /// Runs so many stories of each writer; gives how many there were in a second.
    pub fn run(&self, stories: usize) -> Result<f64> {
        self.database.session()?.run("VACUUM ANALYZE; CHECKPOINT;")?;
        let done = self.done()?;
        let mut pgbench = Command::new(&self.program);
        pgbench.args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2"]);
        pgbench.args([
            "--client",
            &self.writers.to_string(),
            "--transactions",
            &stories.to_string(),
        ]);
        // Goes on where the last run ended.
        pgbench.arg(format!("--define=number={}", done / self.writers));
        pgbench.arg("--file").arg(self.directory.path().join("story.sql"));
        let output = pgbench.arg(self.database.url()).output().context("pgbench")?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
        }
        let accepted = self.done()? - done;
        ensure!(accepted == self.writers * stories, "{accepted} stories were told to their end");
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = rate.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        rate.with_context(|| format!("pgbench says: {said}"))
    }

    /// How many partnerships are active.
    fn done(&self) -> Result<usize> {
        let count = "SELECT count(*) FROM partnerships WHERE state = 'active';";
        Ok(self.database.session()?.run(count)?.parse()?)
    }
}

/// The rows that must be there: workspaces, users and keys of hosts, and of guests.
fn people(script: &Script, writers: usize, stories: usize) -> String {
    let stem = |number: usize| literal(&script.marks[number].1.stem());
    let id = |number: usize| format!("{} || lpad(n::text, 12, '0')", stem(number));
    let hosts = format!("generate_series(0, {writers} - 1) n");
    let guests = format!(
        "(SELECT w * 1000000 + s AS n FROM generate_series(0, {writers} - 1) w, \
         generate_series(1, {stories}) s) numbers"
    );
    let workspace = |workspace: usize, of: &str| {
        format!(
            "INSERT INTO workspaces (id, name, slug, created_at, folded_name) \
             SELECT {0}, 'Workspace ' || n, {0}, 0, 'workspace ' || n FROM {of};",
            id(workspace)
        )
    };
    let user = |user: usize, key: usize, workspace: usize, role: &str, of: &str| {
        let scopes = entente_server::SCOPES.join(" ");
        format!(
            "INSERT INTO users (id, workspace_id, email, name, role, status, created_at, updated_at, \
             folded_email, folded_name) SELECT {0}, {1}, {0} || '@x.example', 'User ' || n, '{role}', \
             'live', 0, 0, {0} || '@x.example', 'user ' || n FROM {of}; \
             INSERT INTO api_keys (id, user_id, name, hash, scopes, created_at) \
             SELECT {0}, {0}, 'Measured', {2}, '{scopes}', 0 FROM {of};",
            id(user),
            id(workspace),
            id(key)
        )
    };
    // In the order in which they were marked.
    [
        workspace(0, &hosts),
        user(1, 3, 0, "user", &hosts),
        user(2, 4, 0, "workspace_admin", &hosts),
        workspace(5, &guests),
        user(6, 7, 5, "workspace_admin", &guests),
    ]
    .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_becomes_an_expression() {
        let script = Script::new(Vec::new()).each_writer("host").each_story("guest");
        assert_eq!(
            script.value("host"),
            "(E'00000000-0000-7000-8000-' || lpad(:client_id::text, 12, '0'))"
        );
        let cause = script.value("a:guest/1");
        assert_eq!(
            cause,
            "(E'a\\072' || (E'00000001-0000-7000-8000-' || lpad(:story::text, 12, '0')) || E'/1')"
        );
        let filled = script.filled("VALUES ($2, $1)", &[None, Some("it's".to_owned())]);
        assert_eq!(filled.expect("filled"), "VALUES (E'it''s', NULL)");
    }
}
