//! What the vault has sealed, wherever it is kept, so that it can be sealed again under another key.

use sqlx::{AssertSqlSafe, Row as _};

use crate::{Connection, StoreError};

/// Where sealed texts are kept. Each has the id of its key beside it, in the column `key_id`.
#[derive(Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// Its table.
    pub table: &'static str,
    /// What the place begins with that a text is sealed for; the values of `keys` follow, parted by
    /// slashes.
    pub place: &'static str,
    /// The columns of the table's primary key.
    pub keys: &'static [&'static str],
    /// The column with the sealed text.
    pub sealed: &'static str,
}

/// All that is sealed: a table that keeps something sealed has its line here.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "secrets",
        place: "secret",
        keys: &["account_id", "secret_type"],
        sealed: "sealed",
    },
    SealedColumn {
        table: "idempotent_answers",
        place: "answer",
        keys: &["user_id", "idempotency_key"],
        sealed: "body",
    },
    SealedColumn { table: "webhooks", place: "webhook", keys: &["id"], sealed: "sealed" },
    SealedColumn {
        table: "identity_providers",
        place: "identity-provider",
        keys: &["id"],
        sealed: "sealed",
    },
    SealedColumn { table: "sessions", place: "session", keys: &["id"], sealed: "sealed" },
];

/// One sealed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRow {
    /// The values of the table's primary key.
    pub keys: Vec<String>,
    /// The id of the key that sealed it.
    pub key_id: String,
    /// The sealed bytes, as text.
    pub sealed: String,
}

impl SealedColumn {
    /// The place that a text was sealed for.
    #[must_use]
    pub fn place_of(&self, row: &SealedRow) -> String {
        format!("{}/{}", self.place, row.keys.join("/"))
    }

    /// Some texts that another key than this one has sealed.
    pub async fn not_under(
        &self,
        connection: &mut Connection,
        key_id: &str,
        most: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let text = format!(
            "SELECT {}, key_id, {} FROM {} WHERE key_id <> $1 LIMIT $2",
            self.keys.join(", "),
            self.sealed,
            self.table,
        );
        let rows =
            sqlx::query(AssertSqlSafe(text)).bind(key_id).bind(most).fetch_all(connection).await?;
        rows.iter()
            .map(|row| {
                let keys = self.keys.iter().map(|column| row.try_get(*column));
                Ok(SealedRow {
                    keys: keys.collect::<Result<_, _>>()?,
                    key_id: row.try_get("key_id")?,
                    sealed: row.try_get(self.sealed)?,
                })
            })
            .collect()
    }

    /// Keeps a text as another key has sealed it; false if it was changed meanwhile.
    pub async fn replace(
        &self,
        connection: &mut Connection,
        row: &SealedRow,
        key_id: &str,
        sealed: &str,
    ) -> Result<bool, StoreError> {
        let keys = self.keys.iter().zip(4..);
        let keys: String = keys.map(|(column, at)| format!(" AND {column} = ${at}")).collect();
        let text = format!(
            "UPDATE {} SET key_id = $1, {column} = $2 WHERE {column} = $3{keys}",
            self.table,
            column = self.sealed,
        );
        let mut query =
            sqlx::query(AssertSqlSafe(text)).bind(key_id).bind(sealed).bind(&row.sealed);
        for key in &row.keys {
            query = query.bind(key);
        }
        Ok(query.execute(connection).await?.rows_affected() == 1)
    }

    /// How many texts each key has sealed.
    pub async fn counts(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<(String, i64)>, StoreError> {
        let text = format!(
            "SELECT key_id, COUNT(*) AS texts FROM {} WHERE key_id IS NOT NULL \
             GROUP BY key_id ORDER BY key_id",
            self.table,
        );
        let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(connection).await?;
        rows.iter().map(|row| Ok((row.try_get("key_id")?, row.try_get("texts")?))).collect()
    }
}
