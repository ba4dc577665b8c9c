//! Looks for an order in which what happened at once could have happened one after the other.

use std::fmt::Write as _;

use crate::{
    attempt::{Attempt, Names, Seen},
    operation::Operation,
    reference::{Reference, Sight, Wrong},
};

/// How many steps are tried before the search is given up.
const MOST: usize = 50_000;

/// What was done, and what came back.
#[derive(Debug, Clone)]
pub struct Done {
    pub attempt: Attempt,
    pub seen: Seen,
}

/// An order that explains everything: how things stood at first, and after each step.
pub struct Explanation(pub Vec<Reference>);

/// Finds an order of the steps that explains every answer, and that ends where the database is.
/// Requests whose deadline has come may expire at any point.
pub fn explain(
    start: &Reference,
    names: &Names,
    done: &[Done],
    found: &Reference,
) -> Result<Explanation, String> {
    let mut search = Search { names, done, found, tried: 0, best: (0, String::new()) };
    let writes: Vec<usize> = (0..done.len()).filter(|one| !only_looks(&done[*one])).collect();
    let mut path = vec![start.clone()];
    if !search.go_on(&mut path, &writes) {
        return Err(search.best.1);
    }
    let explanation = Explanation(path);
    for one in done.iter().filter(|one| only_looks(one)) {
        explanation.shows(names, one).map_err(|why| format!("{}\n{why}", describe(one)))?;
    }
    Ok(explanation)
}

fn only_looks(one: &Done) -> bool {
    matches!(one.attempt.step.what, Operation::Look { .. } | Operation::Follow)
}

struct Search<'a> {
    names: &'a Names,
    done: &'a [Done],
    found: &'a Reference,
    tried: usize,
    /// The longest way that was found, and where it ended.
    best: (usize, String),
}

impl Search<'_> {
    fn go_on(&mut self, path: &mut Vec<Reference>, left: &[usize]) -> bool {
        let Some(now) = path.last().cloned() else { return false };
        if left.is_empty() {
            return self.ends(path, now);
        }
        for next in left {
            let one = &self.done[*next];
            let due = now.due_for(self.names, &one.attempt);
            for expires in [false, true] {
                if expires && due.is_empty() || self.tried > MOST {
                    continue;
                }
                self.tried += 1;
                let mut then = now.clone();
                if expires {
                    due.iter().for_each(|due| then.expire(*due));
                }
                match then.take(self.names, &one.attempt, &one.seen) {
                    Ok(()) => {
                        path.push(then);
                        let rest: Vec<usize> =
                            left.iter().copied().filter(|other| other != next).collect();
                        if self.go_on(path, &rest) {
                            return true;
                        }
                        path.pop();
                    }
                    Err(Wrong(why)) => {
                        self.remember(path.len(), || format!("{}\n  {why}", describe(one)));
                    }
                }
            }
        }
        false
    }

    fn ends(&mut self, path: &mut Vec<Reference>, mut now: Reference) -> bool {
        for due in now.due() {
            let state = self.found.partnerships.get(&due).map(|found| found.state);
            if state == Some(entente_domain::StateName::Expired) {
                now.expire(due);
            }
        }
        match difference(&now, self.found) {
            None => {
                path.push(now);
                true
            }
            Some(difference) => {
                self.remember(path.len() + 1, || format!("all answers fit, but:\n{difference}"));
                false
            }
        }
    }

    fn remember(&mut self, length: usize, why: impl FnOnce() -> String) {
        if length > self.best.0 {
            self.best = (length, why());
        }
    }
}

impl Explanation {
    /// How things stood in the end.
    pub fn last(self) -> Option<Reference> {
        self.0.into_iter().last()
    }

    /// A look shows how things stood at some point. Who looks may have been asked for before that.
    fn shows(&self, names: &Names, one: &Done) -> Result<(), String> {
        let Operation::Look { partnership } = one.attempt.step.what else { return Ok(()) };
        let who = names.user(one.attempt.step.who);
        let id = names.partnership(partnership);
        let mut why = String::new();
        for (moment, asked) in self.0.iter().enumerate() {
            let live = asked.users.get(&who).cloned();
            for then in &self.0[moment..] {
                let mut then = then.clone();
                match &live {
                    Some(live) => then.users.insert(who, live.clone()),
                    None => then.users.remove(&who),
                };
                let Sight(sight) = then.sight_of_partnership(id, who);
                let is_shown = match then.verdict(names, &one.attempt) {
                    crate::reference::Verdict::Refused(codes) => {
                        let told = one.seen.code.is_some_and(|code| codes.contains(&code));
                        if told { Ok(()) } else { Err(Wrong(format!("not {codes:?}"))) }
                    }
                    crate::reference::Verdict::Done => Sight(sight).is_in(&one.seen.body["data"]),
                };
                match is_shown {
                    Ok(()) => return Ok(()),
                    Err(Wrong(text)) => why = text,
                }
            }
        }
        Err(why)
    }
}

/// A step and its answer, for people.
pub fn describe(one: &Done) -> String {
    let body = one.attempt.body.as_ref().map(|body| format!(" {body:.300}")).unwrap_or_default();
    format!(
        "{} {}{body} (If-Match {:?}, key {:?}) by {}: {} {:.2000}",
        one.attempt.method,
        one.attempt.path,
        one.attempt.version,
        one.attempt.step.key,
        one.attempt.step.who,
        one.seen.status,
        one.seen.text,
    )
}

/// What is in one of two maps only, or not the same in both.
fn differing<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    text: &mut String,
    what: &str,
    expected: &std::collections::BTreeMap<K, V>,
    found: &std::collections::BTreeMap<K, V>,
) {
    for (key, value) in expected {
        if found.get(key) != Some(value) {
            let _ =
                writeln!(text, "{what} {key:?}: expected {value:?}\n  found {:?}", found.get(key));
        }
    }
    for (key, value) in found {
        if !expected.contains_key(key) {
            let _ = writeln!(text, "{what} {key:?}: not expected, found {value:?}");
        }
    }
}

/// How the database differs from what must be in it; none where it does not.
pub fn difference(expected: &Reference, found: &Reference) -> Option<String> {
    let mut text = String::new();
    differing(&mut text, "user", &expected.users, &found.users);
    differing(&mut text, "partnership", &expected.partnerships, &found.partnerships);
    differing(&mut text, "account", &expected.accounts, &found.accounts);
    differing(&mut text, "shared account", &expected.shares, &found.shares);
    differing(&mut text, "role", &expected.grants, &found.grants);
    differing(&mut text, "access request", &expected.requests, &found.requests);
    let sorted = |entries: &[crate::reference::Entry]| {
        let mut entries = entries.to_vec();
        entries.sort();
        entries
    };
    let (wanted, there) = (sorted(&expected.audit), sorted(&found.audit));
    if wanted != there {
        let _ = writeln!(text, "audit: expected {wanted:#?}\n  found {there:#?}");
    }
    for (cause, mailing) in &expected.mails {
        let there = found.mails.get(cause).cloned().unwrap_or_default();
        if !mailing.is(&there) {
            let _ = writeln!(text, "mails of {cause}: expected {mailing:?}\n  found {there:?}");
        }
    }
    for (cause, mailing) in found.mails.iter().filter(|(it, _)| !expected.mails.contains_key(*it)) {
        let _ = writeln!(text, "mails of {cause}: not expected, found {mailing:?}");
    }
    (!text.is_empty()).then_some(text)
}
