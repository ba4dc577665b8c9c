use std::{fmt::Write as _, sync::Arc};

use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

use crate::{Connection, Engine};

/// A statement to bind values to.
pub(crate) type Bound = Query<'static, Any, AnyArguments>;

/// How many values one statement binds at most: enough that the statement itself costs little, and
/// far below what the engines take.
const VALUES: usize = 1_000;

/// Inserts rows, many with one statement. `into` is `INSERT INTO table (column, column)`; `bind` binds
/// the columns of a row in their order.
pub(crate) async fn insert<T>(
    connection: &mut Connection,
    into: &'static str,
    rows: &[T],
    bind: impl Fn(Bound, &T) -> Bound,
) -> Result<(), sqlx::Error> {
    let engine = Engine::of(connection);
    let most = (VALUES / columns(into)).min(rows.len()).max(1);
    let whole = sql(engine, into, most);
    for rows in rows.chunks(most) {
        let sql = if rows.len() == most { whole.clone() } else { sql(engine, into, rows.len()) };
        // Its text is of this crate, and values are bound.
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(rows.len() == most);
        rows.iter().fold(query, &bind).execute(&mut *connection).await?;
    }
    Ok(())
}

fn columns(into: &str) -> usize {
    into.matches(',').count() + 1
}

fn sql(engine: Engine, into: &str, rows: usize) -> Arc<str> {
    let columns = columns(into);
    let mut sql = format!("{into} VALUES ");
    for number in 0..rows * columns {
        sql.push_str(match (number, number % columns) {
            (0, _) => "(",
            (_, 0) => "), (",
            _ => ", ",
        });
        match engine {
            // Unnamed: sqlx asks SQLite for the name of each, which goes through all before it.
            Engine::Sqlite => sql.push('?'),
            Engine::Postgres => {
                // Writing to a String does not fail.
                let _ = write!(sql, "${}", number + 1);
            }
        }
    }
    sql.push(')');
    sql.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_every_row_has_its_place() {
        let into = "INSERT INTO t (a, b)";
        for (engine, rows, whole) in [
            (Engine::Sqlite, 1, "INSERT INTO t (a, b) VALUES (?, ?)"),
            (Engine::Sqlite, 2, "INSERT INTO t (a, b) VALUES (?, ?), (?, ?)"),
            (Engine::Postgres, 1, "INSERT INTO t (a, b) VALUES ($1, $2)"),
            (Engine::Postgres, 2, "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)"),
        ] {
            assert_eq!(&*sql(engine, into, rows), whole);
        }
    }
}
