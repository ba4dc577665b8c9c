//! How far the change log can be read without passing over what commits later.
//!
//! SQLite commits one writer after the other, so the log is in commit order and can be read to its
//! end. On PostgreSQL an entry carries its transaction, and transactions commit in another order than
//! they are numbered. What every snapshot knows is the oldest transaction that still runs: no entry
//! before it will appear any more. But that is the oldest of the whole cluster, and somebody else's
//! import into another database would hold back every event here.
//!
//! So every transaction that writes here takes a lock in common before it is numbered (see
//! `Engine::begin_write`), and keeps it until what it did can be seen. Of the transactions that ran
//! when a snapshot was taken, those that do not hold the lock afterwards are over or foreign: no entry
//! of theirs will appear. That is looked at only where the cheap way leaves something untold.

use std::collections::BTreeSet;

use sqlx::Row as _;

use crate::{Connection, Engine, Place, Store, StoreError, pruned, sql::Statement};

/// The lock that writers have in common, as `LOCK` and `pg_locks` write it.
macro_rules! writers_lock {
    () => {
        "1701737573, 1"
    };
}

macro_rules! begin {
    ($isolation:literal) => {
        concat!(
            "BEGIN ISOLATION LEVEL ",
            $isolation,
            "; SELECT pg_advisory_xact_lock_shared(",
            writers_lock!(),
            "); SELECT pg_current_xact_id()"
        )
    };
}

/// How a transaction begins on PostgreSQL that writes as if it were alone.
pub(crate) const BEGIN_WRITE: &str = begin!("SERIALIZABLE");

/// How one begins whose rows guard themselves: all that it reads is of one moment.
pub(crate) const BEGIN_WRITE_ROWS: &str = begin!("REPEATABLE READ");

/// The transactions of those that hold the lock, in the 32 bits that locks know of them; none for one
/// that has the lock and no number yet.
const WRITERS: &str = concat!(
    "WITH locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted \
     AND locktype IN ('advisory', 'transactionid')) \
     SELECT n.transactionid::text::bigint AS number FROM locks w \
     LEFT JOIN locks n ON n.virtualtransaction = w.virtualtransaction \
     AND n.locktype = 'transactionid' AND n.mode = 'ExclusiveLock' \
     WHERE w.locktype = 'advisory' AND w.objsubid = 2 AND (w.classid::bigint, w.objid::bigint) = (",
    writers_lock!(),
    ") AND w.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
);

/// How often it is looked whether all who hold the lock have their numbers, which they get at once.
const LOOKS: usize = 3;

/// The transactions that ran at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snapshot {
    /// Below it, all are over.
    oldest: i64,
    /// From it on, none had ended.
    next: i64,
    running: BTreeSet<i64>,
}

impl Snapshot {
    async fn take(connection: &mut Connection) -> Result<Self, StoreError> {
        let text: String =
            sqlx::query_scalar("SELECT pg_current_snapshot()::text").fetch_one(connection).await?;
        Self::parse(&text).ok_or_else(|| {
            StoreError::inconsistent("pg_current_snapshot", &text)(&"it is of an unknown form")
        })
    }

    /// `oldest:next:running,running`
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let oldest = parts.next()?.parse().ok()?;
        let next = parts.next()?.parse().ok()?;
        let running = parts.next()?.split(',').filter(|number| !number.is_empty());
        let running = running.map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { oldest, next, running })
    }

    /// The last place before the oldest of the writers, each in 32 bits, that ran.
    fn before(&self, writers: &BTreeSet<i64>) -> Place {
        let is_writer = |number: &&i64| writers.contains(&(**number & 0xffff_ffff));
        let oldest = self.running.iter().find(is_writer).copied().unwrap_or(self.next);
        Place::end_of(oldest - 1)
    }
}

impl Store {
    /// The place up to which the log is settled: nothing will be added at or before it any more.
    /// It may lag behind what is committed.
    pub async fn settled(&self, connection: &mut Connection) -> Result<Place, StoreError> {
        match Engine::of(connection) {
            Engine::Sqlite => newest(connection).await,
            Engine::Postgres => {
                let known = self.known_settled();
                Ok(Place::end_of(Snapshot::take(connection).await?.oldest - 1).max(known))
            }
        }
    }

