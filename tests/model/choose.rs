//! Chooses what happens next: mostly what can be done, often at the same thing at once, and sometimes
//! what nobody may do.

use entente_domain::{AccountRole, Action, GuestRole, RequestState, StateName, WorkspaceRole};
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::{
    attempt::{Attempt, Names},
    operation::{Agreed, Batch, Operation, Step, TEXTS, Version},
    reference::{DECISION, GUEST_ROLES, REMINDER, Reference, Verdict},
};

/// The most that happens at once.
const MOST: usize = 6;

/// Chooses batches for one world.
pub struct Chooser {
    rng: StdRng,
    /// Steps with an idempotency key that were done before.
    keyed: Vec<Step>,
    next_key: u32,
}

impl Chooser {
    pub fn new(rng: StdRng) -> Self {
        Self { rng, keyed: Vec::new(), next_key: 0 }
    }

    /// What happens next.
    pub fn batch(&mut self, now: &Reference, names: &Names) -> Batch {
        if self.one_in(18) {
            return Batch::Pass(self.time());
        }
        let many = self.rng.random_range(1..=MOST);
        let mut steps = Vec::new();
        // Often all are after the same thing.
        let same = self.one_in(4).then(|| self.possible(now, names).1);
        while steps.len() < many {
            let (who, what) = match &same {
                Some(same) if self.one_in(2) => (self.somebody(now, names, same), same.clone()),
                Some(same) => {
                    let rival = self.rival(same, now);
                    (self.somebody(now, names, &rival), rival)
                }
                None => self.possible(now, names),
            };
            let step = Step { who: who.unwrap_or_else(|| self.anybody(names)), what, key: None };
            steps.push(self.with_key(step, now, names));
        }
        if steps.len() > 1 && self.one_in(6) {
            // The same request twice at once.
            let twin = self.rng.random_range(1..steps.len());
            if steps[0].key.is_some() {
                steps[twin] = steps[0].clone();
            }
        }
        Batch::Steps(steps)
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.rng.random_range(0..many) == 0
    }

    /// Up to a boundary, over it, or anywhere.
    fn time(&mut self) -> i64 {
        let minute = 60_000;
        let day = 24 * 60 * minute;
        let times = [1, minute, REMINDER - 1, REMINDER, day, day, DECISION - 1, DECISION, 31 * day];
        times.choose(&mut self.rng).copied().unwrap_or(minute)
    }

    /// Writes with a key, new or used before.
    fn with_key(&mut self, step: Step, now: &Reference, names: &Names) -> Step {
        let writes = !matches!(
            step.what,
            Operation::LogIn { .. }
                | Operation::SetRole { .. }
                | Operation::Join { .. }
                | Operation::Look { .. }
                | Operation::Follow
        );
        if !writes || self.one_in(3) {
            return step;
        }
        // An answer is kept for a day; what is older may be there or not.
        self.keyed.retain(|old| {
            old.key.is_some_and(|key| now.answers.contains_key(&(names.user(old.who), key)))
        });
        if self.one_in(10)
            && let Some(old) = self.keyed.choose(&mut self.rng).cloned()
        {
            return if self.rng.random_range(0..4) > 0 {
                old
            } else {
                // The key of something else.
                Step { who: old.who, key: old.key, ..step }
            };
        }
        self.next_key += 1;
        let step = Step { key: Some(self.next_key), ..step };
        self.keyed.push(step.clone());
        step
    }

    fn anybody(&mut self, names: &Names) -> usize {
        self.rng.random_range(0..names.users.len())
    }

    /// Mostly something that somebody can do, and who.
    fn possible(&mut self, now: &Reference, names: &Names) -> (Option<usize>, Operation) {
        let mut tries = 6;
        loop {
            let what = self.operation(now, names);
            let who = self.somebody(now, names, &what);
            tries -= 1;
            if who.is_some() || tries == 0 {
                return (who, what);
            }
        }
    }

