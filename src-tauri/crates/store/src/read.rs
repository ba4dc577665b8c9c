use std::{fmt, str::FromStr};

use entente_domain::Timestamp;
use sqlx::{Row as _, any::AnyRow};

use crate::StoreError;

/// Reads a row of a table that has an `id`, and names both where the row is inconsistent.
pub(crate) struct Read<'a> {
    table: &'static str,
    id: String,
    row: &'a AnyRow,
}

impl<'a> Read<'a> {
    pub(crate) fn new(table: &'static str, row: &'a AnyRow) -> Result<Self, StoreError> {
        Ok(Self { table, id: row.try_get("id")?, row })
    }

    fn bad(&self, why: &dyn fmt::Display) -> StoreError {
        StoreError::inconsistent(self.table, &self.id)(why)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn some_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn number(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.row.try_get(column)?)
    }

    pub(crate) fn parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        column: &str,
    ) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|why| self.bad(&why))
    }

    pub(crate) fn some_parsed<T: FromStr<Err: fmt::Display>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        self.some_text(column)?.map(|text| text.parse()).transpose().map_err(|why| self.bad(&why))
    }

    pub(crate) fn checked<T, E: fmt::Display>(
        &self,
        column: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(&self.text(column)?).map_err(|why| self.bad(&why))
    }

    pub(crate) fn moment(&self, column: &str) -> Result<Timestamp, StoreError> {
        Timestamp::from_unix_millis(self.number(column)?).map_err(|why| self.bad(&why))
    }

    pub(crate) fn some_moment(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        let millis: Option<i64> = self.row.try_get(column)?;
        millis.map(Timestamp::from_unix_millis).transpose().map_err(|why| self.bad(&why))
    }
}

/// The ids in the column `id`.
pub(crate) fn ids<T: FromStr<Err: fmt::Display>>(
    table: &'static str,
    rows: &[AnyRow],
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| Read::new(table, row)?.parsed("id")).collect()
}