    /// The same, held back by nobody but writers of this database: dearer.
    pub async fn settled_closely(&self, connection: &mut Connection) -> Result<Place, StoreError> {
        if self.engine() == Engine::Sqlite {
            return newest(connection).await;
        }
        let instance = self.epoch();
        let snapshot = Snapshot::take(connection).await?;
        if snapshot.running.is_empty() {
            return Ok(Place::end_of(snapshot.next - 1));
        }
        for _ in 0..LOOKS {
            if let Some(writers) = writers(connection).await? {
                let place = snapshot.before(&writers).max(self.known_settled());
                self.note_settled(&instance, place);
                return Ok(place);
            }
        }
        Ok(Place::end_of(snapshot.oldest - 1).max(self.known_settled()))
    }

    /// Whether a place can have been read: it is not beyond what there is.
    pub async fn is_reached(
        &self,
        connection: &mut Connection,
        place: Place,
    ) -> Result<bool, StoreError> {
        Ok(match Engine::of(connection) {
            Engine::Sqlite => place <= newest(connection).await?,
            Engine::Postgres => place <= Place::end_of(Snapshot::take(connection).await?.next - 1),
        })
    }
}

/// The newest entry's place, also when all were forgotten since.
async fn newest(connection: &mut Connection) -> Result<Place, StoreError> {
    let seq = sqlx::query_scalar("SELECT COALESCE(MAX(seq), 0) FROM changes")
        .fetch_one(&mut *connection)
        .await?;
    if seq == 0 {
        return pruned(connection).await;
    }
    Ok(Place::of_seq(seq))
}

/// The numbers of all who hold the lock; none if one has no number yet, or is just getting it.
async fn writers(connection: &mut Connection) -> Result<Option<BTreeSet<i64>>, StoreError> {
    let mut writers = BTreeSet::new();
    for row in sqlx::query(WRITERS).fetch_all(connection).await? {
        let Some(number) = row.try_get::<Option<i64>, _>("number")? else { return Ok(None) };
        writers.insert(number);
    }
    Ok(Some(writers))
}

/// Whether the log holds committed entries after a place: what is settled goes no further, because
/// another transaction still runs.
pub async fn has_unsettled(connection: &mut Connection, upto: Place) -> Result<bool, StoreError> {
    match Engine::of(connection) {
        Engine::Sqlite => Ok(false),
        Engine::Postgres => has_between(connection, upto, Place::LAST).await,
    }
}

/// Whether the log holds committed entries after one place and up to another.
pub async fn has_between(
    connection: &mut Connection,
    after: Place,
    upto: Place,
) -> Result<bool, StoreError> {
    let engine = Engine::of(connection);
    let mut query = Statement::new("SELECT seq FROM changes WHERE ");
    after.compare(&mut query, engine, " > ");
    query.push(" AND ");
    upto.compare(&mut query, engine, " <= ");
    query.push(" LIMIT 1");
    Ok(query.build().fetch_optional(connection).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_read_as_postgres_writes_it() {
        let snapshot = Snapshot::parse("100:110:100,104").expect("a snapshot");
        assert_eq!((snapshot.oldest, snapshot.next), (100, 110));
        assert_eq!(snapshot.running, BTreeSet::from([100, 104]));
        assert!(Snapshot::parse("7:7:").expect("a snapshot").running.is_empty());
        for bad in ["", "7", "7:8", "7:8:x", "a:8:"] {
            assert_eq!(Snapshot::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_writers_hold_the_place_back() {
        let wrapped = 3 << 32;
        let running = BTreeSet::from([wrapped + 5, wrapped + 9]);
        let snapshot = Snapshot { oldest: wrapped + 5, next: wrapped + 12, running };
        for (writers, settled) in [
            (vec![], 11),
            (vec![9], 8),
            (vec![5, 9], 4),
            // Began after the snapshot.
            (vec![12, 13], 11),
        ] {
            let place = snapshot.before(&writers.into_iter().collect());
            assert_eq!(place, Place::end_of(wrapped + settled));
        }
    }
}