    /// Mostly somebody who may; none where nobody does.
    fn somebody(&mut self, now: &Reference, names: &Names, what: &Operation) -> Option<usize> {
        if self.one_in(7) {
            return Some(self.anybody(names));
        }
        let may: Vec<usize> = (0..names.users.len())
            .filter(|who| {
                let step = Step { who: *who, what: what.clone(), key: None };
                let attempt = Attempt::new(now, names, step);
                matches!(now.verdict(names, &attempt), Verdict::Done)
            })
            .collect();
        may.choose(&mut self.rng).copied()
    }

    /// Something else that can be done to the same thing.
    fn rival(&mut self, one: &Operation, now: &Reference) -> Operation {
        let version = self.version();
        match one.clone() {
            Operation::Take { partnership, .. }
            | Operation::NameOwner { partnership, .. }
            | Operation::DismissOwner { partnership, .. } => self.take(partnership),
            Operation::Share { partnership, accounts, role } => match self.rng.random_range(0..3) {
                0 => Operation::Take {
                    partnership,
                    action: Action::Remove,
                    version,
                    note: 0,
                    agreed: Agreed::Yes,
                },
                1 => Operation::Unshare {
                    partnership,
                    account: accounts.first().copied().unwrap_or(0),
                },
                _ => Operation::Share { partnership, accounts, role },
            },
            Operation::Decide { request, .. } => {
                let accept = self.one_in(2);
                Operation::Decide { request, accept, version }
            }
            Operation::AddUser { account, user, .. }
            | Operation::ChangeRole { account, user, .. }
            | Operation::Revoke { account, user, .. } => match self.rng.random_range(0..4) {
                0 => Operation::Revoke { account, user, version },
                1 => Operation::AddUser { account, user, role: AccountRole::Owner },
                2 => Operation::LogIn { account },
                _ => Operation::ChangeRole { account, user, role: self.role(), version },
            },
            Operation::Ask { account, users, role, message } => match self.rng.random_range(0..5) {
                0 => Operation::RemoveUser {
                    user: users.first().copied().unwrap_or(0),
                    version: Version::Any,
                },
                1 => self.any_grant(now).unwrap_or(Operation::LogIn { account }),
                _ => Operation::Ask { account, users, role, message },
            },
            other => other,
        }
    }

    fn version(&mut self) -> Version {
        match self.rng.random_range(0..10) {
            0 => Version::Stale,
            1 => Version::Missing,
            2 => Version::Any,
            _ => Version::Current,
        }
    }

    fn role(&mut self) -> AccountRole {
        AccountRole::ALL.choose(&mut self.rng).copied().unwrap_or(AccountRole::Owner)
    }

    /// One that suits most of the time.
    fn text(&mut self) -> usize {
        if self.one_in(2) { 0 } else { self.rng.random_range(0..TEXTS) }
    }

    /// A place in a list, and now and then one beyond it.
    fn among(&mut self, many: usize) -> usize {
        if many == 0 || self.one_in(30) { usize::MAX } else { self.rng.random_range(0..many) }
    }

    fn take(&mut self, partnership: usize) -> Operation {
        let action = Action::ALL.choose(&mut self.rng).copied().unwrap_or(Action::Approve);
        let agreed = match self.rng.random_range(0..12) {
            0 => Agreed::No,
            1 => Agreed::ToOthers,
            _ => Agreed::Yes,
        };
        let version = self.version();
        Operation::Take { partnership, action, version, note: self.text(), agreed }
    }

    /// What leads on from where a partnership stands.
    fn lead_on(&mut self, partnership: usize, state: StateName) -> Operation {
        let actions: &[Action] = match state {
            StateName::AwaitingApproval => &[
                Action::Approve,
                Action::Approve,
                Action::Approve,
                Action::Decline,
                Action::Remind,
                Action::Withdraw,
            ],
            StateName::AwaitingAcceptance => &[
                Action::Accept,
                Action::Accept,
                Action::Accept,
                Action::Accept,
                Action::Decline,
                Action::Remind,
                Action::Withdraw,
            ],
            StateName::DeclinedByGuest | StateName::Expired => {
                &[Action::Resend, Action::Resend, Action::Withdraw]
            }
            StateName::Active
            | StateName::DeclinedByHost
            | StateName::Withdrawn
            | StateName::Removed => Action::ALL,
        };
        let action = actions.choose(&mut self.rng).copied().unwrap_or(Action::Remind);
        match self.take(partnership) {
            Operation::Take { partnership, version, note, agreed, .. } => {
                Operation::Take { partnership, action, version, note, agreed }
            }
            other => other,
        }
    }

