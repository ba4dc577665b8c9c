//! Statements with their values, as PostgreSQL logs them.

use anyhow::{Context as _, Result, bail, ensure};

/// A statement that was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The process of PostgreSQL that ran it: one for each connection.
    backend: u32,
    pub text: String,
    /// What `$1` and so on stood for.
    pub values: Vec<Option<String>>,
}

/// The statements of a log, in their order.
pub fn read(log: &str) -> Result<Vec<Statement>> {
    let mut statements: Vec<Statement> = Vec::new();
    for record in records(log) {
        // `2026-11-25 04:10:00.000 UTC [4711] LOG:  execute sqlx_s_1: SELECT ...`
        let Some((head, said)) = record.split_once("] ") else { continue };
        let backend = head.rsplit('[').next().and_then(|number| number.parse().ok());
        let backend = backend.with_context(|| format!("a process in {head}"))?;
        if let Some(statement) = said.strip_prefix("LOG:  execute ") {
            let (_, text) = statement.split_once(": ").context("a statement's name")?;
            statements.push(Statement { backend, text: text.to_owned(), values: Vec::new() });
        } else if let Some(text) = said.strip_prefix("LOG:  statement: ") {
            statements.push(Statement { backend, text: text.to_owned(), values: Vec::new() });
        } else if let Some((_, list)) = said.split_once("arameters: ")
            && said.starts_with("DETAIL:  ")
        {
            let last = statements.iter_mut().rev().find(|last| last.backend == backend);
            last.context("values of no statement")?.values = values(list)?;
        }
    }
    Ok(statements)
}

/// What begins at a line that begins with a date; later lines of one are set in.
fn records(log: &str) -> Vec<String> {
    let mut records: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), records.last_mut()) {
            (Some(more), Some(last)) => {
                last.push('\n');
                last.push_str(more);
            }
            _ => records.push(line.to_owned()),
        }
    }
    records
}

/// `$1 = 'it''s', $2 = NULL`
fn values(list: &str) -> Result<Vec<Option<String>>> {
    let mut values = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let (_, value) = rest.split_once(" = ").context("a value")?;
        if let Some(after) = value.strip_prefix("NULL") {
            values.push(None);
            rest = after.strip_prefix(", ").unwrap_or(after);
            continue;
        }
        let mut text = String::new();
        let mut quoted = value.strip_prefix('\'').context("a quote")?;
        loop {
            let (part, after) = quoted.split_once('\'').context("the other quote")?;
            text.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    text.push('\'');
                    quoted = more;
                }
                None => {
                    rest = after.strip_prefix(", ").unwrap_or(after);
                    break;
                }
            }
        }
        values.push(Some(text));
    }
    Ok(values)
}

/// Those that answer the requests of one story: who asks is looked up, and then there is a transaction.
/// What else the server did meanwhile is left out.
pub fn of_story(statements: Vec<Statement>) -> Result<Vec<Statement>> {
    let mut story = Vec::new();
    let is_begin = |text: &str| text.starts_with("BEGIN ISOLATION LEVEL");
    let who = |statement: &&Statement| statement.text.contains("WHERE k.hash = ");
    let mut begins: Vec<usize> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        if is_begin(&statement.text) {
            begins.push(index);
        }
    }
    for begin in begins {
        let backend = statements[begin].backend;
        let mut transaction = Vec::new();
        for statement in &statements[begin..] {
            if statement.backend == backend {
                transaction.push(statement.clone());
                if statement.text == "COMMIT" {
                    break;
                }
            }
        }
        let decides = |statement: &Statement| statement.text.starts_with("INSERT INTO transitions");
        if !transaction.iter().any(decides) {
            continue;
        }
        let asked = transaction.iter().find(who).context("who asks, in the transaction")?;
        story.push(Statement { backend, ..asked.clone() });
        story.extend(transaction);
    }
    let commits = story.iter().filter(|statement| statement.text == "COMMIT").count();
    ensure!(commits == 3, "a story has 3 transactions, not {commits}");
    if story.iter().any(|statement| statement.text == "ROLLBACK") {
        bail!("a transaction of the story was taken back");
    }
    Ok(story)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_as_postgres_writes_it() {
        let log = "2026-11-25 04:10:00.000 UTC [7] LOG:  statement: BEGIN\n\
             2026-11-25 04:10:00.000 UTC [8] LOG:  execute sqlx_s_2: SELECT 1 WHERE $1 = $2\n\
             2026-11-25 04:10:00.000 UTC [8] DETAIL:  Parameters: $1 = 'it''s, $2 = ''x''', $2 = NULL\n\
             2026-11-25 04:10:00.001 UTC [7] LOG:  execute <unnamed>: INSERT INTO t VALUES ($1)\n\
             2026-11-25 04:10:00.001 UTC [7] DETAIL:  Parameters: $1 = 'two\n\tlines'\n\
             2026-11-25 04:10:00.002 UTC [9] LOG:  checkpoint starting: time\n";
        let read = read(log).expect("a log");
        let texts: Vec<(u32, &str)> =
            read.iter().map(|read| (read.backend, read.text.as_str())).collect();
        assert_eq!(
            texts,
            [(7, "BEGIN"), (8, "SELECT 1 WHERE $1 = $2"), (7, "INSERT INTO t VALUES ($1)")]
        );
        assert_eq!(read[1].values, [Some("it's, $2 = 'x'".to_owned()), None]);
        assert_eq!(read[2].values, [Some("two\nlines".to_owned())]);
    }
}
