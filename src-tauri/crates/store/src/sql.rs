use std::fmt::{Display, Write as _};

use serde::de::DeserializeOwned;
use sqlx::{Any, AssertSqlSafe, Row as _, any::AnyArguments, query::Query};

use crate::{Connection, Engine, StoreError};

/// A statement that is put together from parts.
///
/// As sqlx's `QueryBuilder`, which writes `?` for a value where the engine is not known: PostgreSQL
/// does not take that.
#[derive(Debug)]
pub(crate) struct Statement {
    text: String,
    values: Vec<Value>,
}

/// What a statement can be given.
#[derive(Debug)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl Statement {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Adds text, which is never from outside.
    pub(crate) fn push(&mut self, text: impl Display) -> &mut Self {
        let _ = write!(self.text, "{text}");
        self
    }

    /// Adds a value.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.push(format_args!("${}", self.values.len()))
    }

    /// Adds values, parted by commas.
    pub(crate) fn push_list(
        &mut self,
        values: impl IntoIterator<Item = impl Into<Value>>,
    ) -> &mut Self {
        for (position, value) in values.into_iter().enumerate() {
            if position > 0 {
                self.push(", ");
            }
            self.push_bind(value);
        }
        self
    }

    /// Adds that a column has one of some ids; false if there are none. However many there are, they are
    /// one value: thousands of parameters take longer than the rows.
    fn push_in(&mut self, engine: Engine, column: &'static str, ids: &[String]) -> bool {
        if ids.is_empty() {
            return false;
        }
        self.push(column);
        if let [id] = ids {
            self.push(" = ").push_bind(id.as_str());
            return true;
        }
        let ids = serde_json::Value::from(ids).to_string();
        match engine {
            Engine::Sqlite => {
                self.push(" IN (SELECT value FROM json_each(").push_bind(ids).push("))");
            }
            Engine::Postgres => {
                self.push(" = ANY (ARRAY (SELECT json_array_elements_text(");
                self.push_bind(ids).push("::json)))");
            }
        }
        true
    }

    /// Ends with a page of rows by their ids: after one, or after so many rows.
    pub(crate) fn page(
        mut self,
        id: &str,
        after: Option<impl Display>,
        offset: u64,
        most: u32,
    ) -> Self {
        if let Some(after) = after {
            self.push(" AND ").push(id).push(" > ").push_bind(after.to_string());
        }
        self.push(" ORDER BY ").push(id).limit(offset, most);
        self
    }

    /// No more than so many rows, after so many.
    pub(crate) fn limit(&mut self, offset: u64, most: u32) -> &mut Self {
        self.push(" LIMIT ").push_bind(i64::from(most));
        self.push(" OFFSET ").push_bind(i64::try_from(offset).unwrap_or(i64::MAX))
    }

    pub(crate) fn build(self) -> Query<'static, Any, AnyArguments> {
        let query = sqlx::query(AssertSqlSafe(self.text));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        })
    }
}

/// `SELECT ...` of the rows that have one of some ids in a column; none if there is nothing to ask for.
pub(crate) fn select_in(
    connection: &Connection,
    select: &'static str,
    column: &'static str,
    ids: impl Iterator<Item = String>,
) -> Option<Statement> {
    let mut query = Statement::new(select);
    let ids: Vec<String> = ids.collect();
    query.push_in(Engine::of(connection), column, &ids).then_some(query)
}

/// The rows of a table that have one of some ids in a column, each as its columns, in no order.
///
/// They come as one text: sqlx hands rows of SQLite over from a thread of its own, one by one, which
/// takes several times as long as reading them.
pub(crate) async fn rows_in<T: DeserializeOwned>(
    connection: &mut Connection,
    columns: &'static str,
    table: &'static str,
    column: &'static str,
    ids: Vec<String>,
) -> Result<Vec<T>, StoreError> {
    let engine = Engine::of(connection);
    let (begin, end) = match engine {
        Engine::Sqlite => ("json_group_array(json_array(", "))"),
        Engine::Postgres => ("CAST(COALESCE(json_agg(json_build_array(", ")), '[]') AS TEXT)"),
    };
    let mut query = Statement::new("SELECT ");
    query.push(begin).push(columns).push(end).push(" AS found FROM ").push(table).push(" WHERE ");
    if !query.push_in(engine, column, &ids) {
        return Ok(Vec::new());
    }
    let found: String = query.build().fetch_one(connection).await?.try_get("found")?;
    serde_json::from_str(&found).map_err(|why| StoreError::inconsistent(table, "a row")(&why))
}

/// How many rows there are of what is added, from `FROM` on.
pub(crate) async fn count(
    connection: &mut Connection,
    of: impl FnOnce(&mut Statement),
) -> Result<u64, StoreError> {
    let mut query = Statement::new("SELECT COUNT(*) AS n");
    of(&mut query);
    let total: i64 = query.build().fetch_one(connection).await?.try_get("n")?;
    Ok(u64::try_from(total).unwrap_or(0))
}