    fn operation(&mut self, now: &Reference, names: &Names) -> Operation {
        let version = self.version();
        let guest_role = GUEST_ROLES.choose(&mut self.rng).copied().unwrap_or(GUEST_ROLES[0]);
        let user = self.among(names.users.len());
        let account = self.among(names.accounts.len());
        match self.rng.random_range(0..100) {
            0..9 => {
                let guest = self.among(names.workspaces.len());
                Operation::Request { guest, reason: self.text() }
            }
            9..33 => self.any_partnership(now, names),
            33..39 => self.some_owner(now, names),
            39..50 => self.some_share(now, names, guest_role),
            50..53 => match now.shares.keys().collect::<Vec<_>>().choose(&mut self.rng) {
                Some((through, account)) => Operation::Unshare {
                    partnership: place(&names.partnerships, through),
                    account: place(&names.accounts, account),
                },
                None => Operation::Unshare { partnership: usize::MAX, account },
            },
            53..56 => {
                let through: Vec<_> =
                    now.grants.iter().filter(|(_, has)| has.through.is_some()).collect();
                match through.choose(&mut self.rng) {
                    Some(((_, user), grant)) if !self.one_in(6) => Operation::RemoveMember {
                        partnership: grant.through.map_or(0, |id| place(&names.partnerships, &id)),
                        user: place(&names.users, user),
                    },
                    _ => {
                        let partnership = self.an_active_one(now, names);
                        Operation::RemoveMember { partnership, user }
                    }
                }
            }
            56..61 => {
                let role = self.role();
                Operation::AddUser { account, user, role }
            }
            61..68 => self.any_grant(now).map_or(
                Operation::ChangeRole { account, user, role: self.role(), version },
                |found| found,
            ),
            68..77 => self.some_ask(now, names, guest_role),
            77..84 => {
                let pending = now.requests.iter();
                let pending: Vec<usize> = pending
                    .enumerate()
                    .filter(|(_, (_, request))| request.state == RequestState::Pending)
                    .map(|(number, _)| number)
                    .collect();
                let request = match pending.choose(&mut self.rng) {
                    Some(pending) if !self.one_in(8) => *pending,
                    _ => self.among(names.requests.len()),
                };
                let accept = !self.one_in(3);
                Operation::Decide { request, accept, version }
            }
            84..87 => Operation::LogIn { account },
            87 => Operation::RemoveUser { user, version },
            88..90 => {
                let role = WorkspaceRole::ALL.choose(&mut self.rng).copied();
                let user = self.rng.random_range(0..names.users.len());
                Operation::SetRole { user, role: role.unwrap_or(WorkspaceRole::User) }
            }
            90..92 => {
                let role = WorkspaceRole::ALL.choose(&mut self.rng).copied();
                let workspace = self.rng.random_range(0..names.workspaces.len());
                Operation::Join { workspace, role: role.unwrap_or(WorkspaceRole::User) }
            }
            92..96 => Operation::Look { partnership: self.among(names.partnerships.len()) },
            _ => Operation::Follow,
        }
    }

    /// A step of some partnership, mostly one that leads on.
    fn any_partnership(&mut self, now: &Reference, names: &Names) -> Operation {
        let open: Vec<(usize, StateName)> = now
            .partnerships
            .values()
            .enumerate()
            .map(|(number, found)| (number, found.state))
            .filter(|(_, state)| {
                !matches!(
                    state,
                    StateName::DeclinedByHost
                        | StateName::Withdrawn
                        | StateName::Removed
                        | StateName::Active
                )
            })
            .collect();
        match open.choose(&mut self.rng) {
            Some((number, state)) if !self.one_in(5) => self.lead_on(*number, *state),
            _ => {
                let partnership = self.among(names.partnerships.len());
                self.take(partnership)
            }
        }
    }

