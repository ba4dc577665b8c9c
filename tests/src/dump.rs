//! What a database holds, as text, past everything that the server makes of it.

use std::{collections::BTreeMap, fmt::Display};

use anyhow::{Context as _, Result};
use entente_store::{Engine, Store};
use sqlx::{Any, QueryBuilder, Row as _};

use crate::scene::Scene;

/// Tables that are of no workspace, or that hang on rows which no scene has.
const COMMON: &[&str] =
    &["_sqlx_migrations", "identity_provider_domains", "leases", "meta", "webhook_deliveries"];

/// The columns that tell of which scene a row is; the first one that a table has does.
const BELONGS: &[&str] =
    &["host_id", "workspace_id", "partnership_id", "account_id", "user_id", "recipient"];

/// The tables of a database, each with its columns.
#[derive(Debug)]
pub struct Tables<'a> {
    store: &'a Store,
    tables: BTreeMap<String, Vec<String>>,
}

impl<'a> Tables<'a> {
    /// Looks which there are.
    pub async fn of(store: &'a Store) -> Result<Self> {
        let columns = match store.engine() {
            Engine::Sqlite => {
                "SELECT t.name AS table_name, c.name AS column_name \
                 FROM sqlite_master t JOIN pragma_table_info(t.name) c \
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' ORDER BY t.name, c.cid"
            }
            Engine::Postgres => {
                "SELECT table_name::text AS table_name, column_name::text AS column_name \
                 FROM information_schema.columns WHERE table_schema = current_schema() \
                 ORDER BY table_name, ordinal_position"
            }
        };
        let mut connection = store.read().await?;
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in sqlx::query(columns).fetch_all(&mut *connection).await? {
            tables.entry(row.try_get("table_name")?).or_default().push(row.try_get("column_name")?);
        }
        Ok(Self { store, tables })
    }

    /// Every row of every table.
    pub async fn all(&self) -> Result<Vec<String>> {
        let selects = self.tables.keys().map(|table| self.select(table)).collect();
        self.read(selects).await
    }

    /// Every row that is of a scene. A table that does not say whose its rows are is an error.
    pub async fn of_scene(&self, scene: &Scene) -> Result<Vec<String>> {
        let mut selects = Vec::new();
        for (table, columns) in &self.tables {
            if COMMON.contains(&table.as_str()) {
                continue;
            }
            let column = if table == "workspaces" {
                Some(&"id")
            } else {
                BELONGS.iter().find(|column| columns.iter().any(|one| one == *column))
            };
            let column = column.with_context(|| format!("tell whose the rows of {table} are"))?;
            selects.push(format!("{} WHERE {}", self.select(table), belongs(column, scene)));
        }
        self.read(selects).await
    }

    /// `SELECT` of each row as one text that begins with the table's name.
    fn select(&self, table: &str) -> String {
        let row = match self.store.engine() {
            Engine::Sqlite => {
                let quoted = self.tables[table].iter().map(|column| format!("quote({column})"));
                quoted.collect::<Vec<_>>().join(" || ' ' || ")
            }
            Engine::Postgres => format!("{table}::text"),
        };
        format!("SELECT '{table} ' || {row} AS line FROM {table}")
    }

    async fn read(&self, selects: Vec<String>) -> Result<Vec<String>> {
        let mut query = QueryBuilder::<Any>::new(selects.join(" UNION ALL "));
        let rows = query.build().fetch_all(&mut *self.store.read().await?).await?;
        let lines = rows.iter().map(|row| row.try_get("line"));
        let mut lines = lines.collect::<Result<Vec<String>, _>>()?;
        lines.sort_unstable();
        Ok(lines)
    }
}

fn belongs(column: &str, scene: &Scene) -> String {
    fn one_of<T: Display>(ids: impl IntoIterator<Item = T>) -> String {
        let ids = ids.into_iter().map(|id| format!("'{id}'"));
        format!("({})", ids.collect::<Vec<_>>().join(", "))
    }
    let workspaces = one_of([scene.host.id, scene.guest.id, scene.elsewhere.id]);
    match column {
        "partnership_id" => {
            let of_host = format!("SELECT id FROM partnerships WHERE host_id IN {workspaces}");
            format!("partnership_id IN ({of_host})")
        }
        "account_id" => format!("account_id IN {}", one_of([scene.account, scene.other_account])),
        "user_id" => {
            format!("user_id IN {}", one_of(scene.people.iter().map(|one| one.user.id)))
        }
        "recipient" => {
            let at = |slug: &str| format!("recipient LIKE '%@{slug}.example'");
            format!("({} OR {})", at(&scene.host.slug), at(&scene.guest.slug))
        }
        _ => format!("{column} IN {workspaces}"),
    }
}
