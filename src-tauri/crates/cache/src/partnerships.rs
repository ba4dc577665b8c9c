//! What the cache keeps of partnerships, and how their list is read.

use std::collections::{BTreeMap, BTreeSet};

use entente_domain::{PartnershipId, Side, StateName, Timestamp, WorkspaceId};
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use tokio::sync::Mutex;

use crate::{
    Applied, CacheError, PartnershipRecord, Record,
    order::{Facet, Order, moves, place_of},
    search::{fts_query, push_words, words},
};

/// The part of the schema that is here. `texts` has the parts of each row's search key and its facet;
/// `tallies` has how many rows each facet has, so that nobody counts them.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE partnerships (
        rowid INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        partner_id TEXT NOT NULL,
        name_key TEXT NOT NULL,
        search_key TEXT NOT NULL,
        facet TEXT NOT NULL,
        holds_pair INTEGER NOT NULL,
        awaits_me INTEGER NOT NULL,
        awaiting_since INTEGER,
        version INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        doc TEXT NOT NULL
    );
    CREATE INDEX partnerships_by_name ON partnerships (name_key, id, facet);
    CREATE INDEX partnerships_by_facet ON partnerships (facet, name_key, id);
    CREATE INDEX partnerships_by_partner ON partnerships (partner_id);
    CREATE INDEX partnerships_awaiting_me ON partnerships (awaiting_since) WHERE awaits_me = 1;
    CREATE VIRTUAL TABLE texts USING fts5 (
        text, tokenize = 'trigram', detail = 'none', content = '', contentless_delete = 1
    );
    CREATE TABLE tallies (facet TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
";

const COLUMNS: &str = "INSERT INTO partnerships (rowid, id, partner_id, name_key, search_key, \
     facet, holds_pair, awaits_me, awaiting_since, version, generation, doc) ";

/// What a list is narrowed to, and which part of it is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Words that all must be in the partner's name, address or reason.
    pub search: String,
    /// Only this end.
    pub side: Option<Side>,
    /// Only these states; empty means all.
    pub states: Vec<StateName>,
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows at the most.
    pub limit: u32,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its rows, by the partner's name.
    pub rows: Vec<PartnershipRecord>,
    /// How many rows the whole list has.
    pub total: u32,
    /// Whether a search found more than the list has: the words are too common.
    pub more: bool,
}

/// The most rows that are added with one statement; SQLite takes 32,766 parameters.
const AT_ONCE: usize = 500;
/// The most rows that a search lists.
const MOST_FOUND: u32 = 100;
/// A part that begins no later than here is found by passing over what is before.
const NEAR: u32 = 1_000;
/// Up to this many rows, words too short for the index are looked for in every text. Beyond, they are
/// the beginnings of names.
const SCANNED: u32 = 20_000;

fn search_key(record: &PartnershipRecord) -> String {
    format!(
        "{}\n{}\n{}",
        record.partner().name.to_lowercase(),
        record.partner_email.to_lowercase(),
        record.reason.as_deref().unwrap_or_default().to_lowercase()
    )
}

/// What the full-text index has of a row.
fn indexed(search_key: &str, facet: Facet) -> String {
    format!("{search_key}\n{}", facet.code())
}

fn known(record: PartnershipRecord) -> Record {
    Record::Partnership(Box::new(record))
}

fn facet(record: &PartnershipRecord) -> Facet {
    Facet::of(record.side, record.state)
}

fn record(row: &SqliteRow) -> Result<PartnershipRecord, CacheError> {
    let doc: &str = row.try_get("doc")?;
    Ok(serde_json::from_str(doc)?)
}