    /// Mostly a Partnership Owner to dismiss where there are several, or one more to name.
    fn some_owner(&mut self, now: &Reference, names: &Names) -> Operation {
        let version = self.version();
        let several: Vec<_> =
            now.partnerships.iter().filter(|(_, found)| found.owners.len() > 1).collect();
        if self.one_in(2)
            && let Some((id, found)) = several.choose(&mut self.rng)
        {
            let owners: Vec<_> = found.owners.iter().collect();
            let user = owners.choose(&mut self.rng).map_or(0, |owner| place(&names.users, owner));
            return Operation::DismissOwner {
                partnership: place(&names.partnerships, id),
                user,
                version,
            };
        }
        let partnership = self.an_active_one(now, names);
        let user = self.among(names.users.len());
        if self.one_in(4) {
            Operation::DismissOwner { partnership, user, version }
        } else {
            Operation::NameOwner { partnership, user, version }
        }
    }

    fn an_active_one(&mut self, now: &Reference, names: &Names) -> usize {
        let active: Vec<usize> = now
            .partnerships
            .values()
            .enumerate()
            .filter(|(_, found)| found.state == StateName::Active)
            .map(|(number, _)| number)
            .collect();
        match active.choose(&mut self.rng) {
            Some(active) if !self.one_in(10) => *active,
            _ => self.among(names.partnerships.len()),
        }
    }

    /// Mostly accounts that a Partnership Owner owns and that are not shared yet.
    fn some_share(&mut self, now: &Reference, names: &Names, role: GuestRole) -> Operation {
        let partnership = self.an_active_one(now, names);
        let found = now.partnerships.get(&names.partnership(partnership));
        let owned = now.accounts.keys().enumerate().filter(|(_, account)| {
            let shared = now.shares.contains_key(&(names.partnership(partnership), **account));
            let owners = now.owners(**account);
            !shared && found.is_some_and(|found| !found.owners.is_disjoint(&owners))
        });
        let mut accounts: Vec<usize> = owned.map(|(number, _)| number).collect();
        accounts.truncate(self.rng.random_range(1..=2));
        if accounts.is_empty() || self.one_in(8) {
            accounts.push(self.among(names.accounts.len()));
        }
        Operation::Share { partnership, accounts, role }
    }

    /// Mostly what a Manager may ask for: an account of theirs, for others of their workspace.
    fn some_ask(&mut self, now: &Reference, names: &Names, role: GuestRole) -> Operation {
        let managers: Vec<_> = now
            .grants
            .iter()
            .filter(|(_, grant)| grant.through.is_some() && grant.role == AccountRole::Manager)
            .map(|(place, _)| *place)
            .collect();
        let message = self.text();
        let Some((account, manager)) = managers.choose(&mut self.rng).copied() else {
            let users = vec![self.among(names.users.len())];
            return Operation::Ask { account: 0, users, role, message };
        };
        let home = now.users.get(&manager).map(|manager| manager.workspace);
        let others = now.users.iter().enumerate().filter(|(_, (id, user))| {
            Some(user.workspace) == home && !now.grants.contains_key(&(account, **id))
        });
        let others: Vec<usize> = others.map(|(number, _)| number).collect();
        let many = self.rng.random_range(1..=2);
        let mut users: Vec<usize> = others.sample(&mut self.rng, many).copied().collect();
        if users.is_empty() || self.one_in(8) {
            users.push(self.among(names.users.len()));
        }
        Operation::Ask { account: place(&names.accounts, &account), users, role, message }
    }

    fn any_grant(&mut self, now: &Reference) -> Option<Operation> {
        let grants: Vec<_> = now.grants.keys().collect();
        let (account, user) = grants.choose(&mut self.rng)?;
        let accounts: Vec<_> = now.accounts.keys().copied().collect();
        let users: Vec<_> = now.users.keys().copied().collect();
        let (account, user) = (place(&accounts, account), place(&users, user));
        let version = self.version();
        Some(if self.one_in(4) {
            Operation::Revoke { account, user, version }
        } else {
            Operation::ChangeRole { account, user, role: self.role(), version }
        })
    }
}

fn place<T: PartialEq>(all: &[T], one: &T) -> usize {
    all.iter().position(|other| other == one).unwrap_or(usize::MAX)
}
