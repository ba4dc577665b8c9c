//! Where stretches of the list by name begin, so that a page deep in it is found without passing over
//! all that comes before.

use entente_domain::{Side, StateName};
use futures_util::TryStreamExt as _;
use sqlx::{Row as _, SqliteConnection};

use crate::{Applied, CacheError, PartnershipRecord, Record};

/// How many rows a stretch has when it is made.
const STRETCH: u32 = 512;
/// A stretch that has grown this long is a reason to look anew.
const LONGEST: u32 = 8 * STRETCH;

const STATES: [StateName; 8] = [
    StateName::AwaitingApproval,
    StateName::AwaitingAcceptance,
    StateName::Active,
    StateName::DeclinedByHost,
    StateName::DeclinedByGuest,
    StateName::Withdrawn,
    StateName::Expired,
    StateName::Removed,
];
const FACETS: usize = 2 * STATES.len();

/// What a list can be narrowed to: an end and a state. A number below [`FACETS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facet(usize);

impl Facet {
    pub(crate) fn of(side: Side, state: StateName) -> Self {
        let state = STATES.iter().position(|known| *known == state).unwrap_or_default();
        Self(state + if side == Side::Host { 0 } else { STATES.len() })
    }

    fn side(self) -> Side {
        if self.0 < STATES.len() { Side::Host } else { Side::Guest }
    }

    fn state(self) -> StateName {
        STATES[self.0 % STATES.len()]
    }

    /// Three characters that stand for it in the full-text index: one trigram.
    pub(crate) fn code(self) -> String {
        format!("={:02}", self.0)
    }

    fn of_code(code: &str) -> Option<Self> {
        let number = code.strip_prefix('=')?.parse().ok()?;
        (number < FACETS).then_some(Self(number))
    }

    /// Those of an end (or both) and some states (or all).
    pub(crate) fn wanted(side: Option<Side>, states: &[StateName]) -> Vec<Self> {
        (0..FACETS)
            .map(Self)
            .filter(|facet| side.is_none_or(|side| facet.side() == side))
            .filter(|facet| states.is_empty() || states.contains(&facet.state()))
            .collect()
    }

    /// Whether nothing is left out.
    pub(crate) fn are_all(facets: &[Self]) -> bool {
        facets.len() == FACETS
    }
}

/// Where a row is in the list by name.
pub(crate) type Place = (String, String);

pub(crate) fn place_of(record: &PartnershipRecord) -> Place {
    (record.partner().name.to_lowercase(), record.id.to_string())
}

/// The rows that came (1) and went (-1) with what was applied.
pub(crate) fn moves(applied: &[Applied]) -> impl Iterator<Item = (Place, Facet, i64)> {
    let of = |record: &Option<Record>, by: i64| {
        let record = record.as_ref().and_then(Record::as_partnership)?;
        Some((place_of(record), Facet::of(record.side, record.state), by))
    };
    applied.iter().flat_map(move |one| [of(&one.before, -1), of(&one.after, 1)]).flatten()
}

/// The stretches, in order. The first one begins before everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    stretches: Vec<Stretch>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Stretch {
    first: Place,
    counts: [u32; FACETS],
}

impl Stretch {
    fn count(&self, facets: &[Facet]) -> u32 {
        facets.iter().map(|facet| self.counts[facet.0]).sum()
    }
}

impl Order {
    /// Reads it from the index by name.
    pub(crate) async fn read(connection: &mut SqliteConnection) -> Result<Self, CacheError> {
        let mut order = Self { stretches: vec![Stretch::default()] };
        let mut rows =
            sqlx::query("SELECT name_key, id, facet FROM partnerships ORDER BY name_key, id")
                .fetch(connection);
        let mut length = 0;
        while let Some(row) = rows.try_next().await? {
            let Some(facet) = Facet::of_code(row.try_get(2)?) else { continue };
            if length == STRETCH {
                let first = (row.try_get(0)?, row.try_get(1)?);
                order.stretches.push(Stretch { first, ..Stretch::default() });
                length = 0;
            }
            length += 1;
            if let Some(stretch) = order.stretches.last_mut() {
                stretch.counts[facet.0] += 1;
            }
        }
        Ok(order)
    }

