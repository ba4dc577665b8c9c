//! Partnerships by the thousand, with guests of their own, in all states.

use std::time::Duration;

use entente_domain::{
    EmailAddress, NewRequest, Note, PartnershipId, Reason, SendPolicy, Step, Timestamp, UserId,
    UserStatus, WorkspaceId, WorkspaceRole,
};
use entente_store::{Origin, Store, UserRow, WorkspaceRow, insert_histories, insert_people};
use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus, seq::IndexedRandom as _};
use uuid::{Builder, Uuid};

use super::{
    history::{Cast, Outcome, Plot, history},
    samples::{FAMILY, FIRST, GIVEN, NOTES, REASONS, SECOND},
};
use crate::{SetUpError, set_up::slug};

/// How many are made and written at a time: what bounds the memory that it takes.
const AT_A_TIME: usize = 4_000;
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Who sends and approves them.
pub(super) struct Hosts<'a> {
    pub(super) user: &'a UserRow,
    pub(super) admin: &'a UserRow,
}

/// Adds as many, the same ones for the same seed, as old as they are.
pub(super) async fn add(
    store: &Store,
    hosts: &Hosts<'_>,
    how_many: u32,
    seed: u64,
    now: Timestamp,
) -> Result<(), SetUpError> {
    // The oldest first, so that ids and times grow as they would have.
    let mut order: Vec<(u32, u32)> =
        (1..=how_many).map(|number| (Draft::of(seed, number).minutes, number)).collect();
    order.sort_unstable_by(|one, other| other.cmp(one));
    for some in order.chunks(AT_A_TIME) {
        let mut people = Vec::with_capacity(some.len());
        let mut histories = Vec::with_capacity(some.len());
        for (_, number) in some {
            let (guest, steps) = Draft::of(seed, *number).write(hosts, *number, now)?;
            people.push(guest);
            histories.push(steps);
        }
        let mut write = store.write().await?;
        insert_people(write.connection(), &people).await?;
        insert_histories(write.connection(), &histories, &Origin::default()).await?;
        write.commit().await?;
    }
    Ok(())
}

/// What is drawn of one before the rest.
struct Draft {
    rng: Xoshiro256PlusPlus,
    outcome: Outcome,
    minutes: u32,
}

impl Draft {
    fn of(seed: u64, number: u32) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.rotate_left(32) ^ u64::from(number));
        let outcome = match rng.random_range(0_u8..100) {
            0..5 => Outcome::AwaitingApproval,
            5..12 => Outcome::AwaitingAcceptance,
            12..74 => Outcome::Active,
            74..79 => Outcome::DeclinedByHost,
            79..84 => Outcome::DeclinedByGuest,
            84..89 => Outcome::Withdrawn,
            89..91 => Outcome::ExpiredUnapproved,
            91..94 => Outcome::ExpiredUnaccepted,
            _ => Outcome::Removed,
        };
        // What waits is recent, so that it has not expired; what expired had the time to.
        let hours = if outcome.awaits() {
            1..240
        } else if outcome.expires() {
            500..9_000
        } else {
            1..9_000
        };
        let minutes = rng.random_range(hours.start * 60..hours.end * 60);
        Self { rng, outcome, minutes }
    }

    /// A guest with an Admin, and the steps of their partnership.
    fn write(
        mut self,
        hosts: &Hosts<'_>,
        number: u32,
        now: Timestamp,
    ) -> Result<((WorkspaceRow, UserRow), Vec<Step>), SetUpError> {
        let age = Duration::from_secs(u64::from(self.minutes) * 60);
        let sent_at = now.before(age);
        let guest = self.guest(number, sent_at.before(HOUR * 30))?;
        let by_admin = self.outcome.fits_approved() && self.rng.random_ratio(1, 4);
        let sender = if by_admin { hosts.admin } else { hosts.user };
        let cast = Cast {
            sender: sender.actor(),
            host_admin: hosts.admin.actor(),
            guest_admin: guest.1.actor(),
        };
        let new = NewRequest {
            id: PartnershipId::new(self.id(sent_at)),
            guest: guest.0.id,
            partner_email: EmailAddress::parse(&guest.1.email).map_err(SetUpError::Email)?,
            reason: Some(Reason::parse(self.pick(REASONS)).map_err(SetUpError::Name)?),
            predecessor: None,
        };
        // Everybody takes their time, but not longer than there was.
        let pace = (age / 5).min(HOUR * self.rng.random_range(1..60));
        let reminds = self.outcome.awaits() && self.rng.random_ratio(1, 3);
        let plot = Plot {
            outcome: self.outcome,
            sent_at,
            pace,
            note: if self.rng.random() { Note::parse(self.pick(NOTES)).ok() } else { None },
            reminded: reminds.then_some(pace),
        };
        Ok((guest, history(new, &cast, &plot)?))
    }

    fn guest(&mut self, number: u32, at: Timestamp) -> Result<(WorkspaceRow, UserRow), SetUpError> {
        let name = format!("{} {} {number}", self.pick(FIRST), self.pick(SECOND));
        let id = WorkspaceId::new(self.id(at));
        let (given, family) = (self.pick(GIVEN), self.pick(FAMILY));
        let domain = name.to_lowercase().replace(' ', "-");
        let admin = UserRow {
            id: UserId::new(self.id(at)),
            workspace: id,
            email: format!("{}@{domain}.example", given.to_lowercase()),
            name: format!("{given} {family}"),
            role: WorkspaceRole::Admin,
            status: UserStatus::Live,
            created_at: at,
            updated_at: at,
            view_number: 0,
            version: 1,
        };
        let workspace = WorkspaceRow {
            id,
            slug: slug(&name, id),
            name,
            send_policy: SendPolicy::AnyRole,
            managed: false,
        };
        Ok((workspace, admin))
    }

    fn pick(&mut self, texts: &[&'static str]) -> &'static str {
        texts.choose(&mut self.rng).copied().unwrap_or_default()
    }

    /// An id as it would have been made at that time.
    fn id(&mut self, at: Timestamp) -> Uuid {
        let millis = u64::try_from(at.unix_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &self.rng.random()).into_uuid()
    }
}