/// Keeps records; gives what they changed. What is older than, or the same as, what is known is only
/// noted as being there still.
#[expect(clippy::vec_box, reason = "they come in boxes and go on in them: none is copied")]
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    records: Vec<Box<PartnershipRecord>>,
    generation: i64,
) -> Result<Vec<Applied>, CacheError> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mut stored = stored(&mut *connection, records.iter().map(|record| record.id)).await?;
    let mut applied = Vec::new();
    let mut same = Vec::new();
    let mut new = Vec::new();
    let mut ids = BTreeSet::new();
    let mut again = Vec::new();
    for after in records {
        if !ids.insert(after.id) {
            again.push(after);
            continue;
        }
        match stored.remove(&after.id) {
            None => new.push(after),
            Some((rowid, before)) if before.version > after.version || before == *after => {
                same.push(rowid);
            }
            Some((rowid, before)) => {
                change(&mut *connection, rowid, &after, generation).await?;
                let after = Some(Record::Partnership(after));
                applied.push(Applied { before: Some(known(before)), after });
            }
        }
    }
    if !same.is_empty() {
        sqlx::query(
            "UPDATE partnerships SET generation = $1 \
             WHERE rowid IN (SELECT value FROM json_each($2))",
        )
        .bind(generation)
        .bind(serde_json::to_string(&same)?)
        .execute(&mut *connection)
        .await?;
    }
    if !new.is_empty() {
        add(&mut *connection, &new, generation).await?;
        applied.extend(
            new.into_iter()
                .map(|after| Applied { before: None, after: Some(Record::Partnership(after)) }),
        );
    }
    // Told twice at once: the later one comes after the first one is there.
    if !again.is_empty() {
        applied.extend(Box::pin(keep(connection, again, generation)).await?);
    }
    Ok(applied)
}

async fn stored(
    connection: &mut SqliteConnection,
    ids: impl Iterator<Item = PartnershipId>,
) -> Result<BTreeMap<PartnershipId, (i64, PartnershipRecord)>, CacheError> {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    let rows = sqlx::query(
        "SELECT rowid, doc FROM partnerships WHERE id IN (SELECT value FROM json_each($1))",
    )
    .bind(serde_json::to_string(&ids)?)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let found = record(row)?;
            Ok((found.id, (row.try_get("rowid")?, found)))
        })
        .collect()
}

/// Adds rows, many with one statement for each table: a statement costs more than a row. While some are
/// written, by a thread of sqlx's, the statements for the next ones are made.
async fn add(
    connection: &mut SqliteConnection,
    records: &[Box<PartnershipRecord>],
    generation: i64,
) -> Result<(), CacheError> {
    let last: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(rowid), 0) FROM partnerships")
        .fetch_one(&mut *connection)
        .await?;
    let mut chunks = (last + 1..).step_by(AT_ONCE).zip(records.chunks(AT_ONCE));
    let mut make_next =
        || chunks.next().map(|(first, some)| additions(first, some, generation)).transpose();
    let mut ready = make_next()?;
    while let Some([rows, texts]) = &mut ready {
        let write = async {
            rows.build().execute(&mut *connection).await?;
            texts.build().execute(&mut *connection).await
        };
        let (written, next) = tokio::join!(write, async { make_next() });
        written?;
        ready = next?;
    }
    Ok(())
}

/// What adds some rows: to the table, and to the index of their texts.
fn additions(
    first: i64,
    records: &[Box<PartnershipRecord>],
    generation: i64,
) -> Result<[QueryBuilder<Sqlite>; 2], CacheError> {
    let docs: Vec<String> = records.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let keys: Vec<String> = records.iter().map(|of| search_key(of)).collect();
    let mut texts = QueryBuilder::<Sqlite>::new("INSERT INTO texts (rowid, text) ");
    texts.push_values((first..).zip(records.iter().zip(&keys)), |mut row, (rowid, (of, key))| {
        row.push_bind(rowid).push_bind(indexed(key, facet(of)));
    });
    let mut rows = QueryBuilder::<Sqlite>::new(COLUMNS);
    let all = (first..).zip(records.iter().zip(keys.into_iter().zip(docs)));
    rows.push_values(all, |mut row, (rowid, (of, (key, doc)))| {
        let (name_key, id) = place_of(of);
        row.push_bind(rowid)
            .push_bind(id)
            .push_bind(of.partner().id.to_string())
            .push_bind(name_key)
            .push_bind(key)
            .push_bind(facet(of).code())
            .push_bind(of.state.holds_pair())
            .push_bind(of.awaits_me())
            .push_bind(of.awaiting_since.map(Timestamp::unix_millis))
            .push_bind(of.version)
            .push_bind(generation)
            .push_bind(doc);
    });
    Ok([rows, texts])
}