    /// Notes that a row came or went; false if it is better read anew.
    pub(crate) fn shift(&mut self, place: &Place, facet: Facet, by: i64) -> bool {
        let after = self.stretches.partition_point(|stretch| stretch.first <= *place);
        let Some(stretch) = self.stretches.get_mut(after.saturating_sub(1)) else { return false };
        let count = &mut stretch.counts[facet.0];
        let Ok(shifted) = u32::try_from(i64::from(*count) + by) else { return false };
        *count = shifted;
        stretch.counts.iter().sum::<u32>() <= LONGEST
    }

    /// The place to begin at, and how many rows to pass over from there, for an offset in the list
    /// of some facets.
    pub(crate) fn find(&self, facets: &[Facet], offset: u32) -> (Option<&Place>, u32) {
        let mut left = offset;
        let mut found = None;
        for stretch in &self.stretches {
            found = Some(&stretch.first);
            let count = stretch.count(facets);
            if count > left {
                return (found, left);
            }
            left -= count;
        }
        (found, left.saturating_add(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u32) -> Place {
        (format!("name {number:05}"), number.to_string())
    }

    fn order(stretches: &[(u32, [u32; 2])]) -> Order {
        let stretches = stretches
            .iter()
            .enumerate()
            .map(|(index, (first, [active, expired]))| {
                let mut counts = [0; FACETS];
                counts[Facet::of(Side::Host, StateName::Active).0] = *active;
                counts[Facet::of(Side::Guest, StateName::Expired).0] = *expired;
                let first = if index == 0 { Place::default() } else { place(*first) };
                Stretch { first, counts }
            })
            .collect();
        Order { stretches }
    }

    #[test]
    fn an_offset_is_found_in_its_stretch_and_counts_what_is_wanted_only() {
        let order = order(&[(0, [3, 7]), (10, [0, 5]), (15, [4, 6])]);
        let all = Facet::wanted(None, &[]);
        let active = Facet::wanted(None, &[StateName::Active]);
        let guest = Facet::wanted(Some(Side::Guest), &[]);
        assert!(Facet::are_all(&all));
        for (facets, offset, found) in [
            (&all, 0, (Place::default(), 0)),
            (&all, 9, (Place::default(), 9)),
            (&all, 10, (place(10), 0)),
            (&all, 16, (place(15), 1)),
            (&active, 2, (Place::default(), 2)),
            (&active, 3, (place(15), 0)),
            (&guest, 11, (place(10), 4)),
        ] {
            let (place, skip) = order.find(facets, offset);
            assert_eq!((place.cloned().expect("a place"), skip), found, "{facets:?} {offset}");
        }
        let (_, skip) = order.find(&all, 25);
        assert!(skip >= LONGEST, "beyond the end there is nothing");
    }

    #[test]
    fn what_comes_and_goes_is_counted_where_it_is() {
        let mut order = order(&[(0, [3, 7]), (10, [0, 5]), (15, [4, 6])]);
        let active = Facet::of(Side::Host, StateName::Active);
        assert!(order.shift(&place(12), active, 1));
        assert!(order.shift(&place(3), active, -1));
        assert_eq!(order.find(&[active], 2).0, Some(&place(10)));
        assert!(!order.shift(&place(12), Facet::of(Side::Host, StateName::Expired), -1), "never");
        for _ in 0..LONGEST {
            if !order.shift(&place(99_999), active, 1) {
                return;
            }
        }
        panic!("a stretch grew without end");
    }

    #[test]
    fn each_facet_has_a_code_of_its_own_of_one_trigram() {
        let codes: std::collections::BTreeSet<_> =
            Facet::wanted(None, &[]).into_iter().map(Facet::code).collect();
        assert_eq!(codes.len(), FACETS);
        assert!(codes.iter().all(|code| code.chars().count() == 3));
    }
}