async fn change(
    connection: &mut SqliteConnection,
    rowid: i64,
    after: &PartnershipRecord,
    generation: i64,
) -> Result<(), CacheError> {
    let search_key = search_key(after);
    sqlx::query(
        "UPDATE partnerships SET partner_id = $2, name_key = $3, search_key = $4, facet = $5, \
         holds_pair = $6, awaits_me = $7, awaiting_since = $8, version = $9, generation = $10, \
         doc = $11 WHERE rowid = $1",
    )
    .bind(rowid)
    .bind(after.partner().id.to_string())
    .bind(place_of(after).0)
    .bind(&search_key)
    .bind(facet(after).code())
    .bind(after.state.holds_pair())
    .bind(after.awaits_me())
    .bind(after.awaiting_since.map(Timestamp::unix_millis))
    .bind(after.version)
    .bind(generation)
    .bind(serde_json::to_string(after)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query("INSERT OR REPLACE INTO texts (rowid, text) VALUES ($1, $2)")
        .bind(rowid)
        .bind(indexed(&search_key, facet(after)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets a partnership; none if it was not known.
pub(crate) async fn forget(
    connection: &mut SqliteConnection,
    id: PartnershipId,
) -> Result<Option<Applied>, CacheError> {
    let stored = stored(&mut *connection, [id].into_iter()).await?;
    let Some((rowid, before)) = stored.into_values().next() else { return Ok(None) };
    for statement in
        ["DELETE FROM texts WHERE rowid = $1", "DELETE FROM partnerships WHERE rowid = $1"]
    {
        sqlx::query(statement).bind(rowid).execute(&mut *connection).await?;
    }
    Ok(Some(Applied { before: Some(known(before)), after: None }))
}

/// One partnership.
pub(crate) async fn get(
    pool: &SqlitePool,
    id: PartnershipId,
) -> Result<Option<PartnershipRecord>, CacheError> {
    let row = sqlx::query("SELECT doc FROM partnerships WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(record).transpose()
}

/// The partnership that is sent to a workspace and not closed.
pub(crate) async fn open_with(
    pool: &SqlitePool,
    partner: WorkspaceId,
) -> Result<Option<PartnershipRecord>, CacheError> {
    let rows = sqlx::query("SELECT doc FROM partnerships WHERE partner_id = $1 AND holds_pair = 1")
        .bind(partner.to_string())
        .fetch_all(pool)
        .await?;
    let mut open = rows.iter().map(record).collect::<Result<Vec<_>, _>>()?.into_iter();
    Ok(open.find(|record| record.side == Side::Host))
}

/// What waits for this user, oldest first, at most `most`.
pub(crate) async fn awaiting_me(
    pool: &SqlitePool,
    most: u32,
) -> Result<Vec<PartnershipRecord>, CacheError> {
    let rows = sqlx::query(
        "SELECT doc FROM partnerships WHERE awaits_me = 1 ORDER BY awaiting_since, id LIMIT $1",
    )
    .bind(most)
    .fetch_all(pool)
    .await?;
    rows.iter().map(record).collect()
}

/// What an older generation left.
pub(crate) async fn of_before(
    connection: &mut SqliteConnection,
    generation: i64,
) -> Result<Vec<PartnershipId>, CacheError> {
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM partnerships WHERE generation < $1")
        .bind(generation)
        .fetch_all(connection)
        .await?;
    Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
}

/// Counts what was applied.
pub(crate) async fn count(
    connection: &mut SqliteConnection,
    applied: &[Applied],
) -> Result<(), CacheError> {
    let mut changes: BTreeMap<String, i64> = BTreeMap::new();
    for (_, facet, by) in moves(applied) {
        *changes.entry(facet.code()).or_default() += by;
    }
    for (facet, by) in changes.into_iter().filter(|(_, by)| *by != 0) {
        sqlx::query(
            "INSERT INTO tallies (facet, n) VALUES ($1, $2) \
             ON CONFLICT (facet) DO UPDATE SET n = n + excluded.n",
        )
        .bind(facet)
        .bind(by)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn tally(connection: &mut SqliteConnection, facets: &[Facet]) -> Result<u32, CacheError> {
    let codes: Vec<String> = facets.iter().map(|facet| facet.code()).collect();
    Ok(sqlx::query_scalar(
        "SELECT COALESCE(SUM(n), 0) FROM tallies \
         WHERE facet IN (SELECT value FROM json_each($1))",
    )
    .bind(serde_json::to_string(&codes)?)
    .fetch_one(connection)
    .await?)
}

/// A part of the list.
pub(crate) async fn list(
    connection: &mut SqliteConnection,
    order: &Mutex<Option<Order>>,
    query: &ListQuery,
) -> Result<Page, CacheError> {
    let words = words(&query.search);
    let facets = Facet::wanted(query.side, &query.states);
    if !words.is_empty() {
        return search(connection, &words, &facets, query).await;
    }
    let total = tally(&mut *connection, &facets).await?;
    let (first, skip) = if query.offset <= NEAR {
        (None, query.offset)
    } else {
        let mut order = order.lock().await;
        let order = match &mut *order {
            Some(order) => order,
            none => none.insert(Order::read(&mut *connection).await?),
        };
        let (first, skip) = order.find(&facets, query.offset);
        (first.cloned(), skip)
    };
    let mut select = QueryBuilder::<Sqlite>::new(
        "SELECT p.doc FROM (SELECT rowid AS r, name_key AS k, id AS i FROM partnerships WHERE ",
    );
    let from = |select: &mut QueryBuilder<Sqlite>| {
        let (name, id) = first.clone().unwrap_or_default();
        select.push("(name_key, id) >= (").push_bind(name).push(", ").push_bind(id).push(")");
    };
    if Facet::are_all(&facets) {
        from(&mut select);
    } else {
        // Each facet is read in its own order and they are merged, so no row is read in vain.
        for (number, facet) in facets.iter().enumerate() {
            if number > 0 {
                select.push(
                    " UNION ALL SELECT rowid AS r, name_key AS k, id AS i FROM partnerships WHERE ",
                );
            }
            select.push("facet = ").push_bind(facet.code()).push(" AND ");
            from(&mut select);
        }
    }
    select.push(" ORDER BY k, i LIMIT ").push_bind(query.limit);
    select.push(" OFFSET ").push_bind(skip);
    select.push(") m CROSS JOIN partnerships p ON p.rowid = m.r ORDER BY m.k, m.i");
    let rows = select.build().fetch_all(connection).await?;
    Ok(Page { rows: rows.iter().map(record).collect::<Result<_, _>>()?, total, more: false })
}

/// The rows that hold all the words. Only the first so many that are found are put in order: who
/// finds that many types another word.
async fn search(
    connection: &mut SqliteConnection,
    words: &[String],
    facets: &[Facet],
    query: &ListQuery,
) -> Result<Page, CacheError> {
    let codes: Vec<String> = facets.iter().map(|facet| facet.code()).collect();
    let mut select = QueryBuilder::<Sqlite>::new("SELECT p.rowid, p.name_key, p.id FROM ");
    if let Some(mut fts) = fts_query(words) {
        if !Facet::are_all(facets) {
            let codes: Vec<String> = codes.iter().map(|code| format!("\"{code}\"")).collect();
            fts = format!("({fts}) AND ({})", codes.join(" OR "));
        }
        select.push("texts t CROSS JOIN partnerships p ON p.rowid = t.rowid WHERE texts MATCH ");
        select.push_bind(fts);
    } else {
        select.push("partnerships p WHERE true");
        if let Some(first) = words.first()
            && tally(&mut *connection, &Facet::wanted(None, &[])).await? > SCANNED
        {
            select.push(" AND name_key >= ").push_bind(first.clone());
            select.push(" AND name_key < ").push_bind(format!("{first}\u{10ffff}"));
        }
    }
    push_words(&mut select, words);
    if !Facet::are_all(facets) {
        select.push(" AND facet IN (");
        let mut list = select.separated(", ");
        for code in codes {
            list.push_bind(code);
        }
        select.push(")");
    }
    select.push(" LIMIT ").push_bind(MOST_FOUND + 1);
    let mut found: Vec<(i64, String, String)> =
        select.build_query_as().fetch_all(&mut *connection).await?;
    let more = found.len() > MOST_FOUND as usize;
    found.truncate(MOST_FOUND as usize);
    found.sort_by(|one, other| (&one.1, &one.2).cmp(&(&other.1, &other.2)));
    let total = u32::try_from(found.len()).unwrap_or(MOST_FOUND);
    let part: Vec<i64> = found
        .iter()
        .skip(query.offset as usize)
        .take(query.limit as usize)
        .map(|(rowid, ..)| *rowid)
        .collect();
    let rows = sqlx::query(
        "SELECT p.doc FROM json_each($1) w CROSS JOIN partnerships p ON p.rowid = w.value \
         ORDER BY w.key",
    )
    .bind(serde_json::to_string(&part)?)
    .fetch_all(connection)
    .await?;
    Ok(Page { rows: rows.iter().map(record).collect::<Result<_, _>>()?, total, more })
}
